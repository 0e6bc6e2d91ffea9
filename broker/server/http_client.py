"""A small HTTP/1.1 client for short questions to one service; connections are kept and reused."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

BODY_MAX = 64 * 1024
HEADER_LINES_MAX = 100
IDLE_MAX = 8  # connections kept open for the next question
AT_ONCE_MAX = 64  # questions under way; further ones wait their turn

Place = tuple[str, int, bool]  # host, port, over TLS
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class HttpError(Exception):
    """The other side does not speak HTTP, or says too much."""


class Response(NamedTuple):
    status: int
    body: bytes


class HttpClient:
    """For one URL after the other. tls: for https. connect_timeout_s: for the TCP connection."""

    def __init__(self, tls: ssl.SSLContext | None = None, connect_timeout_s: float = 15.0):
        self._tls = tls
        self._connect_timeout_s = connect_timeout_s
        self._idle: dict[Place, list[Stream]] = {}
        self._at_once = asyncio.Semaphore(AT_ONCE_MAX)

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Response:
        """Raises: OSError, HttpError, asyncio.IncompleteReadError; the caller limits the time."""
        async with self._at_once:  # before anything is made: thousands may wait here
            return await self._exchange(*_request(method, url, headers, body))

    async def _exchange(self, place: Place, octets: bytes) -> Response:
        idle = self._idle.setdefault(place, [])
        while idle:
            reader, writer = idle.pop()
            if reader.at_eof() or writer.is_closing():
                writer.close()
                continue
            try:
                return await self._ask(place, (reader, writer), octets)
            except (ConnectionError, asyncio.IncompleteReadError):
                continue  # the service had enough of this connection: on a new one
        async with asyncio.timeout(self._connect_timeout_s):
            stream = await asyncio.open_connection(
                place[0], place[1], ssl=(self._tls or True) if place[2] else None
            )
        return await self._ask(place, stream, octets)

    async def _ask(self, place: Place, stream: Stream, octets: bytes) -> Response:
        reader, writer = stream
        is_reusable = False
        try:
            writer.write(octets)
            await writer.drain()
            response, is_reusable = await _read(reader)
        finally:
            idle = self._idle[place]
            if is_reusable and len(idle) < IDLE_MAX:
                idle.append(stream)
            else:
                writer.close()
        return response

    async def close(self) -> None:
        streams = [stream for idle in self._idle.values() for stream in idle]
        self._idle.clear()
        for _, writer in streams:
            writer.close()
        for _, writer in streams:
            try:
                await writer.wait_closed()
            except OSError:
                continue  # it is closed


def _request(method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[Place, bytes]:
    """Where a request goes, and its octets."""
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    host, port = parts.hostname or "localhost", parts.port or (443 if is_tls else 80)
    shown = f"[{host}]" if ":" in host else host
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {shown}:{port}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return (host, port, is_tls), "\r\n".join([*lines, "", ""]).encode("latin-1") + body


async def _read(reader: asyncio.StreamReader) -> tuple[Response, bool]:
    """Returns: the response; whether the connection can be used again."""
    try:
        status_line = await reader.readuntil(b"\r\n")
        version, _, rest = status_line.decode("latin-1").partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
            raise HttpError("no HTTP status line")
        headers = await _read_headers(reader)
    except asyncio.LimitOverrunError:
        raise HttpError("a line is too long") from None
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunks(reader)
    elif "content-length" in headers:
        body = await reader.readexactly(_size(headers["content-length"], 10))
    elif rest.startswith("204"):
        body = b""
    else:
        return Response(int(rest[:3]), await _read_to_end(reader)), False
    is_reusable = version != "HTTP/1.0" and headers.get("connection", "").lower() != "close"
    return Response(int(rest[:3]), body), is_reusable


async def _read_headers(reader: asyncio.StreamReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(HEADER_LINES_MAX):
        line = await reader.readuntil(b"\r\n")
        if line == b"\r\n":
            return headers
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    raise HttpError("too many headers")


async def _read_to_end(reader: asyncio.StreamReader) -> bytes:
    """A body whose end is the connection's: it may come in pieces."""
    body = b""
    while piece := await reader.read(BODY_MAX):
        body += piece
        if len(body) > BODY_MAX:
            raise HttpError("the answer is too long")
    return body


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        line = await reader.readuntil(b"\r\n")
        size = _size(line.decode("latin-1").partition(";")[0].strip(), 16)
        if not size:
            await _read_headers(reader)
            return body
        chunk = await reader.readexactly(size + 2)
        body += chunk[:-2]
        if len(body) > BODY_MAX:
            raise HttpError("the answer is too long")


def _size(text: str, base: int) -> int:
    try:
        size = int(text, base)
    except ValueError:
        raise HttpError("no size") from None
    if not 0 <= size <= BODY_MAX:
        raise HttpError("the answer is too long")
    return size
