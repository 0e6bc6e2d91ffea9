"""The HTTP API: a request in, a response out. No sockets; `server/http.py` has those.

    handle: CORS → path and method → login and tags → handler → JSON

What a handler raises becomes a response here and nowhere else. An `AMQPException` is what the same
thing would have been refused with over AMQP: 400 with its text, as RabbitMQ does.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from broker.amqp.errors import AMQPException
from broker.management import routes
from broker.management.direct import DirectChannel
from broker.management.listing import columns_of, cut
from broker.management.request import (
    Headers,
    Refusal,
    Request,
    Response,
    bad_request,
    json_response,
    method_not_allowed,
    not_authorised,
    not_found,
)
from broker.management.routes import ROUTES, Endpoint
from broker.management.views.common import Lens
from broker.management.visitor import Doorkeeper, Visitor

if TYPE_CHECKING:
    from broker.commands import Command
    from broker.management.service import Management
    from broker.node import Node
    from broker.vhost import VHost

log = logging.getLogger("broker.management")

PREFIX = "/api"
DEFAULT_BODY_MAX = 10 * 1024 * 1024  # octets, as RabbitMQ's management.http max_http_body_size


class Context:
    """A request being answered: who asks, and what of."""

    __slots__ = ("_visitor", "management", "node", "params", "request")

    def __init__(self, management: Management, request: Request, visitor: Visitor | None):
        self.management = management
        self.node: Node = management.node
        self.request = request
        self.params = request.params
        self._visitor = visitor

    @property
    def visitor(self) -> Visitor:
        """Not where anybody may ask."""
        assert self._visitor is not None
        return self._visitor

    @property
    def vhost(self) -> VHost:
        """That of the path. Raises: Refusal (404)."""
        found = self.node.vhosts.get(self.params["vhost"])
        if found is None:
            raise not_found()
        return found

    def lens(self) -> Lens:
        """How objects are shown for this request. Raises: Refusal."""
        return Lens(self.node, self.management.collector, self.request.query)

    def direct(self) -> DirectChannel:
        """An AMQP channel of the visitor's in the vhost of the path."""
        return DirectChannel(self.node, self.visitor, self.params["vhost"])

    def cut(self, shown: Any) -> Any:
        """One object with the columns that the request wants."""
        return cut(shown, columns_of(self.request.query))

    async def execute(self, command: Command) -> Any:
        """Have a change made, and made durable. Raises: AMQPException, StoreError."""
        command.actor = self.visitor.name
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        def answered(result: object) -> None:
            if not done.done():
                done.set_result(result)

        self.node.execute(command, answered)
        self.node.request_turn()
        result = await done
        if isinstance(result, Exception):
            raise result
        return result


class Application:
    """Answers requests. One per node."""

    def __init__(self, management: Management):
        self.management = management
        self.node = management.node
        self.doorkeeper = Doorkeeper(self.node)

    def body_limit(self, method: str, path: str) -> int:
        """Octets that the body of such a request may have."""
        return DEFAULT_BODY_MAX

    async def handle(self, request: Request) -> Response:
        """Never raises, but for being cancelled."""
        try:
            response = await self._answer(request)
        except Refusal as refusal:
            response = refusal.response()
        except AMQPException as refusal:
            response = bad_request(refusal.text).response()
        except Exception:
            self.node.on_bug("a request failed, method=%s path=%s", request.method, request.path)
            response = Refusal(500, "internal_server_error", "Internal Server Error").response()
        response.headers += self._common_headers(request)
        return response

    def _common_headers(self, request: Request) -> Headers:
        return [("vary", "accept, accept-encoding, origin")]

    async def _answer(self, request: Request) -> Response:
        path = request.path
        if path != PREFIX and not path.startswith(f"{PREFIX}/"):
            return await self.management.page(request)
        found = ROUTES.find(path[len(PREFIX) :])
        if found is None:
            raise not_found()
        route, request.params = found
        if request.method == "OPTIONS":
            return Response(200, [("allow", route.allowed)])
        method = routes.GET if request.method == "HEAD" else request.method
        endpoint = route.endpoints.get(method)
        if endpoint is None:
            raise method_not_allowed(route.allowed)
        visitor = None
        if endpoint.needs != routes.ANYBODY:
            visitor = await self.doorkeeper.admit(request)
            await self._authorise(endpoint, visitor, request)
        answer = endpoint.handler(Context(self.management, request, visitor))
        if inspect.isawaitable(answer):
            answer = await answer
        if isinstance(answer, Response):
            return answer
        return Response(204) if answer is None else json_response(answer)

    async def _authorise(self, endpoint: Endpoint, visitor: Visitor, request: Request) -> None:
        """Raises: Refusal (401)."""
        check = _CHECKS.get(endpoint.needs)
        if check is not None:
            is_allowed, reason = check
            if not is_allowed(visitor):
                raise not_authorised(reason)
        vhost = request.params.get("vhost")
        if vhost not in self.node.vhosts or endpoint.needs not in _IN_VHOST:
            return  # one that is not there is the handler's matter: 404
        if endpoint.needs == routes.VISIBLE and visitor.is_monitor:
            return
        if not await visitor.may_enter(vhost):
            raise not_authorised(_IN_VHOST[endpoint.needs])


NO_VHOST = "User not authorised to access virtual host"
NO_OBJECT = "User not authorised to access object"
_CHECKS: dict[str, tuple[Callable[[Visitor], bool], str]] = {
    routes.ADMIN: (lambda visitor: visitor.is_admin, "Not administrator user"),
    routes.MONITOR: (lambda visitor: visitor.is_monitor, "Not monitor user"),
    routes.POLICYMAKER: (lambda visitor: visitor.is_policymaker, NO_OBJECT),
    routes.GLOBAL_POLICYMAKER: (lambda visitor: visitor.is_policymaker, NO_OBJECT),
}
_IN_VHOST = {routes.VHOST: NO_VHOST, routes.VISIBLE: NO_VHOST, routes.POLICYMAKER: NO_OBJECT}
