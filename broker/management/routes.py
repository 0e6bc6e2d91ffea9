"""Which function answers which path.

    @route("/queues/:vhost/:queue", GET, needs=VHOST)
    def queue(context: Context) -> object: ...

A handler is a function of a `Context`, plain or async. The path is RabbitMQ's, behind /api; its
parts that begin with a colon are decoded into `request.params`. `needs` says who may ask at all,
`accepts` what kinds of body he may send, `provides` what he is given.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from broker.management.request import JSON

if TYPE_CHECKING:
    from broker.management.application import Context

Handler = Callable[["Context"], object | Awaitable[object]]
GET, PUT, POST, DELETE = "GET", "PUT", "POST", "DELETE"
ORDER = ("HEAD", GET, PUT, POST, DELETE, "OPTIONS")  # of the Allow header
KNOWN = frozenset({*ORDER, "PATCH"})  # methods; others get a 501

# Who may ask; `Application` checks it before the handler is called.
ANYBODY = "anybody"  # without a login
USER = "user"  # any tag that lets somebody in
VHOST = "vhost"  # and has access to the vhost, or is an administrator
VISIBLE = "visible"  # likewise, or is a monitor
MONITOR = "monitor"
POLICYMAKER = "policymaker"  # with access to the vhost, or an administrator
GLOBAL_POLICYMAKER = "global policymaker"
ADMIN = "admin"

# What a path consists of; RabbitMQ takes no other characters, and no percent sign without digits.
WELL_FORMED = re.compile(r"(?:[\w!$&'()*+,./:;=@~-]|%[0-9A-Fa-f]{2})*", re.ASCII)
_OF_EXCHANGES = ("exchange", "source", "destination")  # where the default one is amq.default


class Endpoint(NamedTuple):
    """What happens for one method of a path.

    body_max: octets that a body may have where the settings do not allow more anyway. accepts:
    media types; none: any. varies: the answer depends on what the client takes; RabbitMQ has a
    second format there. by_query: whoever asks may say there who he is.
    """

    handler: Handler
    needs: str = USER
    body_max: int = 0
    accepts: tuple[str, ...] = ()
    provides: str = JSON
    varies: bool = True
    by_query: bool = False

    @property
    def vary(self) -> str:
        """The header of what is answered."""
        return "accept, accept-encoding, origin" if self.varies else "accept-encoding, origin"


class Route:
    """A path and its methods."""

    def __init__(self, path: str):
        self.path = path
        self.parts = tuple(path.strip("/").split("/"))
        self.endpoints: dict[str, Endpoint] = {}

    @property
    def allowed(self) -> str:
        methods = set(self.endpoints) | {"OPTIONS"}
        if GET in methods:
            methods.add("HEAD")
        return ", ".join(method for method in ORDER if method in methods)

    def match(self, parts: list[str]) -> dict[str, str] | None:
        """The parameters of a path that is this one's; None: it is another's. parts: decoded."""
        params: dict[str, str] = {}
        for wanted, part in zip(self.parts, parts, strict=True):
            if wanted.startswith(":"):
                name = wanted[1:]
                is_default = part == "amq.default" and name in _OF_EXCHANGES
                params[name] = "" if is_default else part
            elif wanted != part:
                return None
        return params


class Routes:
    """All of them, by the number of their parts and the first of those."""

    def __init__(self) -> None:
        self._routes: dict[tuple[int, str], list[Route]] = {}
        self._by_path: dict[str, Route] = {}

    def add(self, path: str, method: str, endpoint: Endpoint) -> None:
        route = self._by_path.get(path)
        if route is None:
            route = self._by_path[path] = Route(path)
            found = self._routes.setdefault((len(route.parts), route.parts[0]), [])
            found.append(route)
            # a literal part goes before a parameter, wherever they were entered
            found.sort(key=lambda one: [part.startswith(":") for part in one.parts])
        assert method not in route.endpoints, f"{method} {path} is there twice"
        route.endpoints[method] = endpoint

    def find(self, path: str) -> tuple[Route, dict[str, str]] | None:
        """path: behind /api, as sent, well-formed. A slash at the end does not matter. Names that
        are not UTF-8 are what they are over AMQP."""
        encoded = path.removeprefix("/").removesuffix("/").split("/")
        parts = [unquote(part, errors="surrogateescape") for part in encoded]
        for candidate in self._routes.get((len(parts), parts[0]), ()):
            params = candidate.match(parts)
            if params is not None:
                return candidate, params
        return None

    def all(self) -> list[Route]:
        """In the order of their paths, for the reference."""
        return [self._by_path[path] for path in sorted(self._by_path)]


ROUTES = Routes()
_DOTS = {".": 1, "%2e": 1, "..": 2, ".%2e": 2, "%2e.": 2, "%2e%2e": 2}


def route(
    path: str,
    *methods: str,
    needs: str = USER,
    body_max: int = 0,
    accepts: tuple[str, ...] = (),
    provides: str = JSON,
    varies: bool = True,
    by_query: bool = False,
) -> Callable[[Handler], Handler]:
    """Enter a handler into the table."""

    def enter(handler: Handler) -> Handler:
        for method in methods:
            endpoint = Endpoint(handler, needs, body_max, accepts, provides, varies, by_query)
            ROUTES.add(path, method, endpoint)
        return handler

    return enter


def without_dots(path: str) -> str:
    """A path as sent, without its parts . and .. and what the latter take with them.

    They are the same when they are encoded: no client has to leave them alone, so nothing can have
    such a name here.
    """
    parts = path.split("/")
    if not any(part in _DOTS for part in map(str.lower, parts)):
        return path
    kept: list[str] = []
    for part in parts[1:]:
        dots = _DOTS.get(part.lower(), 0)
        if dots == 0:
            kept.append(part)
        elif dots == len("..") and kept:
            kept.pop()
    return "/" + "/".join(kept)
