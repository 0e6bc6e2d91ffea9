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
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from random import Random
from typing import Any, NamedTuple, cast
from unittest.mock import patch

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
    ConnectionClose,
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
from broker.store import cleaner, commit_log
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
REPAIRS_MAX = 3  # a recovery is interrupted, the one after that, …
FUTURE_ACTS, FUTURE_POINTS, FUTURE_OUTCOMES = 14, 4, 4


class Scale(NamedTuple):
    """What a story is played with. queue_memory: octets, see CommitLog. large: one publish of so
    many is large; 0: none."""

    segment_octets: int = 4096
    block_octets: int = 1024
    cleaned_octets: int = 2048  # in one turn
    queue_memory: int = 1 << 60
    large: int = 0
    delays: float = 0.0  # how many commits are under way for a while


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

    def after(self, at: int, state: State, began: int) -> Ledger:
        """For the life after a recovery, from a point of this one: what was found is there for
        good, and what is flagged stays so."""
        ledger = Ledger(began)
        index = -state.count  # before everything new
        for queue_id, rows in state.queues:
            for row in rows:
                index += 1
                delivered = 0 if row.delivery_count else NEVER
                copy = Copy(index, row.number, True, 0, began, delivered)
                ledger.queues[queue_id][row.number] = copy
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

    def copy_with(self, known: frozenset[int]) -> KeptDefinitions:
        """The version in which these queues are, as the first of another life."""
        copied = KeptDefinitions()
        for _, rows in reversed(self.versions):
            if _queue_ids(rows) == known:
                copied.commit(rows)
                break
        del copied.versions[0]
        copied.last_queue_id = self.last_queue_id
        return copied

    def known_at(self, at: int) -> list[frozenset[int]]:
        """The ids of the queues in it, as they may be found at a point; the last is the newest."""
        sure = [rows for point, rows in self.versions if point < at][-1:]
        maybe = [rows for point, rows in self.versions if point == at]
        return [_queue_ids(rows) for rows in sure + maybe]


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
        self.is_stopping = False
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


def state_of(log: CommitLog, report: Report, book: Book, counting: set[int]) -> State:
    """What a log has, read as the cleaner reads; everything else stays as it is."""
    queues = []
    for queue_id, queue in sorted(log.queues.items()):
        queue.is_counting = queue_id in counting  # as the node will say
        queue.check_invariants()
        rows = tuple(
            Row(kept.seq, book.number_of(kept.message), kept.delivery_count)
            for kept in live_in(queue)
        )
        if rows:
            queues.append((queue_id, rows))
    return State(tuple(queues), report.is_clean)


def paged_state_of(log: CommitLog, report: Report, book: Book, counting: set[int]) -> State:
    """The same, read as queues do; they are empty afterwards."""
    queues = []
    for queue_id, queue in sorted(log.queues.items()):
        queue.is_counting = queue_id in counting
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
    """Several lives on one disk: clean stops and kills lie between them, in turn.

    operations: of the disk, about; lives: that many.
    """

    def __init__(self, seed: int, scale: Scale, operations: int, lives: int = 4):
        self.scale = scale
        self.random = Random(seed)
        self.book = Book()
        self.kept = KeptDefinitions()
        self.disk = FaultyDisk()
        self.ledgers: list[Ledger] = []
        self.counting: set[int] = set()
        life = self._start()
        for part in range(1, lives + 1):
            while self.disk.operations < operations * part // lives:
                life.acts()
            if part == lives:
                life.ends()
            elif part % 2:
                life.stops()
                life = self._start()
            else:
                life.ends()
                self.disk = self.disk.after_kill(torn=self.random.choice((None, 100)))
                life = self._start()

    def _start(self) -> Life:
        stopped = self.disk.operations
        (*_, known) = self.kept.known_at(stopped)
        log, report = opened(self.disk, known, self.scale)
        state = state_of(log, report, self.book, self.counting)
        before = self.ledgers[-1] if self.ledgers else Ledger(0)
        verdict = before.judge(state, stopped, known)
        assert not verdict, verdict
        self.ledgers.append(before.after(stopped, state, self.disk.operations))
        self.book.counts["lives"] += 1
        life = Life(
            self.disk, log, self.kept, self.ledgers[-1], self.book, self.scale, self.random
        )
        self.counting.add(life.world.queue("quorum").queue_id)
        return life

    def ledger_at(self, at: int) -> Ledger:
        """The one of the life in which a point lies; a start belongs to the life before it."""
        begun = [ledger for ledger in self.ledgers if ledger.began <= at]
        return begun[-1] if begun else self.ledgers[0]


class Thoroughness(NamedTuple):
    """Of so many disks one is looked at more closely. 0: none."""

    repairs: int  # its recovery is interrupted everywhere
    futures: int  # the node goes on with it, and loses power again
    kills: int  # (of points) the process is killed there, then the power goes during recovery


class Inspector:
    """Loses power at every point of a story, and looks at what is found.

    What was found on a disk is remembered: many points and many outcomes leave the same octets.
    """

    def __init__(self, story: Story, thoroughness: Thoroughness):
        self.story, self.thoroughness = story, thoroughness
        self.book, self.scale, self.counting = story.book, story.scale, story.counting
        self.random = Random(story.random.random())
        self.counts = self.book.counts
        self._found: dict[tuple[bytes, frozenset[int]], State] = {}

    def inspects_everything(self) -> None:
        for at in range(self.story.disk.operations + 1):
            self.inspects(at)
            if self.thoroughness.kills and at % self.thoroughness.kills == 0:
                self.kills(at)
        self.counts["points"] += self.story.disk.operations + 1
        self.counts["different disks"] += len(self._found)

    def inspects(self, at: int) -> None:
        """Everything that may be found after a power loss at a point."""
        disk, ledger = self.story.disk, self.story.ledger_at(at)
        versions = self.story.kept.known_at(at) or [frozenset[int]()]
        for known in versions:
            judged: set[State] = set()
            for found in (*disk.extremes(at), disk.after_power_loss(at, self.random)):
                self.counts["disks"] += 1
                state = self._state(found, known, (ledger, at))
                if state not in judged:
                    judged.add(state)
                    verdict = ledger.judge(state, at, known & versions[-1])
                    assert not verdict, f"{verdict}\n{found.story}"

    def _state(
        self, disk: FaultyDisk, known: frozenset[int], life: tuple[Ledger, int], depth: int = 0
    ) -> State:
        """What a recovery finds on a disk; whatever becomes of it then is the same. life: in which
        the power failed, and the point."""
        key = _digest(disk), known
        state = self._found.get(key)
        if state is not None:
            return state
        try:
            log, report = opened(disk, known, self.scale)
            check_log(disk, log, report)
            state = self._found[key] = state_of(log, report, self.book, self.counting)
            self.counts["recoveries"] += 1
            self._recovers_again(disk, known, state)
            if depth < REPAIRS_MAX and self._one_of(self.thoroughness.repairs):
                self._interrupts(disk, known, life, state, depth)
            if self._one_of(self.thoroughness.futures):
                self._goes_on(disk, log, known, life, state)
        except Exception as error:
            error.add_note(disk.story)
            raise
        return state

    def _one_of(self, count: int) -> bool:
        return count > 0 and not self.random.randrange(count)

    def _recovers_again(self, disk: FaultyDisk, known: frozenset[int], state: State) -> None:
        """The power fails right after a recovery: all that it has found is there to stay."""
        again = disk.after_power_loss()
        log, report = opened(again, known, self.scale)
        check_log(again, log, report)
        self.counts["recoveries"] += 1
        _assert_same(paged_state_of(log, report, self.book, self.counting), state)

    def _interrupts(
        self,
        disk: FaultyDisk,
        known: frozenset[int],
        life: tuple[Ledger, int],
        state: State,
        depth: int,
    ) -> None:
        """The power fails during a recovery, anywhere: the next one finds the same."""
        for at in range(disk.operations + 1):
            for interrupted in disk.extremes(at):
                self.counts["interrupted recoveries"] += 1
                _assert_same(self._state(interrupted, known, life, depth + 1), state)

    def _goes_on(
        self,
        disk: FaultyDisk,
        log: CommitLog,
        known: frozenset[int],
        before: tuple[Ledger, int],
        state: State,
    ) -> None:
        """Another life begins with what was found, and ends with another power loss."""
        began = disk.operations
        kept = self.story.kept.copy_with(known)
        ledger = before[0].after(before[1], state, began)
        life = Life(disk, log, kept, ledger, self.book, self.scale, self.random)
        for _ in range(self.random.randrange(1, FUTURE_ACTS)):
            life.acts()
        life.ends()
        self.counts["futures"] += 1
        points = range(began, disk.operations + 1)
        for at in self.random.sample(points, min(len(points), FUTURE_POINTS)):
            versions = kept.known_at(at)
            outcomes = list(disk.extremes(at))
            for found in self.random.sample(outcomes, min(len(outcomes), FUTURE_OUTCOMES)):
                version = self.random.choice(versions)
                self.counts["recoveries"] += 1
                try:
                    after, report = opened(found, version, self.scale)
                    check_log(found, after, report)
                    later = state_of(after, report, self.book, self.counting)
                    verdict = ledger.judge(later, at, version & versions[-1])
                    assert not verdict, verdict
                except Exception as error:
                    error.add_note(found.story)
                    raise

    def kills(self, at: int) -> None:
        """The process is killed at a point, and the power fails while the next one starts."""
        disk, ledger = self.story.disk.after_kill(at), self.story.ledger_at(at)
        versions = self.story.kept.known_at(at)
        for known in versions[-1:]:
            log, report = opened(disk, known, self.scale)
            check_log(disk, log, report)
            state = state_of(log, report, self.book, self.counting)
            self.counts["kills"] += 1
            for point in range(at, disk.operations + 1):
                found = disk.after_power_loss(point, self.random)
                after = self._state(found, known, (ledger, at))
                verdict = ledger.judge(after, at, known & versions[-1])
                assert not verdict, f"{verdict}\n{found.story}"
                if point == disk.operations:
                    _assert_same(after, state)


def _digest(disk: FaultyDisk) -> bytes:
    digest = blake2b(digest_size=16)
    for path, data in disk.files().items():
        digest.update(f"{path} {len(data)} ".encode())
        digest.update(data)
    return digest.digest()


def _assert_same(later: State, earlier: State) -> None:
    """The same messages; what was flagged is flagged, and perhaps more."""
    found = {(queue_id, row[:2]): row for queue_id, rows in later.queues for row in rows}
    wanted = {(queue_id, row[:2]): row for queue_id, rows in earlier.queues for row in rows}
    assert list(found) == list(wanted), _difference(list(found), list(wanted))
    for key, row in wanted.items():
        assert found[key].delivery_count or not row.delivery_count, (key, found[key], row)


def _difference(found: list[Any], wanted: list[Any]) -> str:
    return (
        f"lost since: {[key for key in wanted if key not in found]}, "
        f"come since: {[key for key in found if key not in wanted]}"
    )
