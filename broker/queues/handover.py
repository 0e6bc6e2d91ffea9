"""How an extended queue hands messages to consumers.

One message at a time is the general case (`_pump_first`): what comes first may change with each,
and what has expired must not go out. Where the messages behind the head are known to be alive, and
nothing was returned, runs of them go out as those of a plain queue do.
"""

from __future__ import annotations

from broker.marks import hot
from broker.message import Message
from broker.queues.consumers import Level
from broker.queues.extended_messages import NEVER
from broker.queues.kept_messages import Delivery
from broker.queues.mortal_messages import MortalMessages
from broker.queues.priority_lanes import PriorityLanes
from broker.queues.queue import PUMP_MAX
from broker.queues.queued_message import counted


class Handover(MortalMessages):
    """The part of an `ExtendedQueue` that serves consumers."""

    __slots__ = ()

    def _pump(self, *, expires: bool) -> int:
        """Returns: how many messages were handed out."""
        self.is_changed = False
        handed = 0
        if self.extras.is_too_long:
            self._drop_overflow()
            if self.extras.is_too_long:  # what is at the head is to be dropped as well
                return handed
        if expires and not self._drop_expired():
            return handed
        while handed < PUMP_MAX and self._has_head():
            top = self.ring.top
            if top is None:
                break
            handed += self._pump_some(top, PUMP_MAX - handed, expires=expires)
            if expires and not self._drop_expired():
                break
        return handed

    @hot(bench="ttl")
    def _pump_some(self, top: Level, most: int, *, expires: bool) -> int:
        """Hand out as much as can be at once. One message at a time is the general case."""
        extras = self.extras
        if self.returned or (self.ready_deliveries and extras.features.counts_deliveries):
            return self._pump_first(top)
        is_mixed = (
            expires and extras.earliest_ms < NEVER and self._is_any_over(extras.clock.now_ms())
        )
        if isinstance(self.ready, PriorityLanes):
            if is_mixed or len(top) > 1:
                return self._pump_first(top)
            return self._pump_ranked(top, most)
        if is_mixed or extras.counts_octets:
            if len(top) > 1:
                return self._pump_first(top)
            return self._pump_run(top, most, expires=expires)
        if len(top) == 1:
            return self._pump_one(top)
        if self.consumers_share_peer:
            return self._pump_next(top)
        return self._pump_round(top)

    def _pump_ranked(self, top: Level, most: int) -> int:
        """The only consumer takes a run of messages of a priority queue, none of them over."""
        (consumer,) = top
        room = min(consumer.room(), most)
        if room <= 0:
            self._park(consumer)
            return 0
        assert isinstance(self.ready, PriorityLanes)
        batch, ranks = self.ready.take(room)
        self.head_seq += len(batch)
        self._took(len(batch))
        taken = consumer.deliver_ranked(batch, ranks)
        self.delivered += taken
        if consumer.no_ack:
            self.delivered_no_ack += taken
        else:
            self.unacked_count += taken
        if self.log is not None:
            if consumer.no_ack:
                self.log.settle_all(ranks[:taken])
            else:
                self.log.hand_out(ranks[:taken], 0 if self._counts_deliveries else None)
        if self.extras.counts_octets:
            self.extras.ready_bytes -= sum([len(message.body) for message in batch])
        for rank, message in zip(ranks[taken:], batch[taken:], strict=True):
            self._return(Delivery(rank, message, 0))
        return taken

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
            if expires and is_over(ready[0], now_ms):
                break
            message = ready.popleft()
            octets += len(message.body)
            batch.append(message)
        seq = self.head_seq
        self.head_seq = seq + len(batch)
        if self.extras.counts_octets:
            self.extras.ready_bytes -= octets
        if not batch:
            return 0
        self._took(len(batch))
        taken = self._hand_over(consumer, batch, seq, 1, self.ready_deliveries)
        if self.extras.counts_octets:
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


def is_over(message: Message, now_ms: int) -> bool:
    deadline_ms = message.deadline_ms
    return deadline_ms is not None and deadline_ms <= now_ms
