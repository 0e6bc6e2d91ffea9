"""Looks at every object once in a while: sums what they have counted, notes what has changed.

A look goes over all queues, exchanges, connections and channels, some hundred at a time: between
two slices the node has its turn. Every `SLOT_MS` what it finds is noted (`Samples`); in between
`totals` looks again for somebody who asks, if the last look is old.

What counts for a vhost is what its channels have done, as with RabbitMQ: those that are open, and
those that are no more (`VHost.retired`). A channel that is closed during a look may have been
counted already: it is taken out again at the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

from broker.management.lane import Lane
from broker.management.statistics.samples import BASIC, DETAILED, GLOBAL, SLOT_MS, Kind, Samples
from broker.session.channel import COUNTED, Channel
from broker.session.connection import Connection
from broker.session.pairs import DELIVER, GET_NO_ACK, TAKEN, Counted, Pairs
from broker.vhost import VHost, add_up

if TYPE_CHECKING:
    from broker.exchanges.exchange import Exchange
    from broker.node import Node
    from broker.queues.queue import Queue

SLACK_MS = 500  # a look so soon after the end of a slot is still its own
SLICE = 200  # objects that are looked at between two turns of the node: half a millisecond
FRESH_MS = 1_000  # a look that is no older will do
FRESH_SHARE = 100  # nor one that is no older than so many times what it took

DELIVERIES = ("deliver", "deliver_no_ack", "get", "get_no_ack")
OF_CHANNELS = (*COUNTED, "deliver_get")
LENGTHS = ("messages", "messages_ready", "messages_unacknowledged")
OCTETS = ("recv_oct", "send_oct")
DISK = ("disk_reads", "disk_writes")
CHURN = (
    "connection_created",
    "connection_closed",
    "channel_created",
    "channel_closed",
    "queue_declared",
    "queue_created",
    "queue_deleted",
)
OF_QUEUES = (
    "publish",
    "ack",
    "deliver",
    "deliver_no_ack",
    "get",
    "get_no_ack",
    "get_empty",
    "redeliver",
    "deliver_get",
)

QUEUE = Kind(OF_QUEUES, LENGTHS, BASIC)
EXCHANGE = Kind(("publish_in", "publish_out"), (), BASIC)
CHANNEL = Kind(OF_CHANNELS, (), DETAILED)
CONNECTION = Kind(OCTETS, (), DETAILED)
PUBLISHED_PAIR = Kind(("publish",), (), DETAILED)
TAKEN_PAIR = Kind((*TAKEN, "deliver_get"), (), DETAILED)
VHOST = Kind((*OF_CHANNELS, *OCTETS), LENGTHS, BASIC)
OVERVIEW = Kind((*OF_CHANNELS, *DISK, *CHURN), LENGTHS, GLOBAL)

_DELIVERED = [COUNTED.index(name) for name in DELIVERIES]


def counts_of_queue(queue: Queue) -> tuple[int, ...]:
    """In the order of QUEUE."""
    delivered = queue.delivered - queue.delivered_no_ack - queue.got - queue.got_no_ack
    ready, unacked = queue.ready_count, queue.unacked_count
    return (
        queue.published,
        queue.acked,
        delivered,
        queue.delivered_no_ack,
        queue.got,
        queue.got_no_ack,
        queue.get_empty,
        queue.redelivered,
        queue.delivered,
        ready + unacked,
        ready,
        unacked,
    )


def counts_of_channel(channel: Channel) -> tuple[int, ...]:
    """In the order of CHANNEL."""
    return with_deliver_get(channel.counts)


def with_deliver_get(counts: tuple[int, ...]) -> tuple[int, ...]:
    """What RabbitMQ calls deliver_get is every delivery, by whatever way."""
    return (*counts, counts[5] + counts[6] + counts[7] + counts[8])


assert _DELIVERED == [5, 6, 7, 8]


class Totals:
    """Sums over a vhost or a node, in the order of VHOST: counters, octets, lengths."""

    __slots__ = (
        "channels",
        "connections",
        "consumers",
        "counts",
        "exchanges",
        "lengths",
        "octets",
        "queues",
    )

    def __init__(self) -> None:
        self.counts = [0] * len(COUNTED)
        self.octets = [0, 0]
        self.lengths = [0, 0, 0]
        self.queues = self.exchanges = self.consumers = self.connections = self.channels = 0

    def add_channel(self, counts: tuple[int, ...], times: int) -> None:
        """times: 1, or -1 to take it out again."""
        self.channels += times
        sums = self.counts
        for at, count in enumerate(counts):
            if count:
                sums[at] += times * count

    def add_connection(self, octets: tuple[int, int], times: int) -> None:
        """The same for a connection without its channels."""
        self.connections += times
        self.octets[0] += times * octets[0]
        self.octets[1] += times * octets[1]

    def add_retired(self, counts: Sequence[int], octets: Sequence[int]) -> None:
        """What is no more has still counted."""
        add_up(self.counts, counts)
        add_up(self.octets, octets)

    def forget_contents(self) -> None:
        """The vhost has been deleted with all that was in it."""
        self.lengths = [0, 0, 0]
        self.queues = self.exchanges = self.consumers = 0

    def add(self, other: Totals) -> None:
        add_up(self.counts, other.counts)
        add_up(self.octets, other.octets)
        add_up(self.lengths, other.lengths)
        self.queues += other.queues
        self.exchanges += other.exchanges
        self.consumers += other.consumers
        self.connections += other.connections
        self.channels += other.channels

    @property
    def messages(self) -> tuple[int, ...]:
        """In the order of OF_CHANNELS."""
        return with_deliver_get(tuple(self.counts))


def _nothing(slot: int) -> None:
    """Nobody else notes anything."""


class Collector:
    """See the module. is_on: whether samples are kept. interval_ms: between two looks.

    slot: the last that was noted. span: slots between two looks.
    """

    def __init__(
        self,
        node: Node,
        lane: Lane | None = None,
        *,
        is_on: bool = True,
        interval_ms: int = SLOT_MS,
    ):
        self._node = node
        self._interval_ms = interval_ms
        self.span = max(1, interval_ms // SLOT_MS)  # slots between two looks
        self._lane = lane or Lane()
        self.is_on = is_on
        self.when_noted: Callable[[int], None] = _nothing  # called after every look, with its slot
        self.slot = 0  # the last that was noted
        self.overview: Samples | None = None
        self._totals: dict[str, Totals] = {}  # by vhost
        self._all = Totals()
        self._fresh_until_ms = 0.0
        self._looking: asyncio.Future[None] | None = None
        self._pass: Iterator[None] | None = None
        self._timer: asyncio.Handle | None = None
        # What the node has taken up again at its start was not created by anybody.
        self._queues_before = node.queues_created

    # when

    def start(self) -> None:
        """Look now and then, by default when a slot is over."""
        if self.is_on:
            self.slot = self._node.clock.epoch_ms() // SLOT_MS
            self._wait()

    @property
    def complete_slot(self) -> int:
        """The last of which all is known: what rates are shown of."""
        return self.slot - 1 if self._interval_ms < SLOT_MS else self.slot

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._pass = None

    def _wait(self) -> None:
        left_ms = self._interval_ms - self._node.clock.epoch_ms() % self._interval_ms
        self._timer = asyncio.get_running_loop().call_later(left_ms / 1000 + 0.001, self._begin)

    def _begin(self) -> None:
        self._pass = self.look((self._node.clock.epoch_ms() - SLACK_MS) // SLOT_MS + 1)
        self._step()

    def _step(self) -> None:
        assert self._pass is not None
        try:
            next(self._pass)
        except StopIteration:
            self._wait()
            return
        except Exception:
            self._node.on_bug("statistics could not be collected")
            self._wait()
            return
        self._timer = asyncio.get_running_loop().call_soon(self._step)

    async def totals(self) -> Totals:
        """Those of the node, not older than a second; of a small node as of now."""
        while self._looking is not None:
            await asyncio.shield(self._looking)
        if self._node.clock.now_ms() >= self._fresh_until_ms:
            self._looking = asyncio.get_running_loop().create_future()
            began = perf_counter()
            try:
                for _ in self.look(None):
                    await self._lane.turn()
                took_ms = (perf_counter() - began) * 1000
                fresh_ms = min(FRESH_MS, FRESH_SHARE * took_ms)
                self._fresh_until_ms = self._node.clock.now_ms() + fresh_ms
            finally:
                self._looking.set_result(None)
                self._looking = None
        return self._all

    def of_vhost(self, name: str) -> Totals:
        """As of the last look."""
        return self._totals.get(name) or Totals()

    def of_node(self) -> Totals:
        """As of the last look."""
        return self._all

    # what

    def look(self, slot: int | None) -> Iterator[None]:
        """Look at everything. slot: note what has changed in it; None: sum only."""
        node, span = self._node, self.span
        found = {vhost: Totals() for vhost in node.vhosts.values()}
        channels: list[tuple[Channel, Totals, tuple[int, ...]]] = []
        connections: list[tuple[Connection, Totals, tuple[int, int]]] = []
        left = SLICE
        for peer in list(node.peers.values()):
            if not isinstance(peer, Connection) or not peer.is_counted:
                continue
            totals = found.get(peer.vhost)
            if totals is None:  # it is new, or is no more
                totals = found[peer.vhost] = Totals()
            octets = (peer.received_octets, peer.sent_octets)
            connections.append((peer, totals, octets))
            totals.add_connection(octets, 1)
            _note(peer, CONNECTION, slot, octets, span)
            for channel in list(peer.channels.values()):
                if channel.is_open:
                    counts = channel.counts
                    channels.append((channel, totals, counts))
                    totals.add_channel(counts, 1)
                    _note_channel(channel, slot, counts, span)
                    left -= 1
            left -= 1
            if left <= 0:
                left = SLICE
                yield
        for vhost in list(node.vhosts.values()):
            totals = found.setdefault(vhost, Totals())
            lengths = totals.lengths
            for queue in list(vhost.queues.values()):
                counts = counts_of_queue(queue)
                lengths[0] += counts[-3]
                lengths[1] += counts[-2]
                lengths[2] += counts[-1]
                totals.queues += 1
                totals.consumers += len(queue.consumers)
                if slot is not None:
                    samples = queue.samples
                    if samples is None:
                        samples = queue.samples = Samples(QUEUE, slot - 1)
                    if counts != samples.last:
                        samples.note(slot, counts, span)
                left -= 1
                if left <= 0:
                    left = SLICE
                    yield
            for exchange in list(vhost.exchanges.values()):
                totals.exchanges += 1
                _note_exchange(exchange, slot, span)
                left -= 1
                if left <= 0:
                    left = SLICE
                    yield
        # from here on nothing may come in between: what is no more is in `retired`
        for channel, totals, counts in channels:
            if not channel.is_open:
                totals.add_channel(counts, -1)
        for connection, totals, octets in connections:
            if not connection.is_counted:
                totals.add_connection(octets, -1)
        self._conclude(found, slot)

    def _conclude(self, found: dict[VHost, Totals], slot: int | None) -> None:
        node = self._node
        everything = Totals()
        self._totals = {}
        for vhost, totals in found.items():
            if node.vhosts.get(vhost.name) is not vhost:  # its connections are still to be closed
                totals.forget_contents()
                everything.add(totals)
                continue
            totals.add_retired(vhost.retired, vhost.retired_octets)
            everything.add(totals)
            self._totals[vhost.name] = totals
            if slot is not None:
                values = (*totals.messages, *totals.octets, *totals.lengths)
                _note(vhost, VHOST, slot, values, self.span)
        everything.add_retired(node.retired, node.retired_octets)
        self._all = everything
        if slot is not None:
            if self.overview is None:
                self.overview = Samples(OVERVIEW, slot - 1)
            disk, churn = self.disk(), self.churn()
            values = (*everything.messages, *disk, *churn, *everything.lengths)
            self.overview.note(slot, values, self.span)
            self.slot = slot  # not before: what is shown meanwhile are the rates of the last one
            self.when_noted(slot)

    def disk(self) -> tuple[int, int]:
        """Messages read back and written, in the order of DISK."""
        return 0, self._node.log.kept_count

    def churn(self) -> tuple[int, ...]:
        """What came and went since the start, in the order of CHURN."""
        usage, node = self._node.usage, self._node
        return (
            usage.connections_opened,
            usage.connections_closed,
            usage.channels_opened,
            usage.channels_closed,
            usage.queues_declared,
            node.queues_created - self._queues_before,
            node.queues_deleted,
        )

    def reset(self) -> None:
        """Forget all samples, as DELETE /api/reset asks for."""
        node = self._node
        objects: list[Any] = [*node.vhosts.values()]
        for vhost in node.vhosts.values():
            objects += [*vhost.queues.values(), *vhost.exchanges.values()]
        for peer in node.peers.values():
            if isinstance(peer, Connection):
                objects += [peer, *peer.channels.values()]
        for one in list(objects):
            pairs = getattr(one, "pairs", None)
            if isinstance(pairs, Pairs):
                objects += [*pairs.published.values(), *pairs.taken.values()]
            elif pairs is not None:  # of an exchange
                objects += pairs.values()
        for samples in (self.overview, *(one.samples for one in objects)):
            if samples is not None:
                samples.forget()


def _note(
    owner: Connection | VHost, kind: Kind, slot: int | None, values: tuple[int, ...], span: int
) -> None:
    if slot is not None:
        samples = owner.samples
        if samples is None:
            samples = owner.samples = Samples(kind, slot - 1)
        samples.note(slot, values, span)


def _note_channel(channel: Channel, slot: int | None, counts: tuple[int, ...], span: int) -> None:
    if slot is not None:
        samples = channel.samples
        if samples is None:
            samples = channel.samples = Samples(CHANNEL, slot - 1)
        values = with_deliver_get(counts)
        if values != samples.last:
            samples.note(slot, values, span)
    _note_pairs(channel, slot, span)


def counts_taken(pair: Counted) -> tuple[int, ...]:
    """In the order of TAKEN_PAIR."""
    counts = pair.counts
    return (*counts, sum(counts[DELIVER : GET_NO_ACK + 1]))


def _note_pairs(channel: Channel, slot: int | None, span: int) -> None:
    """With rates_mode = detailed."""
    if channel.pairs is None or slot is None:
        return
    exchanges = channel.connection.vhost.exchanges
    for exchange, published in list(channel.pairs.published.items()):
        if exchanges.get(exchange.name) is not exchange:
            del channel.pairs.published[exchange]
        else:
            _note_pair(published, PUBLISHED_PAIR, slot, tuple(published.counts), span)
    for queue, taken in list(channel.pairs.taken.items()):
        if queue.is_deleted:
            del channel.pairs.taken[queue]
        else:
            _note_pair(taken, TAKEN_PAIR, slot, counts_taken(taken), span)


def _note_pair(pair: Counted, kind: Kind, slot: int, counts: tuple[int, ...], span: int) -> None:
    if pair.samples is None:
        pair.samples = Samples(kind, slot - 1)
    pair.samples.note(slot, counts, span)


def _note_exchange(exchange: Exchange, slot: int | None, span: int) -> None:
    if slot is not None and (exchange.published or exchange.samples is not None):
        samples = exchange.samples
        if samples is None:
            samples = exchange.samples = Samples(EXCHANGE, slot - 1)
        samples.note(slot, (exchange.published, exchange.routed), span)
        pairs = exchange.pairs or {}
        for queue, routed in list(pairs.items()):
            if queue.is_deleted:
                del pairs[queue]
            else:
                _note_pair(routed, PUBLISHED_PAIR, slot, tuple(routed.counts), span)
