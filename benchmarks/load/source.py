"""Where a publisher's bytes come from: one message repeated, or templates filled in."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from itertools import accumulate, count

from . import wire

BLOCK_BYTES = 131072
PLACEHOLDER = b"@@@@@@@@"  # eight digits of the block's number
TIMESTAMP_PLACEHOLDER = b"\xfe\xfd"  # its low 16 bits, in binary


class Source:
    """Encoded messages without end, a block at a time. Message sizes repeat with every block.

    contents: the messages of a block, for their field lengths. size: of a message, on average.
    """

    def __init__(self, messages: Sequence[bytes], contents: Sequence[wire.Content]) -> None:
        """messages: the first block. contents: one entry if all messages are of one size."""
        self.contents = contents
        self._ends = [0, *accumulate(len(message) for message in messages)]
        self.size = self._ends[-1] // len(messages)
        self._block = memoryview(b"".join(messages))
        self._position = 0  # in the block, in messages

    def take(self, message_count: int) -> tuple[memoryview, int]:
        """At most that many messages, and how many they are."""
        start = self._position
        if start == 0:
            self._next_block()
        stop = min(start + message_count, len(self._ends) - 1)
        self._position = stop % (len(self._ends) - 1)
        return self._block[self._ends[start] : self._ends[stop]], stop - start

    def _next_block(self) -> None:
        """Repeat the same block."""


class Repeated(Source):
    """The same message over and over, as a publisher that reuses its buffers sends it."""

    def __init__(self, message: bytes) -> None:
        block_count = max(1, BLOCK_BYTES // len(message))
        super().__init__([message] * block_count, wire.read_contents(message))


class Distinct(Source):
    """No two messages alike: each block is a template in which the block's number is filled in.

    One bytes.replace per block of a thousand messages: 0.1 µs a message, where encoding takes 2 µs.
    """

    def __init__(
        self,
        templates: Sequence[Sequence[bytes]],
        contents: Sequence[wire.Content] | None = None,
    ) -> None:
        """templates: blocks used in turn, each with the same sequence of message sizes.

        contents: what is delivered for one block, if that is not all that is published.
        """
        sizes = [len(message) for message in templates[0]]
        assert all([len(message) for message in block] == sizes for block in templates)
        self._templates = [b"".join(block) for block in templates]
        if contents is None:
            contents = wire.read_contents(self._templates[0])
            contents = contents if len(set(sizes)) > 1 else contents[:1]
        super().__init__(templates[0], contents)
        self._numbers = count(1)

    def _next_block(self) -> None:
        number = next(self._numbers)
        template = self._templates[number % len(self._templates)]
        filled = template.replace(PLACEHOLDER, b"%08d" % number)
        stamp = struct.pack(">H", number % 65536)
        self._block = memoryview(filled.replace(TIMESTAMP_PLACEHOLDER, stamp))


def distinct_properties(index: int) -> bytes:
    """content-type, headers, delivery-mode, correlation-id, message-id, timestamp.

    index: of the message in its block, below 65 536.
    """
    name = PLACEHOLDER + b"-%06d" % index
    flags = 1 << 15 | 1 << 13 | 1 << 12 | 1 << 10 | 1 << 7 | 1 << 6
    return (
        struct.pack(">H", flags)
        + wire.short_string("application/json")
        + wire.table({"trace": b"t-" + name, "attempt": index})
        + b"\x01"
        + wire.short_string(b"c-" + name)
        + wire.short_string(b"m-" + name)
        + b"\x00\x00\x01\x8b"  # milliseconds since the epoch, of some day in 2023
        + TIMESTAMP_PLACEHOLDER
        + struct.pack(">H", index)
    )


def distinct_block(exchange: str, message_count: int) -> list[bytes]:
    """Messages of 16 bytes in which routing key, properties and body all differ."""
    return [
        wire.publish(
            exchange,
            b"device.%b.reading.%06d" % (PLACEHOLDER, index),
            b"%b:%07d" % (PLACEHOLDER, index),
            distinct_properties(index),
        )
        for index in range(message_count)
    ]


def varied_block(
    queue: str, message_count: int, size_min: int, size_max: int, persistent: bool = False
) -> list[bytes]:
    """Messages as applications publish them: one routing key, a message-id each, JSON bodies."""
    sizes = random.Random(message_count)
    block = []
    for index in range(message_count):
        name = PLACEHOLDER + b"-%06d" % index
        flags = 1 << 15 | 1 << 12 | 1 << 7
        properties = (
            struct.pack(">H", flags)
            + wire.short_string("application/json")
            + (b"\x02" if persistent else b"\x01")
            + wire.short_string(name)
        )
        body = b'{"id": "%b", "text": "' % name
        body += b"x" * (sizes.randint(size_min, size_max) - len(body) - 2) + b'"}'
        block.append(wire.publish("", queue, body, properties))
    return block
