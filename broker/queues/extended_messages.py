"""The messages of an extended queue that wait: deadlines, priorities, and how they are kept.

What `KeptMessages` is to a plain queue. A message may lie in several queues with different
deadlines, so an extended queue has a `QueuedMessage` of its own for each that expires; in the log
the deadline stands on the clock of the world, because a restart begins the node's clock anew.

Whether something in the middle of `ready` may have expired is known without looking at each:
`in_order` says that no deadline is earlier than one before it, `earliest_ms` is a bound for all.
Both are on the safe side, and begin anew when the queue is empty.

Messages of a priority queue stay in memory, because any of them may be the next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from heapq import heappush
from typing import Any

from broker.marks import hot
from broker.message import Message
from broker.queues.features import DROP_HEAD, Features
from broker.queues.kept_messages import MESSAGE_OCTETS, Delivery
from broker.queues.priority_lanes import LANE, PriorityLanes
from broker.queues.queue import Queue
from broker.queues.queued_message import QueuedMessage
from broker.seams import Clock, Consumer, Kept, QueueLog

NEVER = 1 << 62  # a deadline that never comes


class Extras:
    """The state of an extended queue beyond that of a plain one."""

    __slots__ = (
        "active",
        "clock",
        "counts_octets",
        "dead",
        "deaths",
        "died",
        "earliest_ms",
        "features",
        "in_order",
        "is_closed",
        "is_limited",
        "is_too_long",
        "last_deadline_ms",
        "letters",
        "ready_bytes",
        "refuses",
        "return_count",
        "stuck",
        "stuck_octets",
        "timer_ms",
        "tried_count",
        "used_ms",
    )

    def __init__(self, features: Features, clock: Clock):
        self.clock = clock
        self.ready_bytes = 0  # of bodies, where there is a limit to them
        self.in_order = True
        self.earliest_ms = NEVER
        self.last_deadline_ms = NEVER  # of what entered `ready` last
        self.used_ms = clock.now_ms()  # when it was last used, for x-expires
        self.timer_ms: int | None = None  # the earliest time we have asked to be woken
        # to be dead-lettered, turn by turn: message, reason, and its number, which the log is told
        # when it has been sent on; None: it never was in the queue
        self.dead: deque[tuple[Message, str, int | None]] = deque()
        self.stuck: deque[Any] | None = None  # dead, and kept, see `broker.dead_letters`
        self.stuck_octets = 0  # of the bodies in it
        self.deaths: dict[str, dict[str, int]] = {}  # of messages, by strategy and reason
        self.is_too_long = False  # and on disk: what is too much goes turn by turn
        self.letters: object = None  # what is remembered of dead letters, see `broker.dead_letters`
        self.active: Consumer | None = None  # of single active consumer
        self.is_closed = False  # of a quorum queue that refuses what is too much: it does so now
        self.return_count = 0  # of a quorum queue: how many messages have ever come back
        self.tried_count = 0  # of a quorum queue, see there; 0: none of them is ready
        self.take(features)

    def take(self, features: Features) -> None:
        """Go by other features from here on."""
        self.features = features
        self.counts_octets = features.max_length_bytes is not None
        self.is_limited = self.counts_octets or features.max_length is not None
        self.refuses = self.is_limited and features.overflow != DROP_HEAD
        self.died = self.deaths.setdefault(strategy_of(features), {})  # from here on
        self.is_closed = False
        self.letters = None
        if self.stuck and not features.at_least_once:
            self.dead.extend((letter[0], letter[1], letter[2]) for letter in self.stuck)
            self.stuck = None
            self.stuck_octets = 0


def strategy_of(features: Features) -> str:
    """What becomes of the dead, as the metrics call it."""
    if features.dead_letter_exchange is None:
        return "disabled"
    return "at_least_once" if features.at_least_once else "at_most_once"


class ExtendedMessages(Queue):
    """The part of an `ExtendedQueue` that deals with what waits in it."""

    __slots__ = ()
    extras: Extras

    # in

    def _admit(self, message: Message, ttl_ms: int | None) -> None:
        """Append one message, whatever else is in the queue."""
        extras = self.extras
        if extras.counts_octets:
            extras.ready_bytes += len(message.body)
        seq = self.next_seq if isinstance(self.ready, PriorityLanes) else 0
        if ttl_ms is None:
            if self.store is not None and self._keep((message,), message):
                return
        else:
            deadline_ms, until_ms = self._times(ttl_ms)
            if self.store is not None and self._keep((message,), message, until_ms):
                return
            message = QueuedMessage(message.envelope, message.body, deadline_ms)
        self._enter(message, seq)

    @hot(bench="ttl")
    def _admit_run(self, messages: list[Message], ttl_ms: int | None) -> bool:
        """The same for messages that share an envelope. Returns: whether they are in memory."""
        extras = self.extras
        count = len(messages)
        envelope = messages[0].envelope
        size = len(messages[0].body)
        if extras.counts_octets:
            extras.ready_bytes += count * size
        ready, log = self.ready, self.log
        lanes = ready if isinstance(ready, PriorityLanes) else None
        seq = 0
        if lanes is not None:  # inline: next_seq
            seq = self.head_seq + lanes.held if log is None else log.next_seq
        if ttl_ms is None:
            if (  # messages of a priority queue stay in memory: without a log there is no question
                self.store is not None
                and (lanes is None or log is not None or self.durable)
                and self._keep(messages, messages)
            ):
                return False
            if extras.earliest_ms < NEVER:  # else all that is noted is what is so already
                self._note_deadline(None)
        else:
            deadline_ms, until_ms = self._times(ttl_ms)
            if self.store is not None and self._keep(messages, messages, until_ms):
                return False
            messages = [QueuedMessage(envelope, message.body, deadline_ms) for message in messages]
            self._note_deadline(deadline_ms)
        if lanes is None:
            ready.extend(messages)
        else:
            lanes.put_run(messages, envelope.priority, seq)
        self.ready_bytes += count * (size + MESSAGE_OCTETS)
        return True

    def _times(self, ttl_ms: int | None) -> tuple[int | None, int]:
        """When what enters now expires: on the node's clock, and since the epoch (0: never)."""
        if ttl_ms is None:
            return None, 0
        clock = self.extras.clock
        deadline_ms = clock.now_ms() + ttl_ms
        return deadline_ms, 0 if self.store is None else clock.epoch_ms() + ttl_ms

    def _enter(self, message: Message, seq: int) -> None:
        self._note_deadline(message.deadline_ms)
        if isinstance(self.ready, PriorityLanes):
            self.ready.put(message, message.envelope.priority, seq)
        else:
            self.ready.append(message)
        self.ready_bytes += self._memory_of(message)

    def _note_deadline(self, deadline_ms: int | None) -> None:
        """Of what is about to come behind everything in `ready`."""
        extras = self.extras
        due_ms = NEVER if deadline_ms is None else deadline_ms
        if not self.ready:
            extras.in_order = True
            if not self.returned:
                extras.earliest_ms = NEVER
        elif due_ms < extras.last_deadline_ms:
            extras.in_order = False
        extras.last_deadline_ms = due_ms
        if due_ms < extras.earliest_ms:
            extras.earliest_ms = due_ms

    def _judge_deadlines(self, messages: Iterable[Message]) -> None:
        """Of what is to be all that is `ready`."""
        extras = self.extras
        due = [NEVER if item.deadline_ms is None else item.deadline_ms for item in messages]
        extras.in_order = not any(map(int.__gt__, due, due[1:]))
        extras.last_deadline_ms = due[-1] if due else NEVER
        back = [delivery.message.deadline_ms for delivery in self.returned]
        due += [deadline_ms for deadline_ms in back if deadline_ms is not None]
        extras.earliest_ms = min(due, default=NEVER)

    def _return(self, delivery: Delivery) -> None:
        """Take a message back among those that wait."""
        heappush(self.returned, delivery)
        extras = self.extras
        if extras.counts_octets:
            extras.ready_bytes += len(delivery.message.body)
        deadline_ms = delivery.message.deadline_ms
        if deadline_ms is not None and deadline_ms < extras.earliest_ms:
            extras.earliest_ms = deadline_ms

    def count_octets(self) -> None:
        """Know anew how many octets of bodies wait, in memory or not, if it matters."""
        extras = self.extras
        extras.ready_bytes = 0
        if extras.counts_octets:
            extras.ready_bytes = sum(len(message.body) for message in self.ready)
            extras.ready_bytes += sum(len(delivery.message.body) for delivery in self.returned)
            if self.log is not None and self.log.paged_count:
                extras.ready_bytes += self.log.count_octets()

    def _survives(self, message: Message) -> bool:
        if self.extras.features.counts_deliveries:
            return True  # quorum queues keep everything, whatever the publisher says
        return super()._survives(message)

    def _pages(self, queue_memory: int) -> bool:
        return not isinstance(self.ready, PriorityLanes) and Queue._pages(self, queue_memory)

    def page_out(self, keep_octets: int) -> None:
        if not isinstance(self.ready, PriorityLanes):
            super().page_out(keep_octets)

    def _deadline(self, message: Message) -> int:
        deadline_ms = message.deadline_ms
        if deadline_ms is None:
            return 0
        clock = self.extras.clock
        return deadline_ms + clock.epoch_ms() - clock.now_ms()

    def _restored(self, kept: list[Kept]) -> list[Message]:
        """They go where nothing is `ready`."""
        clock = self.extras.clock
        behind_ms = clock.epoch_ms() - clock.now_ms()  # between the clocks
        found = [
            QueuedMessage(item.message.envelope, item.message.body, item.deadline_ms - behind_ms)
            if item.deadline_ms
            else item.message
            for item in kept
        ]
        self._judge_deadlines(found)
        return found

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

        A priority queue takes it into memory.
        """
        log = self.log
        if log is None or not log.paged_count:
            return
        log.is_counting = self.extras.features.counts_deliveries
        if not isinstance(self.ready, PriorityLanes):
            return
        while log.paged_count:
            for item, message in zip(kept := log.page_in(), self._restored(kept), strict=True):
                if item.delivery_count:
                    priority = min(message.envelope.priority, self.ready.max_priority)
                    rank = item.seq - LANE * priority
                    heappush(self.returned, Delivery(rank, message, item.delivery_count))
                else:
                    self._enter(message, item.seq)
        self.head_seq = log.next_seq - len(self.ready)
        self._judge_deadlines(self.ready)

    def _settle_ready(self, log: QueueLog) -> None:
        if isinstance(self.ready, PriorityLanes):
            log.settle_all([delivery.seq for delivery in self.returned])
            log.settle_all(self.ready.seqs())
        else:
            super()._settle_ready(log)
