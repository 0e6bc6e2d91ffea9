"""What the collector sums up, against what peers really did, while they go on doing it.

A look is taken in slices of one object, and anything may happen in between. Whatever happens, a sum
lies between what it was when the look began and what it was when it ended; so it never goes down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.amqp.methods import (
    BasicAck,
    BasicGetOk,
    BasicNack,
    BasicReject,
    ChannelClose,
    Method,
    QueueDelete,
)
from broker.commands import AddVhost, DeleteVhost, SetPermissions
from broker.management.statistics import collector
from broker.management.statistics.collector import Collector
from broker.management.statistics.counted import CHURN, LENGTHS, OF_CHANNELS
from broker.session.connection import Connection
from broker.session.states import State
from broker.vhost import VHost
from tests.property.conftest import examples
from tests.support.peer import Peer, World

VHOSTS = ("/", "v")
QUEUES = ("a", "b")
FIRST_SLOT = 1000


class Busy:
    """Peers that do something, and a count of what they did that knows nothing of the broker's.

    The numbers choose among what there is.
    """

    def __init__(self) -> None:
        self.world = World()
        self.node = self.world.node
        self.collector = Collector(self.node)
        self.peers: list[Peer] = []
        self.connections: list[Connection] = []  # with those that are no more
        self.did: dict[VHost, Counter[str]] = {}
        self.churn: Counter[str] = Counter()
        self.unacked: dict[tuple[Peer, int], list[int]] = {}  # by channel: delivery tags
        self.confirming: set[tuple[Peer, int]] = set()
        self.add_vhost(1)

    # what may happen

    def add_vhost(self, at: int) -> None:
        name = VHOSTS[at % 2]
        self.node.execute(AddVhost(name))
        self.node.execute(SetPermissions("guest", name, ".*", ".*", ".*"))

    def delete_vhost(self, at: int, is_heard: bool) -> None:
        """is_heard: its connections are told at once."""
        name = VHOSTS[at % 2]
        if name in self.node.vhosts:
            self.churn["queue_deleted"] += len(self.node.vhosts[name].queues)
            self.node.execute(DeleteVhost(name))
        if is_heard:
            self.hear()

    def hear(self) -> None:
        """A turn, in which connections of deleted vhosts are closed."""
        self.world.settle()
        for peer in self.peers:
            if peer.connection.state is State.CLOSING:
                self._leave(peer)

    def connect(self, at: int) -> None:
        name = VHOSTS[at % 2]
        if len(self.peers) < 4 and name in self.node.vhosts:
            self.peers.append(self.world.peer(vhost=name))
            self.connections.append(self.peers[-1].connection)
            self.churn["connection_created"] += 1

    def drop(self, at: int) -> None:
        if self.peers:
            peer = self.peers.pop(at % len(self.peers))
            self._leave(peer)
            peer.drops()
            self.churn["connection_closed"] += 1

    def open_channel(self, at: int, number: int, confirms: bool) -> None:
        self.hear()
        running = [peer for peer in self.peers if peer.connection.state is State.RUNNING]
        if not running:
            return
        peer = running[at % len(running)]
        if number not in peer.connection.channels:
            peer.opens_channel(number)
            self.churn["channel_created"] += 1
            self.unacked[peer, number] = []
            if confirms:
                peer.wants_confirms(number)
                self.confirming.add((peer, number))

    def close_channel(self, at: int) -> None:
        for peer, number in self._channel(at):
            self._forget(peer, number)
            peer.sends(number, ChannelClose(200, "bye"))
            peer.takes_all(number)

    def publish(self, at: int, count: int, queue: int, mandatory: bool) -> None:
        for peer, number in self._channel(at):
            name = QUEUES[queue % 2]
            did = self._did(peer)
            peer.publishes(number, name, *["body"] * count, mandatory=mandatory)
            peer.takes_all(number)
            did["publish"] += count
            if name not in peer.connection.vhost.queues:
                did["return_unroutable" if mandatory else "drop_unroutable"] += count
            if (peer, number) in self.confirming:
                did["confirm"] += count

    def get(self, at: int, queue: int, no_ack: bool) -> None:
        for peer, number in self._channel(at):
            name = QUEUES[queue % 2]
            if name not in peer.connection.vhost.queues:
                peer.declares(number, name)
                self.churn["queue_declared"] += 1
                self.churn["queue_created"] += 1
            did = self._did(peer)
            content = peer.gets(number, name, no_ack=no_ack)
            if content is None:
                did["get_empty"] += 1
                return
            method = content.method
            assert isinstance(method, BasicGetOk)
            did["redeliver"] += method.redelivered
            did["get_no_ack" if no_ack else "get"] += 1
            did["deliver_get"] += 1
            if not no_ack:
                self.unacked[peer, number].append(method.delivery_tag)

    def settle(self, at: int, way: int, multiple: bool) -> None:
        for peer, number in self._channel(at):
            tags = self.unacked[peer, number]
            if not tags:
                return
            place = way % len(tags)
            command: Method
            if way % 4 == 0:
                command = BasicNack(tags[place], multiple, requeue=at % 2 == 0)
            elif way % 4 == 1 and not multiple:
                command = BasicReject(tags[place], requeue=at % 2 == 0)
            else:
                command = BasicAck(tags[place], multiple)
                self._did(peer)["ack"] += place + 1 if multiple else 1
            peer.sends(number, command)
            del tags[0 if multiple else place : place + 1]

    def delete_queue(self, at: int, queue: int) -> None:
        for peer, number in self._channel(at):
            name = QUEUES[queue % 2]
            self.churn["queue_deleted"] += name in peer.connection.vhost.queues
            peer.sends(number, QueueDelete(queue=name))
            peer.takes_all(number)

    def _did(self, peer: Peer) -> Counter[str]:
        return self.did.setdefault(peer.connection.vhost, Counter())

    def _channel(self, at: int) -> list[tuple[Peer, int]]:
        """One of those that are open, if there is any."""
        self.hear()
        found = list(self.unacked)
        return [found[at % len(found)]] if found else []

    def _leave(self, peer: Peer) -> None:
        for owner, number in list(self.unacked):
            if owner is peer:
                self._forget(peer, number)

    def _forget(self, peer: Peer, number: int) -> None:
        del self.unacked[peer, number]
        self.confirming.discard((peer, number))
        self.churn["channel_closed"] += 1

    # sums of it

    def in_vhost(self, vhost: VHost) -> list[int]:
        """What was done in it, in the order of `OF_CHANNELS`, and octets in and out."""
        did = self.did.get(vhost, Counter())
        inside = [one for one in self.connections if one.vhost is vhost]
        return [
            *(did[name] for name in OF_CHANNELS),
            sum(one.received_octets for one in inside),
            sum(one.sent_octets for one in inside),
        ]

    def everywhere(self) -> list[int]:
        vhosts = {*self.did, *(one.vhost for one in self.connections)}
        nothing = [0] * (len(OF_CHANNELS) + 2)
        return [sum(column) for column in zip(nothing, *map(self.in_vhost, vhosts), strict=True)]

    def sums(self) -> dict[VHost | None, list[int]]:
        """Of each vhost there is; None: of all there ever were."""
        return {vhost: self.in_vhost(vhost) for vhost in self.node.vhosts.values()} | {
            None: self.everywhere()
        }

    def looks(self, slot: int | None) -> Iterator[None]:
        """A look in slices; at its end it is compared with what was done before and after it."""
        before = self.sums()
        yield from self.collector.look(slot)
        for vhost, most in self.sums().items():
            least = before.get(vhost, [0] * len(most))
            totals = (
                self.collector.of_node() if vhost is None else self.collector.of_vhost(vhost.name)
            )
            found = [*totals.messages, *totals.octets]
            assert all(
                low <= value <= high for low, value, high in zip(least, found, most, strict=True)
            ), (vhost and vhost.name, least, found, most)


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "SLICE", 1)


small = st.integers(0, 7)
happenings = st.one_of(
    st.tuples(st.just(Busy.connect), small),
    st.tuples(st.just(Busy.open_channel), small, st.integers(1, 3), st.booleans()),
    st.tuples(st.just(Busy.publish), small, st.integers(1, 4), small, st.booleans()),
    st.tuples(st.just(Busy.get), small, small, st.booleans()),
    st.tuples(st.just(Busy.settle), small, small, st.booleans()),
    st.tuples(st.just(Busy.close_channel), small),
    st.tuples(st.just(Busy.drop), small),
    st.tuples(st.just(Busy.delete_queue), small, small),
    st.tuples(st.just(Busy.add_vhost), small),
    st.tuples(st.just(Busy.delete_vhost), small, st.booleans()),
)
# How many slices of a look go by between one thing and the next.
runs = st.lists(st.tuples(happenings, st.integers(0, 4)), min_size=10, max_size=60)
BEGINNING: list[tuple[Any, ...]] = [
    (Busy.connect, 0),
    (Busy.connect, 1),
    (Busy.open_channel, 0, 1, False),
    (Busy.open_channel, 1, 1, True),
    (Busy.get, 0, 0, True),
    (Busy.get, 1, 0, True),
    (Busy.publish, 0, 3, 0, False),
    (Busy.publish, 1, 3, 0, False),
    (Busy.get, 0, 0, False),
    (Busy.get, 1, 0, False),
]


@examples(250)
@given(runs)
def test_sums_are_what_was_done(taken: list[tuple[tuple[Any, ...], int]]) -> None:
    busy = Busy()
    for happen, *numbers in BEGINNING:
        happen(busy, *numbers)
    slot = FIRST_SLOT
    look = busy.looks(slot)
    for (happen, *numbers), slices in taken:
        happen(busy, *numbers)
        for _ in range(slices):
            if next(look, look) is look:
                slot += 1
                look = busy.looks(slot if slot % 3 else None)  # somebody asks in between
    for _ in look:
        pass
    busy.hear()
    slot += 1
    for _ in busy.looks(slot):  # nothing happens meanwhile
        pass
    check_sums(busy, slot)


def check_sums(busy: Busy, slot: int) -> None:
    """Exact, as nothing moved while it was looked at."""
    node, collector = busy.node, busy.collector
    totals = collector.of_node()
    assert [*totals.messages, *totals.octets] == busy.everywhere()
    queues = [queue for vhost in node.vhosts.values() for queue in vhost.queues.values()]
    ready = sum(queue.ready_count for queue in queues)
    unacked = sum(queue.unacked_count for queue in queues)
    assert totals.lengths == [ready + unacked, ready, unacked]
    assert unacked == sum(map(len, busy.unacked.values())) - orphans(busy)
    assert (totals.queues, totals.connections, totals.channels, totals.exchanges) == (
        len(queues),
        len(busy.peers),
        len(busy.unacked),
        sum(len(vhost.exchanges) for vhost in node.vhosts.values()),
    )
    assert dict(zip(CHURN, collector.churn(), strict=True)) == {
        name: busy.churn[name] for name in CHURN
    }
    assert collector.overview is not None
    for samples, found in [
        (collector.overview, totals),
        *((vhost.samples, collector.of_vhost(vhost.name)) for vhost in node.vhosts.values()),
    ]:
        for name, value in zip(OF_CHANNELS, found.messages, strict=True):
            assert samples.history(name, [slot]) == [value]
        for name, value in zip(LENGTHS, found.lengths, strict=True):
            assert samples.history(name, [slot]) == [value]


def orphans(busy: Busy) -> int:
    """Deliveries whose queue was deleted meanwhile."""
    return sum(
        entry[1].is_deleted
        for peer, number in busy.unacked
        for entry in peer.connection.channels[number].unacked.values()
    )
