"""A quorum queue where it is not like the others: what is rejected to be tried again.

Without a delivery limit RabbitMQ 3.10 gives it a new place at the end of the queue, so that a
message nobody can deal with does not hold up the rest. A message with a new place has a new
sequence number, and carries how often it was delivered (`TriedMessage`).

With a limit it goes before everything that is ready, as does what a channel that is gone has left
behind; not at its old place, but behind what came back before it. So it waits under a rank, as what
is returned in a priority queue does: in its lower bits is the sequence number.

What is too much goes after the consumers have had theirs, in every case. Where it is refused, the
queue closes when it has got one too many, and opens again at four fifths of its limit; dead letters
that no queue takes count as well.

Of single active consumers the next is whoever came first, whatever the priorities. A consumer is in
the round while it has credit: it leaves with the message that uses it up, and comes to the end when
it has some again.
"""

from __future__ import annotations

from broker.message import Envelope, Message
from broker.queues.consumers import Level
from broker.queues.extended import ExtendedQueue
from broker.queues.kept_messages import Delivery
from broker.queues.priority_lanes import LANE
from broker.queues.queued_message import QueuedMessage, original
from broker.seams import Consumer

OPENS_AT = 0.8  # of the limit
RETURNS_MAX = 1 << 60  # how many messages come back to a queue in its life at most


class TriedMessage(QueuedMessage):
    """A message at a new place. delivery_count: how often it was delivered at earlier ones."""

    __slots__ = ("delivery_count",)

    def __init__(
        self, envelope: Envelope, body: bytes, deadline_ms: int | None, delivery_count: int
    ):
        super().__init__(envelope, body, deadline_ms)
        self.delivery_count = delivery_count


class QuorumQueue(ExtendedQueue):
    """See the module. Made by `extend` only."""

    __slots__ = ()
    returns_in_turn = True

    def push(self, message: Message) -> bool:
        is_taken = super().push(message)
        if self.extras.refuses:
            self._judge()
        return is_taken

    def _would_overflow(self, size: int) -> bool:
        self._judge()
        return self.extras.is_closed

    def _room_for(self, count: int, message: Message) -> int:
        return 1 if self.extras.refuses else super()._room_for(count, message)

    def _judge(self) -> None:
        """Close when there is more than there may be, open when there is clearly less."""
        extras = self.extras
        share = OPENS_AT if extras.is_closed else 1
        extras.is_closed = self._exceeds(share)

    def _exceeds(self, share: float) -> bool:
        """Whether there is more than that share of what there may be."""
        extras = self.extras
        stuck = extras.stuck or ()
        most = extras.features.max_length
        if most is not None and self.ready_count + len(stuck) > int(most * share):
            return True
        most = extras.features.max_length_bytes
        if most is None:
            return False
        return extras.ready_bytes + extras.stuck_octets > int(most * share)

    def requeue(self, deliveries: list[Delivery], *, is_lost: bool = False) -> None:
        if is_lost or self.extras.features.delivery_limit is not None:
            super().requeue([self._ranked(delivery) for delivery in deliveries])
            return
        for delivery in deliveries:
            self.unacked_count -= 1
            self._append_again(delivery)
        self._go_on()

    def add_consumer(self, consumer: Consumer) -> None:
        super().add_consumer(consumer)
        self._let_pass(consumer)

    def _let_pass(self, consumer: Consumer) -> None:
        """Whoever has no credit is out of the round at once."""
        if not consumer.is_parked and consumer.room() <= 0:
            self._park(consumer)

    def _hand_over(
        self, consumer: Consumer, batch: list[Message], seq: int, stride: int, count: int = 0
    ) -> int:
        taken = super()._hand_over(consumer, batch, seq, stride, count)
        self._let_pass(consumer)
        return taken

    def _drop_behind_get(self, no_ack: bool) -> None:
        if no_ack:  # else it is not settled yet, and what comes next not looked at
            super()._drop_behind_get(no_ack)

    def _activate_next(self) -> None:
        if self.consumers:
            self.extras.active = next(iter(self.consumers))
            self.unpark(self.extras.active)

    def delete(self) -> int:
        self.extras.stuck = None
        self.extras.stuck_octets = 0
        return super().delete()

    def _ranked(self, delivery: Delivery) -> Delivery:
        """Under the rank that puts it behind everything that has come back so far."""
        self.extras.return_count += 1
        lane = self.extras.return_count - RETURNS_MAX
        return delivery._replace(seq=lane * LANE + delivery.seq % LANE)

    def _append_again(self, delivery: Delivery) -> None:
        """Give a message a place at the end; it has been delivered once more."""
        count = max(0, delivery.delivery_count) + 1
        message = original(delivery.message)
        again = TriedMessage(message.envelope, message.body, message.deadline_ms, count)
        seq = self.next_seq
        is_paged = self.store is not None and self._keep((again,), again, self._deadline(again))
        if self.log is not None:
            self.log.hand_out([seq], count - 1)
            self.log.settle(delivery.seq)
        if self.extras.counts_octets:
            self.extras.ready_bytes += len(message.body)
        if not is_paged:
            self._enter(again, seq)
            self.extras.tried_count += 1

    def _go_on(self) -> None:
        if self.ring.top is not None:
            self._pump(expires=True)
        super()._go_on()

    def _pump_some(self, top: Level, most: int, *, expires: bool) -> int:
        if not self.extras.tried_count:
            return super()._pump_some(top, most, expires=expires)
        return self._pump_first(top)  # each may have been delivered another number of times

    def _next(self) -> Delivery:
        first = super()._next()
        if isinstance(first.message, TriedMessage) and not first.delivery_count:
            first = first._replace(delivery_count=first.message.delivery_count)
        if not self.ready:
            self.extras.tried_count = 0
        return first
