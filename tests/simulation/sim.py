"""A whole node and several peers that do random things, beside a ledger of every message.

One seed decides everything. The ledger knows a message only from what peers said and read: each
copy (message, queue) is ready, held by a channel, or gone for one known reason. After every step
the ledger is compared with the node: the same messages in the same queues, the same deliveries
unacked; flags and orders are checked as deliveries are read.

What a peer "reads" includes the connection's outbox: those octets are decided, even while the
transport is paused.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from broker.amqp.methods import (
    BasicAck,
    BasicCancel,
    BasicCancelOk,
    BasicConsume,
    BasicConsumeOk,
    BasicDeliver,
    BasicGet,
    BasicGetEmpty,
    BasicGetOk,
    BasicNack,
    BasicQos,
    BasicRecover,
    BasicReturn,
    ChannelClose,
    ChannelCloseOk,
    ChannelOpen,
    ConfirmSelect,
    ExchangeDeclare,
    Method,
    QueueBind,
    QueueDeclare,
    QueueDelete,
    QueueDeleteOk,
    QueuePurge,
    QueuePurgeOk,
    QueueUnbind,
)
from broker.amqp.wire import Table
from broker.queues.queue import Queue
from tests.support.builders import message, table
from tests.support.peer import Peer, World
from tests.support.wire import Content, Reader, Received

PEERS = 5
CHANNELS = (1, 2)
QUEUES = tuple(f"q{number}" for number in range(6))
# Features that change who gets a message and when, but not what becomes of it.
ARGUMENTS = {
    "q3": table(x_message_ttl=10**9),
    "q4": table(x_max_priority=3),
    "q5": table(x_single_active_consumer=True),
}
EXCHANGES = {"direct": "direct", "fanout": "fanout", "topic": "topic"}
KEYS = (*QUEUES, "a.b", "a", "b.c")
PATTERNS = (*QUEUES, "a.*", "#", "*.c", "a")
BODY_SIZES = (10, 10, 10, 10, 200, 5000, 9000)
FRAME_MAX = 4096


class Fate(Enum):
    READY = "in its queue"
    HELD = "delivered, not settled"
    ACKED = "acked"
    CONSUMED = "delivered without ack"
    DISCARDED = "rejected without requeue"
    PURGED = "purged"
    DELETED = "deleted with its queue"


@dataclass
class Copy:
    """One message in one queue."""

    number: int
    queue: Queue
    fate: Fate = Fate.READY
    deliveries: int = 0


@dataclass
class Client:
    """What a peer knows about itself."""

    peer: Peer
    number: int
    reader: Reader = field(default_factory=Reader)
    unread: list[tuple[int, Received]] = field(default_factory=list)
    held: dict[int, dict[int, Copy]] = field(default_factory=lambda: defaultdict(dict))
    consumers: dict[tuple[int, str], tuple[Queue, bool]] = field(default_factory=dict)
    last_fresh: dict[tuple[int, Queue], int] = field(default_factory=dict)
    published: dict[int, int] = field(default_factory=dict)  # on confirming channels
    confirmed: dict[int, int] = field(default_factory=dict)
    returned: int = 0


class Simulation:
    """seed: decides everything. `run` raises AssertionError at the first thing out of order."""

    def __init__(self, seed: int):
        self.random = Random(seed)
        self.world = World()
        self.copies: dict[tuple[int, Queue], Copy] = {}
        self.ready: dict[Queue, dict[int, Copy]] = defaultdict(dict)
        self.number = 0
        self.tag = 0
        self.done: Counter[str] = Counter()
        self.clients = [self._new_client(number) for number in range(PEERS)]
        for name, type_name in EXCHANGES.items():
            self._say(self.clients[0], 1, ExchangeDeclare(exchange=name, type=type_name))

    def run(self, steps: int) -> None:
        actions: dict[Callable[[], None], int] = {
            self.publish: 30,
            self.acknowledge: 22,
            self.consume: 6,
            self.cancel: 3,
            self.get: 5,
            self.declare: 6,
            self.bind: 4,
            self.unbind: 2,
            self.purge: 1,
            self.delete: 1,
            self.qos: 3,
            self.recover: 1,
            self.confirm_select: 1,
            self.close_channel: 1,
            self.drop: 1,
            self.pause: 2,
            self.resume: 4,
        }
        choices, weights = list(actions), list(actions.values())
        for _ in range(steps):
            action = self.random.choices(choices, weights)[0]
            action()
            if self.random.random() < 0.8:  # otherwise the next step comes in the same turn
                self.world.settle()
            self._read_everything()
            self._compare()
        self._finish()

    # steps

    def _client(self) -> Client:
        return self.random.choice(self.clients)

    def _channel(self) -> int:
        return self.random.choice(CHANNELS)

    def publish(self) -> None:
        client, channel = self._client(), self._channel()
        exchange = self.random.choice(("", "", *EXCHANGES))
        key, size = self.random.choice(KEYS), self.random.choice(BODY_SIZES)
        count = self.random.choice((1, 1, 2, 5, 30))
        vhost = self.world.vhost
        queues, _ = vhost.route(vhost.exchanges[exchange], [key], message())
        bodies = []
        for _ in range(count):
            self.number += 1
            bodies.append(f"{self.number:010}".ljust(size, ".").encode())
            for queue in queues:
                copy = Copy(self.number, queue)
                self.copies[self.number, queue] = copy
                self.ready[queue][self.number] = copy
        if channel in client.published:
            client.published[channel] += count
        before = client.returned
        client.peer.publishes(
            channel,
            key,
            *bodies,
            exchange=exchange,
            mandatory=self.random.random() < 0.3,
            settle=False,
            delivery_mode=self.random.choice((1, 2)),
        )
        self._read(client)
        assert queues or client.returned - before in (0, count)
        assert not queues or client.returned == before
        self.done["published"] += count

    def acknowledge(self) -> None:
        client, channel = self._client(), self._channel()
        held = client.held[channel]
        if not held:
            return
        tag = self.random.choice(list(held))
        multiple = self.random.random() < 0.5
        tags = [other for other in held if other <= tag] if multiple else [tag]
        if multiple and self.random.random() < 0.2:
            tag, tags = 0, list(held)
        kind = self.random.choice(("ack", "ack", "ack", "requeue", "discard"))
        command: Method = BasicNack(tag, multiple, kind == "requeue")
        if kind == "ack":
            command = BasicAck(tag, multiple)
        for settled in tags:
            copy = held.pop(settled)
            if kind == "requeue":
                self._back(copy)
            elif not copy.queue.is_deleted:
                copy.fate = Fate.ACKED if kind == "ack" else Fate.DISCARDED
        self._say(client, channel, command)
        self.done[kind] += len(tags)

    def consume(self) -> None:
        client, channel = self._client(), self._channel()
        queue = self._some_queue()
        if queue is None:
            return
        self.tag += 1
        tag, no_ack = f"c{self.tag}", self.random.random() < 0.3
        client.consumers[channel, tag] = (queue, no_ack)
        priority = self.random.choice((0, 0, 0, 5))
        command = BasicConsume(
            queue=queue.name,
            consumer_tag=tag,
            no_ack=no_ack,
            exclusive=self.random.random() < 0.05,
            arguments={} if not priority else _priority(priority),
        )
        self._say(client, channel, command)

    def cancel(self) -> None:
        client = self._client()
        if client.consumers:
            channel, tag = self.random.choice(list(client.consumers))
            self._say(client, channel, BasicCancel(tag))

    def get(self) -> None:
        client, channel = self._client(), self._channel()
        queue = self._some_queue()
        if queue is not None:
            no_ack = self.random.random() < 0.3
            client.consumers[channel, ""] = (queue, no_ack)
            self._say(client, channel, BasicGet(queue=queue.name, no_ack=no_ack))

    def declare(self) -> None:
        name = self.random.choice(QUEUES)
        command = QueueDeclare(
            queue=name,
            passive=self.random.random() < 0.1,
            auto_delete=self.random.random() < 0.2,
            exclusive=self.random.random() < 0.1,
            arguments=ARGUMENTS.get(name, {}),
        )
        self._say(self._client(), self._channel(), command)

    def bind(self) -> None:
        exchange = self.random.choice(tuple(EXCHANGES))
        key = self.random.choice(PATTERNS)
        self._change_binding(QueueBind(queue="", exchange=exchange, routing_key=key))

    def unbind(self) -> None:
        exchange = self.random.choice(tuple(EXCHANGES))
        key = self.random.choice(PATTERNS)
        self._change_binding(QueueUnbind(queue="", exchange=exchange, routing_key=key))

    def _change_binding(self, command: QueueBind | QueueUnbind) -> None:
        queue = self._some_queue()
        if queue is not None:
            command.queue = queue.name
            self._say(self._client(), self._channel(), command)

    def purge(self) -> None:
        queue = self._some_queue()
        if queue is not None:
            received = self._say(self._client(), self._channel(), QueuePurge(queue=queue.name))
            for reply in received:
                if isinstance(reply, QueuePurgeOk):
                    assert reply.message_count == len(self.ready[queue])
                    self._lose(queue, Fate.PURGED)

    def delete(self) -> None:
        queue = self._some_queue()
        if queue is not None:
            before = self.world.queue(queue.name)
            command = QueueDelete(queue=queue.name, if_unused=self.random.random() < 0.3)
            for reply in self._say(self._client(), self._channel(), command):
                if isinstance(reply, QueueDeleteOk):
                    assert before.is_deleted
                    assert reply.message_count == len(self.ready[queue])

    def qos(self) -> None:
        command = BasicQos(0, self.random.choice((0, 1, 2, 5, 20)), self.random.random() < 0.2)
        self._say(self._client(), self._channel(), command)

    def recover(self) -> None:
        client, channel = self._client(), self._channel()
        for copy in client.held[channel].values():
            self._back(copy)
        client.held[channel].clear()
        self._say(client, channel, BasicRecover(True))

    def confirm_select(self) -> None:
        client, channel = self._client(), self._channel()
        client.published.setdefault(channel, 0)
        client.confirmed.setdefault(channel, 0)
        self._say(client, channel, ConfirmSelect())

    def close_channel(self) -> None:
        client, channel = self._client(), self._channel()
        self._say(client, channel, ChannelClose())

    def drop(self) -> None:
        """The socket breaks; somebody else comes."""
        client = self._client()
        self._read(client)
        for held in client.held.values():
            for copy in held.values():
                self._back(copy)
        client.peer.transport.is_lost = True
        client.peer.connection.on_lost()
        self.clients[client.number] = self._new_client(client.number)
        self.done["dropped"] += 1

    def pause(self) -> None:
        self._client().peer.connection.on_transport_paused()

    def resume(self) -> None:
        connection = self._client().peer.connection
        if connection.is_paused:
            connection.on_transport_resumed()

    # what happens underneath

    def _new_client(self, number: int) -> Client:
        peer = self.world.peer(frame_max=FRAME_MAX)
        peer.opens_channel(*CHANNELS)
        peer.connection.outbox_limit = self.random.choice((1000, 20_000, 512 * 1024))
        client = Client(peer, number)
        client.reader.read(peer.transport.written)
        return client

    def _some_queue(self) -> Queue | None:
        queues = list(self.world.vhost.queues.values())
        return self.random.choice(queues) if queues else None

    def _say(self, client: Client, channel: int, command: Method) -> list[Method]:
        """Returns: what the peer then read on the channel, messages aside."""
        client.peer.sends(channel, command, settle=False)
        return self._read(client).get(channel, [])

    def _read_everything(self) -> None:
        self._read(self.clients[0])
        for queue in [queue for queue in self.ready if queue.is_deleted]:
            self._lose(queue, Fate.DELETED)
            del self.ready[queue]

    def _read(self, client: Client) -> dict[int, list[Method]]:
        """All peers read. Returns: what this one did by channel, messages aside.

        The others come first: what a queue handed out while it answered was theirs before. A
        channel that was given what another has only just given back waits until that is known.
        """
        replies: dict[int, list[Method]] = defaultdict(list)
        in_turn = [other for other in self.clients if other is not client] + [client]
        goes_on = True
        while goes_on:
            goes_on = False
            for reading in in_turn:
                self._fetch(reading)
                unread, reading.unread = reading.unread, []
                waiting: set[int] = set()  # channels
                for channel, received in unread:
                    if channel in waiting or self._is_early(reading, channel, received):
                        waiting.add(channel)
                        reading.unread.append((channel, received))
                        continue
                    goes_on = True
                    self._read_one(reading, channel, received)
                    if reading is client and isinstance(received, Method):
                        replies[channel].append(received)
        for reading in in_turn:
            for channel, received in reading.unread:
                self._read_one(reading, channel, received)  # which says what is wrong with it
            assert not reading.unread
        return replies

    def _fetch(self, client: Client) -> None:
        connection = client.peer.connection
        octets = client.peer.transport.written + b"".join(connection.outbox)
        client.unread += client.reader.read(octets)

    def _is_early(self, client: Client, channel: int, received: Received) -> bool:
        """Whether a delivery is of something that is with somebody else, as far as we know."""
        if not isinstance(received, Content) or isinstance(received.method, BasicReturn):
            return False
        queue, _ = client.consumers[channel, getattr(received.method, "consumer_tag", "")]
        return self.copies[int(received.body[:10]), queue].fate is not Fate.READY

    def _read_one(self, client: Client, channel: int, received: Received) -> None:
        if isinstance(received, Content):
            self._read_content(client, channel, received)
        elif isinstance(received, BasicAck):
            assert received.delivery_tag > client.confirmed[channel]
            assert received.delivery_tag <= client.published[channel]
            client.confirmed[channel] = received.delivery_tag
        elif isinstance(received, Method):
            assert channel, f"the connection was closed: {received}"
            self._read_reply(client, channel, received)

    def _read_reply(self, client: Client, channel: int, reply: Method) -> None:
        if isinstance(reply, (BasicCancel, BasicCancelOk)):
            client.consumers.pop((channel, reply.consumer_tag), None)
        elif isinstance(reply, (ChannelClose, ChannelCloseOk)):
            self.done[f"closed {getattr(reply, 'reply_code', 200)}"] += 1
            for copy in client.held.pop(channel, {}).values():
                self._back(copy)
            for consumer in [c for c in client.consumers if c[0] == channel]:
                del client.consumers[consumer]
            for key in [key for key in client.last_fresh if key[0] == channel]:
                del client.last_fresh[key]
            client.published.pop(channel, None)
            client.confirmed.pop(channel, None)
            if isinstance(reply, ChannelClose):
                client.peer.sends(channel, ChannelCloseOk(), settle=False)
            client.peer.sends(channel, ChannelOpen(), settle=False)
        elif not isinstance(reply, (BasicConsumeOk, BasicGetEmpty)):
            self.done[reply.name] += 1

    def _read_content(self, client: Client, channel: int, content: Content) -> None:
        method = content.method
        number = int(content.body[:10])
        if isinstance(method, BasicReturn):
            client.returned += 1
            return
        assert isinstance(method, (BasicDeliver, BasicGetOk))
        tag = method.consumer_tag if isinstance(method, BasicDeliver) else ""
        queue, no_ack = client.consumers[channel, tag]
        copy = self.copies[number, queue]
        assert copy.fate is Fate.READY, f"{number} was delivered, but is {copy.fate.value}"
        assert method.redelivered == (copy.deliveries > 0)
        if not method.redelivered:
            last = client.last_fresh.get((channel, queue), 0)
            assert number > last, f"{queue.name}: {number} after {last} on one channel"
            client.last_fresh[channel, queue] = number
            if isinstance(method, BasicGetOk):
                older = [n for n, other in self.ready[queue].items() if n < number]
                assert not older, f"basic.get took {number} before {older}"
        del self.ready[queue][number]
        copy.deliveries += 1
        copy.fate = Fate.CONSUMED if no_ack else Fate.HELD
        if not no_ack:
            client.held[channel][method.delivery_tag] = copy
        self.done["delivered"] += 1

    def _back(self, copy: Copy) -> None:
        if copy.queue.is_deleted:
            copy.fate = Fate.DELETED
        else:
            copy.fate = Fate.READY
            self.ready[copy.queue][copy.number] = copy

    def _lose(self, queue: Queue, fate: Fate) -> None:
        for copy in self.ready[queue].values():
            copy.fate = fate
        self.ready[queue].clear()

    def _compare(self) -> None:
        """The ledger and the node agree."""
        for queue in self.world.vhost.queues.values():
            inside = [message.body for message in queue.ready]
            inside += [delivery.message.body for delivery in queue.returned]
            assert len(inside) == len(self.ready[queue]), queue.name
            assert {int(body[:10]) for body in inside} == set(self.ready[queue]), queue.name
        unacked: Counter[Queue] = Counter()
        for client in self.clients:
            for number, channel in client.peer.connection.channels.items():
                assert list(channel.unacked) == sorted(client.held[number]), "unacked differ"
            for held in client.held.values():
                unacked.update(copy.queue for copy in held.values())
        for queue in self.world.vhost.queues.values():
            assert queue.unacked_count == unacked[queue], queue.name
        assert self.world.node.bug_count == 0

    def _finish(self) -> None:
        """With everybody reading and everything acked, nothing waits for a consumer in vain."""
        for client in self.clients:
            if client.peer.connection.is_paused:
                client.peer.connection.on_transport_resumed()
        self.world.settle()
        self._read_everything()
        while any(held for client in self.clients for held in client.held.values()):
            for client in self.clients:
                for channel, held in client.held.items():
                    if held:
                        for copy in held.values():
                            if not copy.queue.is_deleted:
                                copy.fate = Fate.ACKED
                        held.clear()
                        self._say(client, channel, BasicAck(0, True))
            self.world.settle()
            self._read_everything()
            self._compare()
        for queue in self.world.vhost.queues.values():
            if queue.consumers:
                assert not queue.ready_count, f"{queue.name} has consumers, and messages that wait"
        for client in self.clients:
            assert client.confirmed == client.published
        for (number, queue), copy in self.copies.items():
            if queue.is_deleted:
                assert copy.fate is not Fate.READY, number


def _priority(priority: int) -> Table:
    return table(x_priority=priority)
