"""A queue: keeps messages in order, hands them to consumers, takes back what was not settled.

    seq:      … 7   9  │ 12 13 14 15 16 …
              returned │ ready

Every message that enters gets the next sequence number, without storing it: `ready` holds the
messages from `head_seq` on. What comes back (requeued, or a consumer that vanished) is older than
anything in `ready`, because it once was its head; it waits in `returned`, a heap by sequence
number, and goes first. So a requeued message regains its original position, and the common case
costs one deque.

Consumers that may have room stand in `ring`, served in turn; one that had none is parked until
somebody says that it has (`unpark`). `pump` runs once a turn for a queue that changed.

Invariants (`check_invariants`): a parked consumer is not in the ring; every seq in `returned` is
below `head_seq`; the counts are not negative.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from broker.amqp.errors import resource
from broker.amqp.wire import EMPTY_TABLE, Table
from broker.marks import hot
from broker.message import Message
from broker.queues.arguments import queue_type_of
from broker.seams import Consumer

ROUNDS_MAX = 64  # messages per consumer before back-pressure is looked at again
PUMP_MAX = 2000  # messages a queue hands out in one turn: then the others have theirs


class Delivery(NamedTuple):
    """A message on its way: where it was, and how often it has been handed out before."""

    seq: int
    message: Message
    delivery_count: int


class Queue:
    """A classic queue in memory. See the module for its picture.

    owner: identity of the connection an exclusive queue belongs to; 0: none. changed: the node's
    list of queues to pump, to which the queue adds itself.
    """

    __slots__ = (
        "_changed",
        "acked",
        "arguments",
        "auto_delete",
        "consumers",
        "delivered",
        "durable",
        "exclusive_consumer",
        "has_priorities",
        "head_seq",
        "incoming",
        "is_changed",
        "is_deleted",
        "name",
        "owner",
        "published",
        "ready",
        "redelivered",
        "returned",
        "ring",
        "unacked_count",
        "vhost",
    )
    kind = "queue"

    def __init__(
        self,
        name: str,
        vhost: str,
        changed: list[Queue],
        *,
        durable: bool = False,
        auto_delete: bool = False,
        owner: int = 0,
        arguments: Table = EMPTY_TABLE,
    ):
        self.name = name
        self.vhost = vhost
        self.durable = durable
        self.auto_delete = auto_delete
        self.owner = owner
        self.arguments = arguments
        self.ready: deque[Message] = deque()
        self.head_seq = 1
        self.returned: list[Delivery] = []
        self.consumers: list[Consumer] = []
        self.ring: deque[Consumer] | None = None  # made with the first consumer
        self.exclusive_consumer: Consumer | None = None
        self.unacked_count = 0
        self.incoming: dict[Any, dict[Any, Any]] | None = None  # source → its bindings to here
        self.is_changed = False
        self.is_deleted = False
        self.has_priorities = False  # has a consumer ever asked for one?
        self._changed = changed
        self.published = self.delivered = self.redelivered = self.acked = 0

    @property
    def resource(self) -> str:
        return resource("queue", self.name, self.vhost)

    @property
    def type_name(self) -> str:
        return queue_type_of(self.arguments)

    @property
    def ready_count(self) -> int:
        return len(self.ready) + len(self.returned)

    # in

    @hot(bench="auto-ack")
    def push(self, message: Message) -> None:
        """Append one message."""
        self.ready.append(message)
        self.published += 1
        if self.ring and not self.is_changed:
            self.is_changed = True
            self._changed.append(self)

    @hot(bench="auto-ack")
    def push_many(self, messages: list[Message]) -> None:
        """Append messages in order."""
        self.ready.extend(messages)
        self.published += len(messages)
        if self.ring and not self.is_changed:
            self.is_changed = True
            self._changed.append(self)

    def requeue(self, deliveries: Iterable[Delivery]) -> None:
        """Take deliveries back to their original positions. They were unacked until now."""
        for delivery in deliveries:
            heappush(self.returned, delivery._replace(delivery_count=delivery.delivery_count + 1))
            self.unacked_count -= 1
        self.mark_changed()

    # out

    @hot(bench="auto-ack")
    def pump(self) -> None:
        """Hand ready messages to consumers in turn, while there are both, up to a ceiling."""
        self.is_changed = False
        ring = self.ring
        left = PUMP_MAX
        while ring and left > 0:
            if self.returned:
                left -= self._pump_returned(ring)
            elif not self.ready:
                return
            elif len(ring) == 1:
                left -= self._pump_one(ring)
            elif self.has_priorities or self._shares_peer(ring):
                left -= self._pump_next(ring)
            else:
                left -= self._pump_round(ring)
        if ring and (self.ready or self.returned):
            self.mark_changed()

    def _pump_one(self, ring: deque[Consumer]) -> int:
        """The only consumer takes a run of messages. Returns: how many."""
        consumer = ring[0]
        room = consumer.room()
        if room <= 0:
            self._park(consumer)
            return 0
        ready = self.ready
        waiting = len(ready)
        if room >= waiting:
            batch = list(ready)
            ready.clear()
        else:
            popleft = ready.popleft
            batch = [popleft() for _ in range(room)]
        seq = self.head_seq
        self.head_seq = seq + len(batch)
        return self._hand_over(consumer, batch, seq, 1)

    def _shares_peer(self, ring: deque[Consumer]) -> bool:
        """Whether several consumers belong to one connection, which then sees messages in order."""
        return len({id(consumer.peer) for consumer in ring}) < len(ring)

    def _pump_next(self, ring: deque[Consumer]) -> int:
        """One message to whoever is next: the first of the highest priority that has room."""
        consumer = self._next_consumer(ring)
        if consumer is None:
            return 0
        message = self.ready.popleft()
        seq = self.head_seq
        self.head_seq = seq + 1
        return self._hand_over(consumer, [message], seq, 1)

    def _next_consumer(self, ring: deque[Consumer]) -> Consumer | None:
        """Whose turn it is; moves it to the ring's end. None: it had no room, and is parked."""
        consumer = ring[0]
        if self.has_priorities:
            consumer = max(ring, key=lambda candidate: candidate.priority)  # the first such
        if consumer.room() <= 0:
            self._park(consumer)
            return None
        if consumer is ring[0]:
            ring.rotate(-1)
        else:
            ring.remove(consumer)
            ring.append(consumer)
        return consumer

    def _pump_round(self, ring: deque[Consumer]) -> int:
        """As many whole rounds as all have room for: consumer i takes messages i, i + n, ….

        That is what one message each in turn comes to, without a call per message.
        """
        for consumer in list(ring):
            if consumer.room() <= 0:
                self._park(consumer)
        count = len(ring)
        if count < 2:
            return 0
        ready = self.ready
        room = min(consumer.room() for consumer in ring)
        rounds = min(room, ROUNDS_MAX, -(-len(ready) // count))
        take = min(rounds * count, len(ready))
        popleft = ready.popleft
        batch = [popleft() for _ in range(take)]
        seq = self.head_seq
        self.head_seq = seq + take
        for index, consumer in enumerate(list(ring)[:take]):
            self._hand_over(consumer, batch[index::count], seq + index, count)
        ring.rotate(-take)
        return take

    def _pump_returned(self, ring: deque[Consumer]) -> int:
        """The oldest returned message to whoever is next."""
        consumer = self._next_consumer(ring)
        if consumer is None:
            return 0
        seq, message, count = heappop(self.returned)
        if count:
            self.redelivered += 1
        return self._hand_over(consumer, [message], seq, 1, count)

    def _hand_over(
        self, consumer: Consumer, batch: list[Message], seq: int, stride: int, count: int = 0
    ) -> int:
        taken = consumer.deliver(batch, seq, stride, count)
        self.delivered += taken
        if not consumer.no_ack:
            self.unacked_count += taken
        for index in range(taken, len(batch)):
            heappush(self.returned, Delivery(seq + index * stride, batch[index], count))
        return taken

    def pop(self) -> Delivery | None:
        """Take the first message, for basic.get; None when there is none."""
        if self.returned:
            first = heappop(self.returned)
            if first.delivery_count:
                self.redelivered += 1
        elif self.ready:
            first = Delivery(self.head_seq, self.ready.popleft(), 0)
            self.head_seq += 1
        else:
            return None
        self.delivered += 1
        return first

    # settle

    def settle(self, count: int) -> None:
        """That many unacked deliveries are done with."""
        self.unacked_count -= count
        self.acked += count

    def purge(self) -> int:
        """Drop all ready messages. Returns: how many."""
        dropped = self.ready_count
        self.head_seq += len(self.ready)
        self.ready.clear()
        self.returned.clear()
        return dropped

    # consumers

    def add_consumer(self, consumer: Consumer) -> None:
        """Serve a consumer from now on, in turn with the others."""
        self.consumers.append(consumer)
        if consumer.exclusive:
            self.exclusive_consumer = consumer
        if consumer.priority:
            self.has_priorities = True
        if self.ring is None:
            self.ring = deque()
        self.ring.append(consumer)
        self.mark_changed()

    def remove_consumer(self, consumer: Consumer) -> bool:
        """Forget a consumer. Returns: whether the queue should be deleted (auto-delete)."""
        self.consumers.remove(consumer)
        if self.exclusive_consumer is consumer:
            self.exclusive_consumer = None
        if self.ring is not None and not consumer.is_parked:
            self.ring.remove(consumer)
        return self.auto_delete and not self.consumers

    def unpark(self, consumer: Consumer) -> None:
        """A parked consumer has room again."""
        if consumer.is_parked and self.ring is not None:
            consumer.is_parked = False
            self.ring.append(consumer)
            self.mark_changed()

    def _park(self, consumer: Consumer) -> None:
        assert self.ring is not None
        self.ring.remove(consumer)
        consumer.is_parked = True
        consumer.on_parked()

    def mark_changed(self) -> None:
        """Be pumped in this turn."""
        if not self.is_changed and self.ring and (self.ready or self.returned):
            self.is_changed = True
            self._changed.append(self)

    def delete(self) -> int:
        """Become nothing: drop what is ready, tell the consumers. Returns: messages dropped."""
        dropped = self.purge()
        self.is_deleted = True
        consumers, self.consumers, self.ring = self.consumers, [], None
        for consumer in consumers:
            consumer.on_queue_deleted()
        return dropped

    def check_invariants(self) -> None:
        """Assert what the module promises. Called by tests after every step."""
        ring = self.ring or ()
        assert len(set(ring)) == len(ring)
        assert all(consumer.is_parked == (consumer not in ring) for consumer in self.consumers)
        assert all(delivery.seq < self.head_seq for delivery in self.returned)
        assert self.unacked_count >= 0
        heap = list(self.returned)
        heapify(heap)
        assert heap[:1] == self.returned[:1]
