"""One HTTP client: its requests, one after the other, each in a task of its own.

    octets → HttpConnection → Request → application.handle → Response → octets

Who hangs up cancels the task; who does not read what it writes holds it; who sends requests before
he has read the answers is not read for so long. How long a client may take for anything is one
number, `deadline`, which `HttpServer` looks at: there is no timer per connection.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from broker.management.request import Request
from broker.server.http_answer import HttpAnswer, Stream
from broker.server.http_connection import HttpConnection, Phase, Refused, refusal

if TYPE_CHECKING:
    from broker.server.http import HttpServer

log = logging.getLogger("broker.http")

BACKLOG_MAX = 64 * 1024  # octets of further requests while one is being answered
BEHIND_MAX = 128 * 1024  # octets a client may be behind before it is waited for
BODY_RATE = 1024  # octets in a second that a body has to come at, once idle_timeout is over
LINGER_S = 2.0  # for a client to read what it was refused with, while it still sends
HALF_CLOSED_S = 10.0  # for an answer to somebody who may have hung up
FAILED = refusal(500, b'{"error":"internal_server_error","reason":"Internal Server Error"}')


class State(Enum):
    READING = auto()  # a request
    ANSWERING = auto()
    LINGERING = auto()  # refused; what still comes is dropped
    CLOSING = auto()  # once what was written is gone
    GONE = auto()


class HttpPeer:
    """Between a `Stream` and the application. Made for a socket; `attach` makes it a client."""

    __slots__ = (
        "_answer",
        "_behind",
        "_half_closed_until",
        "_held",
        "_http",
        "_is_deaf",
        "_server",
        "_since",
        "_state",
        "_stream",
        "_task",
        "_waits_for",
        "deadline",
        "is_loopback",
        "name",
    )

    _stream: Stream
    _answer: HttpAnswer

    def __init__(self, server: HttpServer):
        self._server = server
        self._http = HttpConnection(server.application.body_limit, server.familiar)
        self._state = State.READING
        self._task: asyncio.Task[None] | None = None  # that answers
        self._waits_for: Phase | None = None  # in READING: what, and since when
        self._since = 0.0
        self._held = 0  # octets of a body that the server counts
        self._is_deaf = False  # the client is not read
        self._behind = 0  # octets it had not taken when that was last looked at
        self._half_closed_until = math.inf  # it will send no more
        self.deadline = math.inf  # on the loop's clock
        self.is_loopback = False
        self.name = ""

    # below: octets

    def attach(
        self,
        stream: Any,
        peer_name: str,
        *,
        is_loopback: bool,
        describe: Callable[[Any], object] | None = None,
    ) -> None:
        """Be reachable. peer_name: "host:port" of the other side."""
        self._stream, self.name, self.is_loopback = stream, peer_name, is_loopback
        self._answer = HttpAnswer(
            self._http, stream, compresses=self._server.options.compress, is_loopback=is_loopback
        )
        self._stream.set_write_buffer_limits(high=BEHIND_MAX)
        if self._server.enter(self):
            self._set_deadline()
        else:
            self._refuse(503, "there are too many connections")

    def absorb(self, data: bytes) -> None:
        if self._state is State.READING:
            self._http.receive(data)
            self._read()
        elif self._state is State.ANSWERING:
            self._http.receive(data)
            self._mind_backlog()

    def on_eof(self) -> bool:
        """It sends no more: it has hung up, or waits for its answer. Returns: stay open."""
        if self._state is not State.ANSWERING:
            return False
        self._half_closed_until = self._server.now() + HALF_CLOSED_S
        self._set_deadline()
        return True

    def on_lost(self) -> None:
        self._state = State.GONE
        self._server.leave(self)
        self._hold(0)
        if self._task is not None:
            self._task.cancel()

    def on_transport_paused(self) -> None:
        self._answer.pause()
        self._set_deadline()

    def on_transport_resumed(self) -> None:
        self._answer.resume()
        self._set_deadline()

    # the way in

    def _read(self) -> None:
        """Look for the next request in what has come."""
        if self._state is not State.READING:
            return
        http = self._http
        try:
            request = http.next_request()
        except Refused as refused:
            self._refuse(refused.status, str(refused))
            return
        if http.interim:
            self._stream.write(http.interim)
            http.interim = b""
        if not self._hold(http.body_octets if request is None else len(request.body)):
            self._refuse(503, "too much is held of all bodies")
            return
        if request is not None:
            self._begin(request)
        elif http.has_more:
            self._server.loop.call_soon(self._read)
        elif self._half_closed_until < math.inf:
            self._close()
            return
        self._set_deadline()
        self._mind_backlog()

    def _mind_backlog(self) -> None:
        is_deaf = self._http.backlog > BACKLOG_MAX
        if is_deaf is not self._is_deaf:
            self._is_deaf = is_deaf
            if is_deaf:
                self._stream.pause_reading()
            else:
                self._stream.resume_reading()

    def _hold(self, octets: int) -> bool:
        """Hold so much of a body. Returns: whether there is room for it."""
        has_room = self._server.hold(octets - self._held, octets)
        self._held = octets
        return has_room

    # the way out

    def _begin(self, request: Request) -> None:
        request.peer, request.is_loopback = self.name, self.is_loopback
        request.is_tls = self._server.is_tls
        self._state = State.ANSWERING
        self._answer.expect()
        self._task = self._server.run(self._serve(request))
        self._task.add_done_callback(self._on_served)

    async def _serve(self, request: Request) -> None:
        try:
            response = await self._server.application.handle(request)
            if self._state is State.ANSWERING:  # else it did not take being cancelled
                await self._answer.send(request, response, self._server.headers())
        except asyncio.CancelledError:
            serving = asyncio.current_task()
            if serving is not None and serving.cancelling():
                raise  # by us; else it is something of the handler's that was cancelled
            self._fail(request)
        except Exception:
            self._fail(request)

    def _fail(self, request: Request) -> None:
        self._server.on_bug(request)
        if self._state is not State.ANSWERING:
            return
        if self._answer.has_begun:  # it must not be taken for a whole one
            self._stream.abort()
        else:
            self._stream.write(FAILED)

    def _on_served(self, task: asyncio.Task[None]) -> None:
        self._server.finished(task)
        self._task = None
        self._hold(0)
        if self._state is not State.ANSWERING:
            return
        if task.cancelled():
            self._stream.abort()
        elif self._answer.is_reusable and not self._server.is_stopping:
            self._state = State.READING
            self._waits_for = None
            self._read()
        else:
            self._close()

    # time, and the end

    def _set_deadline(self) -> None:
        now, options = self._server.now(), self._server.options
        if self._state is State.LINGERING:
            self.deadline = now + LINGER_S
        elif self._answer.is_paused or self._state is State.CLOSING:
            self._behind = self._stream.get_write_buffer_size()
            self.deadline = now + options.idle_timeout_ms / 1000
        elif self._state is State.ANSWERING:
            self.deadline = self._half_closed_until
        else:
            phase = self._http.phase
            if phase is not self._waits_for:
                self._waits_for, self._since = phase, now
            allowed_s = options.idle_timeout_ms / 1000
            if phase is Phase.HEAD:
                allowed_s = options.request_timeout_ms / 1000
            elif phase is Phase.BODY:
                allowed_s += self._http.body_octets / BODY_RATE
            self.deadline = self._since + allowed_s

    def on_deadline(self) -> None:
        if self._state is State.LINGERING:
            self._close()
        elif self._answer.is_paused or self._state is State.CLOSING:
            if self._stream.get_write_buffer_size() < self._behind:
                self._set_deadline()  # slow, but it reads
            else:
                self._stream.abort()
        elif self._state is State.ANSWERING:
            self._stream.abort()
        elif self._http.phase is Phase.IDLE:
            self._close()
        else:
            self._refuse(408, "the request took too long")

    def _refuse(self, status: int, reason: str) -> None:
        """Say no to what cannot be read, and hang up once the client has seen that.

        A socket that is closed while something comes resets, and the answer would be lost.
        """
        log.debug("HTTP request refused, peer=%s status=%s reason=%s", self.name, status, reason)
        self._state = State.LINGERING
        self._hold(0)
        self._stream.write(refusal(status))
        if self._stream.can_write_eof():
            self._stream.write_eof()
        if self._is_deaf:
            self._is_deaf = False
            self._stream.resume_reading()
        self._set_deadline()

    def _close(self) -> None:
        self._state = State.CLOSING
        self._set_deadline()
        self._stream.close()

    def shut_down(self) -> None:
        """The node stops: what is being answered may end, if it does that by itself."""
        if self._state is State.READING:
            self._close()
        elif self._answer.is_streaming and self._task is not None:
            self._task.cancel()

    def abort(self) -> None:
        self._stream.abort()
