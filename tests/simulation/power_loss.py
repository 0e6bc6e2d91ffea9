"""A whole node on a disk that may lose power at any moment, beside a ledger of what it promised.

    Life      one start of a node: clients that do random things, and a ledger with the point of
              the disk's journal at which each thing was known
    Story     several lives on one disk: clean stops and kills in between
    Inspector what is found after a power loss at every point of a story, judged by the ledger

A point is a number of operations of the disk. Whatever a client has read is stamped with the point
at which those octets were written to its transport, whatever it has said with the point at which
the node absorbed it: so a promise counts from the very operation after which it was given.

The definitions are not on the simulated disk: `KeptDefinitions` stands in for the catalogue and
knows every version that was committed, and when.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from random import Random
from typing import Any, NamedTuple, cast

from broker.amqp.content import Properties
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
from broker.message import Message
from broker.queues.queue import Queue
from broker.store.catalogue import Catalogue
from broker.store.catalogue_replicator import CatalogueReplicator
from broker.store.catalogue_tables import KEPT
from broker.store.commit import Committer, Definitions, Done, Job
from broker.store.commit_log import CommitLog
from broker.store.format import VOLATILE_ID
from broker.store.recovery import Report
from broker.store.segment_files import DIRECTORY
from broker.store.store import close_log, open_log
from tests.support.builders import table
from tests.support.faulty_disk import FaultyDisk
from tests.support.kept import live_in
from tests.support.peer import Peer, World
from tests.support.seams import BEGAN_MS
from tests.support.transport import FakeTransport
from tests.support.wire import Content, Reader, Received

NEVER = 1 << 60
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
LARGE_SIZE = 70_000  # more than a block


class Scale(NamedTuple):
    """What a story is played with. queue_memory: octets, see CommitLog. large: one publish of so
    many is large; 0: none."""

    segment_octets: int = 4096
    block_octets: int = 1024
    queue_memory: int = 1 << 60
    large: int = 0
    delays: float = 0.0  # how many commits are under way for a while


# --- the ledger


@dataclass(slots=True)
class Copy:
    """One message in one queue, with the points from which on something was known of it."""

    index: int  # in the order of publishing, over all queues
    number: int
    is_kept: bool  # persistent, in a durable queue
    published: int
    confirmed: int = NEVER
    delivered: int = NEVER
    done: int = NEVER  # acked, rejected, purged, …: said, and not yet safe
    gone: int = NEVER  # that is safe
    commit: int = NEVER  # number of the commit that `done` is part of
    is_held: bool = False

    def __str__(self) -> str:
        points = [
            f"{name}={point}"
            for name in ("published", "confirmed", "delivered", "done", "gone")
            if (point := getattr(self, name)) < NEVER
        ]
        return f"message {self.number} ({', '.join(points)})"


class Row(NamedTuple):
    """A message that was found in a queue."""

    seq: int
    number: int
    delivery_count: int


class State(NamedTuple):
    """What a recovery found. clean: nothing but a clean stop came before, it says."""

    queues: tuple[tuple[int, tuple[Row, ...]], ...]
    is_clean: bool

    @property
    def numbers(self) -> list[tuple[int, list[int]]]:
        return [(queue_id, [row.number for row in rows]) for queue_id, rows in self.queues if rows]

    @property
    def count(self) -> int:
        return sum(len(rows) for _, rows in self.queues)


class Book:
    """What all lives share: which messages there ever were, as they were published."""

    def __init__(self) -> None:
        self.messages: dict[int, tuple[bytes, bytes]] = {}  # number → content header, body
        self.index = 0
        self.counts: Counter[str] = Counter()

    def write(self, size: int, properties: dict[str, Any]) -> tuple[int, bytes]:
        """A new message. Returns: its number and its body."""
        number = len(self.messages) + 1
        text = f"{number:08}"
        body = (text * (size // 8 + 1))[:size].encode() if size else b""
        if not size:
            properties["message_id"] = text
        self.messages[number] = Properties(**properties).encode(size), body
        return number, body

    def identify(self, header: bytes, body: bytes) -> int:
        """Which message that is, by its body or its message-id."""
        number = int(body[:8] if body else str(Properties.decode(header).message_id))
        assert number in self.messages, f"message {number} was never published"
        assert self.messages[number][1] == body, f"the body of message {number} is another"
        return number

    def number_of(self, message: Message) -> int:
        """The same; it must be as it was published."""
        header = message.envelope.header
        number = self.identify(header, message.body)
        assert self.messages[number][0] == header, f"the header of message {number} is another"
        return number


class Ledger:
    """What is known of the messages in one life. began: the point from which on it counts."""

    def __init__(self, began: int):
        self.began = began
        self.queues: dict[int, dict[int, Copy]] = defaultdict(dict)  # id → number → copy

    @classmethod
    def after(cls, state: State, began: int) -> Ledger:
        """For the life after a recovery: what was found is there for good."""
        ledger = cls(began)
        index = -state.count  # before everything new
        for queue_id, rows in state.queues:
            for row in rows:
                index += 1
                delivered = 0 if row.delivery_count else NEVER
                ledger.queues[queue_id][row.number] = Copy(
                    index, row.number, True, 0, confirmed=began, delivered=delivered
                )
        return ledger

    def judge(self, state: State, at: int, current: frozenset[int]) -> str:
        """What is wrong with a state found at a point; empty: nothing.

        current: ids of the queues that are surely there.
        """
        found = dict(state.queues)
        newest = 0
        for queue_id, rows in found.items():
            copies = self.queues.get(queue_id, {})
            last_seq, seen = 0, set[int]()
            indexes = []
            for seq, number, count in rows:
                copy = copies.get(number)
                if copy is None or not copy.is_kept or copy.published > at:
                    return f"queue {queue_id}: message {number} is invented: {copy}"
                if number in seen:
                    return f"queue {queue_id}: {copy} is there twice"
                if seq <= last_seq:
                    return f"queue {queue_id}: {copy} is out of order"
                if copy.gone <= at and queue_id in current:
                    return f"queue {queue_id}: {copy} comes back"
                if copy.delivered <= at and not count:
                    return f"queue {queue_id}: {copy} is not flagged"
                if state.is_clean and copy.delivered > at and count:
                    return f"queue {queue_id}: {copy} is flagged, and never was delivered"
                last_seq = seq
                seen.add(number)
                indexes.append(copy.index)
            if indexes != sorted(indexes):
                return f"queue {queue_id}: out of order: {[row.number for row in rows]}"
            newest = max(newest, max(indexes, default=0))
        return self._missing(found, at, current, newest)

    def _missing(
        self, found: dict[int, tuple[Row, ...]], at: int, current: frozenset[int], newest: int
    ) -> str:
        for queue_id, copies in self.queues.items():
            there = {row.number for row in found.get(queue_id, ())}
            for copy in copies.values():
                if not copy.is_kept or copy.done <= at or copy.number in there:
                    continue
                if copy.confirmed <= at:
                    return f"queue {queue_id}: {copy} is lost"
                if queue_id in current and copy.published <= at and copy.index < newest:
                    return f"queue {queue_id}: {copy} is lost, and a later one is there"
        return ""


# --- definitions


class KeptDefinitions:
    """In place of the catalogue: what was committed, and at which point."""

    def __init__(self) -> None:
        self.at: Callable[[], int] = lambda: 0
        self.last_queue_id = 0
        self._rows: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self.versions: list[tuple[int, list[Change]]] = [(0, [])]

    def commit(self, changes: list[Change]) -> None:
        """Called as `Catalogue.commit` is."""
        for kind, key, values in changes:
            self._rows.pop((kind, *key), None)
            if values is not None:
                self._rows[kind, *key] = values
                if kind == "queue":
                    self.last_queue_id = max(self.last_queue_id, int(values[0]))
        rows = [
            Change(kind, tuple(key), values)
            for wanted in KEPT
            for (kind, *key), values in self._rows.items()
            if kind == wanted
        ]
        self.versions.append((self.at(), rows))

    def commands(self) -> Iterator[Command]:
        """What makes everything again."""
        for kind, key, values in self.versions[-1][1]:
            assert values is not None
            yield KEPT[kind].command(*key, *values)

    def copy_at(self, at: int) -> KeptDefinitions:
        """As they were at a point; for another life from there."""
        copied = KeptDefinitions()
        rows = [rows for point, rows in self.versions if point <= at][-1]
        copied.commit(rows)
        copied.versions = copied.versions[-1:]
        copied.last_queue_id = self.last_queue_id
        return copied

    def known_at(self, at: int) -> list[frozenset[int]]:
        """The ids of the queues in it, as they may be found at a point; the last is the newest."""
        sure = [rows for point, rows in self.versions if point < at][-1:]
        maybe = [rows for point, rows in self.versions if point == at]
        return [
            frozenset(
                int(values[0]) for kind, _, values in rows if kind == "queue" and values is not None
            )
            for rows in sure + maybe
        ]


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
        self, disk: FaultyDisk, log: CommitLog, kept: KeptDefinitions, runner: LateRunner, now: int
    ):
        super().__init__(log=log)
        self.disk, self.log, self.kept = disk, log, kept
        self.checks = False
        self.clock.began_ms = BEGAN_MS + now
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
        self.committer = Committer(
            log, Definitions(replicator, cast(Catalogue, kept)), runner, owner=_Owner(self)
        )

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
        self.clock = world.clock
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
        self.disk, self.log, self.kept = disk, log, kept
        self.ledger, self.book, self.scale, self.random = ledger, book, scale, choose
        self.runner = LateRunner(choose, scale.delays)
        now_ms = 1000 * disk.operations  # no clock runs backwards
        self.world = PowerWorld(disk, log, kept, self.runner, now_ms)
        self.tag = 0
        self.seqno = 0
        self.unconfirmed: dict[int, list[Copy]] = {}
        self.tx: Commit | None = None
        self.deleted: list[Copy] | None = None  # by a queue.delete that is not answered yet
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

    def publish(self) -> None:
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
        if not 0 < size < 500:
            count = 1
        persistent = choose.random() < 0.8
        properties: dict[str, Any] = {"delivery_mode": 2 if persistent else 1}
        if key == "priority":
            properties["priority"] = choose.randrange(4)
        if not choose.randrange(12):
            properties["expiration"] = "1000000000"
        vhost = self.world.vhost
        queues, _, _ = vhost.route(vhost.exchanges[exchange], [key])
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
        self._get(client, channel, no_ack=self.random.random() < 0.4)

    def _get(self, client: Client, channel: int, *, no_ack: bool) -> None:
        queue = self.world.vhost.queues.get(self.random.choice((*DURABLE, "volatile")))
        if queue is not None:
            client.gets[channel].append((queue.queue_id, no_ack))
            client.peer.sends(channel, BasicGet(queue=queue.name, no_ack=no_ack), settle=False)

    def transact(self) -> None:
        """Publishes and acks together; sometimes they are taken back."""
        if self.tx is not None:
            return
        client = self.publisher
        for _ in range(self.random.randrange(4)):
            self._get(client, TX, no_ack=False)
        self.rests()
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
        copies = self.ledger.queues.get(queue.queue_id, {}).values()
        ready = [copy for copy in copies if copy.done == NEVER and not copy.is_held]
        assert queue.queue_id >= VOLATILE_ID or len(ready) == queue.ready_count
        self._done(cast(list[Copy | None], ready))
        self.publisher.peer.sends(PLAIN, QueuePurge(queue=queue.name), settle=False)
        self.book.counts["purged"] += len(ready)

    def remake(self) -> None:
        """One step of a queue's way from its end to its beginning."""
        if self.defining:
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
        for held in client.held.values():
            self._back(list(held.values()))
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
            fresh = _fresh(client)
            for data, stamp in fresh:
                for channel, received in Reader().read(data):
                    self._hear(client, channel, received, stamp)
            fresh.clear()

    def _hear(self, client: Client, channel: int, received: Received, stamp: Stamp) -> None:
        match received:
            case Content(method=BasicDeliver(consumer_tag=tag, delivery_tag=delivery_tag)):
                queue_id, no_ack = client.consumers[channel, tag]
                self._take(client, channel, queue_id, no_ack, delivery_tag, received, stamp)
            case Content(method=BasicGetOk(delivery_tag=delivery_tag)):
                queue_id, no_ack = client.gets[channel].popleft()
                self._take(client, channel, queue_id, no_ack, delivery_tag, received, stamp)
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
            case ConfirmSelectOk() | TxSelectOk():
                pass
            case _:
                raise AssertionError(f"nobody expects {received!r}")

    def _take(
        self,
        client: Client,
        channel: int,
        queue_id: int,
        no_ack: bool,
        tag: int,
        content: Content,
        stamp: Stamp,
    ) -> None:
        """A message has come."""
        copy: Copy | None = None
        if queue_id < VOLATILE_ID:
            number = self.book.identify(content.header, content.body)
            copy = self.ledger.queues[queue_id].get(number)
            assert copy is not None, f"message {number} is delivered from a queue it is not in"
            assert copy.done == NEVER, f"{copy} is delivered"
            assert not copy.is_held, f"{copy} is delivered twice"
            copy.delivered = min(copy.delivered, stamp.now)
            if no_ack:
                self._end(copy, stamp.before, stamp.commit)
            else:
                copy.is_held = True
        if not no_ack:
            client.held[channel][tag] = copy
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

    def stops(self) -> None:
        """As `Broker.stop` does it."""
        self.runner.finish()
        self.rests()
        for client in self.clients:
            client.peer.connection.shut_down("bye")
            for held in client.held.values():
                self._back(list(held.values()))
        self.read()
        for client in self.clients:
            client.peer.drops()
        committer = self.world.committer
        committer.is_stopping = True
        while not committer.is_idle:
            committer.on_turn(self.world.now_ms)
            self.runner.finish()
        for copy in self._copies():
            if copy.done == NEVER:
                copy.confirmed = min(copy.confirmed, self.disk.operations)
        self.ends()
        close_log(self.log)
        self.log.close()

    def ends(self) -> None:
        """Nothing more happens: from which points on is what was done with gone?"""
        synced = self.world.synced
        for copy in self._copies():
            if copy.commit < NEVER:
                index = bisect_left(synced, (copy.commit, 0))
                if index < len(synced):
                    copy.gone = min(copy.gone, synced[index][1])

    def _copies(self) -> Iterator[Copy]:
        for copies in self.ledger.queues.values():
            yield from copies.values()


def _fresh(client: Client) -> list[tuple[bytes, Stamp]]:
    assert isinstance(client.peer.transport, StampedTransport)
    return client.peer.transport.fresh


def _is_kept(queue: Queue, persistent: bool) -> bool:
    return queue.durable and (persistent or queue.type_name == "quorum")


# --- what is found


def opened(
    disk: FaultyDisk, known: frozenset[int], scale: Scale
) -> tuple[CommitLog, Report]:
    return open_log(
        disk, known, segment_octets=scale.segment_octets, queue_memory=scale.queue_memory
    )


def state_of(log: CommitLog, report: Report, book: Book) -> State:
    """What a log has, read as the cleaner reads; everything else stays as it is."""
    queues = []
    for queue_id, queue in sorted(log.queues.items()):
        queue.check_invariants()
        rows = tuple(
            Row(kept.seq, book.number_of(kept.message), kept.delivery_count)
            for kept in live_in(queue)
        )
        if rows:
            queues.append((queue_id, rows))
    return State(tuple(queues), report.is_clean)


def paged_state_of(log: CommitLog, report: Report, book: Book) -> State:
    """The same, read as queues do; they are empty afterwards."""
    queues = []
    for queue_id, queue in sorted(log.queues.items()):
        rows: list[Row] = []
        while found := queue.page_in():
            rows += [
                Row(kept.seq, book.number_of(kept.message), kept.delivery_count) for kept in found
            ]
        assert not queue.paged_count
        if rows:
            queues.append((queue_id, tuple(rows)))
    return State(tuple(queues), report.is_clean)


def check_log(disk: FaultyDisk, log: CommitLog, report: Report) -> None:
    """What holds after any recovery from a power loss: no damage, and nothing left over."""
    assert not report.problems, report.problems
    assert not report.gaps, report.gaps
    assert not report.lost, report.lost
    names = [name for name in disk.names(DIRECTORY) if name.endswith(".seg")]
    assert [int(name[:10]) for name in names] == sorted(log.space.segments), names
    live: Counter[int] = Counter()
    for queue in log.queues.values():
        entries = zip(queue.firsts, queue.lasts, queue.blocks, strict=True)
        for first, last, block in entries:
            low = max(first, queue.floor)
            if low <= last:
                live[block >> 32] += last - low + 1 - queue.settled.count(low, last)
    for number, segment in log.space.segments.items():
        assert segment.live == live[number], segment
        assert segment.end == len(disk.contents(log.files.path(number))), segment


class Story:
    """Lives on one disk: a clean stop and a kill lie between them. acts: of each life."""

    def __init__(self, seed: int, scale: Scale, operations: int):
        self.scale = scale
        self.random = Random(seed)
        self.book = Book()
        self.kept = KeptDefinitions()
        self.disk = FaultyDisk()
        self.ledgers: list[Ledger] = []
        life = self._begin(Ledger(0))
        for part, end in enumerate((life.stops, self._killed, life.ends)):
            while self.disk.operations < operations * (part + 1) // 3:
                life.acts()
            ...
