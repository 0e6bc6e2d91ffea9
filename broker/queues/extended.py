"""A queue with TTL, limits, dead-lettering, priorities, single active consumer or delivery limit.

A plain queue knows nothing of all that and pays nothing for it. One that is declared with such
arguments, or to which a message with an expiration comes, is an `ExtendedQueue`: `extend` changes
the class of the object, so that whoever holds it goes on holding it. Everything an extended queue
does per message is in one place each: `_admit` on the way in, `_next` on the way out. What comes in
runs, alike and published together, is dealt with in runs wherever nobody could tell: `push_many` is
`push` for each. What waits is the matter of `ExtendedMessages`, what dies of `MortalMessages`, what
consumers get of `Handover`.

What is returned in a priority queue waits under its rank: lower for higher priorities, then by
sequence number. So it regains its place among messages of its own priority, and lets higher ones go
first.
"""

from __future__ import annotations

from collections.abc import Sequence

from broker.marks import hot
from broker.message import Envelope, Message
from broker.queues.dead_letter import DELIVERY_LIMIT, MAXLEN, REJECTED
from broker.queues.extended_messages import NEVER, Extras
from broker.queues.features import DROP_HEAD, REJECT_PUBLISH_DLX, Features
from broker.queues.handover import Handover, is_over
from broker.queues.kept_messages import MESSAGE_OCTETS, Delivery
from broker.queues.priority_lanes import PriorityLanes
from broker.queues.queue import Queue
from broker.queues.queued_message import counted, original, shorter
from broker.seams import Clock, Consumer


class ExtendedQueue(Handover):
    """See the module. Made by `extend` only."""

    __slots__ = ()

    # in

    def push(self, message: Message) -> bool:
        """Append one message. Returns: False when it was rejected because the queue is full."""
        extras = self.extras
        features = extras.features
        is_limited = extras.is_limited
        if is_limited and features.overflow != DROP_HEAD and not self._makes_room(message):
            if features.overflow == REJECT_PUBLISH_DLX:
                self._bury(message, MAXLEN, None)
            return False
        self.published += 1
        ttl_ms = features.message_ttl_ms
        if message.envelope.ttl_ms is not None:
            ttl_ms = shorter(ttl_ms, message.envelope.ttl_ms)
        self._admit(message, ttl_ms)
        if ttl_ms == 0:
            self._pump(expires=False)  # whoever can take it now may
        if is_limited and self._is_over_limit():
            if ttl_ms != 0 and self.ring.top is not None:
                self._pump(expires=True)  # what consumers take does not count
            self._drop_overflow()
        self._look_on()
        return True

    def _look_on(self) -> None:
        """Something has entered: drop what has expired before it, be pumped and woken in time."""
        extras = self.extras
        if extras.earliest_ms < NEVER or not self.ready:  # else nothing that waits ever expires
            self._drop_expired()
            self._ask_for_wake_up()
        if not self.is_changed and (self.ring.top is not None or extras.dead):
            self.mark_changed()

    @hot(bench="ttl")
    def push_many(self, messages: list[Message]) -> Sequence[int]:
        """Append messages that share an envelope, in order: what `push` does, for each of them.

        Returns: which of them were rejected, by their places.
        """
        extras = self.extras
        ttl_ms = extras.features.message_ttl_ms
        if messages[0].envelope.ttl_ms is not None:
            ttl_ms = shorter(ttl_ms, messages[0].envelope.ttl_ms)
        if extras.is_limited or ttl_ms == 0:
            return self._push_in_parts(messages, ttl_ms)
        self.published += len(messages)
        if not self._admit_run(messages, ttl_ms) or extras.earliest_ms < NEVER:
            self._look_on()
        elif not self.is_changed and (self.ring.top is not None or extras.dead):
            self.mark_changed()
        return ()

    @hot(bench="max-length")
    def _push_in_parts(self, messages: list[Message], ttl_ms: int | None) -> Sequence[int]:
        """The same where messages may meet a limit or be over at once."""
        is_dropping = self.extras.features.overflow == DROP_HEAD
        rejected: list[int] = []
        at, end = 0, len(messages)
        while at < end:
            count = 1 if ttl_ms == 0 else self._room_for(end - at, messages[at])
            if count > 1:
                self.published += count
                self._admit_run(messages[at : at + count] if count < end else messages, ttl_ms)
                self._drop_overflow()
                self.mark_changed()
                at += count
            elif count or is_dropping or self.ring.top is not None:
                if not self.push(messages[at]):
                    rejected.append(at)
                at += 1
            else:  # nobody makes room: all the others are turned away as well
                if self.extras.features.overflow == REJECT_PUBLISH_DLX:
                    for message in messages[at:]:
                        self._bury(message, MAXLEN, None)
                rejected += range(at, end)
                break
        self._ask_for_wake_up()
        return rejected

    def _room_for(self, count: int, message: Message) -> int:
        """How many messages like this one, of so many, may enter at once, as if one by one.

        1: that has to be seen, one by one; 0: the queue is full.
        """
        extras = self.extras
        features = extras.features
        log = self.log
        head = self._head()
        if head is not None and extras.earliest_ms < NEVER:
            now_ms = extras.clock.now_ms()
            deadline_ms = head.deadline_ms
            if deadline_ms is not None and deadline_ms <= now_ms:
                return 1
            if now_ms >= extras.earliest_ms and (self.returned or self._is_any_over(now_ms)):
                return 1
        if log is not None and log.paged_count and log.has_deadlines:
            return 1
        if features.overflow == DROP_HEAD and self.ring.top is None:
            return count
        if features.max_length is not None:
            count = min(count, features.max_length - self.ready_count)
        if features.max_length_bytes is not None and message.body:
            left = features.max_length_bytes - extras.ready_bytes
            count = min(count, left // len(message.body))
        return max(0, count)

    def takes_runs(self, envelope: Envelope) -> bool:
        """Whether nothing but what the queue holds shows that messages came together: it neither
        hands out nor drops any as they enter."""
        return not self.extras.is_limited and 0 not in (
            self.extras.features.message_ttl_ms,
            envelope.ttl_ms,
        )

    def _makes_room(self, message: Message) -> bool:
        """Whether one more message fits, if need be after the consumers have had theirs."""
        size = len(message.body)
        if self._would_overflow(size) and self.ring.top is not None:
            self._pump(expires=True)
            self._ask_for_wake_up()
        return not self._would_overflow(size)

    def requeue(self, deliveries: list[Delivery], *, is_lost: bool = False) -> None:
        """Back to their places, unless they have been delivered too often, or expired meanwhile."""
        limit = self.extras.features.delivery_limit
        for delivery in deliveries:
            self.unacked_count -= 1
            count = max(0, delivery.delivery_count) + 1
            message = original(delivery.message)
            if limit is not None and count > limit:
                self._bury(message, DELIVERY_LIMIT, delivery.seq)
                continue
            self._return(Delivery(delivery.seq, message, count))
        self._go_on()

    def _go_on(self) -> None:
        self._drop_overflow()
        if self.ring.top is not None:
            self._pump(expires=True)
        self._drop_expired()
        self.mark_changed()
        self._ask_for_wake_up()

    def discard(self, deliveries: list[Delivery]) -> None:
        """Rejected without requeue: dead-lettered."""
        self.unacked_count -= len(deliveries)
        messages = [delivery.message.origin or delivery.message for delivery in deliveries]
        self._bury_all(messages, REJECTED, [delivery.seq for delivery in deliveries])

    # out

    def pump(self) -> None:
        """Hand out what there is, up to the first that has expired; then again."""
        self._pump(expires=True)
        self.mark_changed()
        self._ask_for_wake_up()

    def _pop(self, no_ack: bool) -> Delivery | None:
        self.extras.used_ms = self.extras.clock.now_ms()
        while not self._drop_expired():
            if self.extras.features.dead_letter_exchange is not None:
                break  # more would have to wait in memory: whoever asks has to ask again
        head = self._head()
        if head is None or is_over(head, self.extras.clock.now_ms()):
            self._ask_for_wake_up()
            return None
        first = self._next()
        self._drop_behind_get(no_ack)
        self._ask_for_wake_up()
        self.delivered += 1
        if first.delivery_count:
            self.redelivered += 1
        if self.extras.features.counts_deliveries:
            count = max(0, first.delivery_count)
            first = first._replace(message=counted(first.message, count))
        return first

    def _drop_behind_get(self, no_ack: bool) -> None:
        """What has expired behind a message that is fetched does not count any more."""
        self._drop_expired()

    def _ask_for_wake_up(self) -> None:
        """Be woken when the head expires, or when the queue has been unused for long enough."""
        extras = self.extras
        head = self._head()
        due_ms = None if head is None else head.deadline_ms
        if extras.features.expires_ms is not None:
            due_ms = shorter(due_ms, extras.used_ms + extras.features.expires_ms)
        if due_ms is not None and (extras.timer_ms is None or due_ms < extras.timer_ms):
            extras.timer_ms = due_ms
            extras.clock.wake_at(due_ms, self)  # instead of any later time asked for

    def on_wake_up(self) -> bool:
        """Called at a time we asked for. Returns: whether the queue has expired."""
        extras = self.extras
        extras.timer_ms = None
        if self.is_deleted:
            return False
        now_ms = extras.clock.now_ms()
        expires_ms = extras.features.expires_ms
        if expires_ms is not None:
            if self.consumers:
                extras.used_ms = now_ms
            elif now_ms >= extras.used_ms + expires_ms:
                return True
        self._pump(expires=True)
        self.mark_changed()
        self._ask_for_wake_up()
        return False

    def touch(self) -> None:
        """The queue was declared again or used otherwise: x-expires begins anew."""
        self.extras.used_ms = self.extras.clock.now_ms()
        self._ask_for_wake_up()

    def reconfigure(self, features: Features) -> None:
        """Policies have changed: do what is asked now. What is in the queue keeps its deadlines;
        what is too much goes at once. Priorities are a matter of arguments, which never change."""
        extras = self.extras
        if features.expires_ms != extras.features.expires_ms:
            extras.used_ms = extras.clock.now_ms()
        counted_octets = extras.counts_octets
        extras.take(features)
        if extras.counts_octets is not counted_octets:
            self.count_octets()
        self._drop_overflow()
        self._drop_expired()
        self.mark_changed()
        self._ask_for_wake_up()

    # consumers

    def add_consumer(self, consumer: Consumer) -> None:
        super().add_consumer(consumer)
        extras = self.extras
        if extras.features.single_active_consumer:
            if extras.active is None:
                extras.active = consumer
            else:
                self.take_back(consumer)

    def remove_consumer(self, consumer: Consumer) -> bool:
        is_last = super().remove_consumer(consumer)
        extras = self.extras
        extras.used_ms = extras.clock.now_ms()
        if extras.active is consumer:
            extras.active = None
            self._activate_next()
        self._ask_for_wake_up()
        return is_last

    @property
    def allows_exclusive_consumer(self) -> bool:
        return not self.consumers and not self.extras.features.single_active_consumer

    def _activate_next(self) -> None:
        """The next in line takes over: the highest priority, then whoever came first."""
        if self.consumers:
            following = max(self.consumers, key=lambda consumer: consumer.priority)
            self.extras.active = following
            self.unpark(following)

    def unpark(self, consumer: Consumer) -> None:
        if self.extras.active in (None, consumer):
            super().unpark(consumer)

    def delete(self) -> int:
        self.extras.clock.forget(self)
        self.extras.active = None
        return super().delete()

    def purge(self) -> int:
        self.extras.ready_bytes = 0
        return super().purge()

    def mark_changed(self) -> None:
        if (self.extras.dead or self.extras.is_too_long) and not self.is_changed:
            self.is_changed = True
            self._changed.append(self)
        super().mark_changed()

    def check_invariants(self) -> None:
        super().check_invariants()
        extras = self.extras
        waiting = [*self.ready, *(delivery.message for delivery in self.returned)]
        if extras.counts_octets and (self.log is None or not self.log.paged_count):
            assert extras.ready_bytes == sum(len(message.body) for message in waiting)
        due = [NEVER if item.deadline_ms is None else item.deadline_ms for item in waiting]
        assert min(due, default=NEVER) >= extras.earliest_ms
        if extras.earliest_ms == NEVER:
            assert extras.in_order
            assert extras.last_deadline_ms == NEVER
        if extras.in_order and not isinstance(self.ready, PriorityLanes):
            assert due[: len(self.ready)] == sorted(due[: len(self.ready)])


def extend(
    queue: Queue, features: Features, clock: Clock, kind: type[ExtendedQueue] = ExtendedQueue
) -> ExtendedQueue:
    """Make a queue an extended one, whatever is in it. Who remembers a route to it must be told
    (`Version`): runs of messages are pushed differently from here."""
    if isinstance(queue, ExtendedQueue):
        queue.reconfigure(features)
        return queue
    queue.extras = Extras(features, clock)
    if features.max_priority is not None:
        assert not queue.ready
        queue.ready = PriorityLanes(features.max_priority)
    # `ready` in memory is counted by the message from here on, not by the run
    queue.ready_bytes = sum(len(message.body) + MESSAGE_OCTETS for message in queue.ready)
    queue.__class__ = kind
    assert isinstance(queue, ExtendedQueue)
    queue.take_up()
    queue.count_octets()
    queue._judge_deadlines(queue.ready)
    queue.reconfigure(features)
    return queue


def takes_runs(queues: Sequence[Queue], envelope: Envelope) -> bool:
    """Whether messages in an envelope may be pushed to each of the queues in turn, instead of each
    message to all of them: nobody could tell."""
    return len(queues) == 1 or all(
        not isinstance(queue, ExtendedQueue) or queue.takes_runs(envelope) for queue in queues
    )
