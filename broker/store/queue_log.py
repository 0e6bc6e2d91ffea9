"""What the log knows of one queue: where its messages lie, and which of them are done with.

    seq:   … floor ── settled here and there ── │ paged_from ───────── next_seq
             └── in memory or on their way ─────┘ └── on disk only ───┘

A queue gets one when its first message is kept, because it is persistent or because there is no
room for it in memory. From then on every message of the queue is kept, until none is left; so the
numbers in the log have no holes but those that were settled. `firsts`, `lasts` and `blocks` are one
entry per block that has messages of this queue: 24 octets for as many as a commit brought.

Settlements are collected during a turn and written down once, as ranges, when a commit begins.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING

from broker.marks import hot
from broker.message import Message
from broker.seams import Kept
from broker.store.format import (
    COUNTED,
    EXTRAS,
    JUMP,
    SETTLED,
    TRANSIENT,
    pack_extras,
    pack_ranges,
)
from broker.store.ranges import RangeSet, coalesced

if TYPE_CHECKING:
    from broker.store.commit_log import CommitLog

SEQ_MASK = (1 << 48) - 1  # of a rank in a priority queue, see queues/extended.py
TRIM_MIN = 256  # entries that are done with before the arrays are cut


class QueueLog:
    """See the module. first_seq: of the first message that will be kept."""

    __slots__ = (
        "_counting",
        "_settling",
        "_settling_ranges",
        "blocks",
        "counts",
        "delivered",
        "firsts",
        "floor",
        "has_deadlines",
        "has_jump",
        "head",
        "is_counting",
        "is_dirty",
        "is_durable",
        "kept_from",
        "lasts",
        "live_count",
        "live_octets",
        "log",
        "next_seq",
        "paged_count",
        "paged_from",
        "queue_id",
        "read_count",
        "settled",
        "settled_count",
        "transient",
    )

    def __init__(self, log: CommitLog, queue_id: int, first_seq: int, *, is_durable: bool):
        self.log = log
        self.queue_id = queue_id
        self.is_durable = is_durable
        self.next_seq = self.floor = self.paged_from = first_seq
        self.is_counting = False  # every delivery is counted: what was not has not been delivered
        self.has_deadlines = False  # of messages that expire
        self.has_jump = True  # the next message's number does not follow from the last one's
        self.paged_count = 0  # messages from paged_from on
        self.kept_from = first_seq  # every message from here on was kept
        self.live_count = 0  # messages that are not settled, as far as that is written down
        self.live_octets = 0.0  # that they take in the log, about
        self.settled_count = self.read_count = 0  # messages, ever: settled likewise, and read back
        self.settled = RangeSet()  # above floor
        self.transient = RangeSet()  # kept for want of room only: a restart forgets them
        self.delivered = RangeSet()  # at least once, and not settled
        self.counts: dict[int, int] = {}  # deliveries, in queues that count them
        self.firsts, self.lasts, self.blocks = array("Q"), array("Q"), array("Q")
        self.head = 0  # the first entry that has something live
        self.is_dirty = False
        self._settling: list[int] = []
        self._settling_ranges: list[tuple[int, int]] = []
        self._counting: dict[int, int] = {}

    # in

    @hot(bench="persistent")
    def keep(
        self, messages: Sequence[Message], token: object, *, persistent: bool, deadline_ms: int = 0
    ) -> None:
        """Keep messages that share an envelope, as the next of the queue.

        persistent: they have to be there after a restart; in a durable queue only. token: the same
        object when the same messages are kept for several queues: they are written once.
        deadline_ms: since the epoch; 0: none.
        """
        first = self.next_seq
        self.next_seq = first + len(messages)
        flags = 0
        if not persistent:
            flags = TRANSIENT
            if self.is_durable:
                self.transient.add(first, self.next_seq - 1)
        if self.has_jump:
            self.has_jump = False
            flags |= JUMP
        extras = b""
        blind_keys = messages[0].envelope.blind_keys
        if deadline_ms or blind_keys:
            self.has_deadlines = self.has_deadlines or deadline_ms > 0
            flags |= EXTRAS
            extras = pack_extras(deadline_ms, blind_keys)
        self.log.keep(self, first, messages, token, flags, extras)

    def skip_to(self, seq: int) -> None:
        """Messages before a number need not be kept, or are not kept any more: nothing is live."""
        self.next_seq = self.floor = self.paged_from = self.kept_from = seq
        self.has_jump = True
        for ranges in (self.settled, self.delivered, self.transient):
            if ranges:
                ranges.forget_below(seq)

    def add_entry(self, block: int, first: int, last: int, octets: int) -> None:
        """Messages are in a block. Called by the log, in order of sequence numbers."""
        self.live_octets += octets
        self.live_count += last - first + 1
        blocks = self.blocks
        if blocks and blocks[-1] == block and self.lasts[-1] + 1 == first:
            self.lasts[-1] = last
        else:
            self.firsts.append(first)
            self.lasts.append(last)
            blocks.append(block)

    @property
    def kept_count(self) -> int:
        """Messages that were kept, ever, as far as they are counted in blocks."""
        return self.live_count + self.settled_count

    @property
    def average_octets(self) -> float:
        """Of a live message in the log, about."""
        return self.live_octets / self.live_count if self.live_count else 0.0

    # settle

    def settle(self, seq: int) -> None:
        """A message is done with."""
        self._settling.append(seq)
        if not self.is_dirty:
            self.mark_dirty()

    def settle_all(self, seqs: Sequence[int], *, are_paged: bool = False) -> None:
        """Messages are done with, those that were not yet. are_paged: none was, and all of them are
        on disk only: whoever reads on passes over them."""
        if isinstance(seqs, range) and seqs.step == 1:
            if seqs:
                self._settling_ranges.append((seqs.start, seqs.stop - 1))
        else:
            self._settling += seqs
        if not self.is_dirty:
            self.mark_dirty()
        if are_paged:
            self.paged_count -= len(seqs)
            self.write_down()

    def hand_out(self, seqs: Sequence[int], count: int | None) -> None:
        """Messages are delivered and may come back. count: how often they were before, in a queue
        where that matters."""
        if not self.is_durable or not seqs:
            return
        if isinstance(seqs, range) and seqs.step == 1:
            if seqs.stop > self.floor:  # else they were skipped
                self.delivered.add(max(seqs.start, self.floor), seqs.stop - 1)
        else:
            for first, last in coalesced([seq & SEQ_MASK for seq in seqs]):
                if last >= self.floor:
                    self.delivered.add(max(first, self.floor), last)
        if count is not None:
            for seq in seqs:
                if seq & SEQ_MASK >= self.floor:  # else it was skipped
                    self._counting[seq & SEQ_MASK] = max(0, count) + 1
            if not self.is_dirty:
                self.mark_dirty()

    def mark_dirty(self) -> None:
        self.is_dirty = True
        self.log.dirty.append(self)

    def write_down(self) -> None:
        """Write what was settled and delivered since the last commit. Called as one begins."""
        self.is_dirty = False
        self.log.count_block()
        settled = self._collect(self._settling, self._settling_ranges)
        parts = [part for first, last in settled for part in self.unsettled(first, last)]
        if self._counting:
            counting, self._counting = self._counting, {}
            self.counts.update(counting)
            self._note(COUNTED, list(counting.items()))
        if parts:
            self._note(SETTLED, parts)
            for first, last in parts:
                self._forget(first, last)
            self._advance()

    @staticmethod
    def _collect(numbers: list[int], ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Both as ranges; empties them."""
        found = ranges[:]
        ranges.clear()
        if numbers:
            if min(numbers) < 0:  # ranks of a priority queue
                numbers[:] = [number & SEQ_MASK for number in numbers]
            found += coalesced(numbers)
            numbers.clear()
        return list(RangeSet(found)) if len(found) > 1 else found

    def unsettled(self, first: int, last: int) -> list[tuple[int, int]]:
        """The parts of first, …, last that are live, as far as that is written down."""
        first = max(first, self.floor)
        return self.settled.missing(first, last) if first <= last else []

    def _note(self, kind: int, ranges: list[tuple[int, int]]) -> None:
        if ranges and self.is_durable:
            firsts, lasts = [part[0] for part in ranges], [part[1] for part in ranges]
            self.log.note(pack_ranges(kind, self.queue_id, firsts, lasts))

    def _forget(self, first: int, last: int) -> None:
        """Count messages, none of which was settled before, out of the blocks they are in."""
        self.settled.add(first, last)
        if self.counts:
            for seq in range(first, last + 1):
                self.counts.pop(seq, None)
        lasts, firsts = self.lasts, self.firsts
        index = bisect_left(lasts, first, self.head)
        while index < len(lasts) and firsts[index] <= last:
            overlap = min(last, lasts[index]) - max(first, firsts[index]) + 1
            octets = overlap * self.average_octets
            self.live_count -= overlap
            self.settled_count += overlap
            self.live_octets -= octets
            self.log.space.release(self.blocks[index], overlap, octets)
            index += 1

    def _advance(self) -> None:
        """Move the floor over what is settled, and let go of entries below it."""
        settled = self.settled
        if settled.firsts[0] > self.floor:
            return
        self.floor = floor = settled.lasts[0] + 1
        settled.forget_below(floor)
        self.delivered.forget_below(floor)
        self.transient.forget_below(floor)
        lasts, head = self.lasts, self.head
        while head < len(lasts) and lasts[head] < floor:
            head += 1
        # an entry that is done with must not grow by what is kept next, in the same open block
        if head == len(lasts) or (head > TRIM_MIN and head * 2 > len(lasts)):
            del self.firsts[:head], self.lasts[:head], self.blocks[:head]
            head = 0
        self.head = head

    def is_live(self, seq: int) -> bool:
        """Whether a message that was kept is not settled, as far as that is written down."""
        return seq >= self.floor and seq not in self.settled

    def drop(self) -> None:
        """The queue is gone, and everything in it."""
        self.log.count_block()
        if self.floor < self.next_seq:
            for first, last in self.unsettled(self.floor, self.next_seq - 1):
                self._forget(first, last)
        self.log.queues.pop(self.queue_id, None)
        self._settling.clear()
        self._settling_ranges.clear()
        self._counting.clear()
        self.paged_count = 0

    # back

    def page_in(self) -> list[Kept]:
        """The next messages that are on disk only, those of one block; none: there are no more.

        What is damaged is lost: said in the log, and taken out of the queue.
        """
        while self.paged_count:
            index = bisect_left(self.lasts, self.paged_from, self.head)
            assert index < len(self.lasts), "messages are paged out that were never kept"
            last = self.lasts[index]
            first, block = max(self.paged_from, self.firsts[index]), self.blocks[index]
            if not self.unsettled(first, last):  # the cleaner lost it: its segment may be gone
                self.paged_from = last + 1
                continue
            ahead = self.blocks[index + 1] if index + 1 < len(self.blocks) else None
            try:
                found = self.log.read(self, block, first, last)
            except OSError as error:
                self._pass_over(first, last, error)
                found = []
            if found is None:
                self._lose(first, last)
                found = []
            self.paged_from = last + 1
            self.paged_count -= len(found)
            self.read_count += len(found)
            self.log.read_count += len(found)
            if found:
                self.log.reader.read_ahead(block, ahead)
                return found
        return []

    def count_octets(self) -> int:
        """The bodies of all messages that are on disk only, by reading them."""
        octets = 0
        found: list[Kept] | None
        for index in range(bisect_left(self.lasts, self.paged_from, self.head), len(self.lasts)):
            first = max(self.paged_from, self.firsts[index])
            try:
                found = self.log.read(self, self.blocks[index], first, self.lasts[index])
            except OSError:  # whoever wants the messages will say so
                found = None
            octets += sum(len(item.message.body) for item in found or ())
        return octets

    def _lose(self, first: int, last: int) -> None:
        """Messages are damaged for good: they are done with. What is in memory stays there."""
        self.kept_from = max(self.kept_from, last + 1)
        self.write_down()
        parts = self.unsettled(first, last)
        count = sum(high - low + 1 for low, high in parts)
        if self.paged_count:
            start = self.paged_from
            self.paged_count -= sum(
                high - max(low, start) + 1 for low, high in parts if high >= start
            )
        if count:
            self.log.on_lost(self, parts, count)
            self.settle_all(range(first, last + 1))
            self.write_down()

    def _pass_over(self, first: int, last: int, error: OSError) -> None:
        """Messages cannot be read for now: the next start tries again."""
        count = sum(high - low + 1 for low, high in self.unsettled(first, last))
        self.paged_count -= count
        self.log.on_unreadable(self, count, error)

    def live_parts(self, first: int, last: int, block: int) -> list[tuple[int, int]]:
        """What of first, …, last, all of one record in this block, is live and is read from here,
        not from where it has moved."""
        parts = self.unsettled(first, last)
        if not parts:
            return []
        index = bisect_left(self.lasts, parts[0][0], self.head)
        if index == len(self.lasts) or self.blocks[index] != block:
            return []
        return parts

    def lose_block(self, block: int) -> None:
        """A block can't be read any more: what is live in it is lost."""
        entries = zip(self.firsts, self.lasts, self.blocks, strict=True)
        for first, last in [(first, last) for first, last, at in entries if at == block]:
            self._lose(first, last)  # may cut the arrays

    def move_entry(self, block: int, first: int, last: int) -> None:
        """Messages that were in an older block are in this one now."""
        index = bisect_left(self.lasts, first, self.head)
        while index < len(self.firsts) and self.firsts[index] <= last:
            self.blocks[index] = block
            index += 1

    def check_invariants(self) -> None:
        """Assert what the module promises. Called by tests."""
        assert self.floor <= self.next_seq
        if self.paged_count:
            assert self.paged_from <= self.next_seq  # what lies between it and floor is settled
            first = max(self.paged_from, self.floor)
            left = sum(last - first + 1 for first, last in self.unsettled(first, self.next_seq - 1))
            assert self.paged_count <= left
        for index in range(self.head, len(self.lasts)):
            assert self.firsts[index] <= self.lasts[index] < self.next_seq
            assert index == self.head or self.lasts[index - 1] < self.firsts[index]
        entries = zip(self.firsts[self.head :], self.lasts[self.head :], strict=True)
        parts = [part for entry in entries for part in self.unsettled(*entry)]
        live = sum(last - first + 1 for first, last in parts)
        assert live == self.live_count, (live, self.live_count)
