"""What all queues, channels and connections of a node come to, counted in slices.

Between two slices the node has its turn, and some of what was counted may be gone at the end: then
its counts are in `Past`, `Usage` or `VHost.retired`, and what was counted of it is taken out again.
So the counters never go down.

Attributes are fetched by `attrgetter` and added up by column: 0.5 µs a queue, not 2.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Sequence
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from broker.management.views.node import read_count
from broker.management.views.queue import capacity_of
from broker.queues.kept_messages import ENVELOPE_OCTETS, MESSAGE_OCTETS
from broker.queues.past import COUNTED as OF_QUEUES
from broker.queues.past import Death, Deaths, add_deaths, counts_of, deaths_of
from broker.session.channel import COUNTED as OF_CHANNELS
from broker.session.connection import Connection

if TYPE_CHECKING:
    from broker.node import Node
    from broker.queues.queue import Queue
    from broker.session.channel import Channel

SLICE = 400  # queues between two turns of the node
CHANNELS = 100  # connections and channels, likewise
MEASURED = 4  # messages of a queue or channel whose bodies are measured, of many

_contents = attrgetter("ready", "returned", "log", "consumers", "unacked_count", "ready_bytes")


class Sums:
    """See the module. by_type: queues' counts, in the order of OF_QUEUES, by type of queue.
    counts: channels', in the order of OF_CHANNELS."""

    def __init__(self) -> None:
        self.by_type: dict[str, list[int]] = {}
        self.counts = [0] * len(OF_CHANNELS)
        self.confirmable = 0  # publishes that are to be confirmed, or were
        self.traffic = [0, 0, 0, 0]  # see `Connection.traffic`
        self.deaths: Deaths = {}
        self.routed = 0
        # gauges of queues
        self.queues = self.ready = self.unacked = self.consumers = 0
        self.ready_octets = self.paged = self.paged_octets = 0
        self.persistent = self.memory_octets = 0
        self.utilisation = 0.0
        self.kept_count = self.read_count = 0  # messages written to the disk, and read back
        # of channels and connections
        self.unacked_octets = self.channel_unacked = self.unconfirmed = 0
        self.uncommitted = self.acks_uncommitted = self.channel_consumers = 0
        self.prefetch = self.global_prefetch = self.publishers = 0
        self.connection_channels = self.pending = 0


def summed(node: Node) -> Generator[None, None, Sums]:
    """Count everything; whoever asks goes on when it suits him."""
    sums = Sums()
    deleted = node.queues_deleted
    seen: list[tuple[Sequence[Queue], Sequence[tuple[int, ...]]]] = []
    died: list[tuple[Queue, list[tuple[Death, int]]]] = []
    for vhost in list(node.vhosts.values()):
        queues = list(vhost.queues.values())
        for at in range(0, len(queues), SLICE):
            part = queues[at : at + SLICE]
            seen.append((part, _add_queues(sums, part)))
            for queue in part:
                if queue.extras is not None or queue.rejected:
                    died.append((queue, deaths_of(queue)))
                    add_deaths(sums.deaths, died[-1][1])
            yield
    closed = node.usage.channels_closed, node.usage.connections_closed
    channels: list[tuple[Channel, tuple[int, ...], int]] = []
    connections: list[tuple[Connection, tuple[int, int, int, int]]] = []
    left = CHANNELS
    for peer in list(node.peers.values()):
        if isinstance(peer, Connection) and peer.is_counted:
            connections.append((peer, _add_connection(sums, peer)))
            for channel in list(peer.channels.values()):
                if channel.is_open:
                    channels.append((channel, *_add_channel(sums, channel)))
                    left -= 1
            left -= 1
            if left <= 0:
                left = CHANNELS
                yield
    # from here on nothing may come in between
    if node.queues_deleted != deleted:
        for looked_at, rows in seen:
            for queue, row in zip(looked_at, rows, strict=True):
                if queue.is_deleted:
                    _add(sums.by_type[queue.type_name], row, -1)
        for queue, deaths in died:
            if queue.is_deleted:
                add_deaths(sums.deaths, deaths, -1)
    if closed != (node.usage.channels_closed, node.usage.connections_closed):
        for channel, counts, confirmable in channels:
            if not channel.is_open:
                _add(sums.counts, counts, -1)
                sums.confirmable -= confirmable
        for connection, traffic in connections:
            if not connection.is_counted:
                _add(sums.traffic, traffic, -1)
    _add_past(sums, node)
    return sums


def _add(mine: list[int], theirs: Iterable[int], sign: int = 1) -> None:
    for at, count in enumerate(theirs):
        mine[at] += sign * count


def _add_past(sums: Sums, node: Node) -> None:
    """What is no more, and what is counted for the node anyway."""
    past, usage = node.past, node.usage
    for kind, counts in past.by_type.items():
        _add(sums.by_type.setdefault(kind, [0] * len(OF_QUEUES)), counts)
    for key, count in past.deaths.items():
        sums.deaths[key] = sums.deaths.get(key, 0) + count
    for retired in (node.retired, *(vhost.retired for vhost in node.vhosts.values())):
        _add(sums.counts, retired)
    sums.confirmable += usage.confirmable
    _add(sums.traffic, usage.traffic)
    sums.kept_count, sums.read_count = node.log.kept_count, read_count(node)
    sums.routed = past.routed
    for vhost in node.vhosts.values():
        sums.routed += sum([exchange.routed for exchange in vhost.exchanges.values()])


def _add_queues(sums: Sums, queues: Sequence[Queue]) -> list[tuple[int, ...]]:
    """Returns: the counts of each."""
    rows: list[tuple[int, ...]] = list(map(counts_of, queues))
    others = [
        (queue.type_name, row)
        for queue, row in zip(queues, rows, strict=True)
        if queue.arguments and "x-queue-type" in queue.arguments
    ]
    totals = list(map(sum, zip(*rows, strict=True)))
    for kind, row in others:
        _add(sums.by_type.setdefault(kind, [0] * len(OF_QUEUES)), row)
        _add(totals, row, -1)
    _add(sums.by_type.setdefault("classic", [0] * len(OF_QUEUES)), totals)
    ready, returned, logs, consumers, unacked, memory = zip(*map(_contents, queues), strict=True)
    sums.queues += len(queues)
    sums.ready += sum(map(len, ready)) + sum(map(len, returned))
    sums.unacked += sum(unacked)
    sums.memory_octets += sum(memory)
    octets = 0
    for queue, held, back, log, takers, size in zip(
        queues, ready, returned, logs, consumers, memory, strict=True
    ):
        if held:
            octets += _octets_of(held, size)
        if back:
            octets += _measured([delivery.message for delivery in back[:MEASURED]], len(back))
        if log is not None:
            _add_kept(sums, queue)
        if takers:
            sums.consumers += len(takers)
            sums.utilisation += capacity_of(queue)
    sums.ready_octets += octets
    return rows


def _octets_of(ready: Collection[Any], memory: int) -> int:
    """Of the bodies in memory, about: few are measured, of many it is known what memory they take,
    with their envelopes; whether each has one of its own the first two tell."""
    count = len(ready)
    if count <= MEASURED:
        return sum([len(message.body) for message in ready])
    first, second = islice(ready, 2)
    envelope = first.envelope
    if envelope is second.envelope:
        return max(0, memory - count * MESSAGE_OCTETS)
    return max(0, memory - count * (MESSAGE_OCTETS + ENVELOPE_OCTETS + len(envelope.header)))


def _add_kept(sums: Sums, queue: Queue) -> None:
    """What a queue has on the disk: of the size of those in memory, if there are any."""
    log = queue.log
    assert log is not None
    paged = log.paged_count
    if paged:
        count = len(queue.ready)
        average = log.average_octets
        if count:
            average = _octets_of(queue.ready, queue.ready_bytes) / count
        octets = round(paged * average)
        sums.ready += paged
        sums.ready_octets += octets
        sums.paged += paged
        sums.paged_octets += octets
    if log.live_count and queue.durable:
        sums.persistent += min(log.live_count, queue.ready_count + queue.unacked_count)


def _measured(messages: Sequence[Any], count: int) -> int:
    """The bodies of so many, if they are like these."""
    return sum([len(message.body) for message in messages]) * count // len(messages)


def _add_connection(sums: Sums, connection: Connection) -> tuple[int, int, int, int]:
    traffic = connection.traffic
    _add(sums.traffic, traffic)
    sums.connection_channels += len(connection.channels)
    sums.pending += len(connection.outbox)
    return traffic


def _add_channel(sums: Sums, channel: Channel) -> tuple[tuple[int, ...], int]:
    """Returns: its counts, and its publishes that are to be confirmed."""
    counts = channel.counts
    _add(sums.counts, counts)
    sums.channel_consumers += len(channel.consumers)
    unacked = channel.unacked
    if unacked:
        sums.channel_unacked += len(unacked)
        entries = islice(unacked.values(), MEASURED)
        sums.unacked_octets += _measured([entry[3] for entry in entries], len(unacked))
    if channel.confirms:
        sums.confirmable += channel.publish_seqno
        sums.unconfirmed += channel.unconfirmed_count
    if channel.tx is not None:
        sums.uncommitted += len(channel.tx.publishes)
        sums.acks_uncommitted += sum(len(taken) for _, taken in channel.tx.settlements)
    sums.prefetch += channel.prefetch
    sums.global_prefetch += channel.global_prefetch
    if channel.published:
        sums.publishers += 1
    return counts, channel.publish_seqno
