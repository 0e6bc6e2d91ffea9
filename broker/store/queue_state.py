"""What a log says of one queue: what a checkpoint holds, and what recovery adds to it."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING

from broker.store.format import COUNTED, JUMP, MOVED, TRANSIENT, Record
from broker.store.ranges import RangeSet

if TYPE_CHECKING:
    from broker.store.queue_log import QueueLog


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

    def add(self, record: Record, block: int) -> tuple[int, int] | None:
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
        octets = (record.end - record.at) / record.total
        self.average_octets += (octets - self.average_octets) / (min(len(self.firsts), 1000) + 1)
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


def restore(queue: QueueLog, state: QueueState) -> None:
    """Make a new queue log what the checkpoint and the log since say. The segments are in the log's
    `Space` already."""
    settled, space = state.settled, queue.log.space
    queue.next_seq = state.next_seq
    queue.has_deadlines = state.has_deadlines
    kept: list[tuple[int, int, int]] = []
    for first, last, block in zip(state.firsts, state.lasts, state.blocks, strict=True):
        live = last - first + 1 - settled.count(first, last)
        if live and block >> 32 in space.segments:
            kept.append((first, last, block))
            space.add(block, live, live * state.average_octets)
            queue.live_count += live
            queue.live_octets += live * state.average_octets
    queue.firsts = array("Q", [first for first, _, _ in kept])
    queue.lasts = array("Q", [last for _, last, _ in kept])
    queue.blocks = array("Q", [block for _, _, block in kept])
    queue.floor = queue.next_seq
    if kept:
        queue.floor = settled.missing(kept[0][0], kept[0][1])[0][0]
    at = queue.floor
    for first, last, _ in kept:  # numbers between two entries are done with, or were never kept
        if first > at:
            queue.settled.add(at, first - 1)
        at = max(at, last + 1)
    if at < queue.next_seq:
        queue.settled.add(at, queue.next_seq - 1)
    for ranges, target in ((settled, queue.settled), (state.delivered, queue.delivered)):
        for first, last in ranges:
            if last >= queue.floor:
                target.add(max(first, queue.floor), last)
    queue.counts = {
        seq: count
        for seq, count in state.counts.items()
        if seq >= queue.floor and seq not in queue.settled
    }
    queue.paged_from = queue.kept_from = queue.floor
    queue.paged_count = queue.live_count
