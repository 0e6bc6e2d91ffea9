"""What is found at start, and what is made of it.

The checkpoint says what the log came to at its last block; every block after that has to be there,
numbered without a gap over all segments. First the blocks are looked for and their checksums tried,
then it is decided what counts, then the records of what counts are taken, in the order of the
blocks' numbers.

    found                                             what it is           what is done
    ────────────────────────────────────────────────  ───────────────────  ─────────────────────────
    nothing behind the last good block, or something  the unfinished       cut off; nothing of it
    that is no good block                             commit of a crash    was promised
    a block is missing, and no good block after it    the same, its        cut off, with what is
    says that it had been synced                      writes reordered     behind it
    all blocks of the last commit but its last ones   the same             cut off: a commit counts
                                                                           whole or not at all
    a block is missing, and a good block after it     damage               left out: named, with the
    says that it had been synced                                           messages lost in it; the
                                                                           rest is kept
    a segment that the checkpoint has is missing      damage               the same
    or short
    a segment that the checkpoint has not, with       was to be removed    removed
    blocks no later than its last one
    a segment's header is damaged, both copies        its blocks are looked for as in any segment;
                                                      with none in it, it is renamed, not removed
    a segment of a later format                       another release's    refused: StoreTooNew
    the checkpoint is damaged                         all segments are read; what was done with in
                                                      segments that are gone may come back: said
    messages of queues that the catalogue has not     deleted, or not      ignored
                                                      durable

After anything but a clean stop, every message is taken to have been delivered before, as RabbitMQ
does: a consumer may have seen it and not been able to say so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterator

from broker.store import checkpoint
from broker.store.checkpoint import Checkpoint, CheckpointDamaged
from broker.store.commit_log import CommitLog
from broker.store.errors import StoreTooNew
from broker.store.findings import Found, Gap, Report
from broker.store.format import (
    BLOCK_MAGIC,
    COUNTED,
    EXTRAS,
    FIRST_OFFSET,
    HEADER_OCTETS,
    MESSAGES,
    REFER,
    SETTLED,
    FormatError,
    Record,
    SegmentHeader,
    UnknownVersion,
    extras_of,
    has_right_checksum,
    read_block_header,
    read_segment_header,
    records,
    segment_header,
    segment_number,
    unpack_extras,
    unpack_ranges,
)
from broker.store.queue_log import QueueLog
from broker.store.queue_state import QueueState, restore
from broker.store.segment_files import DIRECTORY, STOPPED, SegmentFiles
from broker.store.space import Segment

log = logging.getLogger("broker.store")

WINDOW_OCTETS = 4 * 1024 * 1024
PROGRESS_OCTETS = 64 * 1024 * 1024  # a line of progress for so much that was read
NO_BLOCK = (1 << 64) - 1  # for the time being: the first one of a segment that does not say
_OFFSET = 0xFFFF_FFFF

Progress = Callable[[int, int], None]


class Recovery:
    """Reads a log. known: ids of the queues that the catalogue has; None: take all of them."""

    def __init__(self, files: SegmentFiles, known: Container[int] | None = None):
        self.files = files
        self.known = known
        self.report = Report()
        self.queues: dict[int, QueueState] = {}
        self.segments: dict[int, Segment] = {}  # those that count
        self._sizes: dict[int, int] = {}
        self._unread: dict[int, str] = {}  # segments whose headers say nothing, and why
        self._knows_salt = False
        self._promised = 0  # the last block that is known to have been synced
        self._read_octets = 0

    # reading

    def run(self, progress: Progress | None = None) -> Report:
        """Read everything. progress: called with octets read and octets in all.

        Raises: StoreTooNew, OSError.
        """
        names = self.files.disk.names(DIRECTORY)
        self.report.was_stopped = STOPPED in names
        numbers = sorted(number for name in names if (number := segment_number(name)) is not None)
        self._sizes = {number: self.files.open(number).size() for number in numbers}
        headers = {number: self._read_header(number) for number in numbers}
        base = self._load_checkpoint()
        for header in headers.values():
            if header is not None:
                self.files.salt = header.salt
                self._knows_salt = True
        self._begin(base, headers)
        blocks = self._find_blocks(base.last_block, progress)
        self._apply(self._decide(base.last_block, blocks), base.last_block)
        self._finish()
        return self.report

    def _load_checkpoint(self) -> Checkpoint:
        try:
            found = checkpoint.load(self.files.disk, DIRECTORY)
        except CheckpointDamaged as error:
            self.report.problems.append(
                f"the checkpoint is damaged ({error}): what was acked before it may come back"
            )
            found = None
        if found is None:
            return Checkpoint(self.files.salt, 0)
        self.files.salt = found.salt
        self._knows_salt = True
        self.report.checkpoint_block = found.last_block
        for queue_id, state in found.queues.items():
            if self.known is None or queue_id in self.known:
                self.queues[queue_id] = state
        return found

    def _begin(self, base: Checkpoint, headers: dict[int, SegmentHeader | None]) -> None:
        """Which segments count: those of the checkpoint, and those begun after it."""
        for segment in base.segments:
            size = self._sizes.get(segment.number)
            if size is None:
                self.report.problems.append(f"{self.files.path(segment.number)} is missing")
                continue
            if size < segment.end:
                self.report.problems.append(
                    f"{self.files.path(segment.number)} is short of {segment.end - size} octets"
                )
            self.segments[segment.number] = segment
        for number, header in headers.items():
            if number in self.segments:
                continue
            if header is None:
                self.segments[number] = Segment(number, NO_BLOCK, FIRST_OFFSET)
            elif header.first_block <= base.last_block:
                self.report.removed.append(number)
            else:
                self.segments[number] = Segment(
                    number, header.first_block, FIRST_OFFSET, header.is_cold
                )

    def _read_header(self, number: int) -> SegmentHeader | None:
        """None: it cannot be read."""
        data = self.files.read(number, FIRST_OFFSET, 0)
        try:
            return read_segment_header(data, number)
        except UnknownVersion as error:
            raise StoreTooNew(f"{self.files.path(number)}: {error}") from None
        except FormatError as error:
            self._unread[number] = f"{self.files.path(number)}: {error}"
            return None

    def _find_blocks(self, after: int, progress: Progress | None) -> list[Found]:
        """The good blocks that the checkpoint does not speak of, by number."""
        total = sum(
            max(0, self._sizes[number] - segment.end) for number, segment in self.segments.items()
        )
        found: dict[int, Found] = {}
        said = 0
        for number, segment in self.segments.items():
            for block in self._blocks(number, segment.end, after):
                found.setdefault(block.number, block)
                if progress is not None and self._read_octets - said > PROGRESS_OCTETS:
                    said = self._read_octets
                    progress(said, total)
        return [found[number] for number in sorted(found)]

    def _blocks(self, number: int, at: int, after: int) -> Iterator[Found]:
        """The good blocks of a segment behind an offset. What lies between two is passed over."""
        size = self._sizes[number]
        window, window_at = b"", 0
        while at + HEADER_OCTETS <= size:
            if not window_at <= at <= window_at + len(window) - HEADER_OCTETS:
                window, window_at = self._read(number, WINDOW_OCTETS, at), at
            header = read_block_header(window, at - window_at)
            if header is not None and header.number > after:
                end = at + HEADER_OCTETS + header.length
                if end > window_at + len(window) and end <= size:
                    window, window_at = self._read(number, max(WINDOW_OCTETS, end - at), at), at
                if has_right_checksum(window, at - window_at, header.length, self.files.salt):
                    position = number << 32 | at
                    yield Found(
                        header.number, header.synced, position, header.length, header.is_last
                    )
                    at = end
                    continue
            following = window.find(BLOCK_MAGIC, at - window_at + 1)
            if following >= 0:
                at = window_at + following
            else:
                at = max(at + 1, window_at + len(window) - HEADER_OCTETS + 1)

    def _read(self, number: int, size: int, offset: int) -> bytes:
        data = self.files.read(number, size, offset)
        self._read_octets += len(data)
        return data

    # deciding

    def _decide(self, after: int, blocks: list[Found]) -> list[Found]:
        """The blocks that count. What is missing between them and was promised is damage."""
        promised = self._promised = max((block.synced for block in blocks), default=after)
        expected = after + 1
        for index, block in enumerate(blocks):
            if block.number > expected:
                if expected > promised:  # the rest belongs to a commit that was not finished
                    return self._whole_commits(blocks[:index])
                if after or expected > 1 or not self._lacks_checkpoint:
                    self.report.gaps.append(Gap(expected, block.number - 1))
            expected = block.number + 1
        return self._whole_commits(blocks)

    def _whole_commits(self, blocks: list[Found]) -> list[Found]:
        """Without the blocks of a last commit that is not there whole: what it says of one queue
        may rest on what it would have said of another."""
        while blocks and not blocks[-1].is_last and blocks[-1].number > self._promised:
            blocks.pop()
        return blocks

    @property
    def _lacks_checkpoint(self) -> bool:
        """Whether the checkpoint is damaged: numbers may be missing for good reasons then."""
        return bool(self.report.problems) and not self.report.checkpoint_block

    def _apply(self, blocks: list[Found], after: int) -> None:
        for segment in self.segments.values():
            segment.last_block = segment.last_block or after
        for block in blocks:
            number, offset = block.position >> 32, block.position & _OFFSET
            payload = self.files.read(number, block.length, offset + HEADER_OCTETS)
            segment = self.segments[number]
            segment.first_block = min(segment.first_block, block.number)
            segment.end = offset + HEADER_OCTETS + block.length
            segment.last_block = block.number
            self.report.blocks += 1
            self.report.octets += HEADER_OCTETS + block.length
            try:
                for record in records(payload):
                    self.report.records += 1
                    self._take(record, payload, block.position)
            except (FormatError, IndexError) as error:  # its checksum is right: a bug wrote it
                self.report.problems.append(f"block {block.number}: {error}")
        self.report.last_block = max(after, blocks[-1].number if blocks else 0)

    def _take(self, record: Record, payload: bytes, position: int) -> None:
        queue_id = record.queue_id
        if self.known is not None and queue_id not in self.known:
            return
        queue = self.queues.get(queue_id)
        if queue is None:
            queue = self.queues[queue_id] = QueueState()
        if record.kind in (MESSAGES, REFER):
            if record.flags & EXTRAS and unpack_extras(extras_of(payload, record)).deadline_ms:
                queue.has_deadlines = True
            missing = queue.add(record, position)
            if missing is not None:
                self.report.lost.setdefault(queue_id, []).append(missing)
        elif record.kind in (SETTLED, COUNTED):
            for first, second in unpack_ranges(payload, record):
                queue.note(record.kind, first, second)

    def _finish(self) -> None:
        """What is lost, and what of the files does not count."""
        report = self.report
        report.problems += [
            problem
            for number, problem in self._unread.items()
            if number in self.segments
            and self._sizes[number] > FIRST_OFFSET
            and (self.segments[number].first_block <= self._promised or not self._knows_salt)
        ]  # else it had just been begun
        self._find_what_is_missing()
        lost = report.lost if report.gaps or report.problems else {}
        report.lost = {
            queue_id: left
            for queue_id, ranges in lost.items()
            if (
                left := [
                    part
                    for first, last in ranges
                    for part in self.queues[queue_id].settled.missing(first, last)
                ]
            )
        }
        for number, segment in list(self.segments.items()):
            if self._sizes[number] > segment.end:
                report.cut[number] = self._sizes[number] - segment.end
            if segment.end <= FIRST_OFFSET:
                is_lost = (
                    number in self._unread
                    and self._sizes[number] > FIRST_OFFSET
                    and (bool(report.gaps) or not self._knows_salt)
                )  # else nothing that was promised can have been in it
                (report.set_aside if is_lost else report.removed).append(number)
                del self.segments[number]
        if not report.is_clean:
            for queue in self.queues.values():
                for first, last in zip(queue.firsts, queue.lasts, strict=True):
                    queue.delivered.add(first, last)

    def _find_what_is_missing(self) -> None:
        """Messages in blocks that the checkpoint knows and the files have not."""
        for queue_id, queue in self.queues.items():
            for first, last, block in zip(queue.firsts, queue.lasts, queue.blocks, strict=True):
                number, offset = block >> 32, block & _OFFSET
                if number not in self.segments or offset >= self._sizes[number]:
                    self.report.lost.setdefault(queue_id, []).append((first, last))

    # what becomes of it

    def repair(self) -> None:
        """Cut off what was not promised and remove what does not count. Raises: OSError."""
        report = self.report
        if report.is_clean and not report.removed:
            return
        for number in report.set_aside:
            self.files.set_aside(number)
        for number in report.cut:
            if number in self.segments:
                self.files.open(number).truncate(self.segments[number].end)
        for number in self._unread:
            if number in self.segments:
                self._write_header(self.segments[number])
        # what was written before the process died may not be on the medium
        self.files.sync([number for number in self.segments if self.segments[number].last_block])
        if report.removed or report.set_aside:  # for good: their numbers are given again
            self.files.remove(report.removed)
            self.files.disk.sync_names(DIRECTORY)

    def _write_header(self, segment: Segment) -> None:
        """Once more: it was torn, or is damaged."""
        header = segment_header(
            segment.number, segment.first_block, self.files.salt, is_cold=segment.is_cold
        )
        self.files.open(segment.number).write(header, 0)

    def fill(self, target: CommitLog) -> None:
        """Give a new log what was found."""
        segments = [self.segments[number] for number in sorted(self.segments)]
        report = self.report
        since = report.octets if report.checkpoint_block else None
        target.resume(report.last_block, segments, octets_since_checkpoint=since)
        for queue_id, state in self.queues.items():
            queue = QueueLog(target, queue_id, state.next_seq, is_durable=True)
            restore(queue, state)
            target.queues[queue_id] = queue
