"""A queue: keeps messages in order, hands them to consumers, takes back what was not settled.
    seq:      … 7   9  │ 12 13 14 15 16 …
              returned │ ready

Every message that enters gets the next sequence number, without storing it: `ready` holds the
messages from `head_seq` on. What comes back (requeued, or a consumer that vanished) is older than
anything in `ready`, because it once was its head; it waits in `returned`, a heap by sequence
number, and goes first. So a requeued message regains its original position, and the common case
costs one deque.

What is kept on disk is the matter of `KeptMessages`. Consumers that may have room stand in `ring`,
served in turn; one that had none is parked until somebody says that it has (`unpark`). `pump` runs
once a turn for a queue that changed.

Invariants: a parked consumer is not in the ring; every seq in `returned` is below `head_seq`.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any

from broker.amqp.errors import resource
from broker.amqp.wire import EMPTY_TABLE, Table
from broker.marks import hot
from broker.message import Message
from broker.queues.arguments import queue_type_of
from broker.queues.consumers import ConsumerRing, Level
from broker.queues.features import is_lazy
from broker.queues.kept_messages import MESSAGE_OCTETS, Delivery, KeptMessages
from broker.seams import Consumer, MessageLog

ROUNDS_MAX = 64  # messages per consumer before back-pressure is looked at again,
ROUND_OCTETS = 512 * 1024  # fewer where they are large, judged by the first
PUMP_MAX = 2000  # messages a queue hands out in one turn: then the others have theirs

# What a queue without consumers has: most have none.
NOBODY: dict[Consumer, None] = {}
NO_PEERS: dict[object, int] = {}
NO_CONSUMERS = ConsumerRing()


class Queue(KeptMessages):
    """A classic queue. See the module for its picture.

    owner: identity of the connection an exclusive queue belongs to; 0: none. changed: the node's
    list of queues to pump, to which the queue adds itself. store: None: nothing of it is kept.
    """

    __slots__ = (
        "_changed",
        "_peers",
        "applied",
        "arguments",
        "auto_delete",
        "consumers",
        "exclusive_consumer",
        "extras",
        "incoming",
        "is_changed",
        "is_deleted",
        "name",
        "owner",
        "ring",
        "unacked_count",
        "vhost",
    )
    kind = "queue"
    returns_in_turn = False  # whether it matters in which order messages come back

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
        queue_id: int = 0,
        store: MessageLog | None = None,
    ):
        self.name = name
        self.vhost = vhost
        super().__init__(queue_id, store, durable=durable, is_lazy=is_lazy(arguments, {}))
        self.auto_delete = auto_delete
        self.owner = owner
        self.arguments = arguments
        self.applied: Any = None  # of policies, see `broker.policies.policy.Applied`
        self.consumers = NOBODY  # all of them, in the order they came
        self.ring = NO_CONSUMERS  # those that may have room
        self._peers = NO_PEERS  # how many consumers each connection has
        self.exclusive_consumer: Consumer | None = None
        self.unacked_count = 0
        self.incoming: dict[Any, dict[Any, Any]] | None = None  # source → its bindings to here
        self.is_changed = False
        self.is_deleted = False
        self.extras: Any = None  # of an ExtendedQueue
        self._changed = changed

    @property
    def resource(self) -> str:
        return resource("queue", self.name, self.vhost)

    @property
    def type_name(self) -> str:
        return queue_type_of(self.arguments)

    # in

    @hot(bench="auto-ack")
    def push(self, message: Message) -> bool:
        """Append one message. Returns: False: it was rejected; a plain queue never does."""
        if self.store is None or not self._keep((message,), message):
            self.ready.append(message)
            self.ready_bytes += self._memory_of(message)
        self.published += 1
        if not self.is_changed and self.ring.top is not None:
            self.is_changed = True
            self._changed.append(self)
        return True

    @hot(bench="auto-ack")
    def push_many(self, messages: list[Message]) -> Sequence[int]:
        """Append messages that share an envelope, in order. Returns: which were rejected."""
        if self.store is None or not self._keep(messages, messages):
            self.ready.extend(messages)
            self.ready_bytes += len(messages) * (len(messages[0].body) + MESSAGE_OCTETS)
        self.published += len(messages)
        if not self.is_changed and self.ring.top is not None:
            self.is_changed = True
            self._changed.append(self)
        return ()

    def requeue(self, deliveries: list[Delivery], *, is_lost: bool = False) -> None:
        """Take unacked deliveries back to their places. is_lost: their channel is gone."""
        for delivery in deliveries:
            again = delivery._replace(delivery_count=max(0, delivery.delivery_count) + 1)
            heappush(self.returned, again)
            self.unacked_count -= 1
        self.mark_changed()

    # out

    @hot(bench="auto-ack")
    def pump(self) -> None:
        """Hand ready messages to consumers in turn, while there are both, up to a ceiling."""
        self.is_changed = False
        ring = self.ring
        left = PUMP_MAX
        while left > 0:
            top = ring.top  # of the highest priority; changes when the last of them is parked
            if top is None:
                return
            if self.returned:
                left -= self._pump_returned(top)
            elif not self.ready and not self._page_in():
                return
            elif self.returned:
                continue
            elif len(top) == 1:
                left -= self._pump_one(top)
            elif self.consumers_share_peer:
                left -= self._pump_next(top)
            else:
                left -= self._pump_round(top)
        self.mark_changed()

    def _pump_one(self, top: Level) -> int:
        """The only consumer takes a run of messages. Returns: how many."""
        (consumer,) = top
        room = consumer.room()
        if room <= 0:
            self._park(consumer)
            return 0
        ready = self.ready
        if room >= len(ready):
            batch = list(ready)
            ready.clear()
            self.ready_bytes = 0
        else:
            popleft = ready.popleft
            batch = [popleft() for _ in range(room)]
            self._took(room)
        seq = self.head_seq
        self.head_seq = seq + len(batch)
        return self._hand_over(consumer, batch, seq, 1, self.ready_deliveries)

    def _pump_next(self, top: Level) -> int:
        """One message to whoever is next: consumers of one connection see the queue's order."""
        consumer = self._next_consumer(top)
        if consumer is None:
            return 0
        message = self.ready.popleft()
        self._took(1)
        seq = self.head_seq
        self.head_seq = seq + 1
        return self._hand_over(consumer, [message], seq, 1, self.ready_deliveries)

    def _pump_returned(self, top: Level) -> int:
        """The oldest returned message to whoever is next."""
        consumer = self._next_consumer(top)
        if consumer is None:
            return 0
        seq, message, count = heappop(self.returned)
        return self._hand_over(consumer, [message], seq, 1, count)

    def _next_consumer(self, top: Level) -> Consumer | None:
        """Whose turn it is; moves it to the end. None: it had no room, and is parked."""
        consumer = next(iter(top))
        if consumer.room() <= 0:
            self._park(consumer)
            return None
        top.move_to_end(consumer)
        return consumer

    def _pump_round(self, top: Level) -> int:
        """As many whole rounds as all have room for: consumer i takes messages i, i + n, ….

        That is what one message each in turn comes to, without a call per message. With more
        consumers than messages only as many are looked at as there are messages.
        """
        ready = self.ready
        waiting = len(ready)
        takers: list[Consumer] = []
        without_room: list[Consumer] = []
        rounds = max(1, min(ROUNDS_MAX, ROUND_OCTETS // (len(ready[0].body) + 1)))
        for consumer in top:
            room = consumer.room()
            if room <= 0:
                without_room.append(consumer)
                continue
            takers.append(consumer)
            rounds = min(rounds, room)
            if len(takers) == waiting:
                break
        for consumer in without_room:
            self._park(consumer)
        count = len(takers)
        if not count:
            return 0
        if not (is_everybody := count == len(top)):
            rounds = 1
        take = min(rounds * count, waiting)
        popleft = ready.popleft
        batch = [popleft() for _ in range(take)]
        self._took(take)
        seq = self.head_seq
        self.head_seq = seq + take
        for index, consumer in enumerate(takers[:take]):
            share = batch[index::count]
            self._hand_over(consumer, share, seq + index, count, self.ready_deliveries)
        served = take % count if is_everybody else count
        for consumer in (taker for taker in takers[:served] if taker in top):
            top.move_to_end(consumer)
        return take

    def _hand_over(
        self, consumer: Consumer, batch: list[Message], seq: int, stride: int, count: int = 0
    ) -> int:
        taken = consumer.deliver(batch, seq, stride, count)
        self.delivered += taken
        if count:
            self.redelivered += taken
        if consumer.no_ack:
            self.delivered_no_ack += taken
        else:
            self.unacked_count += taken
        if self.log is not None:
            self._handed_out(seq, taken, stride, count, no_ack=consumer.no_ack)
        for index in range(taken, len(batch)):
            heappush(self.returned, Delivery(seq + index * stride, batch[index], count))
        return taken

    def pop(self, *, no_ack: bool = True) -> Delivery | None:
        """Take the first message, for basic.get; None when there is none."""
        first = self._pop(no_ack)
        self.count_get(found=first is not None, no_ack=no_ack)
        if first is not None and self.log is not None:
            self._handed_out(first.seq, 1, 1, first.delivery_count, no_ack=no_ack)
        return first

    def _pop(self, no_ack: bool) -> Delivery | None:
        if not self.returned and not self.ready:
            self._page_in()
        if self.returned:
            first = heappop(self.returned)
        elif self.ready:
            first = Delivery(self.head_seq, self.ready.popleft(), self.ready_deliveries)
            self._took(1)
            self.head_seq += 1
        else:
            return None
        self.delivered += 1
        if first.delivery_count:
            self.redelivered += 1
        return first

    # settle

    def discard(self, deliveries: list[Delivery]) -> None:
        """Unacked deliveries are rejected without requeue."""
        self.unacked_count -= len(deliveries)
        self.rejected += len(deliveries)
        if self.log is not None:
            self.log.settle_all([delivery.seq for delivery in deliveries])

    def settle(self, count: int) -> None:
        """That many unacked deliveries are acked; whoever knows which tells the log."""
        self.unacked_count -= count
        self.acked += count

    # consumers

    def add_consumer(self, consumer: Consumer) -> None:
        """Serve a consumer from now on, in turn with the others."""
        if self.ring is NO_CONSUMERS:
            self.ring = ConsumerRing()
            self.consumers, self._peers = {}, {}
        self.consumers[consumer] = None
        peer = consumer.peer
        self._peers[peer] = self._peers.get(peer, 0) + 1
        if consumer.exclusive:
            self.exclusive_consumer = consumer
        self.ring.add(consumer)
        self.mark_changed()

    def remove_consumer(self, consumer: Consumer) -> bool:
        """Forget a consumer. Returns: whether the queue should be deleted (auto-delete)."""
        del self.consumers[consumer]
        peer = consumer.peer
        self._peers[peer] -= 1
        if not self._peers[peer]:
            del self._peers[peer]
        if self.exclusive_consumer is consumer:
            self.exclusive_consumer = None
        self.ring.discard(consumer)
        return self.auto_delete and not self.consumers

    @property
    def allows_exclusive_consumer(self) -> bool:
        """Whether somebody may have the queue for himself now."""
        return not self.consumers

    @property
    def consumers_share_peer(self) -> bool:
        """Whether several consumers belong to one connection, which then sees messages in order."""
        return len(self._peers) < len(self.consumers)

    def take_back(self, consumer: Consumer) -> None:
        """No further deliveries to a consumer that is about to go."""
        self.ring.discard(consumer)
        consumer.is_parked = True

    def unpark(self, consumer: Consumer) -> None:
        """A parked consumer has room again."""
        if consumer.is_parked and consumer in self.consumers:
            consumer.is_parked = False
            self.ring.add(consumer)
            self.mark_changed()

    def _park(self, consumer: Consumer) -> None:
        self.ring.discard(consumer)
        consumer.is_parked = True
        consumer.on_parked()

    def mark_changed(self) -> None:
        """Be pumped in this turn, if there is anything to hand out and somebody to take it."""
        if not self.is_changed and self.ring.top is not None and self.has_ready:
            self.is_changed = True
            self._changed.append(self)

    def touch(self) -> None:
        """The queue was used, by a declaration for instance."""

    def delete(self) -> int:
        """Become nothing: drop what is ready, tell the consumers. Returns: messages dropped."""
        dropped = self.purge()
        if self.log is not None:
            self.log.drop()
            self.log = None
        self.store = None
        self.is_deleted = True
        consumers, self.consumers, self._peers = self.consumers, NOBODY, NO_PEERS
        self.ring = NO_CONSUMERS
        for consumer in consumers:
            consumer.on_queue_deleted()
        return dropped

    def check_invariants(self) -> None:
        """Assert what the module promises. Called by tests after every step."""
        ring = self.ring
        assert all(consumer in self.consumers for consumer in ring)
        assert all(consumer.is_parked == (consumer not in ring) for consumer in self.consumers)
        assert sum(self._peers.values()) == len(self.consumers)
        assert self.unacked_count >= 0
        self.check_messages()
