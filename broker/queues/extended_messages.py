"""The messages of an extended queue that wait: deadlines, priorities, and how they are kept.

What `KeptMessages` is to a plain queue. A message may lie in several queues with different
deadlines, so an extended queue has a `QueuedMessage` of its own for each in memory; in the log the
deadline stands on the clock of the world, because a restart begins the node's clock anew.

Messages of a priority queue stay in memory, because any of them may be the next.
"""

from __future__ import annotations

from collections import deque
from heapq import heappush

from broker.message import Message
from broker.queues.features import Features
from broker.queues.kept_messages import Delivery
from broker.queues.priority_lanes import PriorityLanes
from broker.queues.queue import Queue
from broker.queues.queued_message import QueuedMessage
from broker.seams import Clock, Consumer, Kept, QueueLog

LANE = 1 << 48  # between the ranks of two priorities


class Extras:
    """The state of an extended queue beyond that of a plain one."""

    __slots__ = (
        "active",
        "clock",
        "dead",
        "features",
        "ready_bytes",
        "return_count",
        "timer_ms",
        "tried_count",
        "uncounted",
        "used_ms",
    )

    def __init__(self, features: Features, clock: Clock):
        self.features = features
        self.clock = clock
        self.ready_bytes = 0
        self.uncounted = range(0)  # numbers of messages to be counted as they are read back
        self.used_ms = clock.now_ms()  # when it was last used, for x-expires
        self.timer_ms: int | None = None  # the earliest time we have asked to be woken
        # to be dead-lettered, turn by turn: message, reason, and its number, which the log is told
        # when it has been sent on; None: it never was in the queue
        self.dead: deque[tuple[Message, str, int | None]] = deque()
        self.active: Consumer | None = None  # of single active consumer
        self.return_count = 0  # of a quorum queue: how many messages have ever come back
        self.tried_count = 0  # of a quorum queue, see there; 0: none of them is ready


class ExtendedMessages(Queue):
    """The part of an `ExtendedQueue` that deals with what waits in it."""

    __slots__ = ()
    extras: Extras

    # in

    def _admit(self, message: Message, deadline_ms: int | None) -> None:
        extras = self.extras
        extras.ready_bytes += len(message.body)
        seq = self.next_seq
        if self.store is not None:
            until_ms = 0
            if deadline_ms is not None:
                until_ms = extras.clock.epoch_ms() + deadline_ms - extras.clock.now_ms()
            if self._keep((message,), message, until_ms):
                return
        self._enter(QueuedMessage(message.envelope, message.body, deadline_ms), seq)

    def _enter(self, message: QueuedMessage, seq: int) -> None:
        if isinstance(self.ready, PriorityLanes):
            self.ready.put(message, message.envelope.priority, seq)
        else:
            self.ready.append(message)
        self.ready_bytes += self._memory_of(message)

    def _survives(self, message: Message) -> bool:
        if self.extras.features.counts_deliveries:
            return True  # quorum queues keep everything, whatever the publisher says
        return super()._survives(message)

    def _pages(self, queue_memory: int) -> bool:
        return not isinstance(self.ready, PriorityLanes) and super()._pages(queue_memory)

    def page_out(self, keep_octets: int) -> None:
        if not isinstance(self.ready, PriorityLanes):
            super().page_out(keep_octets)

    def _deadline(self, message: Message) -> int:
        deadline_ms = getattr(message, "deadline_ms", None)
        if deadline_ms is None:
            return 0
        clock = self.extras.clock
        return int(deadline_ms) + clock.epoch_ms() - clock.now_ms()

    def _restored(self, kept: list[Kept]) -> list[Message]:
        extras = self.extras
        uncounted = extras.uncounted
        if uncounted:
            extras.ready_bytes += sum(
                len(item.message.body) for item in kept if item.seq in uncounted
            )
            extras.uncounted = range(max(uncounted.start, kept[-1].seq + 1), uncounted.stop)
        clock = extras.clock
        behind_ms = clock.epoch_ms() - clock.now_ms()  # between the clocks
        return [
            QueuedMessage(
                item.message.envelope,
                item.message.body,
                item.deadline_ms - behind_ms if item.deadline_ms else None,
            )
            for item in kept
        ]

    @property
    def _counts_deliveries(self) -> bool:
        features = self.extras.features
        return features.counts_deliveries or features.delivery_limit is not None

    def _has_head(self) -> bool:
        """Whether there is a first message; it is in memory then."""
        if not self.ready and not self.returned:
            self._page_in()
        return bool(self.ready or self.returned)

    # at start and at the end

    def take_up(self) -> None:
        """Go on with what the log has from before the start.

        A priority queue takes it into memory; one with a limit in octets has to count them.
        """
        log = self.log
        if log is None or not log.paged_count:
            return
        log.is_counting = self.extras.features.counts_deliveries
        if not isinstance(self.ready, PriorityLanes):
            if self.extras.features.max_length_bytes is not None:
                self.extras.ready_bytes += log.count_octets()
            else:
                self.extras.uncounted = range(log.paged_from, log.next_seq)
            return
        while log.paged_count:
            for item, message in zip(kept := log.page_in(), self._restored(kept), strict=True):
                assert isinstance(message, QueuedMessage)
                self.extras.ready_bytes += len(message.body)
                if item.delivery_count:
                    priority = min(message.envelope.priority, self.ready.max_priority)
                    rank = item.seq - LANE * priority
                    heappush(self.returned, Delivery(rank, message, item.delivery_count))
                else:
                    self._enter(message, item.seq)
        self.head_seq = log.next_seq - len(self.ready)

    def _settle_ready(self, log: QueueLog) -> None:
        if isinstance(self.ready, PriorityLanes):
            log.settle_all([delivery.seq for delivery in self.returned])
            log.settle_all(self.ready.seqs())
        else:
            super()._settle_ready(log)
