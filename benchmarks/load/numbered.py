"""Messages that bear their number, and a consumer that checks that it gets each once, in order.

Their frames are alike except for the body, which begins with the number of the block and the
message's index in it: `00000001-000000`, `00000001-000001`, …
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import wire
from .flow import Consumer
from .peer import Peer, PeerError
from .source import PLACEHOLDER, Distinct

BLOCK_COUNT = 1000  # messages of a block; a multiple of 10, for the column of last digits
NUMBER_SIZE = 15
DIGITS = b"0123456789"


def numbered_block(queue: str, body_size: int, properties: bytes, block_count: int) -> list[bytes]:
    """A template for `Distinct`."""
    filler = b" " + b"x" * (body_size - NUMBER_SIZE - 1)
    return [
        wire.publish("", queue, b"%b-%06d" % (PLACEHOLDER, index) + filler, properties)
        for index in range(block_count)
    ]


class Numbered(Distinct):
    """Numbered messages for one queue.

    between: what else is sent, after the message with that index of each block; not counted.
    """

    def __init__(
        self,
        queue: str,
        body_size: int,
        properties: bytes,
        block_count: int = BLOCK_COUNT,
        between: Mapping[int, bytes] = MappingProxyType({}),
    ) -> None:
        block = numbered_block(queue, body_size, properties, block_count)
        template = [message + between.get(index, b"") for index, message in enumerate(block)]
        super().__init__([template], wire.read_contents(block[0]))
        self.queue = queue
        self.block_count = block_count
        self.content = self.contents[0]


def number_text(number: int, block_count: int) -> bytes:
    """What the body of a message begins with. number: from 0 on, in the order published."""
    block, index = divmod(number, block_count)
    return b"%08d-%06d" % (block + 1, index)


class NumberedConsumer(Consumer):
    """Compares, in each chunk received, the last digits of all numbers and all of the last one.

    So nothing is missing, nothing comes twice and nothing is out of place, for 10 ns a message.
    """

    def __init__(
        self,
        peer: Peer,
        source: Numbered,
        consumer_tag: str,
        ack_every: int = 0,
    ) -> None:
        super().__init__(peer, source, consumer_tag, ack_every)
        assert source.block_count % 10 == 0
        self._block_count = source.block_count
        self._content = source.content
        self._number_at = self.block_size - 1 - len(source.content.body)
        self._last_digit_at = self._number_at + NUMBER_SIZE - 1

    def _check(self, chunk: bytearray, size: int, before: int) -> None:
        super()._check(chunk, size, before)
        step = self.block_size
        if before == 0 and self.delivered:
            self._check_first(chunk[:step])
        # The last digit of every number that lies in this chunk, one after the other.
        first = -((self._last_digit_at - before) // step)
        column = chunk[first * step + self._last_digit_at - before : size : step]
        expected = DIGITS * (len(column) // 10 + 2)
        if column != expected[first % 10 : first % 10 + len(column)]:
            raise PeerError(f"not in the order published, from delivery {first + 1} on")
        start = self.delivered * step - step + self._number_at - before
        if start >= 0:
            found = chunk[start : start + NUMBER_SIZE]
            wanted = number_text(self.delivered - 1, self._block_count)
            if found != wanted:
                raise PeerError(f"delivery {self.delivered} is {found!r}, not {wanted!r}")

    def _check_first(self, delivery: bytearray) -> None:
        body = self._content.body
        expected = self._content._replace(body=number_text(0, 1) + body[NUMBER_SIZE:])
        (found,) = wire.read_contents(delivery)
        if found != expected:
            raise PeerError(f"{found} was delivered, {expected} published")
