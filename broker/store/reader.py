"""Reads messages back: blocks from the files, or from memory as long as they are not written.

Always whole blocks, with their checksum: a queue's messages lie side by side in them, and no
flipped bit is delivered to anybody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from broker.message import Envelope, Message
from broker.seams import MAYBE_DELIVERED, Kept
from broker.store.format import (
    BLOCK_OCTETS,
    EXTRAS,
    HEADER_OCTETS,
    RECORD_OCTETS,
    REFER,
    FormatError,
    Record,
    extras_of,
    has_right_checksum,
    index_of,
    read_block_header,
    record_at,
    records_of,
    unpack_extras,
)
from broker.store.queue_log import QueueLog
from broker.store.segment_files import SegmentFiles
from broker.store.space import Space

log = logging.getLogger("broker.store")

READ_AHEAD_OCTETS = 1024 * 1024
CACHE_BLOCKS = 16  # read lately: queues that were filled together are often drained together
_OFFSET = 0xFFFF_FFFF


class Reader:
    """See the module. unwritten: payloads of blocks that are not in the files yet, by position."""

    def __init__(self, files: SegmentFiles, space: Space, unwritten: Mapping[int, bytes]):
        self._files = files
        self._space = space
        self._unwritten = unwritten
        self._cache: dict[int, bytes] = {}  # payloads by position, the oldest first
        self._envelope: Envelope | None = None  # the last one read back

    def read(self, queue: QueueLog, block: int, first: int, last: int) -> list[Kept] | None:
        """The live messages of a queue from first to last in a block; None: it is damaged.

        Raises: OSError.
        """
        payload = self.payload(block)
        if payload is None:
            return None
        found: list[Kept] = []
        for record in records_of(payload, queue.queue_id, first, last):
            self._read_record(queue, payload, record, first, last, found)
        if len(found) > 1 and any(
            found[index].seq > found[index + 1].seq for index in range(len(found) - 1)
        ):
            found.sort(key=_seq_of)
        return found

    def _read_record(
        self,
        queue: QueueLog,
        payload: bytes,
        record: Record,
        first: int,
        last: int,
        found: list[Kept],
    ) -> None:
        source, index = record, 0
        if record.kind == REFER:
            source, index = record_at(payload, record.b), index_of(payload, record)
        envelope, at = self.source_of(payload, source)
        deadline_ms = 0
        if record.flags & EXTRAS:
            deadline_ms, blind_keys = unpack_extras(extras_of(payload, record))
            if blind_keys:
                envelope = Envelope.restored(envelope.address, envelope.header, blind_keys)
        size = envelope.body_size
        low = max(first, record.seq, queue.floor)  # below, `settled` has forgotten them
        high = min(last, record.seq + record.total - 1)
        at += (index + low - record.seq) * size
        settled, delivered = queue.settled, queue.delivered
        counts = queue.counts
        for seq in range(low, high + 1):
            if not settled or seq not in settled:
                count = 0
                if queue.is_counting:
                    count = counts.get(seq, MAYBE_DELIVERED if seq in delivered else 0)
                elif delivered and seq in delivered:
                    count = counts.get(seq, 1)
                message = Message(envelope, payload[at : at + size])
                found.append(Kept(seq, message, deadline_ms, count))
            at += size

    def source_of(self, payload: bytes, record: Record) -> tuple[Envelope, int]:
        """What a MESSAGES record holds: its envelope, and where its first body lies."""
        at = record.at + RECORD_OCTETS
        header_at = at + record.a
        bodies_at = header_at + record.b
        address, header = payload[at:header_at], payload[header_at:bodies_at]
        bodies_at += len(extras_of(payload, record))
        envelope = self._envelope
        if envelope is None or envelope.header != header or envelope.address != address:
            envelope = self._envelope = Envelope.restored(address, header)
        return envelope, bodies_at

    def payload(self, block: int) -> bytes | None:
        """A block's payload, checked; None: it is damaged. Raises: OSError."""
        payload = self._unwritten.get(block) or self._cache.get(block)
        if payload is not None:
            return payload
        payload = self._read_block(block)
        if payload is None:
            log.error("a block is damaged, segment=%s offset=%s", block >> 32, block & _OFFSET)
            return None
        cache = self._cache
        if len(cache) >= CACHE_BLOCKS:
            del cache[next(iter(cache))]
        if len(payload) <= 4 * BLOCK_OCTETS:
            cache[block] = payload
        return payload

    def view(self, block: int, whole_max: int) -> tuple[int, Callable[[int, int], bytes]]:
        """For whoever only looks: how long a block's payload is, and how to take octets from an
        offset in it. One of more than `whole_max` is neither read whole nor checked.

        Raises: OSError, FormatError where it is damaged.
        """
        payload = self._unwritten.get(block) or self._cache.get(block)
        number, offset = block >> 32, block & _OFFSET
        if payload is None:
            header = read_block_header(self._files.read(number, HEADER_OCTETS, offset), 0)
            if header is not None and header.length > whole_max:
                offset += HEADER_OCTETS
                return header.length, lambda at, size: self._files.read(number, size, offset + at)
            payload = self._read_block(block)
            if payload is None:
                raise FormatError(f"a block is damaged, segment={number} offset={offset}")
        found = payload
        return len(found), lambda at, size: found[at : at + size]

    def prepare(self, block: int) -> None:
        """Have the system fetch a block, and what follows."""
        if block not in self._unwritten and block not in self._cache:
            with suppress(OSError):
                self._files.will_need(block >> 32, READ_AHEAD_OCTETS, block & _OFFSET)

    def _read_block(self, block: int) -> bytes | None:
        number, offset = block >> 32, block & _OFFSET
        size = HEADER_OCTETS + BLOCK_OCTETS + BLOCK_OCTETS // 4
        data = self._files.read(number, size, offset)
        header = read_block_header(data, 0)
        if header is None:
            return None
        end = HEADER_OCTETS + header.length
        if offset + end > self._space.segments[number].end:
            return None
        if end > len(data):
            data += self._files.read(number, end - len(data), offset + len(data))
        if not has_right_checksum(data, 0, header.length, self._files.salt):
            return None
        return data[HEADER_OCTETS:end]

    def read_ahead(self, block: int, ahead: int | None) -> None:
        """A queue has read a block and will read another: have the system fetch what follows."""
        if ahead is None or ahead in self._unwritten:
            return
        step = READ_AHEAD_OCTETS
        if block >> 32 == ahead >> 32 and block // step == ahead // step and block & _OFFSET > step:
            return  # asked for already
        number, offset = ahead >> 32, ahead & _OFFSET
        with suppress(OSError):  # only a hint: reading will tell
            self._files.will_need(number, 2 * step, offset // step * step)

    def forget(self, segments: Iterable[int]) -> None:
        """These segments are going."""
        gone = set(segments)
        for position in [position for position in self._cache if position >> 32 in gone]:
            del self._cache[position]


def _seq_of(kept: Kept) -> int:
    return kept.seq
