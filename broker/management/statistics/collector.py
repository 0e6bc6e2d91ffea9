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
from collections.abc import Callable, Iterator
from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING, Any

from broker.management.lane import Lane
from broker.management.statistics.counted import OVERVIEW, counts_of_queue
from broker.management.statistics.noting import Noter
from broker.management.statistics.samples import SLOT_MS, Samples
from broker.management.statistics.totals import Totals
from broker.session.channel import Channel
from broker.session.connection import Connection
from broker.session.pairs import Pairs
from broker.vhost import VHost

if TYPE_CHECKING:
    from broker.node import Node

SLACK_MS = 500  # a look so soon after the end of a slot is still its own
SLICE = 100  # objects that are looked at between two turns of the node: half a millisecond
FRESH_MS = 1_000  # a look that is no older will do
FRESH_SHARE = 100  # nor one that is no older than so many times what it took


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
        noter = Noter(slot, self.span)
        found = {vhost: Totals() for vhost in self._node.vhosts.values()}
        channels: list[tuple[Channel, Totals, tuple[int, ...]]] = []
        connections: list[tuple[Connection, Totals, tuple[int, int]]] = []
        slices = count(1)
        for peer in list(self._node.peers.values()):
            if not isinstance(peer, Connection) or not peer.is_counted:
                continue
            totals = found.get(peer.vhost)
            if totals is None:  # it is new, or is no more
                totals = found[peer.vhost] = Totals()
            octets = (peer.received_octets, peer.sent_octets)
            connections.append((peer, totals, octets))
            totals.add_connection(octets, 1)
            noter.connection(peer, octets)
            for channel in list(peer.channels.values()):
                if channel.is_open:
                    counts = channel.counts
                    channels.append((channel, totals, counts))
                    totals.add_channel(counts, 1)
                    noter.channel(channel, counts)
                    if not next(slices) % SLICE:
                        yield
            if not next(slices) % SLICE:
                yield
        for vhost in list(self._node.vhosts.values()):
            totals = found.setdefault(vhost, Totals())
            for _ in self._contents(vhost, totals, noter):
                if not next(slices) % SLICE:
                    yield
        # from here on nothing may come in between: what is no more is in `retired`
        for channel, totals, counts in channels:
            if not channel.is_open:
                totals.add_channel(counts, -1)
        for connection, totals, octets in connections:
            if not connection.is_counted:
                totals.add_connection(octets, -1)
        self._conclude(found, noter)

    def _contents(self, vhost: VHost, totals: Totals, noter: Noter) -> Iterator[None]:
        """Queues and exchanges, one by one."""
        lengths = totals.lengths
        for queue in list(vhost.queues.values()):
            counts = counts_of_queue(queue)
            lengths[0] += counts[-3]
            lengths[1] += counts[-2]
            lengths[2] += counts[-1]
            totals.queues += 1
            totals.consumers += len(queue.consumers)
            noter.queue(queue, counts)
            yield
        for exchange in list(vhost.exchanges.values()):
            totals.exchanges += 1
            noter.exchange(exchange)
            yield

    def _conclude(self, found: dict[VHost, Totals], noter: Noter) -> None:
        node, slot = self._node, noter.slot
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
            noter.vhost(vhost, (*totals.messages, *totals.octets, *totals.lengths))
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
