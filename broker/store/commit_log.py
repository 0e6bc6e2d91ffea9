"""The node's log: messages and what became of them, in the order it happened, committed in groups.

    keep, note → the open block → closed blocks ──begin──▶ Batch ──write, sync──▶ finish
                 └─ readable from memory until they are written ─┘

Everything a turn brings goes into the open block; a block is closed when it is large enough or a
commit begins. `begin` hands out what there is as a `Batch`, to be written and synced elsewhere
(`store/commit.py`); `finish` says that it is safe. There is one batch under way at a time. `number`
is that of the commit to come, `synced` that of the last one that is safe: what is kept now is safe
once `synced` has reached the present `number`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from broker.marks import hot
from broker.message import Message
from broker.seams import Kept
from broker.store import checkpoint
from broker.store.cleaner import Cleaner
from broker.store.format import (
    BLOCK_OCTETS,
    FIRST_OFFSET,
    HEADER_OCTETS,
    MESSAGES,
    RECORD_OCTETS,
    REFER,
    TRANSIENT,
    make_block,
    pack_record,
    segment_header,
)
from broker.store.queue_log import QueueLog
from broker.store.reader import Reader
from broker.store.segment_files import SegmentFiles
from broker.store.space import Segment, Space

if TYPE_CHECKING:
    from broker.store.commit import Committer

log = logging.getLogger("broker.store")

BEHIND_OCTETS = 16 * 1024 * 1024  # not yet written, from which on publishers have to wait
CHECKPOINT_OCTETS = 512 * 1024 * 1024  # written since the last one: a second or two of recovery
_ZERO = bytes(4)
_OFFSET = 0xFFFF_FFFF


@dataclass(slots=True)
class Batch:
    """What one commit brings onto the medium."""

    number: int
    last_block: int
    blocks: list[tuple[int, int, bytes]]  # segment, offset, octets
    headers: dict[int, bytes]  # of new segments
    checkpoint: bytes = b""  # to be put down when the blocks are there; empty: none is due
    removals: list[int] = field(default_factory=list)  # segments that the checkpoint has not
    octets: int = 0
    positions: list[int] = field(default_factory=list)

    def write(self, files: SegmentFiles, *, sync: bool) -> None:
        """Called in the commit thread, again after an error. Raises: OSError."""
        files.commit(self.blocks, self.headers, sync=sync or bool(self.checkpoint))
        self.blocks = []  # not again if what follows fails: a segment may be gone by then
        if self.checkpoint:
            files.put(checkpoint.NAME, self.checkpoint)
            files.remove(self.removals)


class CommitLog:
    """Seam `MessageLog`. See the module.

    queue_memory: octets that a queue may hold in memory before its messages are on disk only.
    """

    def __init__(self, files: SegmentFiles, segment_octets: int, queue_memory: int):
        self.files = files
        self.space = Space(segment_octets)
        self.queue_memory = queue_memory
        self.queues: dict[int, QueueLog] = {}
        self.dirty: list[QueueLog] = []  # with settlements to write down
        self.number = 1
        self.synced = 0
        self.kept_count = 0  # persistent messages kept, ever
        self.read_count = 0  # messages read back
        self.is_urgent = False  # somebody waits for the commit to come
        self.committer: Committer | None = None
        self.lost_count = 0  # messages that were damaged
        self.unreadable_count = 0  # messages passed over
        self.pending_octets = 0  # kept and not yet written
        self.written_octets = 0  # of blocks that were closed, ever
        self.next_block = 1
        self._synced_block = 0
        self._chunks: list[bytes] = []  # of the open block
        self._octets = 0
        self._block = 0  # its position; while there are chunks
        self._block_count = self._block_live_octets = 0  # in it, not yet counted in `space`
        self._token: object = None  # the messages kept last, and where their record is
        self._token_at = 0
        self._closed: list[tuple[int, int, bytes]] = []
        self._headers: dict[int, bytes] = {}
        self._checkpoint_octets = -CHECKPOINT_OCTETS  # written by the time of the last checkpoint
        self._payloads: dict[int, bytes] = {}  # of blocks that are not written yet, by position
        self.reader = Reader(files, self.space, self._payloads)
        self._batch: Batch | None = None
        self.cleaner = Cleaner(self)

    # in

    def open_queue(self, queue_id: int, first_seq: int, *, is_durable: bool) -> QueueLog:
        """Begin to keep messages of a queue."""
        queue = QueueLog(self, queue_id, first_seq, is_durable=is_durable)
        self.queues[queue_id] = queue
        return queue

    def resume(
        self, last_block: int, segments: list[Segment], *, octets_since_checkpoint: int | None
    ) -> None:
        """Go on behind what recovery found. Then its queues are put into `queues`.

        octets_since_checkpoint: what it had to read; None: there is no checkpoint.
        """
        if octets_since_checkpoint is not None:
            self._checkpoint_octets = -octets_since_checkpoint
        self.next_block = last_block + 1
        self._synced_block = last_block
        self.space.resume(segments)

    def find_queue(self, queue_id: int) -> QueueLog | None:
        """What the log has of a queue from before the start."""
        return self.queues.get(queue_id)

    @hot(bench="persistent")
    def keep(
        self,
        queue: QueueLog,
        first: int,
        messages: Sequence[Message],
        token: object,
        flags: int,
        extras: bytes,
    ) -> None:
        """Write down messages that share an envelope. See `QueueLog.keep`."""
        count = len(messages)
        if token is self._token:
            chunk = pack_record(REFER, flags, 0, self._token_at, queue.queue_id, first, count)
            chunk += _ZERO + extras
            self._chunks.append(chunk)
            size = len(chunk)
            self._octets += size
        else:
            if self._octets >= BLOCK_OCTETS:
                self.close_block()
            if not self._octets:
                self._open_block()
                self._block_live_octets = HEADER_OCTETS  # a block of one message is mostly that
            self._token = token
            self._token_at = self._octets
            envelope = messages[0].envelope
            address, header = envelope.address, envelope.header
            head = pack_record(
                MESSAGES, flags, len(address), len(header), queue.queue_id, first, count
            )
            size = RECORD_OCTETS + len(address) + len(header) + count * envelope.body_size
            chunks = self._chunks
            if extras:
                size += len(extras)
                header += extras
            if count == 1:
                chunks += (head, address, header, messages[0].body)
            else:
                chunks += (head, address, header)
                chunks += [message.body for message in messages]
            self._octets += size
        if not flags & TRANSIENT:
            self.kept_count += count
        queue.add_entry(self._block, first, first + count - 1, size)
        self._block_count += count
        self._block_live_octets += size

    def count_block(self) -> None:
        """Tell the `Space` what has come into the open block."""
        if self._block_count:
            self.space.add(self._block, self._block_count, self._block_live_octets)
            self._block_count = self._block_live_octets = 0

    def begin_cold_block(self) -> int:
        """Begin a block for what is rewritten. Returns: its position. `close_block` must follow."""
        if self._octets:
            self.close_block()
        self._open_block(is_cold=True)
        return self._block

    def note(self, chunk: bytes) -> None:
        """Write down a whole record that is not about new messages."""
        if not self._octets:
            self._open_block()
        self.append(chunk)

    def append(self, chunk: bytes) -> int:
        """Put a whole record into the open block. Returns: where in it."""
        at = self._octets
        self._chunks.append(chunk)
        self._octets = at + len(chunk)
        return at

    def _open_block(self, *, is_cold: bool = False) -> None:
        space = self.space
        segment = space.segments.get(space.cold if is_cold else space.hot)
        if segment is None or segment.end >= space.segment_octets:
            segment = space.begin_segment(self.next_block, FIRST_OFFSET, is_cold=is_cold)
            self._headers[segment.number] = segment_header(
                segment.number, self.next_block, self.files.salt, is_cold=is_cold
            )
        self._block = segment.number << 32 | segment.end
        self._token = None

    def close_block(self, *, is_last: bool = False) -> None:
        """Nothing more goes into the open block. is_last: nor into the commit."""
        self.count_block()
        payload = b"".join(self._chunks)
        assert len(payload) == self._octets
        block = make_block(
            payload, self.next_block, self._synced_block, self.files.salt, is_last=is_last
        )
        segment = self.space.segments[self._block >> 32]
        segment.last_block = self.next_block
        self.space.grow(segment, len(block))
        self.next_block += 1
        self._closed.append((self._block >> 32, self._block & _OFFSET, block))
        self._payloads[self._block] = payload
        self.pending_octets += len(block)
        self.written_octets += len(block)
        self._chunks.clear()
        self._octets = 0
        self._token = None

    # commit

    def on_turn(self, now_ms: int) -> None:
        """Seam `MessageLog`."""
        if self.committer is not None:
            self.committer.on_turn(now_ms)

    @property
    def has_news(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self._octets or self._closed or self.dirty)

    @property
    def is_behind(self) -> bool:
        """Whether the disk is so far behind that publishers should wait."""
        return self.pending_octets + self._octets > BEHIND_OCTETS

    @property
    def uncommitted_octets(self) -> int:
        """What the next commit would write."""
        batch = self._batch
        return self.pending_octets + self._octets - (batch.octets if batch else 0)

    def begin(self) -> Batch:
        """Everything since the last one, to be committed. `finish` has to follow."""
        assert self._batch is None, "one commit at a time"
        dirty, self.dirty = self.dirty, []
        for queue in dirty:
            queue.write_down()
        if self._octets:
            self.close_block(is_last=True)
        elif self._closed:
            self._end_with_closed()
        self.is_urgent = False
        closed, self._closed = self._closed, []
        headers, self._headers = self._headers, {}
        batch = Batch(self.number, self.next_block - 1, closed, headers)
        if self._wants_checkpoint():
            self._add_checkpoint(batch)
        batch.octets = sum(len(data) for _, _, data in closed)
        batch.positions = [number << 32 | offset for number, offset, _ in closed]
        self._batch = batch
        self.number += 1
        return batch

    def _end_with_closed(self) -> None:
        """The block that was closed last turns out to be the last one of the commit: it was closed
        to be read, or to be rewritten."""
        number, offset, _ = self._closed[-1]
        payload = self._payloads[number << 32 | offset]
        block = make_block(payload, self.next_block - 1, self._synced_block, self.files.salt)
        self._closed[-1] = (number, offset, block)

    def _wants_checkpoint(self) -> bool:
        """Whether a segment can go, or the next start would have too much to read."""
        return (
            self.space.has_dead
            or self.written_octets - self._checkpoint_octets >= CHECKPOINT_OCTETS
        )

    def _add_checkpoint(self, batch: Batch) -> None:
        """With this commit: segments that are dead by now go when it is there."""
        batch.removals = self.space.take_dead()
        self.reader.forget(batch.removals)
        batch.checkpoint = checkpoint.of(self)
        self._checkpoint_octets = self.written_octets

    def finish(self, *, is_synced: bool = True) -> None:
        """The batch is safe. is_synced: on the medium, and all before it; else it is written."""
        batch, self._batch = self._batch, None
        assert batch is not None
        self.synced = batch.number
        if is_synced:
            self._synced_block = batch.last_block
        self.pending_octets -= batch.octets
        for position in batch.positions:
            del self._payloads[position]

    # back

    def read(self, queue: QueueLog, block: int, first: int, last: int) -> list[Kept] | None:
        """The live messages of a queue from first to last in a block; None: it is damaged.

        Raises: OSError.
        """
        self._close_if_open(block)
        return self.reader.read(queue, block, first, last)

    def payload(self, block: int) -> bytes | None:
        """A block's payload, checked; None: it is damaged. Raises: OSError."""
        self._close_if_open(block)
        return self.reader.payload(block)

    def view(self, block: int, whole_max: int) -> tuple[int, Callable[[int, int], bytes]]:
        """See `Reader.view`. Raises: OSError, FormatError."""
        self._close_if_open(block)
        return self.reader.view(block, whole_max)

    def _close_if_open(self, block: int) -> None:
        if block == self._block and self._octets:
            self.close_block()

    def on_unreadable(self, queue: QueueLog, count: int, error: OSError) -> None:
        """Messages of a queue cannot be read now: they are passed over until the next start."""
        self.unreadable_count += count
        log.error(
            "messages cannot be read, the next start tries again, queue_id=%s count=%s: %s",
            queue.queue_id,
            count,
            error,
        )

    def on_lost(self, queue: QueueLog, parts: list[tuple[int, int]], count: int) -> None:
        """Messages of a queue cannot be read back."""
        self.lost_count += count
        log.error(
            "messages are lost, queue_id=%s count=%s seqs=%s",
            queue.queue_id,
            count,
            ",".join(f"{first}-{last}" for first, last in parts),
        )

    def close(self) -> None:
        self.files.close()
