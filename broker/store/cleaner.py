"""Rewrites what is live in a segment that is mostly dead, block by block, so that it can go.

A few messages that nobody consumes would otherwise keep every segment that has some of them. A
block's live messages go into one new block of a cold segment, all of them, so that where they were
is replaced by where they are in one step. What several queues share is still written once.

It works in proportion to what is written, so that it keeps up with any rate: while the log is too
large, twice as many octets of old segments are dealt with as come in.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from broker.store.format import (
    HEADER_OCTETS,
    MESSAGES,
    MOVED,
    REFER,
    Record,
    extras_of,
    index_of,
    pack_record,
    record_at,
    records,
)
from broker.store.ranges import coalesced

if TYPE_CHECKING:
    from broker.store.commit_log import CommitLog
    from broker.store.queue_log import QueueLog
    from broker.store.space import Segment

log = logging.getLogger("broker.store")

PACE = 2  # octets dealt with per octet written
WORK_MIN, WORK_MAX = 64 * 1024, 1024 * 1024  # octets dealt with in one turn
_ZERO = bytes(4)


class Claim(NamedTuple):
    """A queue in which a message is live, with what its record there says."""

    queue: QueueLog
    seq: int
    flags: int
    extras: bytes


class Cleaner:
    """See the module."""

    def __init__(self, log: CommitLog):
        self._log = log
        self._blocks: list[int] = []  # those of a segment with something live, the last ones first
        self._seen_octets = 0  # written by the log when we last worked

    def work(self) -> None:
        """Do a turn's share, if the log is too large."""
        written, self._seen_octets = (
            self._log.written_octets - self._seen_octets,
            self._log.written_octets,
        )
        left = min(max(PACE * written, WORK_MIN), WORK_MAX)
        while left > 0 and (done := self.step()):
            left -= done
        self._seen_octets = self._log.written_octets  # what we have written ourselves

    def step(self) -> int:
        """Deal with one block. Returns: octets dealt with; 0: there is nothing to do."""
        if self._log.is_behind:
            return 0
        if not self._blocks:
            segment = self._log.space.next_to_clean()
            if segment is None:
                return 0
            self._blocks = self._find_blocks(segment)
            assert self._blocks, segment
        block = self._blocks.pop()
        segment = self._log.space.segments.get(block >> 32)
        if segment is None or not segment.live:
            return HEADER_OCTETS  # it has died meanwhile
        try:
            payload = self._log.payload(block)
        except OSError as error:
            log.error("a segment cannot be cleaned, segment=%s: %s", segment.number, error)
            segment.is_unreadable = True
            self._blocks.clear()
            return HEADER_OCTETS
        if payload is None:
            for queue in list(self._log.queues.values()):
                queue.lose_block(block)
            return HEADER_OCTETS
        self._move(block, payload)
        return HEADER_OCTETS + len(payload)

    def _find_blocks(self, segment: Segment) -> list[int]:
        """The blocks of a segment in which a queue has something live."""
        low, high = segment.number << 32, (segment.number + 1) << 32
        found = {
            block
            for queue in self._log.queues.values()
            for block in queue.blocks[queue.head :]
            if low <= block < high
        }
        return sorted(found, reverse=True)

    def _move(self, position: int, payload: bytes) -> None:
        """Write what is live in a block again."""
        claims = self._claims(position, payload)
        if not claims:
            return
        block = self._log.begin_cold_block()
        moved: dict[QueueLog, list[int]] = {}
        octets: dict[QueueLog, float] = {}  # that each has of the new block: all of it is live
        for at, by_index in claims.items():
            source = record_at(payload, at)
            for index, count in _runs(by_index):
                entries = by_index[index]
                written = self._write(payload, source, index, count, entries)
                for claim in entries:
                    share = written / len(entries)
                    octets[claim.queue] = octets.get(claim.queue, HEADER_OCTETS) + share
            for entries in by_index.values():
                for claim in entries:
                    moved.setdefault(claim.queue, []).append(claim.seq)
        for queue, seqs in moved.items():
            before = len(seqs) * queue.average_octets
            self._log.space.release(position, len(seqs), before)
            self._log.space.add(block, len(seqs), octets[queue])
            queue.live_octets += octets[queue] - before
            for first, last in coalesced(seqs):  # the block may hold some that had moved before
                queue.move_entry(block, first, last)
        self._log.close_block()

    def _claims(self, position: int, payload: bytes) -> dict[int, dict[int, list[Claim]]]:
        """MESSAGES record → index of a message in it → who still has it."""
        claims: dict[int, dict[int, list[Claim]]] = {}
        for record in records(payload):
            if record.kind > REFER:
                continue
            queue = self._log.queues.get(record.queue_id)
            if queue is None:
                continue
            source, index = record.at, 0
            if record.kind == REFER:
                source, index = record.b, index_of(payload, record)
            extras = extras_of(payload, record)
            parts = queue.live_parts(record.seq, record.seq + record.total - 1, position)
            for low, high in parts:
                for seq in range(low, high + 1):
                    claim = Claim(queue, seq, record.flags | MOVED, extras)
                    place = index + seq - record.seq
                    claims.setdefault(source, {}).setdefault(place, []).append(claim)
        return claims

    def _write(
        self, payload: bytes, source: Record, index: int, count: int, entries: list[Claim]
    ) -> int:
        """Messages that lie side by side, for all who have them. Returns: octets."""
        envelope, bodies_at = self._log.reader.source_of(payload, source)
        size = envelope.body_size
        bodies = payload[bodies_at + index * size : bodies_at + (index + count) * size]
        address, header = envelope.address, envelope.header
        first, *others = entries
        head = pack_record(
            MESSAGES,
            first.flags,
            len(address),
            len(header),
            first.queue.queue_id,
            first.seq,
            count,
        )
        chunk = b"".join((head, address, header, first.extras, bodies))
        written = len(chunk)
        at = self._log.append(chunk)
        for claim in others:
            head = pack_record(REFER, claim.flags, 0, at, claim.queue.queue_id, claim.seq, count)
            chunk = head + _ZERO + claim.extras
            written += len(chunk)
            self._log.append(chunk)
        return written


def _runs(by_index: dict[int, list[Claim]]) -> list[tuple[int, int]]:
    """First index and count of messages side by side that the same queues have side by side."""
    runs: list[tuple[int, int]] = []
    for index in sorted(by_index):
        if runs and index == sum(runs[-1]):
            first, count = runs[-1]
            before = by_index[first]
            if len(before) == len(by_index[index]) and all(
                one == other._replace(seq=other.seq - count)
                for one, other in zip(before, by_index[index], strict=True)
            ):
                runs[-1] = (first, count + 1)
                continue
        runs.append((index, 1))
    return runs
