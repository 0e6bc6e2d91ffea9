"""The HTTP API of a node without a socket: requests in, answers out, the node's turns in between.

api.asks("PUT", "/queues/%2f/q", {"durable": True}).is_empty(201)
assert api.gets("/queues/%2f/q")["durable"]
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from broker.auth.passwords import DEFAULT_ALGORITHM, hash_password
from broker.commands import AddVhost, PutUser, SetPermissions
from broker.management.application import Application
from broker.management.request import Request, Response, parse_query
from broker.management.service import Listening, Management
from broker.management.statistics.samples import SLOT_MS
from tests.support.peer import World

T = TypeVar("T")
ROUNDS_MAX = 100_000  # of the loop: whoever takes more waits for something that will not come


def nothing_listens() -> Sequence[Listening]:
    return ()


@dataclass
class Answer:
    """What came back."""

    response: Response

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def body(self) -> bytes:
        assert isinstance(self.response.body, bytes)
        return self.response.body

    @property
    def json(self) -> Any:
        return json.loads(self.body, parse_constant=_no_json)

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.response.headers)

    def is_empty(self, status: int = 204) -> None:
        assert (self.status, self.body) == (status, b"")

    def is_refused(self, status: int, error: str, reason: object) -> None:
        assert (self.status, self.json) == (status, {"error": error, "reason": reason})


def _no_json(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


class Api:
    """Who asks is guest, unless it is said."""

    def __init__(
        self,
        world: World | None = None,
        listening: Callable[[], Sequence[Listening]] = nothing_listens,
    ):
        self.world = world or World()
        self.node = self.world.node
        self.management = Management(self.node, listening)
        self.application = Application(self.management)

    def runs(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it in a loop of its own, in which the node has its turns."""
        return asyncio.run(self._with_turns(work))

    async def _with_turns(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.get_running_loop().create_task(work)
        for _ in range(ROUNDS_MAX):
            if task.done():
                break
            await asyncio.sleep(0)
            self.world.settle()
        else:
            task.cancel()
            raise AssertionError("nobody answers")
        for _ in range(2):  # what was left for the next round
            await asyncio.sleep(0)
            self.world.settle()
        return task.result()

    def request(
        self, method: str, path: str, body: object = None, *, user: str = "guest", **headers: str
    ) -> Request:
        """path: behind /api, with its query. body: for JSON. Passwords are as the names."""
        target, _, query = path.partition("?")
        login = b64encode(f"{user}:{user}".encode()).decode()
        return Request(
            method,
            f"/api{target}",
            parse_query(query),
            {"authorization": f"Basic {login}"}
            | {name.replace("_", "-"): value for name, value in headers.items()},
            b"" if body is None else json.dumps(body).encode(),
            peer="127.0.0.1:40000",
            is_loopback=True,
        )

    async def handle(self, request: Request) -> Answer:
        """The answer is there as a whole, also if it is sent in pieces."""
        response = await self.application.handle(request)
        if not isinstance(response.body, bytes):
            response.body = b"".join([piece async for piece in response.body])
        return Answer(response)

    def asks(
        self, method: str, path: str, body: object = None, *, user: str = "guest", **headers: str
    ) -> Answer:
        """One request; see `request`. A bug is none of the answers."""
        bugs = self.node.bug_count
        answer = self.runs(self.handle(self.request(method, path, body, user=user, **headers)))
        assert self.node.bug_count == bugs, "a handler failed"
        return answer

    def gets(self, path: str, *, user: str = "guest") -> Any:
        """What is shown there."""
        answer = self.asks("GET", path, user=user)
        assert answer.status == 200, answer
        return answer.json

    def names(self, path: str, *, user: str = "guest") -> list[str]:
        """Those of a list."""
        return [entry["name"] for entry in self.gets(path, user=user)]

    # what most tests need

    def has_vhost(self, *names: str) -> None:
        for name in names:
            self.node.execute(AddVhost(name))

    def has_user(self, name: str, *tags: str, vhosts: tuple[str, ...] = ("/",)) -> None:
        """Somebody who may do everything in some vhosts."""
        password_hash = hash_password(name.encode())
        self.node.execute(PutUser(name, password_hash, DEFAULT_ALGORITHM, tags))
        for vhost in vhosts:
            self.node.execute(SetPermissions(name, vhost, ".*", ".*", ".*"))

    def looks(self) -> int:
        """Statistics are collected. Returns: in which slot."""
        slot = self.world.clock.epoch_ms() // SLOT_MS
        for _ in self.management.collector.look(slot):
            pass
        return slot

    def passes_slots(self, count: int = 1) -> None:
        """Time goes by, and statistics are collected at the end of each slot."""
        for _ in range(count):
            self.world.passes(SLOT_MS)
            self.looks()
