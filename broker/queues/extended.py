"""A queue with TTL, limits, dead-lettering, priorities, single active consumer or delivery limit.

A plain queue knows nothing of all that and pays nothing for it. One that is declared with such
arguments, or to which a message with an expiration comes, is an `ExtendedQueue`: `extend` changes
the class of the object, so that whoever holds it goes on holding it. Everything an extended queue
does per message is in one place each: `_admit` on the way in, `_next` on the way out.

A message may lie in several queues with different deadlines, so an extended queue keeps a
`QueuedMessage` of its own for each. Expiry happens at the head only, as in RabbitMQ: a message
behind one that lives longer waits for it.

What is returned in a priority queue waits under its rank: lower for higher priorities, then by
sequence number. So it regains its place among messages of its own priority, and lets higher ones go
first.
"""

from __future__ import annotations

from heapq import heappop, heappush

from broker.message import Message
from broker.queues.consumers import Level
from broker.queues.dead_letter import DELIVERY_LIMIT, EXPIRED, MAXLEN, REJECTED
from broker.queues.extended_messages import LANE, ExtendedMessages, Extras
from broker.queues.features import DROP_HEAD, REJECT_PUBLISH_DLX, Features
from broker.queues.kept_messages import MESSAGE_OCTETS, Delivery
from broker.queues.priority_lanes import PriorityLanes
from broker.queues.queue import PUMP_MAX, Queue
from broker.queues.queued_message import counted, original, shorter
from broker.seams import Clock, Consumer


class ExtendedQueue(ExtendedMessages):
    """See the module. Made by `extend` only."""

    __slots__ = ()

    # in

    def push(self, message: Message) -> bool:
        """Append one message. Returns: False when it was rejected because the queue is full."""
        extras = self.extras
        features = extras.features
        if features.overflow != DROP_HEAD and not self._makes_room(len(message.body)):
            if features.overflow == REJECT_PUBLISH_DLX:
                self._bury(message, MAXLEN, None)
            return False
        self.published += 1
        ttl_ms = shorter(features.message_ttl_ms, message.envelope.ttl_ms)
        deadline_ms = None if ttl_ms is None else extras.clock.now_ms() + ttl_ms
        self._admit(message, deadline_ms)
        if ttl_ms == 0:
            self._pump(expires=False)  # whoever can take it now may
        elif self._is_over_limit() and self.ring.top is not None:
            self._pump(expires=True)  # what consumers take does not count
        self._drop_overflow()
        self._drop_expired()
        self.mark_changed()
        self._ask_for_wake_up()
        return True

    def push_many(self, messages: list[Message]) -> None:
        """Append messages in order."""
        for message in messages:
            self.push(message)

    def _makes_room(self, size: int) -> bool:
        """Whether one more message fits, if need be after the consumers have had theirs."""
        if self._would_overflow(size) and self.ring.top is not None:
            self._pump(expires=True)
        return not self._would_overflow(size)

    def _would_overflow(self, size: int) -> bool:
        features = self.extras.features
        if features.max_length is not None and self.ready_count >= features.max_length:
            return True
        limit = features.max_length_bytes
        return limit is not None and self.extras.ready_bytes + size > limit

    def _is_over_limit(self) -> bool:
        features = self.extras.features
        if features.max_length is not None and self.ready_count > features.max_length:
            return True
        limit = features.max_length_bytes
        return limit is not None and self.extras.ready_bytes > limit

    def _drop_overflow(self) -> None:
        if self.extras.features.overflow == DROP_HEAD:
            while self._is_over_limit() and self._has_head():
                self._bury_next(MAXLEN)
            if not self.has_ready:  # what the disk has lost is in the sum as well
                self.extras.ready_bytes = 0

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
            heappush(self.returned, Delivery(delivery.seq, message, count))
            self.extras.ready_bytes += len(message.body)
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
        self.settle(len(deliveries))
        for delivery in deliveries:
            self._bury(original(delivery.message), REJECTED, delivery.seq)

    def _bury(self, message: Message, reason: str, seq: int | None) -> None:
        """Have a message dead-lettered at the end of the turn; without an exchange it is gone.

        seq: its number in the queue, or its rank; None: it was not let in.
        """
        if self.extras.features.dead_letter_exchange is not None:
            self.extras.dead.append((message, reason, seq))
            self.mark_changed()
        elif seq is not None and self.log is not None:
            self.log.settle(seq)

    def _bury_next(self, reason: str) -> None:
        seq, message, _ = self._next()
        self._bury(message, reason, seq)

    # out

    def pump(self) -> None:
        """One message at a time, because what comes first may change with each."""
        self._pump(expires=True)
        self.mark_changed()
        self._ask_for_wake_up()

    def _pump(self, *, expires: bool) -> int:
        """Returns: how many messages were handed out."""
        self.is_changed = False
        handed = 0
        if expires and not self._drop_expired():
            return handed
        while handed < PUMP_MAX and self._has_head():
            top = self.ring.top
            if top is None:
                break
            if (
                len(top) == 1
                and not self.returned
                and not isinstance(self.ready, PriorityLanes)
                and not (self.ready_deliveries and self.extras.features.counts_deliveries)
            ):
                handed += self._pump_run(top, PUMP_MAX - handed, expires=expires)
            else:
                handed += self._pump_first(top)
            if expires and not self._drop_expired():
                break
        return handed

    def _pump_run(self, top: Level, most: int, *, expires: bool) -> int:
        """The only consumer takes a run of messages, up to the first that has expired."""
        (consumer,) = top
        room = min(consumer.room(), most)
        if room <= 0:
            self._park(consumer)
            return 0
        ready = self.ready
        now_ms = self.extras.clock.now_ms()
        batch: list[Message] = []
        octets = 0
        while ready and len(batch) < room:
            if expires and _is_over(ready[0], now_ms):
                break
            message = ready.popleft()
            octets += len(message.body)
            batch.append(message)
        seq = self.head_seq
        self.head_seq = seq + len(batch)
        self.extras.ready_bytes -= octets
        if not batch:
            return 0
        self._took(len(batch))
        taken = self._hand_over(consumer, batch, seq, 1, self.ready_deliveries)
        self.extras.ready_bytes += sum(len(message.body) for message in batch[taken:])
        return taken

    def _pump_first(self, top: Level) -> int:
        consumer = self._next_consumer(top)
        if consumer is None:
            return 0
        seq, message, count = self._next()
        if count > 0 and self.extras.features.counts_deliveries:
            message = counted(message, count)
        self._hand_over(consumer, [message], seq, 1, count)
        return 1

    def _pop(self) -> Delivery | None:
        self.extras.used_ms = self.extras.clock.now_ms()
        while not self._drop_expired():
            if self.extras.features.dead_letter_exchange is not None:
                break  # more would have to wait in memory: whoever asks has to ask again
        head = self._head()
        if head is None or _is_over(head, self.extras.clock.now_ms()):
            self._ask_for_wake_up()
            return None
        first = self._next()
        self._drop_expired()
        self._ask_for_wake_up()
        self.delivered += 1
        if first.delivery_count:
            self.redelivered += 1
        if self.extras.features.counts_deliveries:
            count = max(0, first.delivery_count)
            first = first._replace(message=counted(first.message, count))
        return first

    def _next(self) -> Delivery:
        """Take the first message: the oldest returned one, unless a ready one has a lower rank."""
        ready = self.ready
        if self.returned and (not ready or self.returned[0].seq < self._ready_rank()):
            first = heappop(self.returned)
        else:
            first = Delivery(self._ready_rank(), ready.popleft(), self.ready_deliveries)
            self.head_seq += 1
            self._took(1)
        self.extras.ready_bytes -= len(first.message.body)
        return first

    def _ready_rank(self) -> int:
        ready = self.ready
        if isinstance(ready, PriorityLanes):
            return ready.top_seq - LANE * ready.top_priority
        return self.head_seq

    def _head(self) -> Message | None:
        if not self._has_head():
            return None
        if self.returned and (not self.ready or self.returned[0].seq < self._ready_rank()):
            return self.returned[0].message
        return self.ready[0] if self.ready else None

    # time

    def _drop_expired(self) -> bool:
        """Drop what has expired at the head, up to a ceiling: a backlog must not hold up the node,
        nor come into memory to be dead-lettered.

        Returns: whether that was all. Otherwise `_ask_for_wake_up` has us go on at once.
        """
        now_ms = self.extras.clock.now_ms()
        left = PUMP_MAX - len(self.extras.dead)
        while (head := self._head()) is not None:
            if not _is_over(head, now_ms):
                break
            if left <= 0:
                return False
            self._bury_next(EXPIRED)
            left -= 1
        return True

    def _ask_for_wake_up(self) -> None:
        """Be woken when the head expires, or when the queue has been unused for long enough."""
        extras = self.extras
        head = self._head()
        times = [getattr(head, "deadline_ms", None)]
        if extras.features.expires_ms is not None:
            times.append(extras.used_ms + extras.features.expires_ms)
        due_ms = min((time for time in times if time is not None), default=None)
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
        extras.features = features
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
        if self.extras.dead and not self.is_changed:
            self.is_changed = True
            self._changed.append(self)
        super().mark_changed()

    def check_invariants(self) -> None:
        super().check_invariants()
        waiting = [*self.ready, *(delivery.message for delivery in self.returned)]
        if self.log is None or not self.log.paged_count:
            assert self.extras.ready_bytes == sum(len(message.body) for message in waiting)


def extend(
    queue: Queue, features: Features, clock: Clock, kind: type[ExtendedQueue] = ExtendedQueue
) -> ExtendedQueue:
    """Make a queue an extended one, whatever is in it. Who remembers a route to it must be told
    (`Version`): runs of messages are pushed differently from here."""
    if isinstance(queue, ExtendedQueue):
        queue.reconfigure(features)
        return queue
    queue.extras = Extras(features, clock)
    queue.extras.ready_bytes = sum(len(message.body) for message in queue.ready) + sum(
        len(delivery.message.body) for delivery in queue.returned
    )
    if features.max_priority is not None:
        assert not queue.ready
        queue.ready = PriorityLanes(features.max_priority)
    # `ready` in memory is counted by the message from here on, not by the run
    queue.ready_bytes = sum(len(message.body) + MESSAGE_OCTETS for message in queue.ready)
    queue.__class__ = kind
    assert isinstance(queue, ExtendedQueue)
    queue.take_up()
    queue.reconfigure(features)
    return queue


def _is_over(message: Message, now_ms: int) -> bool:
    deadline_ms = getattr(message, "deadline_ms", None)
    return deadline_ms is not None and deadline_ms <= now_ms
