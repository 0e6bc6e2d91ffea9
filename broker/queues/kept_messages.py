"""The messages of a queue that wait: in memory, on disk, and what the log is told of them.

    returned │ ready ── in memory │ paged ── on disk only, in the log

Where there is a store, messages that must survive are kept in the queue's log as they enter, under
the queue's own sequence numbers, and the log hears of everything that becomes of them. What does
not fit into the queue's share of memory stays there, behind `ready`; `_page_in` reads it back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from heapq import heapify, heappush
from typing import NamedTuple

from broker.message import Envelope, Message
from broker.queues.tally import Tally
from broker.seams import Kept, MessageLog, QueueLog

MESSAGE_OCTETS = 150  # that a message in memory takes beside its body, about
ENVELOPE_OCTETS = 400  # the same for an envelope, beside its header
LAZY_OCTETS = 64 * 1024  # what a lazy queue holds in memory: a read's worth


class Delivery(NamedTuple):
    """A message on its way: where it was, and how often it has been handed out before."""

    seq: int
    message: Message
    delivery_count: int


class KeptMessages(Tally):
    """The part of a `Queue` that deals with its log. store: None: nothing is kept."""

    __slots__ = (
        "durable",
        "head_seq",
        "is_lazy",
        "last_envelope",
        "log",
        "queue_id",
        "ready",
        "ready_bytes",
        "ready_deliveries",
        "returned",
        "store",
    )

    def __init__(self, queue_id: int, store: MessageLog | None, *, durable: bool, is_lazy: bool):
        super().__init__()
        self.queue_id = queue_id
        self.durable = durable
        self.is_lazy = is_lazy
        self.store = store
        self.log: QueueLog | None = store.find_queue(queue_id) if store is not None else None
        self.ready: deque[Message] = deque()
        self.ready_bytes = 0  # of memory, in `ready`, about
        self.last_envelope: Envelope | None = None  # of what entered `ready` last
        self.ready_deliveries = 0  # of each message in `ready`, before: read back after a crash
        self.head_seq = 1 if self.log is None else self.log.next_seq
        self.returned: list[Delivery] = []

    @property
    def ready_count(self) -> int:
        paged_count = self.log.paged_count if self.log is not None else 0
        return len(self.ready) + len(self.returned) + paged_count

    @property
    def has_ready(self) -> bool:
        """Whether there is anything to hand out."""
        return bool(self.ready or self.returned or (self.log is not None and self.log.paged_count))

    @property
    def next_seq(self) -> int:
        """The sequence number of the next message to enter."""
        if self.log is not None:
            return self.log.next_seq
        return self.head_seq + len(self.ready)

    # in

    def _keep(self, messages: Sequence[Message], token: object, deadline_ms: int = 0) -> bool:
        """Give messages that share an envelope to the log, if they have to survive or find no room
        in memory, or if others of the queue are there. See `QueueLog.keep`.

        Returns: whether they are on disk only.
        """
        log, store = self.log, self.store
        assert store is not None
        persistent = self.durable and self._survives(messages[0])
        if self.ready_deliveries and not self.ready:
            self.ready_deliveries = 0
        pages = self._pages(store.queue_memory)
        if log is None:
            if not (persistent or pages):
                return False
            first_seq = self.head_seq + len(self.ready)
            log = store.open_queue(self.queue_id, first_seq, is_durable=self.durable)
            self.log = log
        elif not (persistent or pages or log.live_count):
            log.skip_to(log.next_seq + len(messages))
            return False
        if pages:
            if not log.paged_count:
                log.paged_from = log.next_seq
            log.paged_count += len(messages)
        log.keep(messages, token, persistent=persistent, deadline_ms=deadline_ms)
        return pages

    def _memory_of(self, message: Message) -> int:
        """Octets that a message takes in `ready`, about, where it comes behind the last one."""
        envelope = message.envelope
        octets = len(message.body) + MESSAGE_OCTETS
        if envelope is not self.last_envelope:
            self.last_envelope = envelope
            octets += len(envelope.header) + ENVELOPE_OCTETS
        return octets

    def _survives(self, message: Message) -> bool:
        """Whether a durable queue has to have the message after a restart."""
        return message.envelope.is_persistent

    def _pages(self, queue_memory: int) -> bool:
        """Whether what enters now must stay on disk. queue_memory: octets a queue may take."""
        return (
            self.ready_bytes > (LAZY_OCTETS if self.is_lazy else queue_memory)
            or (self.log is not None and self.log.paged_count > 0)
            or self.ready_deliveries != 0
        )

    # on disk and back

    def _took(self, count: int) -> None:
        """That many messages left `ready`: they are taken to be of a size."""
        left = len(self.ready)
        self.ready_bytes = self.ready_bytes * left // (left + count)

    def _page_in(self) -> bool:
        """Read the next messages back, when `ready` is empty. Returns: whether there are any."""
        log = self.log
        if log is None or not log.paged_count:
            return False
        kept = log.page_in()
        if kept:
            in_order = (
                kept[-1].seq - kept[0].seq + 1 == len(kept)
                and (log.paged_count > 0 or kept[-1].seq + 1 == log.next_seq)
                and not any(item.delivery_count != kept[0].delivery_count for item in kept)
            )
            if in_order:
                self.ready_deliveries = kept[0].delivery_count
                self.head_seq = kept[0].seq
                self.ready.extend(self._restored(kept))
                self.ready_bytes = sum(self._memory_of(item.message) for item in kept)
                return True
            # after a restart some are missing, some have been delivered before
            for item, message in zip(kept, self._restored(kept), strict=True):
                heappush(self.returned, Delivery(item.seq, message, item.delivery_count))
            self.head_seq = kept[-1].seq + 1
        if not log.paged_count:
            self.head_seq = log.next_seq
        return bool(kept)

    def page_out(self, keep_octets: int) -> None:
        """Leave about so much of `ready` in memory: what is behind is on disk only from here."""
        ready = self.ready
        if self.store is None or self.ready_bytes <= keep_octets:
            return
        end_seq = self.head_seq + len(ready)
        cut_seq = self.head_seq + max(1, len(ready) * keep_octets // self.ready_bytes)
        log = self.log
        if log is None:
            log = self.store.open_queue(self.queue_id, cut_seq, is_durable=self.durable)
            self.log = log
        elif not log.live_count:
            log.skip_to(cut_seq)
        is_kept = log.next_seq > cut_seq
        cut_seq = max(cut_seq, log.kept_from)
        tail = [ready.pop() for _ in range(end_seq - cut_seq)]
        if not tail:
            return
        tail.reverse()
        if not is_kept:
            for message in tail:
                log.keep((message,), message, persistent=False, deadline_ms=self._deadline(message))
        log.paged_from = cut_seq
        log.paged_count += len(tail)
        self._took(len(tail))

    def _deadline(self, message: Message) -> int:
        """When a message in `ready` expires, in ms since the epoch; 0: never."""
        return 0

    def _restored(self, kept: list[Kept]) -> list[Message]:
        """Messages read back as they lie in the queue."""
        return [item.message for item in kept]

    # what becomes of them

    def _handed_out(
        self, seq: int, count: int, stride: int, delivery_count: int, *, no_ack: bool
    ) -> None:
        """Tell the log: what is not to be acked is done with."""
        log = self.log
        assert log is not None
        seqs: Sequence[int] = range(seq, seq + count * stride, stride)
        if seq < 0:
            seqs = [seq]  # a rank
        if no_ack:
            log.settle_all(seqs)
        else:
            log.hand_out(seqs, delivery_count if self._counts_deliveries else None)

    @property
    def _counts_deliveries(self) -> bool:
        """Whether it matters how often exactly a message was delivered."""
        return False

    def _settle_ready(self, log: QueueLog) -> None:
        """Everything that is ready, in memory or not, is done with."""
        log.settle_all([delivery.seq for delivery in self.returned])
        first = log.paged_from if log.paged_count else log.next_seq
        if self.ready:
            first = self.head_seq
        log.settle_all(range(first, log.next_seq))

    def purge(self) -> int:
        """Drop all ready messages. Returns: how many."""
        dropped = self.ready_count
        log = self.log
        if log is None:
            self.head_seq += len(self.ready)
        else:
            self._settle_ready(log)
            self.head_seq = log.next_seq
            log.paged_count = 0
        self.ready.clear()
        self.ready_bytes = 0
        self.returned.clear()
        return dropped

    def check_messages(self) -> None:
        """Assert what the module promises. Called by tests after every step."""
        assert all(delivery.seq < self.head_seq for delivery in self.returned)
        if self.log is not None and not self.log.paged_count:
            assert self.head_seq + len(self.ready) == self.log.next_seq
        heap = list(self.returned)
        heapify(heap)
        assert heap[:1] == self.returned[:1]
