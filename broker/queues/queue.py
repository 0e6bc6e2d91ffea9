"""A queue: keeps messages in order, hands them to consumers, takes back what was not settled.

    seq:      … 7   9  │ 12 13 14 15 16 …
              returned │ ready

Every message that enters gets the next sequence number, without storing it: `ready` holds the
messages from `head_seq` on. What comes back (requeued, or a consumer that vanished) is older than
anything in `ready`, because it once was its head; it waits in `returned`, a heap by sequence
number, and goes first. So a requeued message regains its original position, and the common case
costs one deque.

Where there is a store, messages that must survive are kept in the queue's log as they enter, under
the same sequence numbers, and the log hears of everything that becomes of them. What does not fit
into the queue's share of memory is in the log only, behind `ready`; `_page_in` reads it back:

    returned │ ready ── in memory │ paged ── on disk

Consumers that may have room stand in `ring`, served in turn; one that had none is parked until
somebody says that it has (`unpark`). `pump` runs once a turn for a queue that changed.

Invariants (`check_invariants`): a parked consumer is not in the ring; every seq in `returned` is
below `head_seq`; the counts are not negative.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from broker.amqp.errors import resource
from broker.amqp.wire import EMPTY_TABLE, Table
from broker.marks import hot
from broker.message import Message
from broker.queues.arguments import queue_type_of
from broker.queues.consumers import ConsumerRing, Level
from broker.seams import Consumer, Kept, MessageLog, QueueLog

ROUNDS_MAX = 64  # messages per consumer before back-pressure is looked at again,
ROUND_OCTETS = 512 * 1024  # fewer where they are large, judged by the first
MESSAGE_OCTETS = 150  # that a message in memory takes beside its body, about
PUMP_MAX = 2000  # messages a queue hands out in one turn: then the others have theirs

# What a queue without consumers has, instead of empty ones of its own: most have none.
NOBODY: dict[Consumer, None] = {}
NO_PEERS: dict[object, int] = {}
NO_CONSUMERS = ConsumerRing()


class Delivery(NamedTuple):
    """A message on its way: where it was, and how often it has been handed out before."""

    seq: int
    message: Message
    delivery_count: int


class Queue:
    """A classic queue. See the module for its picture.

    owner: identity of the connection an exclusive queue belongs to; 0: none. changed: the node's
    list of queues to pump, to which the queue adds itself. store: None: nothing of it is kept.
    """

    __slots__ = (
        "_changed",
        "_peers",
        "acked",
        "arguments",
        "auto_delete",
        "consumers",
        "delivered",
        "durable",
        "exclusive_consumer",
        "extras",
        "head_seq",
        "incoming",
        "is_changed",
        "is_deleted",
        "log",
        "name",
        "owner",
        "published",
        "queue_id",
        "ready",
        "ready_bytes",
        "ready_deliveries",
        "redelivered",
        "returned",
        "ring",
        "store",
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
        queue_id: int = 0,
        store: MessageLog | None = None,
    ):
        self.name = name
        self.vhost = vhost
        self.durable = durable
        self.auto_delete = auto_delete
        self.owner = owner
        self.arguments = arguments
        self.queue_id = queue_id
        self.store = store
        self.log: QueueLog | None = store.find_queue(queue_id) if store is not None else None
        self.ready: deque[Message] = deque()
        self.ready_bytes = 0  # of memory, in `ready`, about
        self.ready_deliveries = 0  # of each message in `ready`, before: read back after a crash
        self.head_seq = 1 if self.log is None else self.log.next_seq
        self.returned: list[Delivery] = []
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
        self.published = self.delivered = self.redelivered = self.acked = 0

    @property
    def resource(self) -> str:
        return resource("queue", self.name, self.vhost)

    @property
    def type_name(self) -> str:
        return queue_type_of(self.arguments)

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

    @hot(bench="auto-ack")
    def push(self, message: Message) -> bool:
        """Append one message. Returns: False when it was rejected; a plain queue never does."""
        if self.store is None or not self._keep((message,), message):
            self.ready.append(message)
            self.ready_bytes += len(message.body) + MESSAGE_OCTETS
        self.published += 1
        if not self.is_changed and self.ring.top is not None:
            self.is_changed = True
            self._changed.append(self)
        return True

    @hot(bench="auto-ack")
    def push_many(self, messages: list[Message]) -> None:
        """Append messages that share an envelope, in order."""
        if self.store is None or not self._keep(messages, messages):
            self.ready.extend(messages)
            self.ready_bytes += len(messages) * (len(messages[0].body) + MESSAGE_OCTETS)
        self.published += len(messages)
        if not self.is_changed and self.ring.top is not None:
            self.is_changed = True
            self._changed.append(self)

    def _keep(self, messages: Sequence[Message], token: object, deadline_ms: int = 0) -> bool:
        """Give messages that share an envelope to the log, if they have to survive or find no room
        in memory, or if others of the queue are there. See `QueueLog.keep`.

        Returns: whether they are on disk only.
        """
        log, store = self.log, self.store
        assert store is not None
        persistent = self.durable and self._survives(messages[0])
        if not self.ready:
            self.ready_deliveries = 0
        pages = self._pages(store.queue_memory)
        if log is None:
            if not (persistent or pages):
                return False
            first_seq = self.head_seq + len(self.ready)
            log = store.open_queue(self.queue_id, first_seq, is_durable=self.durable)
            self.log = log
        elif not (persistent or pages or log.live_count):
            log.skip(len(messages))
            return False
        log.keep(messages, token, persistent=persistent, deadline_ms=deadline_ms)
        if pages:
            log.paged_count += len(messages)
            return True
        log.paged_from = log.next_seq
        return False

    def _survives(self, message: Message) -> bool:
        """Whether a durable queue has to have the message after a restart."""
        return message.envelope.is_persistent

    def _pages(self, queue_memory: int) -> bool:
        """Whether what enters now must stay on disk. queue_memory: octets a queue may take."""
        return (
            self.ready_bytes > queue_memory
            or (self.log is not None and self.log.paged_count > 0)
            or self.ready_deliveries > 0
        )

    def requeue(self, deliveries: list[Delivery], *, expires_first: bool = False) -> None:
        """Take deliveries back to their original positions. They were unacked until now.

        expires_first: for extended queues, whose messages may have expired meanwhile.
        """
        for delivery in deliveries:
            again = delivery._replace(delivery_count=delivery.delivery_count + 1)
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
                self.ready_bytes = sum(len(item.message.body) for item in kept)
                self.ready_bytes += len(kept) * MESSAGE_OCTETS
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
            log.begin_at(cut_seq)
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
        if count < len(top):
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
        served = take % count if count == len(top) else count
        for consumer in takers[:served]:
            top.move_to_end(consumer)
        return take

    def _hand_over(
        self, consumer: Consumer, batch: list[Message], seq: int, stride: int, count: int = 0
    ) -> int:
        taken = consumer.deliver(batch, seq, stride, count)
        self.delivered += taken
        if count:
            self.redelivered += taken
        if not consumer.no_ack:
            self.unacked_count += taken
        if self.log is not None:
            self._handed_out(seq, taken, stride, count, no_ack=consumer.no_ack)
        for index in range(taken, len(batch)):
            heappush(self.returned, Delivery(seq + index * stride, batch[index], count))
        return taken

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

    def pop(self, *, no_ack: bool = True) -> Delivery | None:
        """Take the first message, for basic.get; None when there is none."""
        first = self._pop()
        if first is not None and self.log is not None:
            self._handed_out(first.seq, 1, 1, first.delivery_count, no_ack=no_ack)
        return first

    def _pop(self) -> Delivery | None:
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
        self.settle(len(deliveries))
        if self.log is not None:
            self.log.settle_all([delivery.seq for delivery in deliveries])

    def settle(self, count: int) -> None:
        """That many unacked deliveries are done with. Where the queue has a log, it is told which
        by whoever knows."""
        self.unacked_count -= count
        self.acked += count

    def purge(self) -> int:
        """Drop all ready messages. Returns: how many."""
        dropped = self.ready_count
        log = self.log
        if log is None:
            self.head_seq += len(self.ready)
        else:
            self._settle_ready(log)
            self.head_seq = log.paged_from = log.next_seq
            log.paged_count = 0
        self.ready.clear()
        self.ready_bytes = 0
        self.returned.clear()
        return dropped

    def _settle_ready(self, log: QueueLog) -> None:
        """Everything that is ready, in memory or not, is done with."""
        log.settle_all([delivery.seq for delivery in self.returned])
        first = self.head_seq if self.ready else log.paged_from
        log.settle_all(range(first, log.next_seq))

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
        assert all(delivery.seq < self.head_seq for delivery in self.returned)
        assert self.unacked_count >= 0
        if self.log is not None and not self.log.paged_count:
            assert self.head_seq + len(self.ready) == self.log.next_seq
        heap = list(self.returned)
        heapify(heap)
        assert heap[:1] == self.returned[:1]
