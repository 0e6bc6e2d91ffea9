"""The messages of an extended queue that die: expired, too many, rejected, delivered too often.

Expiry happens at the head only, as in RabbitMQ: a message behind one that lives longer waits for
it. What is dead waits in `Extras.dead` until the node sends it on at the end of the turn; without a
dead-letter exchange it is gone at once. One message at a time is the general case (`_bury_next`),
because what comes first may change with each; `_bury_ready` takes a run off `ready`.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop
from itertools import islice, repeat

from broker.marks import hot
from broker.message import Message
from broker.queues.dead_letter import EXPIRED, MAXLEN
from broker.queues.extended_messages import ExtendedMessages
from broker.queues.features import DROP_HEAD
from broker.queues.kept_messages import Delivery
from broker.queues.priority_lanes import PriorityLanes
from broker.queues.queue import PUMP_MAX


class MortalMessages(ExtendedMessages):
    """The part of an `ExtendedQueue` that deals with what dies in it."""

    __slots__ = ()

    # the head

    def _next(self) -> Delivery:
        """Take the first message: the oldest returned one, unless a ready one has a lower rank."""
        ready = self.ready
        if self.returned and (not ready or self.returned[0].seq < self._ready_rank()):
            first = heappop(self.returned)
        else:
            first = Delivery(self._ready_rank(), ready.popleft(), self.ready_deliveries)
            self.head_seq += 1
            self._took(1)
        if self.extras.counts_octets:
            self.extras.ready_bytes -= len(first.message.body)
        return first

    def _ready_rank(self) -> int:
        ready = self.ready
        return ready.top_rank if isinstance(ready, PriorityLanes) else self.head_seq

    def _head(self) -> Message | None:
        if self.ready and not self.returned:
            return self.ready[0]
        if not self._has_head():
            return None
        if self.returned and (not self.ready or self.returned[0].seq < self._ready_rank()):
            return self.returned[0].message
        return self.ready[0]

    # dying

    def _bury(self, message: Message, reason: str, seq: int | None) -> None:
        """Have a message dead-lettered at the end of the turn; without an exchange it is gone.

        seq: its number in the queue, or its rank; None: it was not let in.
        """
        died = self.extras.died
        died[reason] = died.get(reason, 0) + 1
        if self.extras.features.dead_letter_exchange is not None:
            self.extras.dead.append((message, reason, seq))
            self.mark_changed()
        elif seq is not None and self.log is not None:
            self.log.settle(seq)

    def _bury_all(self, messages: Sequence[Message], reason: str, seqs: Sequence[int]) -> None:
        """The same for many that were in the queue."""
        died = self.extras.died
        died[reason] = died.get(reason, 0) + len(messages)
        if self.extras.features.dead_letter_exchange is not None:
            self.extras.dead.extend(zip(messages, repeat(reason), seqs))
            self.mark_changed()
        elif self.log is not None:
            self.log.settle_all(seqs)

    def _bury_next(self, reason: str) -> None:
        seq, message, _ = self._next()
        self._bury(message, reason, seq)

    @hot(bench="max-length")
    def _bury_ready(self, count: int, reason: str) -> None:
        """The next messages die, none of which has been returned; so many are `ready`."""
        ready = self.ready
        seqs: Sequence[int]
        if isinstance(ready, PriorityLanes):
            batch, seqs = ready.take(count)
        else:
            seqs = range(self.head_seq, self.head_seq + count)
            if count == len(ready):
                batch = list(ready)
                ready.clear()
            else:
                popleft = ready.popleft
                batch = [popleft() for _ in range(count)]
        self.head_seq += count
        if self.extras.counts_octets:
            self.extras.ready_bytes -= sum([len(message.body) for message in batch])
        self._took(count)
        self._bury_all(batch, reason, seqs)

    # too many

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
        """Drop what is too much. What has to be read from the disk for that, because a policy has
        come over a backlog, goes up to a ceiling: `_pump` has it go on (`is_too_long`)."""
        extras = self.extras
        extras.is_too_long = False
        if not extras.is_limited or extras.features.overflow != DROP_HEAD:
            return
        left = PUMP_MAX - len(extras.dead)
        while self._is_over_limit() and self._has_head():
            if left <= 0 and self.log is not None and self.log.paged_count:
                extras.is_too_long = True
                self.mark_changed()
                return
            count = 0 if self.returned else self._overflow()
            if count > 1:
                self._bury_ready(count, MAXLEN)
            else:
                self._bury_next(MAXLEN)
            left -= max(1, count)
        if not self.has_ready:  # what the disk has lost is in the sum as well
            extras.ready_bytes = 0

    def _overflow(self) -> int:
        """How many of `ready` have to go at least."""
        features = self.extras.features
        ready = self.ready
        count = 0
        if features.max_length is not None:
            count = min(len(ready), self.ready_count - features.max_length)
        if features.max_length_bytes is not None and not isinstance(ready, PriorityLanes):
            excess = self.extras.ready_bytes - features.max_length_bytes
            for number, message in enumerate(ready):
                if excess <= 0:
                    return max(count, number)
                excess -= len(message.body)
            return len(ready)
        return count

    # time

    @hot(bench="expire")
    def _drop_expired(self) -> bool:
        """Drop what has expired at the head, up to a ceiling: a backlog must not hold up the node,
        nor come into memory to be dead-lettered.

        Returns: whether that was all. Otherwise `_ask_for_wake_up` has us go on at once.
        """
        head = self._head()
        if head is None or head.deadline_ms is None:
            return True  # without a look at the clock
        now_ms = self.extras.clock.now_ms()
        left = PUMP_MAX - len(self.extras.dead)
        while head is not None and head.deadline_ms is not None and head.deadline_ms <= now_ms:
            if left <= 0:
                return False
            count = 0
            if not self.returned and not isinstance(self.ready, PriorityLanes):
                count = self._count_expired(now_ms, left)
            if count > 1:
                self._bury_ready(count, EXPIRED)
            else:
                self._bury_next(EXPIRED)
            left -= max(1, count)
            head = self._head()
        return True

    def _count_expired(self, now_ms: int, most: int) -> int:
        """How many messages from the left end of `ready` on have expired, up to a ceiling."""
        for number, message in enumerate(islice(self.ready, most)):
            if message.deadline_ms is None or message.deadline_ms > now_ms:
                return number
        return min(most, len(self.ready))

    def _is_any_over(self, now_ms: int) -> bool:
        """Whether any message in `ready` may have expired, when its first has not."""
        extras = self.extras
        if now_ms < extras.earliest_ms:
            return False
        return not extras.in_order or isinstance(self.ready, PriorityLanes)
