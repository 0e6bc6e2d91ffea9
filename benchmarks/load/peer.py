"""A blocking client connection with one channel: sets the stage, and lends its socket to the flow.

No library: a client library costs more per message than the broker it would measure.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

from . import wire

REPLY_TIMEOUT_S = 20
BATCH = 500  # pipelined requests in flight: their replies fit the socket buffers

START_OK = wire.method(
    0,
    wire.CONNECTION_START_OK,
    wire.table(
        {
            "product": "load benchmark",
            "capabilities": {"publisher_confirms": True, "basic.nack": True},
        }
    ),
    wire.short_string("PLAIN"),
    wire.long_string("\0guest\0guest"),
    wire.short_string("en_US"),
)
TUNE_OK = wire.method(0, wire.CONNECTION_TUNE_OK, struct.pack(">HIH", 2047, wire.FRAME_MAX, 0))
OPEN = wire.method(0, wire.CONNECTION_OPEN, wire.short_string("/"), b"\0\0")
CLOSE = wire.method(0, wire.CONNECTION_CLOSE, b"\0\xc8\0\0\0\0\0")
CLOSE_OK = wire.method(0, wire.CONNECTION_CLOSE_OK)
OPEN_CHANNEL = wire.method(1, wire.CHANNEL_OPEN, b"\0")


class PeerError(Exception):
    """The broker closed the connection, refused, or sent what nobody asked for."""


class Peer:
    """One connection, channel 1 open."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=REPLY_TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unread = bytearray()
        self.send(wire.PROTOCOL_HEADER)
        self.server_properties = self.expect(wire.CONNECTION_START)
        self.send(START_OK)
        self.expect(wire.CONNECTION_TUNE)
        self.send(TUNE_OK + OPEN)
        self.expect(wire.CONNECTION_OPEN_OK)
        self.send(OPEN_CHANNEL)
        self.expect(wire.CHANNEL_OPEN_OK)

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.socket.close()

    def product(self) -> str:
        """Product and version as announced, found by a simple search."""
        found = [
            re.search(key + rb"S(....)", self.server_properties, re.DOTALL)
            for key in (b"\x07product", b"\x07version")
        ]
        words = []
        for match in found:
            if match:
                size = struct.unpack(">I", match[1])[0]
                words.append(self.server_properties[match.end() : match.end() + size].decode())
        return " ".join(words)

    def send(self, data: wire.Octets) -> None:
        self.socket.sendall(data)

    def read_frame(self) -> tuple[int, bytes]:
        """The next frame as (type, payload)."""
        unread = self.unread
        while True:
            if len(unread) >= 7:
                frame_type, _, size = struct.unpack_from(">BHI", unread)
                if len(unread) >= size + wire.FRAME_OVERHEAD:
                    payload = bytes(unread[7 : 7 + size])
                    del unread[: size + wire.FRAME_OVERHEAD]
                    return frame_type, payload
            self.receive()

    def receive(self) -> None:
        chunk = self.socket.recv(262144)
        if not chunk:
            raise PeerError("the broker closed the connection")
        self.unread += chunk

    def read_whole(self, size: int) -> bytes:
        """The next `size` bytes."""
        while len(self.unread) < size:
            self.receive()
        piece = bytes(self.unread[:size])
        del self.unread[:size]
        return piece

    def expect(self, ids: wire.Ids) -> bytes:
        """The next method's arguments; it must be `ids`."""
        _, payload = self.read_frame()
        if struct.unpack_from(">HH", payload) != ids:
            raise PeerError(f"expected method {ids[0]}.{ids[1]}, got {wire.describe(payload)}")
        return payload[4:]

    def call(self, ids: wire.Ids, *arguments: bytes) -> bytes:
        """Send a method on channel 1 and wait for its -ok."""
        self.send(wire.method(1, ids, *arguments))
        return self.expect((ids[0], ids[1] + 1))

    def call_all(self, ids: wire.Ids, requests: Sequence[bytes]) -> list[bytes]:
        """Send many, pipelined. requests: whole frames. Returns: the replies' arguments."""
        replies = []
        for start in range(0, len(requests), BATCH):
            batch = requests[start : start + BATCH]
            self.send(b"".join(batch))
            replies += [self.expect((ids[0], ids[1] + 1)) for _ in batch]
        return replies

    def declare_queues(
        self,
        names: Iterable[str],
        durable: bool = False,
        arguments: Mapping[str, dict[str, Any]] | None = None,
    ) -> None:
        """arguments: by the name of the queue, of those that have some."""
        of = arguments or {}
        frames = [declare_frame(name, durable=durable, arguments=of.get(name)) for name in names]
        self.call_all(wire.QUEUE_DECLARE, frames)

    def message_counts(self, names: Iterable[str]) -> list[int]:
        """Ready messages in each queue."""
        requests = [declare_frame(name, passive=True) for name in names]
        replies = self.call_all(wire.QUEUE_DECLARE, requests)
        return [struct.unpack_from(">I", reply, 1 + reply[0])[0] for reply in replies]

    def delete_queues(self, names: Iterable[str]) -> int:
        """Returns: ready messages that were still in them."""
        replies = self.call_all(
            wire.QUEUE_DELETE,
            [
                wire.method(1, wire.QUEUE_DELETE, b"\0\0", wire.short_string(name), b"\0")
                for name in names
            ],
        )
        return sum(struct.unpack(">I", reply)[0] for reply in replies)

    def declare_exchange(self, name: str, kind: str) -> None:
        self.call(
            wire.EXCHANGE_DECLARE,
            b"\0\0" + wire.short_string(name) + wire.short_string(kind) + b"\0",
            wire.table({}),
        )

    def delete_exchange(self, name: str) -> None:
        self.call(wire.EXCHANGE_DELETE, b"\0\0", wire.short_string(name), b"\0")

    def bind(self, exchange: str, bindings: Iterable[tuple[str, str]]) -> None:
        """bindings: (queue, routing key) pairs."""
        self.call_all(
            wire.QUEUE_BIND,
            [
                wire.method(
                    1,
                    wire.QUEUE_BIND,
                    b"\0\0" + wire.short_string(queue),
                    wire.short_string(exchange) + wire.short_string(key) + b"\0" + wire.table({}),
                )
                for queue, key in bindings
            ],
        )

    def consume(self, queue: str, consumer_tag: str, no_ack: bool, prefetch_count: int = 0) -> None:
        if prefetch_count:
            self.call(wire.BASIC_QOS, struct.pack(">IHB", 0, prefetch_count, 0))
        self.call(
            wire.BASIC_CONSUME,
            b"\0\0" + wire.short_string(queue) + wire.short_string(consumer_tag),
            b"\x02" if no_ack else b"\0",
            wire.table({}),
        )

    def confirm_select(self) -> None:
        self.call(wire.CONFIRM_SELECT, b"\0")

    def close(self) -> None:
        """Close politely, skipping what is still on its way."""
        with contextlib.suppress(OSError, PeerError):
            self.socket.setblocking(True)
            self.socket.settimeout(REPLY_TIMEOUT_S)
            self.send(CLOSE)
            tail = b""
            while not tail.endswith(CLOSE_OK):
                # The broker need not close the socket: RabbitMQ waits 30 s for the client to do it.
                chunk = self.socket.recv(65536)
                if not chunk:
                    break
                tail = (tail + chunk)[-len(CLOSE_OK) :]
        self.socket.close()


def declare_frame(
    name: str,
    passive: bool = False,
    durable: bool = False,
    arguments: dict[str, Any] | None = None,
) -> bytes:
    bits = bytes([passive | durable << 1])
    return wire.method(
        1, wire.QUEUE_DECLARE, b"\0\0", wire.short_string(name), bits, wire.table(arguments or {})
    )
