"""The HTTP API: a request in, a response out. No sockets; `server/http.py` has those.

    handle: path and method → login and tags → what is taken and sent → handler → JSON

What a handler raises becomes a response here and nowhere else. An `AMQPException` is what the same
thing would have been refused with over AMQP: 400 with its text, as RabbitMQ does.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from broker.amqp.errors import AMQPException
from broker.management import rights, routes
from broker.management.direct import DirectChannel
from broker.management.listing import columns_of, cut
from broker.management.negotiation import (
    check_accept,
    check_content_type,
    cors_headers,
    security_headers,
)
from broker.management.operations.refused import Refused
from broker.management.request import (
    VARY_EARLY,
    Refusal,
    Request,
    Response,
    bad_request,
    json_response,
    malformed,
    method_not_allowed,
    not_found,
)
from broker.management.routes import ROUTES, WELL_FORMED, Endpoint, Route, without_dots
from broker.management.views.common import Lens
from broker.management.visitor import Doorkeeper, Visitor, credentials_of_query
from broker.policies.validation import ValidationError

if TYPE_CHECKING:
    from broker.auth.mechanisms import Credentials
    from broker.commands import Command
    from broker.management.service import Management
    from broker.node import Node
    from broker.vhost import VHost

log = logging.getLogger("broker.management")

PREFIX = "/api"
OF_PAGES = "HEAD, GET, OPTIONS"  # what is allowed where there is no route
MOVED = {
    "/api": "/api/index.html",
    "/cli": "/cli/index.html",
    "/doc/stats.html": "/api/index.html",
    "/mgmt": "/",
    "/stats": "/api/index.html",
}
NOT_FOUND = 404


class Context:
    """A request being answered: who asks, and what of."""

    __slots__ = ("_doorkeeper", "_visitor", "management", "node", "params", "request")

    def __init__(
        self,
        management: Management,
        request: Request,
        visitor: Visitor | None,
        doorkeeper: Doorkeeper | None = None,
    ):
        self.management = management
        self.node: Node = management.node
        self.request = request
        self.params = request.params
        self._visitor = visitor
        self._doorkeeper = doorkeeper

    @property
    def visitor(self) -> Visitor:
        """Not where anybody may ask."""
        assert self._visitor is not None
        return self._visitor

    async def log_in(self, credentials: Credentials) -> None:
        """Let somebody in by what the request says elsewhere than usual. Raises: Refusal."""
        assert self._doorkeeper is not None
        self._visitor = await self._doorkeeper.admit(self.request, credentials)

    @property
    def vhost(self) -> VHost:
        """That of the path. Raises: Refusal (404)."""
        found = self.node.vhosts.get(self.params["vhost"])
        if found is None:
            raise not_found()
        return found

    def lens(self, *, without: frozenset[str] = frozenset()) -> Lens:
        """How objects are shown for this request. without: what of its query does not matter.

        Raises: Refusal.
        """
        query: Mapping[str, str] = self.request.query
        if without:
            query = {name: value for name, value in query.items() if name not in without}
        return Lens(self.node, self.management.collector, query)

    def direct(self) -> DirectChannel:
        """An AMQP channel of the visitor's in the vhost of the path."""
        return DirectChannel(self.node, self.visitor, self.params["vhost"])

    def cut(self, shown: Any) -> Any:
        """One object with the columns that the request wants."""
        return cut(shown, columns_of(self.request.query))

    @property
    def wanted_vhost(self) -> str | None:
        """The name of the one that is asked about, which need not be there; None: all."""
        return rights.wanted_vhost(self.request)

    async def execute(self, command: Command) -> Any:
        """Have a change made, and made durable. Raises: AMQPException, StoreError."""
        result = await self._propose(command)
        if isinstance(result, Exception):
            raise result
        return result

    async def execute_all(self, commands: Iterable[Command]) -> list[object]:
        """Have several made, one after another, and made durable together.

        Returns: what each came to: a result, or an exception; a refused one stops nothing.
        """
        return [await answer for answer in [self._propose(command) for command in commands]]

    def _propose(self, command: Command) -> asyncio.Future[object]:
        command.actor = self.visitor.name
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        def answered(result: object) -> None:
            if not done.done():
                done.set_result(result)

        self.node.execute(command, answered)
        self.node.request_turn()
        return done


class Place(NamedTuple):
    """Where a request leads. route: None: to a page. path: without what is in front of all."""

    path: str
    route: Route | None = None
    params: Mapping[str, str] = {}

    @property
    def allowed(self) -> str:
        return OF_PAGES if self.route is None else self.route.allowed


class Application:
    """Answers requests. One per node."""

    def __init__(self, management: Management):
        self.management = management
        self.node = management.node
        self.doorkeeper = Doorkeeper(self.node)
        self.settings = self.node.config.management
        self._security = security_headers(self.settings)
        prefix = self.settings.path_prefix.strip("/")
        self._prefix = f"/{prefix}" if prefix else ""

    def body_limit(self, method: str, path: str) -> int:
        """Octets that the body of such a request may have."""
        try:
            route = self._find(path).route
        except Refusal:
            route = None
        endpoint = None if route is None else route.endpoints.get(method)
        usual = self.settings.max_body_size
        return usual if endpoint is None else max(usual, endpoint.body_max)

    async def handle(self, request: Request) -> Response:
        """Never raises, but for being cancelled."""
        headers = list(self._security)
        vary = VARY_EARLY
        try:
            place = self._find(request.path)
            headers += cors_headers(self.settings, request, place.allowed)
            if request.method == "OPTIONS":
                response = Response(200, [("allow", place.allowed)])
            elif place.route is None:
                response = await self._page(place, request)
            else:
                request.params = dict(place.params)
                endpoint = self._endpoint(place.route, request)
                visitor = await self._admit(endpoint, request)
                vary = endpoint.vary
                context = Context(self.management, request, visitor, self.doorkeeper)
                response = await self._serve(endpoint, context)
        except Exception as error:  # bugs, too
            refusal = self._refusal(error, request)
            response = refusal.response()
            if refusal.vary is not None:
                vary = refusal.vary
        if vary:
            headers.append(("vary", vary))
        given = {name for name, _ in response.headers}  # the page has a stricter policy of its own
        response.headers += [header for header in headers if header[0] not in given]
        return response

    def _refusal(self, error: Exception, request: Request) -> Refusal:
        """What somebody is told. Called while the exception is handled."""
        if isinstance(error, Refusal):
            return error
        if isinstance(error, Refused):
            return bad_request(error.reason)
        if isinstance(error, AMQPException):
            return bad_request(error.text)
        if isinstance(error, ValidationError):
            return bad_request(str(error))
        self.node.on_bug("a request failed, method=%s path=%s", request.method, request.path)
        return Refusal(500, "internal_server_error", "Internal Server Error")

    def _find(self, path: str) -> Place:
        """Raises: Refusal: it is elsewhere, or nowhere, or no path."""
        if WELL_FORMED.fullmatch(path) is None:
            raise malformed()
        path = without_dots(path)
        prefix = self._prefix
        if prefix:
            if path in ("/", prefix):  # without the slash the page's own addresses lead elsewhere
                raise _moved(f"{prefix}/")
            if not path.startswith(f"{prefix}/"):
                raise not_found()
            path = path[len(prefix) :]
        moved_to = MOVED.get(path.removesuffix("/"))
        if moved_to is not None:
            raise _moved(prefix + moved_to)
        if path.startswith(f"{PREFIX}/"):
            found = ROUTES.find(path[len(PREFIX) :])
            if found is not None:
                return Place(path, *found)
        return Place(path)

    async def _page(self, place: Place, request: Request) -> Response:
        if request.method not in (routes.GET, "HEAD"):
            raise _wrong_method(request, place.allowed)
        request.path = place.path
        try:
            return await self.management.page(request)
        except Refusal as refusal:
            if refusal.status == NOT_FOUND:
                raise not_found() from None  # with RabbitMQ's body
            raise

    def _endpoint(self, route: Route, request: Request) -> Endpoint:
        """Raises: Refusal (405)."""
        method = routes.GET if request.method == "HEAD" else request.method
        endpoint = route.endpoints.get(method)
        if endpoint is None:
            raise _wrong_method(request, route.allowed)
        return endpoint

    async def _admit(self, endpoint: Endpoint, request: Request) -> Visitor | None:
        """Whoever asks, if it matters who. Raises: Refusal: he may not, or takes nothing of it."""
        visitor = None
        if endpoint.needs != routes.ANYBODY:
            found = credentials_of_query(request) if endpoint.by_query else None
            visitor = await self.doorkeeper.admit(request, found)
            await rights.check(endpoint.needs, visitor, request, self.node)
        check_accept(request, endpoint.provides)
        return visitor

    async def _serve(self, endpoint: Endpoint, context: Context) -> Response:
        request = context.request
        if request.method in (routes.PUT, routes.POST):
            check_content_type(request, endpoint.accepts)
        answer = endpoint.handler(context)
        if inspect.isawaitable(answer):
            answer = await answer
        if isinstance(answer, Response):
            return answer
        if answer is None:
            return Response(204)
        shown = context.cut(answer)
        return json_response([] if shown == {} else shown)  # what is empty is a list in RabbitMQ


def _moved(location: str) -> Refusal:
    return Refusal(301, headers=[("location", location)], vary="")


def _wrong_method(request: Request, allowed: str) -> Refusal:
    return method_not_allowed(allowed) if request.method in routes.KNOWN else Refusal(501)
