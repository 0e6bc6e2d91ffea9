"""Which publishes have been confirmed: a count, and those beyond the first gap.

Brokers confirm in any order, one by one or all up to one. Shared with the load benchmarks, whose
generator counts with it, too.
"""

from __future__ import annotations

from struct import Struct

ACK_IDS = 60 << 16 | 80
NACK_IDS = 60 << 16 | 120
ACK_SIZE = 21
_HEAD = b"\x01\x00\x01\x00\x00\x00\x0d"  # a method frame of 13 octets on channel 1
_iterate = Struct(">7sIQBB").iter_unpack  # frame head, class and method, tag, bits, frame end


class Confirms:
    """tags: delivery tags, from 1 on, in the order published."""

    def __init__(self) -> None:
        self.settled_to = 0  # all up to this tag are settled
        self.nacked = 0
        self._ahead: set[int] = set()  # settled, beyond a gap

    @property
    def settled(self) -> int:
        """Acked or nacked."""
        return self.settled_to + len(self._ahead)

    def settle(self, tag: int, multiple: bool | int, *, is_ack: bool = True) -> None:
        before = self.settled
        if multiple:
            if tag > self.settled_to:
                self.settled_to = tag
                if self._ahead:
                    self._ahead = {one for one in self._ahead if one > tag}
        elif tag == self.settled_to + 1:
            self.settled_to = tag
        elif tag > self.settled_to:
            self._ahead.add(tag)
        while self._ahead and self.settled_to + 1 in self._ahead:
            self.settled_to += 1
            self._ahead.discard(self.settled_to)
        if not is_ack:
            self.nacked += self.settled - before

    def take(self, octets: bytes) -> int:
        """Count the whole basic.ack and basic.nack frames that these octets begin with.

        Returns: octets that they were; what follows is another frame, or not all of one.
        """
        whole = len(octets) - len(octets) % ACK_SIZE
        taken = 0
        settle = self.settle
        for head, ids, tag, bits, end in _iterate(octets[:whole]):
            if head != _HEAD or end != 0xCE or (ids != ACK_IDS and ids != NACK_IDS):
                break
            settle(tag, bits & 1, is_ack=ids == ACK_IDS)
            taken += ACK_SIZE
        return taken
