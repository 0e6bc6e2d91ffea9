"""What is in a data directory: for people, and for whoever must know before he starts a node on it.

Reads only, and may be used beside a running node: what that is just writing may look like the
unfinished commit of a crash then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from broker.commands import DeclareQueue
from broker.store.catalogue import FILE_NAME as CATALOGUE
from broker.store.catalogue import Catalogue
from broker.store.errors import StoreError
from broker.store.files import LocalDisk
from broker.store.format import (
    BLOCK_MAGIC,
    FIRST_OFFSET,
    HEADER_OCTETS,
    FormatError,
    has_right_checksum,
    read_block_header,
    records,
)
from broker.store.queue_state import QueueState
from broker.store.recovery import Recovery
from broker.store.segment_files import SegmentFiles
from broker.store.store import IDENTITY, read_identity

WINDOW_OCTETS = 4 * 1024 * 1024


def inspect(directory: Path) -> Iterator[str]:
    """The directory, line by line: segments, live messages, and what a start would do.

    Raises: StoreError, OSError.
    """
    disk = _open(directory)
    files = SegmentFiles(disk, salt=0)
    queues = _queues(directory)
    recovery = Recovery(files, queues)
    report = recovery.run()
    yield f"data directory\t{directory}"
    yield f"node\t{read_identity(disk)}"
    yield f"in use by\t{disk.holder() if disk.is_locked() else 'nobody'}"
    yield f"last stop\t{'clean' if report.was_stopped else 'not clean, or it runs'}"
    yield f"checkpoint\tup to block {report.checkpoint_block}"
    yield ""
    yield "segment\tkind\toctets\tlive messages\tblocks up to"
    live = _live_by_segment(recovery.queues)
    for number, segment in recovery.segments.items():
        kind = "cold" if segment.is_cold else "hot"
        yield f"{number}\t{kind}\t{segment.end}\t{live.get(number, 0)}\t{segment.last_block}"
    yield ""
    yield "queue\tvhost\tmessages\toctets, about\tnext number"
    for queue_id, state in recovery.queues.items():
        name = queues[queue_id]
        count = _live_count(state)
        octets = int(count * state.average_octets)
        yield f"{name.name}\t{name.vhost}\t{count}\t{octets}\t{state.next_seq}"
    yield ""
    yield f"a start would read {report.octets} octets in {report.blocks} blocks"
    for number, octets in report.cut.items():
        yield f"a start would cut off {octets} octets of segment {number}, an unfinished commit"
    for number in report.removed:
        yield f"a start would remove segment {number}, which does not count any more"
    for problem in report.problems:
        yield f"damaged: {problem}"
    for gap in report.gaps:
        yield f"damaged: blocks {gap.first}-{gap.last} are missing"
    for queue_id, ranges in report.lost.items():
        count = sum(last - first + 1 for first, last in ranges)
        name = queues[queue_id]
        yield f"lost: {count} messages of queue '{name.name}' in vhost '{name.vhost}'"
    files.close()


@dataclass(slots=True)
class Verdict:
    """What `verify` found. blocks, octets: those that are good."""

    blocks: int
    octets: int
    problems: list[str]


def verify(directory: Path) -> Verdict:
    """Read every block of every segment and try its checksum and its records.

    Raises: StoreError, OSError.
    """
    disk = _open(directory)
    files = SegmentFiles(disk, salt=0)
    recovery = Recovery(files, _queues(directory))
    report = recovery.run()
    verdict = Verdict(0, 0, [*report.problems])
    verdict.problems += [f"blocks {gap.first}-{gap.last} are missing" for gap in report.gaps]
    for number, segment in recovery.segments.items():
        _verify_segment(files, number, segment.end, verdict)
    files.close()
    return verdict


def _verify_segment(files: SegmentFiles, number: int, end: int, verdict: Verdict) -> None:
    end = min(end, files.open(number).size())  # where it is short, recovery has said so
    at = FIRST_OFFSET
    while at < end:
        window = files.read(number, WINDOW_OCTETS, at)
        offset = 0
        while at + offset < end:
            header = read_block_header(window, offset)
            size = HEADER_OCTETS + (header.length if header is not None else 0)
            if offset + max(size, HEADER_OCTETS) > len(window):
                if offset:
                    break  # go on in the next window
                window = files.read(number, min(size, end - at), at)
            problem = "no block begins there"
            if header is not None:
                problem = _verify_block(window, offset, header.length, files.salt)
            if not problem:
                verdict.blocks += 1
                verdict.octets += size
                offset += size
                continue
            verdict.problems.append(f"{files.path(number)} at {at + offset}: {problem}")
            following = window.find(BLOCK_MAGIC, offset + 1)
            offset = following if following >= 0 else len(window)
        at += offset


def _verify_block(data: bytes, at: int, length: int, salt: int) -> str:
    """What is wrong with a block; empty: nothing."""
    if not has_right_checksum(data, at, length, salt):
        return "its checksum is wrong"
    try:
        for _ in records(data[at + HEADER_OCTETS : at + HEADER_OCTETS + length]):
            pass
    except (FormatError, IndexError) as error:
        return str(error)
    return ""


def _open(directory: Path) -> LocalDisk:
    """Raises: StoreError (nothing of ours, or no catalogue: opening that would make an empty one,
    with which the next start would take all messages for those of deleted queues)."""
    disk = LocalDisk(directory, read_only=True)
    if IDENTITY not in disk.names("."):
        raise StoreError(f"{directory} is not a data directory")
    if CATALOGUE not in disk.names("."):
        raise StoreError(f"{CATALOGUE} is missing from {directory}")
    return disk


def _queues(directory: Path) -> dict[int, DeclareQueue]:
    catalogue = Catalogue(directory, read_only=True)
    try:
        return {
            command.queue_id: command
            for command in catalogue.load()
            if isinstance(command, DeclareQueue)
        }
    finally:
        catalogue.close()


def _live_count(state: QueueState) -> int:
    return sum(
        last - first + 1 - state.settled.count(first, last)
        for first, last in zip(state.firsts, state.lasts, strict=True)
    )


def _live_by_segment(queues: dict[int, QueueState]) -> dict[int, int]:
    live: dict[int, int] = {}
    for state in queues.values():
        for first, last, block in zip(state.firsts, state.lasts, state.blocks, strict=True):
            count = last - first + 1 - state.settled.count(first, last)
            live[block >> 32] = live.get(block >> 32, 0) + count
    return live
