"""What the log comes to at some point, so that a start has only to read what was written since.

`log/checkpoint` is one row of 64-bit numbers, little-endian:

    magic │ version │ salt │ last block │ segments, 5 numbers each │ queues │ crc

It is put down with a commit, whole or not at all, when segments can go, when a lot has been written
since the last one, and at a clean stop. It says everything about the blocks up to its last one: a
segment that it has not, with blocks no later than that, is gone even if its file is still there.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zlib import crc32

from broker.store.files import Disk
from broker.store.queue_state import QueueState
from broker.store.ranges import RangeSet
from broker.store.space import Segment

if TYPE_CHECKING:
    from broker.store.commit_log import CommitLog
    from broker.store.queue_log import QueueLog

NAME = "checkpoint"
MAGIC = int.from_bytes(b"LEVRTCHK", "little")
VERSION = 1


@dataclass(slots=True)
class Checkpoint:
    """See the module."""

    salt: int
    last_block: int
    segments: list[Segment] = field(default_factory=list)
    queues: dict[int, QueueState] = field(default_factory=dict)


def of(log: CommitLog) -> bytes:
    """The checkpoint of a log as it is now, all blocks closed."""
    numbers = array("Q", [MAGIC, VERSION, log.files.salt, log.next_block - 1])
    segments = log.space.segments.values()
    numbers.append(len(segments))
    for segment in segments:
        numbers.extend(
            (
                segment.number,
                segment.first_block,
                segment.end,
                segment.is_cold,
                segment.last_block,
            )
        )
    durable = [queue for queue in log.queues.values() if queue.is_durable]
    numbers.append(len(durable))
    for queue in durable:
        _add_queue(numbers, queue)
    return _encode(numbers)


def _encode(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    data = numbers.tobytes()
    return data + crc32(data).to_bytes(8, "little")


def _add_queue(numbers: array[int], queue: QueueLog) -> None:
    has_deadlines = queue.has_deadlines and queue.live_count > 0
    numbers.extend((queue.queue_id, queue.next_seq, int(queue.average_octets), has_deadlines))
    settled = queue.settled
    if queue.transient:
        settled = RangeSet([*settled, *queue.transient])
    for ranges in (settled, queue.delivered):
        numbers.append(len(ranges))
        numbers.extend(ranges.firsts)
        numbers.extend(ranges.lasts)
    numbers.append(len(queue.counts))
    numbers.extend(queue.counts.keys())
    numbers.extend(queue.counts.values())
    firsts = queue.firsts[queue.head :]
    if firsts and firsts[0] < queue.floor:
        firsts[0] = queue.floor  # what is below is done with, and in no range any more
    numbers.append(len(firsts))
    numbers.extend(firsts)
    numbers.extend(queue.lasts[queue.head :])
    numbers.extend(queue.blocks[queue.head :])


class _Reader:
    """Numbers in a row."""

    def __init__(self, numbers: array[int]):
        self._numbers = numbers
        self._at = 0

    def take(self, count: int) -> array[int]:
        self._at += count
        if self._at > len(self._numbers):
            raise ValueError("the checkpoint is too short")
        return self._numbers[self._at - count : self._at]

    def one(self) -> int:
        return self.take(1)[0]


class CheckpointDamaged(ValueError):  # noqa: N818 - says what is wrong
    """There is one, and it cannot be read."""


def load(disk: Disk, directory: str) -> Checkpoint | None:
    """The checkpoint; None: there is none. Raises: CheckpointDamaged, OSError."""
    if NAME not in disk.names(directory):
        return None
    file = disk.open(f"{directory}/{NAME}")
    try:
        data = file.read(file.size(), 0)
    finally:
        file.close()
    return decode(data)


def decode(data: bytes) -> Checkpoint:
    """Raises: CheckpointDamaged."""
    if len(data) < 16 or len(data) % 8 or crc32(data[:-8]) != int.from_bytes(data[-8:], "little"):
        raise CheckpointDamaged("its checksum is wrong")
    numbers = array("Q", data[:-8])
    if sys.byteorder == "big":
        numbers.byteswap()
    reader = _Reader(numbers)
    if reader.one() != MAGIC or reader.one() != VERSION:
        raise CheckpointDamaged("it is of another kind or version")
    found = Checkpoint(reader.one(), reader.one())
    for _ in range(reader.one()):
        number, first_block, end, is_cold, last_block = reader.take(5)
        found.segments.append(Segment(number, first_block, end, bool(is_cold), last_block))
    found.queues = dict(_queues(reader))
    return found


def _queues(reader: _Reader) -> Iterator[tuple[int, QueueState]]:
    for _ in range(reader.one()):
        state = QueueState()
        queue_id, state.next_seq, average_octets, has_deadlines = reader.take(4)
        state.has_deadlines = bool(has_deadlines)
        state.average_octets = average_octets
        state.last_kept = state.next_seq - 1
        state.settled, state.delivered = _ranges(reader), _ranges(reader)
        count = reader.one()
        state.counts = dict(zip(reader.take(count), reader.take(count), strict=True))
        count = reader.one()
        state.firsts, state.lasts, state.blocks = (list(reader.take(count)) for _ in range(3))
        yield queue_id, state


def _ranges(reader: _Reader) -> RangeSet:
    count = reader.one()
    ranges = RangeSet()
    ranges.firsts, ranges.lasts = list(reader.take(count)), list(reader.take(count))
    return ranges
