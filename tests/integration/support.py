"""What the integration and fault tests share: a raw AMQP peer, and what a process holds open.

`WirePeer` is synchronous, says whatever it is told and waits a bounded time for every answer. It
speaks through `tests.conformance.wire_codec`, which shares nothing with the broker.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar

from tests.conformance import wire_codec as wire

WAIT_S = 15.0  # no answer within this is a failure; far beyond what any answer takes
T = TypeVar("T")


@dataclass
class Close:
    """How a connection ended. code 0: the socket was closed without a word."""

    code: int
    text: str = ""
    channel: int = 0


class UnexpectedCloseError(Exception):
    """The broker closed the channel or connection instead of answering."""

    def __init__(self, close: Close):
        super().__init__(f"{close.code} {close.text}")
        self.close = close


class WirePeer:
    """One socket to a broker. `login()` makes it an open connection."""

    def __init__(self, port: int, host: str = "127.0.0.1", *, receive_buffer: int = 0):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            if receive_buffer:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            self.socket.settimeout(WAIT_S)
            self.socket.connect((host, port))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            self.socket.close()
            raise
        self._data = bytearray()
        self.frame_max = 131072

    def __enter__(self) -> WirePeer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.drop()

    # saying

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def say(self, channel: int, name: str, **fields: Any) -> None:
        """Send one method."""
        self.send(wire.method_frame(channel, name, **fields))

    def publish(self, channel: int, body: bytes, properties: Any = None, **fields: Any) -> None:
        self.send(publish_frames(channel, body, properties, self.frame_max, **fields))

    # hearing

    def read_frame(self, wait_s: float = WAIT_S) -> tuple[int, int, bytes] | None:
        """The next frame; None at the end of the stream. Raises: TimeoutError."""
        deadline = time.monotonic() + wait_s
        while True:
            if len(self._data) >= 8:
                if self._data[:4] == b"AMQP":
                    raise UnexpectedCloseError(Close(0, "protocol header"))
                kind, channel, size = struct.unpack_from(">BHI", self._data)
                if len(self._data) >= size + 8:
                    payload = bytes(self._data[7 : 7 + size])
                    assert self._data[7 + size] == 0xCE, "the broker's frame end is not 0xCE"
                    del self._data[: size + 8]
                    return kind, channel, payload
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("no frame from the broker")
            self.socket.settimeout(left_s)
            try:
                data = self.socket.recv(1 << 20)
            except (ConnectionResetError, BrokenPipeError):
                return None
            if not data:
                return None
            self._data += data

    def hear(self, *names: str, wait_s: float = WAIT_S) -> tuple[str, dict[str, Any]]:
        """The next of the named methods; heartbeats and content are skipped.

        Raises: UnexpectedCloseError, TimeoutError, AssertionError for another method.
        """
        while True:
            frame = self.read_frame(wait_s)
            if frame is None:
                raise UnexpectedCloseError(Close(0, "end of stream"))
            kind, channel, payload = frame
            if kind != 1:
                continue
            name, fields = wire.decode_method(payload)
            if name in names:
                return name, fields
            if name in ("Connection.Close", "Channel.Close"):
                raise UnexpectedCloseError(
                    Close(fields["reply_code"], fields["reply_text"], channel)
                )
            raise AssertionError(f"{name} {fields} came instead of {' or '.join(names)}")

    def call(self, channel: int, name: str, **fields: Any) -> dict[str, Any]:
        """Send a method, wait for its -Ok."""
        self.say(channel, name, **fields)
        return self.hear(f"{name}Ok")[1]

    def get(self, channel: int, queue: str, *, no_ack: bool = True) -> bytes | None:
        """basic.get. Returns: the body, None when the queue is empty."""
        self.say(channel, "Basic.Get", queue=queue, no_ack=no_ack)
        name, _ = self.hear("Basic.GetOk", "Basic.GetEmpty")
        return None if name == "Basic.GetEmpty" else self.read_content()

    def read_content(self, wait_s: float = WAIT_S) -> bytes:
        """The body of the content whose method was just heard."""
        frame = self.read_frame(wait_s)
        assert frame is not None
        assert frame[0] == 2
        (size,) = struct.unpack_from(">Q", frame[2], 4)
        body = b""
        while len(body) < size:
            frame = self.read_frame(wait_s)
            assert frame is not None
            assert frame[0] == 3
            body += frame[2]
        return body

    def how_it_ends(self, wait_s: float = WAIT_S) -> Close:
        """Read on until the broker closes a channel or the connection, or hangs up.

        Everything else is skipped. Raises: TimeoutError when it does neither.
        """
        while True:
            frame = self.read_frame(wait_s)
            if frame is None:
                return Close(0)
            kind, channel, payload = frame
            if kind == 1 and payload[:4] in (b"\0\x0a\0\x32", b"\0\x14\0\x28"):
                _, fields = wire.decode_method(payload)
                return Close(fields["reply_code"], fields["reply_text"], channel)

    def waits_for_end_of_stream(self, wait_s: float = WAIT_S) -> None:
        """Read, and skip, until the broker has hung up. Raises: TimeoutError."""
        while self.read_frame(wait_s) is not None:
            pass

    # conversations

    def login(
        self,
        user: str = "guest",
        password: str = "guest",
        *,
        channels: int = 1,
        heartbeat: int = 0,
        frame_max: int = 131072,
        channel_max: int = 2047,
        vhost: str = "/",
    ) -> WirePeer:
        """Open the connection and the channels 1 … `channels`."""
        self.send(wire.PROTOCOL_HEADER)
        self.hear("Connection.Start")
        self.say(0, "Connection.StartOk", **start_ok(user, password))
        self.hear("Connection.Tune")
        self.frame_max = frame_max
        tuned = {"channel_max": channel_max, "frame_max": frame_max, "heartbeat": heartbeat}
        self.say(0, "Connection.TuneOk", **tuned)
        self.say(0, "Connection.Open", virtual_host=vhost)
        self.hear("Connection.OpenOk")
        if channels:
            self.send(b"".join(wire.method_frame(n + 1, "Channel.Open") for n in range(channels)))
        for _ in range(channels):
            self.hear("Channel.OpenOk")
        return self

    def close(self) -> None:
        """As a well-behaved client does."""
        self.say(0, "Connection.Close", reply_code=200, reply_text="bye")
        while (frame := self.read_frame()) is not None:
            if frame[2] == b"\0\x0a\0\x33":
                break
        self.drop()

    def drop(self) -> None:
        """Close the socket without a word."""
        self.socket.close()

    def reset(self) -> None:
        """Close the socket with a TCP reset."""
        linger = struct.pack("ii", 1, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.socket.close()


def start_ok(user: str = "guest", password: str = "guest") -> dict[str, Any]:
    return {
        "client_properties": {
            "product": "wire peer",
            "capabilities": {
                "consumer_cancel_notify": True,
                "authentication_failure_close": True,
            },
        },
        "mechanism": "PLAIN",
        "response": f"\0{user}\0{password}",
        "locale": "en_US",
    }


def publish_frames(
    channel: int, body: bytes, properties: Any = None, frame_max: int = 131072, **fields: Any
) -> bytes:
    """basic.publish with its content."""
    return wire.method_frame(channel, "Basic.Publish", **fields) + wire.content_frames(
        channel, body, {} if properties is None else properties, frame_max
    )


def serves(port: int, host: str = "127.0.0.1") -> None:
    """One whole conversation with a broker. Raises: whatever goes wrong in it."""
    with WirePeer(port, host) as peer:
        peer.login()
        peer.call(1, "Confirm.Select")
        queue = peer.call(1, "Queue.Declare", exclusive=True)["queue"]
        peer.publish(1, b"are you there", routing_key=queue)
        peer.hear("Basic.Ack")
        assert peer.get(1, queue) == b"are you there"
        assert peer.get(1, queue) is None
        peer.close()


# --- what a process holds


@dataclass(frozen=True)
class Holdings:
    """Open files, threads and tasks of this process at one moment."""

    files: frozenset[tuple[int, str]]
    threads: frozenset[threading.Thread]
    tasks: frozenset[asyncio.Task[Any]] = field(default_factory=frozenset)

    def gained(self, before: Holdings) -> list[object]:
        """What is held now and was not before."""
        return [
            *sorted(self.files - before.files),
            *(thread.name for thread in self.threads - before.threads),
            *(repr(task) for task in self.tasks - before.tasks),
        ]


def holdings() -> Holdings:
    gc.collect()
    try:
        tasks = asyncio.all_tasks()
    except RuntimeError:  # no loop runs here
        tasks = set()
    return Holdings(frozenset(open_files()), frozenset(threading.enumerate()), frozenset(tasks))


def open_files(pid: int | str = "self") -> Iterator[tuple[int, str]]:
    """File descriptor and what it is, of every open file of a process."""
    folder = f"/proc/{pid}/fd"
    for name in os.listdir(folder):
        with contextlib.suppress(OSError):  # the listing's own
            yield int(name), os.readlink(f"{folder}/{name}")


async def aside(function: Callable[[], T]) -> T:
    """Run a blocking function in a thread that is gone afterwards, unlike an executor's."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            result = function()
        except BaseException as error:
            loop.call_soon_threadsafe(outcome.set_exception, error)
        else:
            loop.call_soon_threadsafe(outcome.set_result, result)

    thread = threading.Thread(target=run, name="aside")
    thread.start()
    try:
        return await outcome
    finally:
        thread.join()


def wait_until(holds: Callable[[], object], what: str, wait_s: float = WAIT_S) -> None:
    """Wait for a condition. Raises: AssertionError when it does not come true in time."""
    deadline = time.monotonic() + wait_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {wait_s} s: {what}"
        time.sleep(0.01)
