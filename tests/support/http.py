"""An HTTP application that does as a test says, and a stream whose client is the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from broker.config import Config, override
from broker.management.request import Headers, Request, Response
from broker.server.http import HttpServer
from broker.server.http_peer import HttpPeer
from tests.support.peer import World
from tests.support.transport import FakeTransport

Handler = Callable[[Request], Awaitable[Response]]


class Says:
    """An application. Answers with the path, unless it is given a handler."""

    def __init__(self, handler: Handler | None = None, body_max: int = 1000):
        self.handler = handler
        self.body_max = body_max
        self.requests: list[Request] = []

    def body_limit(self, method: str, path: str) -> int:
        return self.body_max

    async def handle(self, request: Request) -> Response:
        self.requests.append(request)
        if self.handler is not None:
            return await self.handler(request)
        return Response(200, [("content-type", "text/plain")], request.path.encode())


class Streaming(Says):
    """A body in pieces, without an end unless there is a None; knows whether it was closed."""

    def __init__(self, headers: Headers | None = None) -> None:
        super().__init__(self.stream)
        self.headers = headers or []
        self.pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.is_closed = False

    async def stream(self, request: Request) -> Response:
        return Response(200, self.headers, self._pieces())

    async def _pieces(self) -> AsyncIterator[bytes]:
        try:
            while (piece := await self.pieces.get()) is not None:
                yield piece
        finally:
            self.is_closed = True


class FakeStream(FakeTransport):
    """The rest of what a client's stream has."""

    def __init__(self) -> None:
        super().__init__()
        self.high = 0
        self.behind = 0  # octets that the client has not taken
        self.has_written_eof = False

    def set_write_buffer_limits(self, high: int) -> None:
        self.high = high

    def get_write_buffer_size(self) -> int:
        return self.behind

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.has_written_eof = True


class Visit:
    """One client of a server, inside a running loop. `time` is the server's clock."""

    def __init__(self, application: Says | None = None, **settings: object):
        self.application = application or Says()
        config = Config()
        for key, value in {"max_connections": 2, "compress": False, **settings}.items():
            config = override(config, f"management.tcp.{key}", value)
        self.world = World()
        self.server = HttpServer(
            self.world.node,
            self.application,
            config.management.tcp,
            asyncio.get_running_loop(),
        )
        self.time = 1000.0
        self.server.now = lambda: self.time
        self.peer, self.stream = self.arrives()
        self._heard = 0

    def arrives(self, *, is_loopback: bool = True) -> tuple[HttpPeer, FakeStream]:
        """Another client, and its stream."""
        peer, stream = HttpPeer(self.server), FakeStream()
        peer.attach(stream, "192.0.2.1:1", is_loopback=is_loopback)
        return peer, stream

    async def says(self, *octets: bytes) -> bytes:
        """Returns: what is answered to it, without the headers that are always there."""
        for piece in octets:
            self.peer.absorb(piece)
        return await self.hears()

    async def hears(self) -> bytes:
        for _ in range(20):
            await asyncio.sleep(0)
        heard = bytes(self.stream.written[self._heard :])
        self._heard = len(self.stream.written)
        for name, value in self.server.headers():
            if name != "connection":
                heard = heard.replace(f"{name}: {value}\r\n".encode(), b"")
        return heard

    def later(self, seconds: float) -> None:
        """Let so much time go by, and the server look."""
        self.time += seconds
        self.server.look()

    async def leaves(self) -> None:
        """The stream is lost; whatever was under way has to end by that."""
        self.peer.on_lost()
        await self.hears()
        assert self.server.task_count == 0


def visiting(
    talk: Callable[[Visit], Awaitable[Any]], application: Says | None = None, **settings: object
) -> None:
    """Run a talk in a loop of its own. No task and no timer may be left."""

    async def main() -> None:
        visit = Visit(application, **settings)
        await talk(visit)
        await visit.leaves()
        visit.server.leave(visit.peer)
        await visit.server.close(0)
        assert visit.server.held_octets == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
