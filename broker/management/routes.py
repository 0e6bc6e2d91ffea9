"""Which function answers which path.

    @route("/queues/:vhost/:queue", GET, needs=VHOST)
    def queue(context: Context) -> object: ...

A handler is a function of a `Context`, plain or async. The path is RabbitMQ's, behind /api; its
parts that begin with a colon are decoded into `request.params`. `needs` says who may ask at all,
`accepts` what kinds of body he may send, `provides` what he is given.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from broker.management.request import JSON, MALFORMED, Refusal

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

_OF_EXCHANGES = ("exchange", "source", "destination")  # where the default one is amq.default


class Endpoint(NamedTuple):
    """What happens for one method of a path.

    body_max: octets that a body may have where the settings do not allow more anyway. accepts:
    media types; none: any. by_query: whoever asks may say there who he is.
    """

    handler: Handler
    needs: str = USER
    body_max: int = 0
    accepts: tuple[str, ...] = ()
    provides: str = JSON
    by_query: bool = False


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
        """The decoded parameters of a path that is this one's; literal parts are as sent.

        Raises: Refusal (400), for a percent sign that encodes nothing.
        """
        params: dict[str, str] = {}
        for wanted, part in zip(self.parts, parts, strict=True):
            if wanted.startswith(":"):
                params[wanted[1:]] = _decoded(wanted[1:], part)
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
        """path: behind /api, as sent. A slash at the end does not matter. Raises: Refusal (400)."""
        parts = path.removeprefix("/").removesuffix("/").split("/")
        for candidate in self._routes.get((len(parts), parts[0]), ()):
            params = candidate.match(parts)
            if params is not None:
                return candidate, params
        return None

    def all(self) -> list[Route]:
        """In the order of their paths, for the reference."""
        return [self._by_path[path] for path in sorted(self._by_path)]


ROUTES = Routes()


def route(
    path: str,
    *methods: str,
    needs: str = USER,
    body_max: int = 0,
    accepts: tuple[str, ...] = (),
    provides: str = JSON,
    by_query: bool = False,
) -> Callable[[Handler], Handler]:
    """Enter a handler into the table."""

    def enter(handler: Handler) -> Handler:
        for method in methods:
            endpoint = Endpoint(handler, needs, body_max, accepts, provides, by_query)
            ROUTES.add(path, method, endpoint)
        return handler

    return enter


def _decoded(name: str, part: str) -> str:
    """Names that are not UTF-8 are what they are over AMQP. Raises: Refusal."""
    if MALFORMED.search(part):
        raise Refusal(400)
    value = unquote(part, errors="surrogateescape")
    return "" if value == "amq.default" and name in _OF_EXCHANGES else value
