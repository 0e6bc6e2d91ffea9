"""Answers on their way to one HTTP client: whole or piece by piece, and never far ahead of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from broker.management.request import Headers, Request, Response
from broker.server.http_connection import HttpConnection
from broker.server.http_gzip import compressed, compressed_stream, is_worth_it

SLICE = 64 * 1024  # octets of a body that are written at a time


class Stream(Protocol):
    """Where a client's octets go: an asyncio transport, or a `TlsStream`."""

    def write(self, data: bytes) -> None: ...
    def can_write_eof(self) -> bool: ...
    def write_eof(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def get_write_buffer_size(self) -> int: ...
    def set_write_buffer_limits(self, high: int) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...


class HttpAnswer:
    """`send` for one request after the other of a connection."""

    __slots__ = (
        "_http",
        "_stream",
        "_writable",
        "compresses",
        "has_begun",
        "is_loopback",
        "is_paused",
        "is_reusable",
        "is_streaming",
    )

    def __init__(
        self, http: HttpConnection, stream: Stream, *, compresses: bool, is_loopback: bool
    ):
        self._http = http
        self._stream = stream
        self._writable: asyncio.Future[None] | None = None  # waited for while it is paused
        self.compresses = compresses  # for clients that take it
        self.is_loopback = is_loopback
        self.is_paused = False  # the client does not read
        self.has_begun = False  # something of this answer was written
        self.is_streaming = False
        self.is_reusable = False  # it is complete, and another request may follow

    def expect(self) -> None:
        """A request has come: what is said of an answer is said of the one to it from now on."""
        self.has_begun = self.is_streaming = self.is_reusable = False

    async def send(self, request: Request, response: Response, headers: Headers) -> None:
        """headers: what every answer has. Raises: whatever a streamed body does."""
        body = response.body
        headers = [*response.headers, *headers]
        is_gzip = self.compresses and is_worth_it(
            request.headers.get("accept-encoding", ""),
            headers,
            len(body) if isinstance(body, bytes) else None,
            is_loopback=self.is_loopback,
        )
        if is_gzip:
            headers.append(("content-encoding", "gzip"))
        if not isinstance(body, bytes):
            head = self._http.start(response.status, headers, None)
            await self._send_stream(request, head, body, is_gzip=is_gzip)
        else:
            if is_gzip:
                body = await compressed(body)
            head = self._http.start(response.status, headers, len(body))
            await self._send_whole(head, body)
        await self.drained()

    async def _send_whole(self, head: bytes, body: bytes) -> None:
        self.has_begun = True
        if len(body) <= SLICE:
            piece = self._http.piece(body)
            tail, self.is_reusable = self._http.end()
            self._stream.write(b"".join((head, piece, tail)))
            return
        self._stream.write(head)
        view = memoryview(body)
        for at in range(0, len(body), SLICE):
            await self._write(view[at : at + SLICE])
            await asyncio.sleep(0)
        self._end()

    async def _send_stream(
        self, request: Request, head: bytes, body: AsyncIterator[bytes], *, is_gzip: bool
    ) -> None:
        pieces = compressed_stream(body) if is_gzip else body
        try:
            self.has_begun = self.is_streaming = True
            self._stream.write(head)
            if request.method != "HEAD":
                async for piece in pieces:
                    await self._write(piece)
            self._end()
        finally:
            for generator in (pieces, body):  # which might still wait
                close = getattr(generator, "aclose", None)
                if close is not None:
                    await close()

    async def _write(self, piece: bytes | memoryview) -> None:
        octets = self._http.piece(piece)
        if octets:
            self._stream.write(octets)
            await self.drained()

    def _end(self) -> None:
        tail, self.is_reusable = self._http.end()
        if tail:
            self._stream.write(tail)

    async def drained(self) -> None:
        """Wait while the client is behind."""
        while self.is_paused:
            self._writable = asyncio.get_running_loop().create_future()
            await self._writable

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        self.is_paused = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
