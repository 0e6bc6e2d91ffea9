"""Looks at a queue's messages on disk, and leaves no trace: not in the queue's log, which goes on
reading where it was, nor among the blocks kept for those who do.

Whoever looks may do so for long, in pieces, while messages come and go; so each piece begins anew
with a sequence number, and the block that holds it. What is in the block is found out once.

A block is read whole and checked, unless it is a large one: then only what is wanted of it is read,
unchecked. Nothing of that is delivered to anybody.
"""

from __future__ import annotations

import logging
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from struct import error as StructError  # noqa: N812 - a class
from typing import NamedTuple

from broker.message import Envelope
from broker.seams import MAYBE_DELIVERED
from broker.store.format import (
    EXTRAS,
    MESSAGES,
    RECORD_OCTETS,
    REFER,
    FormatError,
    unpack_extras,
    unpack_record,
)
from broker.store.queue_log import QueueLog

log = logging.getLogger("broker.store")

WHOLE_MAX = 512 * 1024  # octets of a block that is read whole: about a millisecond with its sum
AHEAD_OCTETS = 512 * 1024
BLOCKS_MAX = 500  # that are passed over in one go
PIECE_OCTETS = 512 * 1024  # of bodies read in one piece
Take = Callable[[int, int], bytes]  # from the payload of a block: offset, octets


class Seen(NamedTuple):
    """A message on disk. body: its first octets. delivery_count: earlier ones."""

    seq: int
    envelope: Envelope
    body: bytes
    deadline_ms: int
    delivery_count: int


class Run(NamedTuple):
    """Messages of a queue that lie side by side. at: offset of the first one's body."""

    first: int
    last: int
    envelope: Envelope
    at: int
    deadline_ms: int


class Looker:
    """Looks at what a queue has on disk only. unreadable: messages it could not see."""

    def __init__(self, queue: QueueLog):
        self._queue = queue
        self._block: int | None = None  # the one whose runs are known,
        self._first = self._last = 0  # from one sequence number to another
        self._runs: list[Run] = []
        self._take: Take = _nothing
        self._prepared = -1  # where in the log the system was last told to read ahead
        self.unreadable = 0

    def look(self, seq: int, most: int, body_max: int | None) -> tuple[list[Seen], int]:
        """The next messages from a sequence number on: so many at most, of one block.

        body_max: octets of each body that are wanted; None: all. Returns: them, and where to go on;
        0: there are no more.
        """
        queue = self._queue
        if not queue.paged_count:
            return [], 0
        seq = max(seq, queue.paged_from)
        index = bisect_left(queue.lasts, seq, queue.head)
        if index == len(queue.lasts):
            return [], 0
        first, last, block = queue.firsts[index], queue.lasts[index], queue.blocks[index]
        parts = queue.unsettled(max(seq, first), last)
        if not parts:  # its segment may be gone
            return [], last + 1
        try:
            self._open(block, first, last)
            return self._collect(parts, most, body_max, last)
        except (OSError, FormatError, StructError, LookupError, ValueError) as error:
            count = sum(high - low + 1 for low, high in parts)
            log.warning("messages cannot be shown, count=%s: %s", count, error)
            self.unreadable += count
            self._block = None
            return [], last + 1

    def pass_over(self, seq: int, count: int) -> tuple[int, int]:
        """Go on by so many messages, without looking at them, or by as many as there are in some
        blocks. Returns: by how many, and where to go on; 0: there are no more."""
        queue = self._queue
        if not queue.paged_count:
            return 0, 0
        seq = max(seq, queue.paged_from)
        start = bisect_left(queue.lasts, seq, queue.head)
        passed = 0
        for index in range(start, min(start + BLOCKS_MAX, len(queue.lasts))):
            for low, high in queue.unsettled(max(seq, queue.firsts[index]), queue.lasts[index]):
                size = high - low + 1
                if passed + size > count:
                    return count, low + count - passed
                passed += size
        end = start + BLOCKS_MAX
        return passed, queue.firsts[end] if end < len(queue.lasts) else 0

    def look_ahead(self, seq: int) -> None:
        """Have the system fetch the block in which a message is."""
        queue = self._queue
        index = bisect_left(queue.lasts, seq, queue.head)
        if index < len(queue.lasts):
            queue.log.reader.prepare(queue.blocks[index])

    def _collect(
        self, parts: list[tuple[int, int]], most: int, body_max: int | None, last: int
    ) -> tuple[list[Seen], int]:
        found: list[Seen] = []
        octets = 0
        for low, high in parts:
            at = max(0, bisect_right(self._runs, low, key=_first_of) - 1)
            for run in self._runs[at : bisect_right(self._runs, high, key=_first_of)]:
                for seq in range(max(low, run.first), min(high, run.last) + 1):
                    if len(found) == most or octets > PIECE_OCTETS:
                        return found, seq
                    size = run.envelope.body_size
                    wanted = size if body_max is None else min(size, body_max)
                    body = self._take(run.at + (seq - run.first) * size, wanted)
                    if len(body) < wanted:
                        raise FormatError("a block is shorter than it was")
                    octets += wanted
                    count = _deliveries(self._queue, seq)
                    found.append(Seen(seq, run.envelope, body, run.deadline_ms, count))
        return found, last + 1

    def _open(self, block: int, first: int, last: int) -> None:
        """Know the runs of the queue in a block. Raises: OSError, FormatError."""
        if block == self._block and self._first == first and self._last >= last:
            return
        size, take = self._queue.log.view(block, WHOLE_MAX)
        self._take = take
        self._runs = _runs(take, size, self._queue.queue_id, first, last)
        self._runs.sort(key=_first_of)
        self._block, self._first, self._last = block, first, last
        if block // AHEAD_OCTETS != self._prepared:
            self._prepared = block // AHEAD_OCTETS
            self.look_ahead(last + 1)


def _runs(take: Take, size: int, queue_id: int, first: int, last: int) -> list[Run]:
    """What a block has of a queue's messages from first to last. Raises: FormatError."""
    found: list[Run] = []
    at = 0
    while at < size:
        kind, flags, a, b, record_queue_id, seq, total = unpack_record(take(at, RECORD_OCTETS), 0)
        is_wanted = record_queue_id == queue_id and seq <= last and seq + total > first
        extras_at = at + RECORD_OCTETS
        if kind == MESSAGES:
            extras_at += a + b
        elif kind == REFER:
            extras_at += 4
        else:
            at = extras_at + 16 * total
            continue
        extras = b""
        if flags & EXTRAS:
            extras = take(extras_at, int.from_bytes(take(extras_at, 4), "little"))
        source, index = (at, 0) if kind == MESSAGES else (b, 0)
        if kind == REFER and is_wanted:
            index = int.from_bytes(take(at + RECORD_OCTETS, 4), "little")
        if is_wanted:
            envelope, bodies_at = _source(take, source)
            deadline_ms = unpack_extras(extras).deadline_ms if extras else 0
            bodies_at += index * envelope.body_size
            found.append(Run(seq, seq + total - 1, envelope, bodies_at, deadline_ms))
        at = extras_at + len(extras)
        if kind == MESSAGES:
            size_at = extras_at - b + 4
            at += total * int.from_bytes(take(size_at, 8), "big")
    return found


def _source(take: Take, at: int) -> tuple[Envelope, int]:
    """Of a MESSAGES record: its envelope, and where its bodies begin. Raises: FormatError."""
    kind, flags, a, b, _, _, _ = unpack_record(take(at, RECORD_OCTETS), 0)
    if kind != MESSAGES:
        raise FormatError(f"record at {at} is no message")
    at += RECORD_OCTETS
    head = take(at, a + b)
    at += a + b
    if flags & EXTRAS:
        at += int.from_bytes(take(at, 4), "little")
    return Envelope.restored(head[:a], head[a:]), at


def _deliveries(queue: QueueLog, seq: int) -> int:
    """How often a message has been delivered, as `page_in` says it."""
    if queue.is_counting:
        return queue.counts.get(seq, MAYBE_DELIVERED if seq in queue.delivered else 0)
    return queue.counts.get(seq, 1) if seq in queue.delivered else 0


def _first_of(run: Run) -> int:
    return run.first


def _nothing(at: int, size: int) -> bytes:
    return b""
