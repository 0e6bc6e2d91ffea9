"""What a log says of one queue: what a checkpoint holds, and what recovery adds to it."""

from __future__ import annotations

from bisect import bisect_left

from broker.store.format import COUNTED, JUMP, MOVED, RECORD_OCTETS, TRANSIENT, Record
from broker.store.ranges import RangeSet


class QueueState:
    """firsts, lasts, blocks: the messages from a first to a last are in a block, given by its
    position; in order of sequence numbers. See `QueueLog`."""

    __slots__ = (
        "average_octets",
        "blocks",
        "counts",
        "delivered",
        "firsts",
        "has_deadlines",
        "last_kept",
        "lasts",
        "next_seq",
        "settled",
    )

    def __init__(self) -> None:
        self.firsts: list[int] = []
        self.lasts: list[int] = []
        self.blocks: list[int] = []
        self.settled = RangeSet()
        self.delivered = RangeSet()
        self.counts: dict[int, int] = {}
        self.next_seq = 1  # behind the highest number seen in any record
        self.last_kept = 0  # the last message that was not rewritten; 0: none was seen
        self.average_octets = 0.0
        self.has_deadlines = False

    def add(self, record: Record, body_size: int, block: int) -> tuple[int, int] | None:
        """A MESSAGES or REFER record. Returns: numbers before it that should have been seen and
        were not."""
        first, last = record.seq, record.seq + record.total - 1
        self.next_seq = max(self.next_seq, last + 1)
        if record.flags & TRANSIENT:
            if record.flags & MOVED:
                return None
            missing = self._missing(record)
            self.last_kept = last
            return missing
        octets = record.total * (body_size + RECORD_OCTETS)
        self.average_octets += (octets / record.total - self.average_octets) / (
            min(len(self.firsts), 1000) + 1
        )
        if record.flags & MOVED:
            self._move(first, last, block)
            return None
        missing = self._missing(record)
        self.last_kept = last
        if self.blocks and self.blocks[-1] == block and self.lasts[-1] + 1 == first:
            self.lasts[-1] = last
        else:
            self.firsts.append(first)
            self.lasts.append(last)
            self.blocks.append(block)
        return missing

    def _missing(self, record: Record) -> tuple[int, int] | None:
        if self.last_kept and record.seq > self.last_kept + 1 and not record.flags & JUMP:
            return self.last_kept + 1, record.seq - 1
        return None

    def _move(self, first: int, last: int, block: int) -> None:
        """What is live of an entry moves all at once, so the entry moves."""
        index = bisect_left(self.lasts, first)
        if index < len(self.lasts) and self.firsts[index] <= first:
            self.blocks[index] = block
        elif index and self.blocks[index - 1] == block and self.lasts[index - 1] + 1 == first:
            self.lasts[index - 1] = last
        else:  # its block is damaged and was left out, or it is in a segment that is gone
            self.firsts.insert(index, first)
            self.lasts.insert(index, last)
            self.blocks.insert(index, block)

    def note(self, kind: int, first: int, second: int) -> None:
        """A SETTLED range, or a COUNTED number and its count."""
        if kind == COUNTED:
            self.counts[first] = second
            return
        self.settled.add(first, second)
        self.next_seq = max(self.next_seq, second + 1)
