"""A node and its clients that do random things on a faulty disk, from one start to its end.

Whatever a client has read is stamped with the point at which those octets were written to its
transport, whatever it has said with the point at which the node absorbed it: so a promise counts
from the very operation after which it was given.

The definitions are not on the disk: `KeptDefinitions` stands in for the catalogue and knows every
version that was committed, and when.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple, cast
from unittest.mock import patch

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
    BasicQosOk,
    BasicReject,
    ConfirmSelect,
    ConfirmSelectOk,
    ConnectionBlocked,
    ConnectionClose,
    ConnectionUnblocked,
    QueueBind,
    QueueBindOk,
    QueueDeclare,
    QueueDeclareOk,
    QueueDelete,
    QueueDeleteOk,
    QueuePurge,
    QueuePurgeOk,
    TxCommit,
    TxCommitOk,
    TxRollback,
    TxRollbackOk,
    TxSelect,
    TxSelectOk,
)
from broker.amqp.wire import Table
from broker.changes import Change
from broker.commands import Command
from broker.queues.queue import Queue
from broker.seams import VOLATILE_ID, Clock
from broker.store import cleaner, commit_log
from broker.store.catalogue import Catalogue
from broker.store.catalogue_replicator import CatalogueReplicator
from broker.store.catalogue_tables import KEPT
from broker.store.commit import Committer, Definitions, Done, Job
from broker.store.commit_log import CommitLog
from broker.store.store import close_log
from tests.simulation.promises import NEVER, Book, Copy, Ledger
from tests.support.builders import message, table
from tests.support.faulty_disk import FaultyDisk
from tests.support.peer import Peer, World
from tests.support.seams import BEGAN_MS
from tests.support.transport import FakeTransport
from tests.support.wire import Content, Reader, Received

CONFIRMING, TX, PLAIN, DEFINING = 1, 2, 3, 4  # channels of the first client
CHANNELS = (1, 2)  # of the others
DURABLE: dict[str, Table] = {
    "a": {},
    "b": {},
    "c": {},
    "priority": table(x_max_priority=3),
    "quorum": table(x_queue_type="quorum"),
    "expiring": table(x_message_ttl=10**9),
}
FANNED = ("a", "b", "c", "expiring", "volatile")  # bound to the fanout exchange
FANOUT = "amq.fanout"
REMADE = ("b", "c")  # queues that are deleted and declared again
TARGETS = (("", "a"), ("", "b"), ("", "c"), *(("", name) for name in DURABLE), (FANOUT, ""))
SIZES = (8, 8, 8, 8, 9, 30, 200, 200, 900, 0)
DRAINED_SLOWLY = 12  # times two messages, with commits between them
LARGE_SIZE = 70_000  # more than a block


class Scale(NamedTuple):
    """What a story is played with. queue_memory: octets, see CommitLog. large: one publish of so
    many is large; 0: none."""

    segment_octets: int = 4096
    block_octets: int = 1024
    cleaned_octets: int = 2048  # in one turn
    queue_memory: int = 1 << 60
    large: int = 0
    delays: float = 0.0  # how many commits are under way for a while
    sync: str = "commit"


@contextmanager
def scaled(scale: Scale) -> Iterator[None]:
    """Everything small, so that all that happens in gigabytes happens in a few kilobytes. The salt
    of the log is no secret."""
    with (
        patch.object(commit_log, "BLOCK_OCTETS", scale.block_octets),
        patch.object(cleaner, "WORK_MIN", scale.cleaned_octets),
        patch.object(cleaner, "WORK_MAX", scale.cleaned_octets),
        patch("secrets.randbits", Random(1).getrandbits),
    ):
        yield


# --- definitions


class KeptDefinitions:
    """In place of the catalogue: all that was ever committed, and at which point."""

    def __init__(self) -> None:
        self.at: Callable[[], int] = lambda: 0
        self.last_queue_id = 0
        self._rows: dict[tuple[Any, ...], Change] = {}  # by kind and key
        self._versions: list[tuple[int, list[Change]]] = [(-1, [])]

    def commit(self, changes: list[Change]) -> None:
        """Called as `Catalogue.commit` is."""
        for change in changes:
            kind, key, values = change
            self._rows.pop((kind, key), None)
            if values is not None:
                self._rows[kind, key] = change
                if kind == "queue":
                    self.last_queue_id = max(self.last_queue_id, int(values[0]))
        rows = [row for kind in KEPT for row in self._rows.values() if row.kind == kind]
        self._versions.append((self.at(), rows))

    def commands(self) -> Iterator[Command]:
        """What makes everything again."""
        for kind, key, values in self._versions[-1][1]:
            assert values is not None
            yield KEPT[kind].command(*key, *values)

    def copy_with(self, known: frozenset[int]) -> KeptDefinitions:
        """The last version in which just these queues are, as the first for another disk."""
        copied = KeptDefinitions()
        for _, rows in reversed(self._versions):
            if _queue_ids(rows) == known:
                copied.commit(rows)
                break
        copied._versions = [(-1, copied._versions[-1][1])]
        copied.last_queue_id = self.last_queue_id
        return copied

    def known_at(self, at: int) -> list[frozenset[int]]:
        """The ids of the queues in it, as they may be found at a point; the last is the newest."""
        before = [rows for point, rows in self._versions if point < at]
        just_now = [rows for point, rows in self._versions if point == at]
        return [_queue_ids(rows) for rows in before[-1:] + just_now]

    @property
    def counting(self) -> frozenset[int]:
        """The ids of queues that count deliveries."""
        return _queue_ids([row for row in self._versions[-1][1] if row.key[-1] == b"quorum"])


def _queue_ids(rows: list[Change]) -> frozenset[int]:
    return frozenset(
        int(values[0]) for kind, _, values in rows if kind == "queue" and values is not None
    )


# --- one life


class Stamp(NamedTuple):
    """When octets were written to a client. now: the point. before: that at which the turn began.
    commit: number of the commit that what they tell is part of."""

    now: int
    before: int
    commit: int


class StampedTransport(FakeTransport):
    """Remembers what it was given, and when."""

    def __init__(self, stamp: Callable[[], Stamp]) -> None:
        super().__init__()
        self._stamp = stamp
        self.fresh: list[tuple[bytes, Stamp]] = []

    def write(self, data: bytes) -> None:
        super().write(data)
        if not (self.is_closed or self.is_aborted):
            self.fresh.append((data, self._stamp()))


class LateRunner:
    """Runs some jobs where it stands; others stay under way, then done and not reported yet."""

    def __init__(self, choose: Random, delays: float):
        self._choose = choose
        self._delays = delays
        self._jobs: list[tuple[Job, Done]] = []
        self._outcomes: list[tuple[Done, Exception | None]] = []

    def run(self, job: Job, done: Done, octets: int) -> None:
        self._jobs.append((job, done))
        if self._choose.random() >= self._delays:
            self.finish()

    def work(self) -> None:
        """Do what there is, and do not say so yet."""
        for job, done in self._jobs:
            error: Exception | None = None
            try:
                job()
            except Exception as problem:
                error = problem
            self._outcomes.append((done, error))
        self._jobs.clear()

    def finish(self) -> None:
        self.work()
        outcomes, self._outcomes = self._outcomes, []
        for done, error in outcomes:
            done(error)

    def stop(self) -> None:
        return None


class PowerWorld(World):
    """A node with a log on a faulty disk and commits as in a broker."""

    def __init__(
        self,
        disk: FaultyDisk,
        log: CommitLog,
        kept: KeptDefinitions,
        runner: LateRunner,
        sync: str,
    ):
        super().__init__(log=log)
        self.disk, self.log = disk, log
        self.checks = False
        self.clock.began_ms = BEGAN_MS + 1000 * disk.operations  # no clock runs backwards
        self.synced: list[tuple[int, int]] = []  # commit, and the point at which it was safe
        self._turn: tuple[int, int] | None = None
        kept.at = lambda: disk.operations
        for command in kept.commands():
            self.node.apply(command)
        self.node.last_queue_id = kept.last_queue_id
        replicator = CatalogueReplicator(
            self.node.apply, self.node.changes, self.node.request_turn, self.node.on_bug
        )
        self.node.replicator = replicator
        definitions = Definitions(replicator, cast(Catalogue, kept))
        self.committer = Committer(log, definitions, runner, owner=_Owner(self), sync=sync)

    def stamp(self) -> Stamp:
        before, commit = self._turn or (self.disk.operations, self.log.number)
        return Stamp(self.disk.operations, before, commit)

    def turn(self) -> None:
        self._turn = self.disk.operations, self.log.number
        super().turn()
        self._turn = None

    def client(self, *channels: int) -> Peer:
        peer = Peer(self)
        transport = StampedTransport(self.stamp)
        peer.transport = transport
        peer.connection.attach(transport, "127.0.0.1:50000", is_loopback=True)
        peer.opens()
        peer.opens_channel(*channels)
        return peer


class _Owner:
    """The node, as far as the committer is concerned; writes down what is safe."""

    def __init__(self, world: PowerWorld):
        self.clock: Clock = world.clock
        self._world = world
        self.set_alarm, self.clear_alarm = world.node.set_alarm, world.node.clear_alarm
        self.request_turn = world.node.request_turn

    def on_log_synced(self) -> None:
        world = self._world
        world.synced.append((world.log.synced, world.disk.operations))
        world.node.on_log_synced()


@dataclass
class Client:
    """A peer, and what it knows."""

    peer: Peer
    consumers: dict[tuple[int, str], tuple[int, bool]] = field(default_factory=dict)
    held: dict[int, dict[int, Copy | None]] = field(default_factory=lambda: defaultdict(dict))
    gets: dict[int, deque[tuple[int, bool]]] = field(default_factory=lambda: defaultdict(deque))


@dataclass
class Commit:
    """A tx.commit under way."""

    published: list[Copy]
    done: list[Copy]


class Life:
    """A node from its start on. See the module; `acts` does something random."""

    def __init__(
        self,
        disk: FaultyDisk,
        log: CommitLog,
        kept: KeptDefinitions,
        ledger: Ledger,
        book: Book,
        scale: Scale,
        choose: Random,
    ):
        self.disk, self.log = disk, log
        self.ledger, self.book, self.scale, self.random = ledger, book, scale, choose
        self.runner = LateRunner(choose, scale.delays)
        self.world = PowerWorld(disk, log, kept, self.runner, scale.sync)
        self.tag = 0
        self.seqno = 0
        self.unconfirmed: dict[int, list[Copy]] = {}
        self.tx: Commit | None = None
        self.deleted: list[Copy] | None = None  # by a queue.delete that is not answered yet
        self.is_stopping = False
        self.is_whole = True  # everything on disk can be read
        self.defining = 0  # definitions that are not answered yet
        self.publisher = self._new_client(CONFIRMING, TX, PLAIN, DEFINING)
        self.others = [self._new_client(*CHANNELS), self._new_client(*CHANNELS)]
        peer = self.publisher.peer
        peer.sends(CONFIRMING, ConfirmSelect())
        peer.sends(TX, TxSelect())
        peer.sends(DEFINING, QueueDeclare(queue="volatile"), settle=False)
        self._bind("volatile")
        self.defining += 1
        for name in DURABLE:
            if name not in self.world.vhost.queues:
                self._declare(name)
                if name in FANNED:
                    self._bind(name)
        self.rests()
        while self.defining:
            self.runner.finish()
            self.rests()

    # what happens

    def acts(self) -> None:
        """Something, and perhaps more in the same turn."""
        acts: dict[Callable[[], None], int] = {
            self.publish: 30,
            self.acknowledge: 20,
            self.consume: 5,
            self.cancel: 3,
            self.get: 6,
            self.transact: 6,
            self.purge: 2,
            self.remake: 3,
            self.drop: 1,
            self.wait: 6,
            self.runner.work: 4 if self.scale.delays else 0,
            self.runner.finish: 8 if self.scale.delays else 0,
        }
        self.random.choices(list(acts), list(acts.values()))[0]()
        if self.random.random() < 0.7:
            self.rests()
        else:
            self.read()

    def rests(self) -> None:
        """Everybody has his turns, and reads."""
        self.world.settle()
        self.read()

    @property
    def is_blocked(self) -> bool:
        """Whether the node does not read its publisher."""
        return not self.publisher.peer.transport.is_reading

    def publish(self) -> None:
        if self.is_blocked:
            return
        channel = self.random.choice((CONFIRMING, CONFIRMING, PLAIN))
        copies = self._send_messages(channel)
        if channel == CONFIRMING:
            for group in copies:
                self.seqno += 1
                self.unconfirmed[self.seqno] = [copy for _, copy in group]
        self._enter(copies)

    def _send_messages(self, channel: int) -> list[list[tuple[int, Copy]]]:
        """Some alike. Returns: for each its copies, with the ids of their queues; they count once
        they are entered."""
        choose = self.random
        exchange, key = choose.choice(TARGETS)
        size, count = choose.choice(SIZES), choose.choice((1, 1, 1, 2, 3, 8))
        if self.scale.large and not choose.randrange(self.scale.large):
            size = LARGE_SIZE
            self.book.counts["large"] += 1
        if not 0 < size < 500:
            count = 1
        persistent = choose.random() < 0.8
        properties: dict[str, Any] = {"delivery_mode": 2 if persistent else 1}
        if key == "priority":
            properties["priority"] = choose.randrange(4)
        if not choose.randrange(12):
            properties["expiration"] = "1000000000"
        vhost = self.world.vhost
        queues, _ = vhost.route(vhost.exchanges[exchange], [key], message())
        bodies, copies = [], []
        for _ in range(count):
            number, body = self.book.write(size, properties)
            bodies.append(body)
            copies.append(
                [
                    (queue.queue_id, Copy(0, number, _is_kept(queue, persistent), NEVER))
                    for queue in queues
                    if queue.queue_id < VOLATILE_ID
                ]
            )
        peer = self.publisher.peer
        peer.publishes(channel, key, *bodies, exchange=exchange, settle=False, **properties)
        return copies

    def _enter(self, groups: list[list[tuple[int, Copy]]]) -> list[Copy]:
        """They have been published just now."""
        entered = []
        for group in groups:
            self.book.index += 1
            for queue_id, copy in group:
                copy.index, copy.published = self.book.index, self.disk.operations
                self.ledger.queues[queue_id][copy.number] = copy
                entered.append(copy)
        self.book.counts["published"] += len(groups)
        return entered

    def _client(self) -> tuple[Client, int]:
        return self.random.choice(self.others), self.random.choice(CHANNELS)

    def acknowledge(self) -> None:
        client, channel = self._client()
        held = client.held[channel]
        if not held:
            return
        tag = self.random.choice(list(held))
        multiple = self.random.random() < 0.4
        if multiple and self.random.random() < 0.2:
            self.rests()
            tag = 0
        tags = [other for other in held if not tag or other <= tag] if multiple else [tag]
        match self.random.choice(("ack", "ack", "ack", "ack", "nack", "reject", "discard")):
            case "ack":
                self._done([held.pop(settled) for settled in tags])
                client.peer.sends(channel, BasicAck(tag, multiple), settle=False)
            case "discard":
                self._done([held.pop(settled) for settled in tags])
                client.peer.sends(channel, BasicNack(tag, multiple, False), settle=False)
            case "nack":
                self._back([held.pop(settled) for settled in tags])
                client.peer.sends(channel, BasicNack(tag, multiple, True), settle=False)
            case "reject" if tag:
                self._done([held.pop(tag)])
                client.peer.sends(channel, BasicReject(tag, False), settle=False)

    def _done(self, copies: list[Copy | None]) -> None:
        """The node is about to be told that they are done with."""
        for copy in copies:
            if copy is not None:
                copy.is_held = False
                self._end(copy, self.disk.operations, self.log.number)

    def _end(self, copy: Copy, at: int, commit: int) -> None:
        if copy.done == NEVER:  # else its queue has been deleted meanwhile
            copy.done, copy.commit = at, commit
            self.book.counts["done"] += 1

    @staticmethod
    def _back(copies: list[Copy | None]) -> None:
        for copy in copies:
            if copy is not None:
                copy.is_held = False

    def _back_all(self, client: Client) -> None:
        for held in client.held.values():
            self._back(list(held.values()))
            held.clear()

    def consume(self) -> None:
        client, channel = self._client()
        queue = self.world.vhost.queues.get(self.random.choice((*DURABLE, "volatile")))
        if queue is None or len(client.consumers) > 3:
            return
        self.tag += 1
        tag, no_ack = f"c{self.tag}", self.random.random() < 0.25
        client.consumers[channel, tag] = (queue.queue_id, no_ack)
        client.peer.sends(
            channel,
            BasicQos(0, self.random.choice((1, 3, 10)), False),
            BasicConsume(queue=queue.name, consumer_tag=tag, no_ack=no_ack),
            settle=False,
        )

    def cancel(self) -> None:
        client, _ = self._client()
        if client.consumers:
            channel, tag = self.random.choice(list(client.consumers))
            client.peer.sends(channel, BasicCancel(tag), settle=False)

    def get(self) -> None:
        client, channel = self._client()
        name = self.random.choice((*DURABLE, "volatile"))
        self._get(client, channel, name, no_ack=self.random.random() < 0.4)

    def _get(self, client: Client, channel: int, name: str, *, no_ack: bool) -> None:
        queue = self.world.vhost.queues.get(name)
        if queue is not None:
            client.gets[channel].append((queue.queue_id, no_ack))
            client.peer.sends(channel, BasicGet(queue=queue.name, no_ack=no_ack), settle=False)

    def transact(self) -> None:
        """Publishes and acks together; sometimes they are taken back."""
        if self.tx is not None or self.is_blocked:
            return
        client = self.publisher
        for _ in range(self.random.randrange(4)):
            self._get(client, TX, self.random.choice((*DURABLE, "volatile")), no_ack=False)
        self.rests()
        if self.is_blocked:
            return
        copies = []
        for _ in range(self.random.randrange(4)):
            copies += self._send_messages(TX)
        held = client.held[TX]
        tags = self.random.sample(list(held), len(held) * 2 // 3)
        client.peer.sends(TX, *(BasicAck(tag) for tag in tags), settle=False)
        if self.random.random() < 0.2:
            client.peer.sends(TX, TxRollback())  # all is as before
            self.book.counts["rolled back"] += 1
            return
        done = [held.pop(tag) for tag in tags]
        self._done(done)
        self.tx = Commit(self._enter(copies), [copy for copy in done if copy is not None])
        client.peer.sends(TX, TxCommit(), settle=False)

    def purge(self) -> None:
        queue = self.world.vhost.queues.get(self.random.choice((*DURABLE, "volatile")))
        if queue is None:
            return
        self.rests()
        if self.is_blocked or not self.is_whole:
            return
        copies = self.ledger.queues.get(queue.queue_id, {}).values()
        ready = [copy for copy in copies if copy.done == NEVER and not copy.is_held]
        assert queue.queue_id >= VOLATILE_ID or len(ready) == queue.ready_count
        self._done(cast(list[Copy | None], ready))
        self.publisher.peer.sends(PLAIN, QueuePurge(queue=queue.name), settle=False)
        self.book.counts["purged"] += len(ready)

    def remake(self) -> None:
        """One step of a queue's way from its end to its beginning."""
        if self.defining or self.is_blocked:
            return
        name = self.random.choice(REMADE)
        queue = self.world.vhost.queues.get(name)
        if queue is None:
            self._declare(name)
        elif not queue.incoming:
            self._bind(name)
        else:
            self._delete(queue)

    def _delete(self, queue: Queue) -> None:
        self.rests()
        if self.is_blocked:
            return
        copies = self.ledger.queues[queue.queue_id].values()
        self.deleted = [copy for copy in copies if copy.done == NEVER]
        for copy in self.deleted:
            self._end(copy, self.disk.operations, NEVER)
        self._define(QueueDelete(queue=queue.name))
        self.book.counts["deleted"] += 1

    def _declare(self, name: str) -> None:
        self._define(QueueDeclare(queue=name, durable=True, arguments=DURABLE[name]))

    def _bind(self, name: str) -> None:
        self._define(QueueBind(queue=name, exchange=FANOUT, routing_key=""))

    def _define(self, command: QueueDeclare | QueueBind | QueueDelete) -> None:
        self.defining += 1
        self.publisher.peer.sends(DEFINING, command, settle=False)

    def drop(self) -> None:
        """A client's socket breaks; another comes."""
        client = self.random.choice(self.others)
        self.rests()
        self._back_all(client)
        client.peer.drops()
        self.others[self.others.index(client)] = self._new_client(*CHANNELS)

    def wait(self) -> None:
        passing_ms = self.random.choice((5, 20, 400))
        self.world.passes(passing_ms, step_ms=passing_ms)

    # what the clients read

    def _new_client(self, *channels: int) -> Client:
        client = Client(self.world.client(*channels))
        _fresh(client).clear()
        return client

    @property
    def clients(self) -> list[Client]:
        return [self.publisher, *self.others]

    def read(self) -> None:
        for client in self.clients:
            self._read(client)

    def _read(self, client: Client) -> None:
        fresh = _fresh(client)
        for data, stamp in fresh:
            for channel, received in Reader().read(data):
                self._hear(client, channel, received, stamp)
        fresh.clear()

    def _hear(self, client: Client, channel: int, received: Received, stamp: Stamp) -> None:
        match received:
            case Content(method=BasicDeliver(consumer_tag=tag)):
                self._take(client, channel, client.consumers[channel, tag], received, stamp)
            case Content(method=BasicGetOk()):
                self._take(client, channel, client.gets[channel].popleft(), received, stamp)
            case BasicGetEmpty():
                client.gets[channel].popleft()
            case BasicAck(delivery_tag=seqno, multiple=multiple):
                for number in [number for number in self.unconfirmed if number <= seqno]:
                    if multiple or number == seqno:
                        self._promised(self.unconfirmed.pop(number), stamp)
            case TxCommitOk():
                assert self.tx is not None
                self._promised(self.tx.published, stamp)
                self._gone(self.tx.done, stamp)
                self.tx = None
                self.book.counts["committed"] += 1
            case BasicCancelOk(consumer_tag=tag) | BasicCancel(consumer_tag=tag):
                client.consumers.pop((channel, tag), None)
            case QueueDeleteOk():
                assert self.deleted is not None
                self._gone(self.deleted, stamp)
                self.deleted = None
                self.defining -= 1
            case QueueDeclareOk() | QueueBindOk():
                self.defining -= 1
            case BasicConsumeOk() | BasicQosOk() | QueuePurgeOk() | TxRollbackOk():
                pass
            case ConnectionBlocked() | ConnectionUnblocked():
                self.book.counts["blocked"] += isinstance(received, ConnectionBlocked)
            case ConfirmSelectOk() | TxSelectOk() | ConnectionClose():
                pass
            case _:
                raise AssertionError(f"nobody expects {received!r}")

    def _take(
        self,
        client: Client,
        channel: int,
        source: tuple[int, bool],
        content: Content,
        stamp: Stamp,
    ) -> None:
        """A message has come. source: the queue's id, and no-ack."""
        queue_id, no_ack = source
        method = content.method
        assert isinstance(method, BasicDeliver | BasicGetOk)
        copy: Copy | None = None
        if queue_id < VOLATILE_ID:
            number = self.book.identify(content.header, content.body)
            copy = self.ledger.queues[queue_id].get(number)
            assert copy is not None, f"message {number} is delivered from a queue it is not in"
            assert copy.done == NEVER, f"{copy} is delivered"
            assert self.is_stopping or not copy.is_held, f"{copy} is delivered twice"
            assert method.redelivered or copy.delivered == NEVER, f"{copy} is not flagged"
            copy.delivered = min(copy.delivered, stamp.now)
            if no_ack:
                self._end(copy, stamp.before, stamp.commit)
            else:
                copy.is_held = True
        if not no_ack:
            client.held[channel][method.delivery_tag] = copy
        self.book.counts["delivered"] += 1

    def _promised(self, copies: list[Copy], stamp: Stamp) -> None:
        for copy in copies:
            if copy.is_kept:
                copy.confirmed = min(copy.confirmed, stamp.now)
                self.book.counts["confirmed"] += 1

    @staticmethod
    def _gone(copies: list[Copy], stamp: Stamp) -> None:
        for copy in copies:
            copy.gone = min(copy.gone, stamp.now)

    # the end

    def drains(self) -> None:
        """All that is there comes, once."""
        while self.defining or self.tx is not None:
            self.runner.finish()
            self.rests()
        self.rests()
        for client in self.clients:
            self._back_all(client)
            client.peer.drops()
            self.read()  # the others, who have been handed some of it
        self.publisher = client = self._new_client(PLAIN)
        self.others = []
        for name in self.random.sample(sorted(DURABLE), 2):
            for _ in range(self.random.randrange(DRAINED_SLOWLY)):
                self._get(client, PLAIN, name, no_ack=True)
                self._get(client, PLAIN, name, no_ack=True)
                self.rests()
                self.wait()
        for name in DURABLE:
            queue = self.world.vhost.queues.get(name)
            if queue is not None:
                client.consumers[PLAIN, name] = (queue.queue_id, True)
                consume = BasicConsume(queue=name, consumer_tag=name, no_ack=True)
                client.peer.sends(PLAIN, consume, settle=False)
        self.rests()
        left = [str(copy) for copy in self.ledger.copies() if copy.done == NEVER]
        assert not left, f"never delivered: {left}"
        self.book.counts["drained"] += 1

    def stops(self) -> None:
        """As `Broker.stop` does it."""
        self.runner.finish()
        self.rests()
        self.is_stopping = True  # what one channel gives back is handed to the next
        for client in self.clients:
            client.peer.connection.shut_down("bye")
            self._read(client)
            self._back_all(client)
        for client in self.clients:
            client.peer.drops()
        committer = self.world.committer
        committer.is_stopping = True
        while not committer.is_idle:
            committer.on_turn(self.world.now_ms)
            self.runner.finish()
        for copy in self.ledger.copies():
            if copy.done == NEVER:
                copy.confirmed = min(copy.confirmed, self.disk.operations)
        self.ends()
        close_log(self.log)
        self.log.close()

    def ends(self) -> None:
        """Nothing more happens: from which points on is what was done with gone?"""
        synced = self.world.synced
        for copy in self.ledger.copies():
            if copy.commit < NEVER:
                index = bisect_left(synced, (copy.commit, 0))
                if index < len(synced):
                    copy.gone = min(copy.gone, synced[index][1])


def _fresh(client: Client) -> list[tuple[bytes, Stamp]]:
    assert isinstance(client.peer.transport, StampedTransport)
    return client.peer.transport.fresh


def _is_kept(queue: Queue, persistent: bool) -> bool:
    return queue.durable and (persistent or queue.type_name == "quorum")
