"""The HTTP API as somebody asks it who says himself who he is, and sends whatever he likes."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broker.auth.passwords import DEFAULT_ALGORITHM, hash_password
from broker.commands import AddVhost, PutUser, SetPermissions
from broker.management.application import Application, Context
from broker.management.request import Request, Response, parse_query
from broker.management.service import Listening
from broker.management.visitor import Visitor
from broker.node import Node
from tests.support.api import Api
from tests.support.peer import World

LISTENING: tuple[Listening, ...] = (
    ("amqp", "::", 5672),
    ("http", "::", 15672),
    ("http/prometheus", "::", 15692),
)
TAGS = ("administrator", "monitoring", "policymaker", "management")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def reason(self) -> Any:
        return self.json["reason"]


class Admin:
    """A world, and how it is asked. settings: of the node. listening: what it says of that."""

    def __init__(
        self,
        settings: dict[str, object] | None = None,
        *,
        world: World | None = None,
        listening: Sequence[Listening] = LISTENING,
    ):
        self.world = world or World(settings)
        self._api = Api(self.world, lambda: listening)
        self.management = self._api.management
        self.application = self._api.application

    @property
    def node(self) -> Node:
        return self.world.node

    def adds_user(self, name: str, *tags: str, vhosts: Sequence[str] = ()) -> None:
        """With its name as the password, and all permissions in these vhosts."""
        password_hash = hash_password(name.encode())
        self.node.execute(PutUser(name, password_hash, DEFAULT_ALGORITHM, tags))
        for vhost in vhosts:
            self.node.execute(SetPermissions(name, vhost, ".*", ".*", ".*"))

    def adds_vhost(self, *names: str) -> None:
        for name in names:
            self.node.execute(AddVhost(name))

    def asks(
        self,
        method: str,
        target: str,
        body: object = None,
        *,
        user: str | None = "guest:guest",
        headers: Mapping[str, str] | None = None,
        is_loopback: bool = True,
        peer: str = "127.0.0.1:40000",
    ) -> Answer:
        """target: behind /api, with its query. body: octets, or what JSON is made of. user: name
        and password; None: nobody's."""
        path, _, query = target.partition("?")
        found = dict(headers or {})
        if user is not None:
            found.setdefault("authorization", basic(user))
        octets = b"" if body is None else body
        if not isinstance(octets, bytes):
            octets = json.dumps(body).encode()
        if body is not None:
            found.setdefault("content-type", "application/json")
        request = Request(
            method, f"/api{path}", parse_query(query), found, octets, peer, is_loopback
        )
        return self.answers(request)

    def gets(self, target: str, **how: Any) -> Any:
        """What is shown there."""
        answer = self.asks("GET", target, **how)
        assert answer.status == 200, (answer.status, answer.body)
        return answer.json

    def puts(self, target: str, body: object = None, **how: Any) -> int:
        """Returns: the status, of a success."""
        answer = self.asks("PUT", target, {} if body is None else body, **how)
        assert answer.status < 300, (answer.status, answer.body)
        return answer.status

    def deletes(self, target: str, **how: Any) -> int:
        return self.asks("DELETE", target, **how).status

    def is_refused(self, method: str, target: str, body: object = None, **how: Any) -> Any:
        """Returns: the reason of a 400."""
        answer = self.asks(method, target, body, **how)
        assert answer.status == 400, (answer.status, answer.body)
        assert answer.json["error"] == "bad_request"
        return answer.reason

    def answers(self, request: Request) -> Answer:
        """With turns of the node as they are asked for."""
        response = self._api.runs(_whole(self.application, request))
        assert isinstance(response.body, bytes)
        return Answer(response.status, dict(response.headers), response.body)

    def context(self, request: Request, visitor: Visitor | None = None) -> Context:
        return Context(self.management, request, visitor, self.application.doorkeeper)


async def _whole(application: Application, request: Request) -> Response:
    response = await application.handle(request)
    if not isinstance(response.body, bytes):
        response.body = b"".join([chunk async for chunk in response.body])
    return response


def basic(user: str) -> str:
    """The header for a name and a password with a colon between them."""
    return "Basic " + base64.b64encode(user.encode()).decode()
