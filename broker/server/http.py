"""The clients of one HTTP listener: how many there may be, how long they may take, their end.

asyncio ⇄ HttpProtocol ⇄ HttpPeer           TlsStream ⇄ HttpPeer (HTTPS)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Protocol, cast

from broker import descriptors
from broker.management.request import Headers, Request, Response
from broker.management_settings import WebOptions
from broker.server.http_familiar import Familiar
from broker.server.http_peer import HttpPeer
from broker.server.peers import peername_of

if TYPE_CHECKING:
    from broker.node import Node

SERVER = "Leveret"
HELD_MAX = 64 * 1024 * 1024  # octets of the bodies of all requests, unless there is only one
TICK_S = 1.0  # between two looks at the deadlines
CANCEL_S = 5.0  # for handlers that were cancelled
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Application(Protocol):
    """Who answers requests."""

    def body_limit(self, method: str, path: str) -> int:
        """Octets that the body of such a request may have."""

    async def handle(self, request: Request) -> Response:
        """Whatever is raised is a bug."""


class HttpServer:
    """One listener's. `shut_down`, then `close`."""

    def __init__(
        self,
        node: Node,
        application: Application,
        options: WebOptions,
        loop: asyncio.AbstractEventLoop,
        *,
        is_tls: bool = False,
    ):
        self.application = application
        self.options = options
        self.loop = loop
        self.is_tls = is_tls
        self.is_stopping = False
        self.peers: dict[HttpPeer, None] = {}
        self.held_octets = 0  # of bodies
        self.familiar = Familiar()
        self._node = node
        self._tasks: set[asyncio.Task[None]] = set()
        self._ticker: asyncio.TimerHandle | None = None
        shortest_ms = min(options.idle_timeout_ms, options.request_timeout_ms)
        self._tick_s = min(TICK_S, shortest_ms / 4000)
        self._date_s = -1
        self._headers: Headers = []
        self.now = loop.time

    # for its peers

    def enter(self, peer: HttpPeer) -> bool:
        """Keep an eye on a peer. Returns: whether it may ask for anything."""
        self.peers[peer] = None
        if self._ticker is None:
            self._ticker = self.loop.call_later(self._tick_s, self._tick)
        most = descriptors.web_limit(descriptors.file_limit())
        if self.options.max_connections is not None:
            most = min(most, self.options.max_connections)
        return not self.is_stopping and len(self.peers) <= most

    def leave(self, peer: HttpPeer) -> None:
        self.peers.pop(peer, None)
        if not self.peers and self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None

    def hold(self, more: int, octets: int) -> bool:
        """Count what a peer holds of a body: octets, so many more than before. Returns: whether
        there is room."""
        self.held_octets += more
        return more <= 0 or self.held_octets <= HELD_MAX or self.held_octets == octets

    def run(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task; `finished` when it is."""
        task = self.loop.create_task(coroutine)
        self._tasks.add(task)
        return task

    def finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)

    def on_bug(self, request: Request) -> None:
        """Called while the exception is handled."""
        self._node.on_bug("a request failed, method=%s path=%s", request.method, request.path)

    def headers(self) -> Headers:
        """What every answer has."""
        now_s = self._node.clock.epoch_ms() // 1000
        if now_s != self._date_s:
            self._date_s = now_s
            self._headers = [("date", http_date(now_s)), ("server", SERVER)]
        if self.is_stopping:
            return [*self._headers, ("connection", "close")]
        return self._headers

    @property
    def task_count(self) -> int:
        """Requests that are being answered."""
        return len(self._tasks)

    def _tick(self) -> None:
        self._ticker = self.loop.call_later(self._tick_s, self._tick)
        self.look()

    def look(self) -> None:
        """Whose time is over?"""
        now = self.now()
        for peer in [peer for peer in self.peers if peer.deadline <= now]:
            peer.on_deadline()

    # the end

    def shut_down(self) -> None:
        """Take no more requests, and end those that would go on."""
        self.is_stopping = True
        for peer in list(self.peers):
            peer.shut_down()

    async def close(self, grace_s: float) -> None:
        """Wait until everybody is gone; after a time they have to."""
        deadline = self.now() + grace_s
        while self.peers and self.now() < deadline:  # noqa: ASYNC110 - only at the very end
            await asyncio.sleep(0.005)
        for peer in list(self.peers):
            peer.abort()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CANCEL_S)
        for _ in range(4):  # a transport tells its protocol in a callback
            await asyncio.sleep(0)
        if self._ticker is not None:
            self._ticker.cancel()


class HttpProtocol(asyncio.Protocol):
    """One socket without TLS. `data_received` is the peer's `absorb` itself."""

    __slots__ = ("_peer", "data_received", "eof_received", "pause_writing", "resume_writing")

    def __init__(self, server: HttpServer):
        peer = HttpPeer(server)
        self._peer = peer
        self.data_received = peer.absorb  # type: ignore[method-assign]
        self.eof_received = peer.on_eof  # type: ignore[method-assign]
        self.pause_writing = peer.on_transport_paused  # type: ignore[method-assign]
        self.resume_writing = peer.on_transport_resumed  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = peername_of(transport)
        stream = cast(asyncio.Transport, transport)
        self._peer.attach(stream, peer.name, is_loopback=peer.is_loopback)

    def connection_lost(self, exc: Exception | None) -> None:
        self._peer.on_lost()


def http_date(epoch_s: int) -> str:
    """As in the header Date: Sat, 21 Nov 2026 19:06:51 GMT, whatever the locale."""
    t = time.gmtime(epoch_s)
    day = f"{_DAYS[t.tm_wday]}, {t.tm_mday:02} {_MONTHS[t.tm_mon - 1]} {t.tm_year}"
    return f"{day} {t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} GMT"
