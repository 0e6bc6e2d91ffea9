"""A connection to a broker that is about to be killed.

What the broker said before it died is read to the end, whatever became of the way back: the last
confirm it sent is the one that matters most.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from typing import Any, NamedTuple

from tests.conformance import wire_codec as wire
from tests.integration.support import WAIT_S, start_ok

FRAME_MAX = 131072
UNSENT_MAX = 1 << 18


class LostError(Exception):
    """The connection has ended, or nothing more is to be said on it."""


class Event(NamedTuple):
    """A method, with its content if it has one. properties: flag word and values, as received."""

    channel: int
    name: str
    fields: dict[str, Any]
    properties: bytes = b""
    body: bytes = b""


class Link:
    """An open connection with channels 1 … n. `open` makes it."""

    def __init__(self, port: int):
        self._loop = asyncio.get_running_loop()
        try:
            self._socket = socket.create_connection(("127.0.0.1", port), WAIT_S)
        except OSError:
            raise LostError from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._received = bytearray()
        self._unsent = bytearray()
        self._contents: dict[int, tuple[Event, int, bytes, list[bytes]]] = {}
        self._events: deque[Event] = deque()
        self._waiters: list[asyncio.Future[None]] = []
        self.is_muted = False  # nothing more is said
        self.is_at_end = False  # nothing more is heard
        self._loop.add_reader(self._socket, self._on_readable)

    @classmethod
    async def open(cls, port: int, channels: int = 1) -> Link:
        """Raises: LostError."""
        link = cls(port)
        try:
            await link._log_in(channels)
        except BaseException:
            link.drop()
            raise
        return link

    async def _log_in(self, channels: int) -> None:
        self.send(wire.PROTOCOL_HEADER)
        await self.event()
        self.say(0, "Connection.StartOk", **start_ok())
        await self.event()
        self.say(0, "Connection.TuneOk", channel_max=2047, frame_max=FRAME_MAX, heartbeat=0)
        self.say(0, "Connection.Open", virtual_host="/")
        event = await self.event()
        assert event.name == "Connection.OpenOk", event
        for channel in range(1, channels + 1):
            self.say(channel, "Channel.Open")
        for _ in range(channels):
            event = await self.event()
            assert event.name == "Channel.OpenOk", event

    # saying

    def send(self, data: bytes) -> None:
        """Raises: LostError, when none of it is sent."""
        if self.is_muted or self.is_at_end:
            raise LostError
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:  # hear what there is, but it hears us no more
            self.mute()
            raise LostError from None
        if sent < len(data):
            self._unsent += data[sent:]
            self._loop.add_writer(self._socket, self._on_writable)

    def say(self, channel: int, name: str, **fields: Any) -> None:
        self.send(wire.method_frame(channel, name, **fields))

    async def drained(self) -> None:
        """Wait until most of what was sent is on its way."""
        while len(self._unsent) > UNSENT_MAX and not (self.is_muted or self.is_at_end):
            await self._wait()

    def mute(self) -> None:
        """Say no more. What was not sent yet never is."""
        self.is_muted = True
        self._unsent.clear()
        if not self.is_at_end:
            self._loop.remove_writer(self._socket)
        self._wake()

    def _on_writable(self) -> None:
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self.mute()
            return
        del self._unsent[:sent]
        if not self._unsent:
            self._loop.remove_writer(self._socket)
        self._wake()

    # hearing

    async def event(self) -> Event:
        """The next. Raises: LostError, when all was heard."""
        while not self._events:
            if self.is_at_end:
                raise LostError
            await self._wait()
        return self._events.popleft()

    def next_event(self) -> Event | None:
        """The next, if it is here already."""
        return self._events.popleft() if self._events else None

    def drop(self) -> None:
        """Close the socket without a word."""
        if not self.is_at_end:
            self.is_at_end = True
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()
            self._wake()

    async def _wait(self) -> None:
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append(waiter)
        await waiter

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _on_readable(self) -> None:
        try:
            data = self._socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.drop()
            return
        self._received += data
        self._read_frames()
        if self._events:
            self._wake()

    def _read_frames(self) -> None:
        data, at = self._received, 0
        while len(data) - at >= 8:
            kind, channel, size = struct.unpack_from(">BHI", data, at)
            end = at + 7 + size
            if len(data) <= end:
                break
            assert data[end] == wire.FRAME_END, "a frame of the broker does not end where it should"
            self._on_frame(kind, channel, bytes(data[at + 7 : end]))
            at = end + 1
        del data[:at]

    def _on_frame(self, kind: int, channel: int, payload: bytes) -> None:
        if kind == wire.FRAME_METHOD:
            event = Event(channel, *wire.decode_method(payload))
            if event.name in wire.WITH_CONTENT:
                self._contents[channel] = event, -1, b"", []
            else:
                self._events.append(event)
            return
        if kind == wire.FRAME_HEARTBEAT:
            return
        event, missing, properties, parts = self._contents.pop(channel)
        if kind == wire.FRAME_HEADER:
            (missing,) = struct.unpack_from(">Q", payload, 4)
            properties = payload[12:]
        else:
            parts.append(payload)
            missing -= len(payload)
        if missing:
            self._contents[channel] = event, missing, properties, parts
        else:
            body = parts[0] if len(parts) == 1 else b"".join(parts)
            self._events.append(event._replace(properties=properties, body=body))

    async def close(self) -> None:
        """As a well-behaved client does; or as well as it can."""
        with contextlib.suppress(LostError):
            self.say(0, "Connection.Close", reply_code=200, reply_text="bye")
            while (await self.event()).name != "Connection.CloseOk":
                pass
        self.drop()
