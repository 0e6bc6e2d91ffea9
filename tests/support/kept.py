"""Logs on a disk in memory, and a world whose messages are kept in one. The test commits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from broker.commands import Bind, Command, DeclareQueue
from broker.message import Envelope, Message
from broker.seams import VOLATILE_ID, Kept
from broker.store.commit_log import Batch, CommitLog
from broker.store.files import Disk
from broker.store.findings import Report
from broker.store.format import (
    COUNTED,
    FIRST_OFFSET,
    HEADER_OCTETS,
    MESSAGES,
    RECORD_OCTETS,
    SETTLED,
    Record,
    read_block_header,
    records,
    segment_number,
    unpack_ranges,
)
from broker.store.queue_log import QueueLog
from broker.store.store import close_log, open_log
from tests.support.builders import header, table
from tests.support.faulty_disk import FaultyDisk
from tests.support.peer import Peer, World
from tests.support.seams import BEGAN_MS

SEGMENT_OCTETS = 1 << 20
NO_LIMIT = 1 << 60


class AllDurable:
    """The ids of a catalogue that knows every durable queue there ever was."""

    def __contains__(self, queue_id: object) -> bool:
        return isinstance(queue_id, int) and 0 < queue_id < VOLATILE_ID


def opened(
    disk: Disk, *, segment_octets: int = SEGMENT_OCTETS, queue_memory: int = NO_LIMIT
) -> tuple[CommitLog, Report]:
    """The log on a disk, and what recovery found."""
    return open_log(disk, AllDurable(), segment_octets=segment_octets, queue_memory=queue_memory)


def reopened(disk: Disk, **how: int) -> CommitLog:
    """The log on a disk. how: see `opened`."""
    return opened(disk, **how)[0]


def commit(log: CommitLog) -> None:
    """Everything there is, on the disk and known to be."""
    log.begin().write(log.files, sync=True)
    log.finish()


def envelope(body_size: int, routing_key: str = "key", *, persistent: bool = True) -> Envelope:
    properties = header(body_size, delivery_mode=2 if persistent else 1)
    return Envelope("", routing_key, properties)


def messages(*bodies: str | bytes, routing_key: str = "key") -> list[Message]:
    """Persistent ones, in one envelope: their bodies are of a size."""
    octets = [body.encode() if isinstance(body, str) else body for body in bodies]
    assert len({len(body) for body in octets}) == 1
    shared = envelope(len(octets[0]), routing_key)
    return [Message(shared, body) for body in octets]


def keep(queue: QueueLog, *bodies: str, persistent: bool = True, deadline_ms: int = 0) -> range:
    """Keep messages; the queue has them in memory too, unless others are on disk only before them.

    Returns: their sequence numbers.
    """
    first = queue.next_seq
    kept = messages(*bodies)
    queue.keep(kept, kept, persistent=persistent, deadline_ms=deadline_ms)
    if queue.paged_count:
        queue.paged_count += len(kept)
    else:
        queue.paged_from = queue.next_seq
    return range(first, queue.next_seq)


def share(queues: Iterable[QueueLog], *bodies: str) -> None:
    """Keep the same persistent messages in several queues, none of which is paged out."""
    shared = messages(*bodies)
    for queue in queues:
        assert not queue.paged_count
        queue.keep(shared, shared, persistent=True)
        queue.paged_from = queue.next_seq


def live_in(queue: QueueLog) -> list[Kept]:
    """Everything of a queue that is not settled, as far as that is written down."""
    found: list[Kept] = []
    entries = zip(queue.blocks, queue.firsts, queue.lasts, strict=True)
    for block, first, last in list(entries)[queue.head :]:
        if queue.settled.count(first, last) == last - first + 1:
            continue  # the segment may be gone
        kept = queue.log.read(queue, block, max(first, queue.floor), last)
        assert kept is not None
        found += kept
    assert [kept.seq for kept in found] == sorted({kept.seq for kept in found})
    assert len(found) == queue.live_count
    return found


def bodies_of(log: CommitLog, queue_id: int) -> list[str]:
    """The bodies of what is live in a queue; none as well if the log does not know it."""
    queue = log.queues.get(queue_id)
    return [] if queue is None else [kept.message.body.decode() for kept in live_in(queue)]


class Written(NamedTuple):
    """A record as it is on a disk. segment, block: where; pairs: its ranges, if it has some."""

    segment: int
    block: int
    record: Record
    pairs: list[tuple[int, int]]
    bodies: list[bytes]


def written(disk: FaultyDisk, *kinds: int) -> list[Written]:
    """All records, in the order of their blocks. kinds: only these; none: all of them."""
    found: list[Written] = []
    for path, data in disk.files().items():
        number = segment_number(path.rpartition("/")[2])
        if number is None:
            continue
        at = FIRST_OFFSET
        while (block := read_block_header(data, at)) is not None:
            payload = data[at + HEADER_OCTETS : at + HEADER_OCTETS + block.length]
            for record in records(payload):
                if kinds and record.kind not in kinds:
                    continue
                pairs, bodies = [], []
                if record.kind in (SETTLED, COUNTED):
                    pairs = list(unpack_ranges(payload, record))
                elif record.kind == MESSAGES:
                    size_at = record.at + RECORD_OCTETS + record.a + 4
                    size = int.from_bytes(payload[size_at : size_at + 8], "big")
                    bodies_at = record.end - size * record.total
                    bodies = [
                        payload[bodies_at + index * size :][:size] for index in range(record.total)
                    ]
                found.append(Written(number, block.number, record, pairs, bodies))
            at += HEADER_OCTETS + block.length
    return sorted(found, key=lambda item: item.block)


class KeptWorld(World):
    """A node whose messages are in a log on a disk in memory, committed when the test says so.

    `crashes` and `stops` give the world after the next start, with the same durable queues and
    bindings, and with another clock that never goes back.
    """

    def __init__(
        self,
        disk: FaultyDisk | None = None,
        *,
        segment_octets: int = SEGMENT_OCTETS,
        queue_memory: int = NO_LIMIT,
        began_ms: int = BEGAN_MS,
        settings: dict[str, object] | None = None,
    ):
        self.disk = disk or FaultyDisk()
        self.how = {"segment_octets": segment_octets, "queue_memory": queue_memory}
        self.settings = settings
        self.log, self.report = opened(self.disk, **self.how)
        super().__init__(settings, log=self.log)
        self.clock.began_ms = began_ms

    def commits(self) -> None:
        self.completes(self.log.begin())

    def completes(self, batch: Batch) -> None:
        """A commit that was begun is on the disk, and the node hears of it."""
        batch.write(self.log.files, sync=True)
        self.log.finish()
        self.node.on_log_synced()
        self.settle()

    def crashes(self, disk: FaultyDisk | None = None, *, after_ms: int = 0) -> KeptWorld:
        """The process dies here. disk: what is found, by default all that was written. after_ms:
        between the two lives."""
        return self._next(disk or self.disk.after_kill(), after_ms)

    def stops(self) -> KeptWorld:
        """A clean stop, and the next start."""
        while self.log.has_news:
            self.commits()
        close_log(self.log)
        self.log.close()
        return self._next(self.disk, 0)

    def _next(self, disk: FaultyDisk, after_ms: int) -> KeptWorld:
        began_ms = self.clock.epoch_ms() + after_ms
        following = KeptWorld(disk, **self.how, began_ms=began_ms, settings=self.settings)
        following.node.last_queue_id = self.node.last_queue_id
        for command in self._definitions():
            following.node.execute(command)
        return following

    def _definitions(self) -> list[Command]:
        found: list[Command] = [
            DeclareQueue(
                "/",
                queue.name,
                durable=True,
                auto_delete=queue.auto_delete,
                arguments=queue.arguments,
                queue_id=queue.queue_id,
            )
            for queue in self.vhost.queues.values()
            if queue.durable
        ]
        for exchange in self.vhost.exchanges.values():
            found += [
                Bind("/", exchange.name, "queue", binding.destination.name, binding.routing_key)
                for binding in exchange.bindings.values()
                if binding.destination.durable
            ]
        return found

    def queue_log(self, name: str) -> QueueLog:
        """What the log has of a queue, which it must have."""
        queue_log = self.queue(name).log
        assert isinstance(queue_log, QueueLog)
        return queue_log

    def bodies_on_disk(self, name: str) -> list[str]:
        """What the log has of a queue, settled since the last commit or not."""
        return bodies_of(self.log, self.queue(name).queue_id)


class KeptPeer:
    """A peer of a world, and of those after its restarts."""

    def __init__(self, world: KeptWorld):
        self.world = world
        self.peer = Peer(world)
        self.peer.opens()
        self.peer.opens_channel(1)

    def declares(self, name: str = "q", /, **arguments: object) -> None:
        self.peer.declares(1, name, table(**arguments), durable=True)

    def publishes(
        self, *bodies: str, to: str = "q", persistent: bool = True, **properties: object
    ) -> None:
        mode = 2 if persistent else 1
        self.peer.publishes(1, to, *bodies, delivery_mode=mode, **properties)  # type: ignore[arg-type]

    def takes(self, name: str = "q", *, no_ack: bool = True) -> list[str]:
        """Everything ready, by basic.get."""
        found = []
        while (content := self.peer.gets(1, name, no_ack=no_ack)) is not None:
            found.append(content.body.decode())
        return found

    def commits(self) -> None:
        self.world.commits()

    def crashes(self, *, after_ms: int = 0) -> KeptPeer:
        return KeptPeer(self.world.crashes(after_ms=after_ms))

    def stops(self) -> KeptPeer:
        return KeptPeer(self.world.stops())

    def has(self, name: str = "q") -> int:
        return self.world.queue(name).ready_count

    def in_memory(self, name: str = "q") -> int:
        queue = self.world.queue(name)
        return len(queue.ready) + len(queue.returned)
