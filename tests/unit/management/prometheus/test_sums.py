"""Sums over all objects: right, and never lower than before, whatever goes meanwhile."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from broker.amqp.methods import (
    BasicAck,
    BasicReject,
    ChannelClose,
    ChannelCloseOk,
    QueueDelete,
    QueueDeleteOk,
    TxSelect,
    TxSelectOk,
)
from broker.commands import DeleteVhost
from broker.management.prometheus.sums import OF_CHANNELS, OF_QUEUES, Sums, summed
from tests.support.builders import table
from tests.support.kept import KeptWorld
from tests.support.peer import Peer, World


def sums_of(world: World) -> Sums:
    return finished(summed(world.node))


def finished(working: Generator[None, None, Sums]) -> Sums:
    while True:
        try:
            next(working)
        except StopIteration as done:
            found: Sums = done.value
            return found


def counts(sums: Sums) -> dict[str, int]:
    return {name: count for name, count in zip(OF_CHANNELS, sums.counts, strict=True) if count}


def by_type(sums: Sums, kind: str) -> dict[str, int]:
    found = zip(OF_QUEUES, sums.by_type[kind], strict=True)
    return {name: count for name, count in found if count}


def test_queues_are_added_up_by_type(peer: Peer) -> None:
    for name, kind in (("a", "classic"), ("b", "classic"), ("c", "quorum")):
        peer.declares(1, name, table(x_queue_type=kind), durable=True)
        peer.publishes(1, name, *"xyz")
    peer.gets(1, "a")
    peer.gets(1, "c", no_ack=False)
    found = sums_of(peer.world)
    assert by_type(found, "classic") == {"published": 6, "delivered": 1, "got_no_ack": 1}
    assert by_type(found, "quorum") == {"published": 3, "delivered": 1, "got": 1}
    assert (found.queues, found.ready, found.unacked, found.consumers) == (3, 7, 1, 0)
    assert (found.ready_octets, found.unacked_octets) == (7, 1)
    assert counts(found) == {"publish": 9, "get": 1, "get_no_ack": 1}
    assert found.routed == 9


def test_channels_and_connections_are_added_up(peer: Peer, other: Peer) -> None:
    peer.declares(1, "q")
    peer.opens_channel(2)
    peer.wants_confirms(1)
    peer.publishes(1, "q", *"abcd")
    peer.publishes(1, "nowhere", "e")
    other.consumes(1, "q")
    other.sends(1, BasicAck(1))
    found = sums_of(peer.world)
    assert counts(found) == {
        "publish": 5,
        "confirm": 5,
        "drop_unroutable": 1,
        "deliver": 4,
        "ack": 1,
    }
    assert (found.confirmable, found.unconfirmed, found.publishers) == (5, 0, 1)
    assert (found.channel_unacked, found.channel_consumers, found.consumers) == (3, 1, 1)
    assert found.connection_channels == 3
    assert found.utilisation == 1.0
    traffic = [peer.connection.traffic, other.connection.traffic]
    assert found.traffic == [sum(column) for column in zip(*traffic, strict=True)]


def test_what_a_transaction_has_put_off(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *"ab")
    peer.sends(1, TxSelect())
    peer.receives(1, TxSelectOk())
    peer.publishes(1, "q", *"cde")
    peer.gets(1, "q", no_ack=False)
    peer.sends(1, BasicAck(1))
    found = sums_of(peer.world)
    assert (found.uncommitted, found.acks_uncommitted) == (3, 1)


@pytest.mark.parametrize("count", [3, 50])
def test_octets_are_those_of_the_bodies_whoever_shares_an_envelope(peer: Peer, count: int) -> None:
    peer.declares(1, "alike")
    peer.declares(1, "distinct")
    peer.publishes(1, "alike", *["x" * 100] * count)
    for at in range(count):
        peer.publishes(1, "distinct", "x" * 100, message_id=f"{at:03}")
    octets = sums_of(peer.world).ready_octets
    assert octets == pytest.approx(200 * count, abs=0 if count == 3 else 1_000)


def test_messages_on_the_disk_count_as_such() -> None:
    world = KeptWorld(queue_memory=2_000)
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q", durable=True)
    for _ in range(20):
        peer.publishes(1, "q", "x" * 500, delivery_mode=2)
    world.commits()
    queue = world.queue("q")
    assert queue.log is not None
    found = sums_of(world)
    assert (found.ready, found.persistent, found.kept_count) == (20, 20, 20)
    assert (found.paged, found.ready_octets) == (queue.log.paged_count, 20 * 500)
    assert found.paged_octets == found.paged * 500
    for _ in range(10):
        peer.gets(1, "q")
    assert sums_of(world).read_count > 0


def gone(what: str, peer: Peer, other: Peer) -> None:
    if what == "channel":
        other.sends(1, ChannelClose(200, "", 0, 0))
        other.receives(1, ChannelCloseOk())
    elif what == "connection":
        other.drops()
    elif what == "queue":
        peer.sends(1, QueueDelete(queue="q"))
        peer.takes(1, QueueDeleteOk)
    else:
        peer.world.node.execute(DeleteVhost("/"))


def has_traffic(peer: Peer, other: Peer) -> None:
    peer.declares(1, "q", table(x_max_length=2))
    other.wants_confirms(1)
    other.publishes(1, "q", *"abc")
    other.takes_all(1)
    content = other.gets(1, "q", no_ack=False)
    assert content is not None
    other.sends(1, BasicReject(content.method.delivery_tag, False))  # type: ignore[union-attr]


def shown(sums: Sums) -> dict[str, object]:
    return {
        "counts": counts(sums),
        "confirmable": sums.confirmable,
        "by_type": {kind: row for kind, row in sums.by_type.items() if any(row)},
        "deaths": sums.deaths,
        "routed": sums.routed,
    }


@pytest.mark.parametrize("what", ["channel", "connection", "queue", "vhost"])
def test_what_is_gone_still_counts(peer: Peer, other: Peer, what: str) -> None:
    has_traffic(peer, other)
    before = sums_of(peer.world)
    gone(what, peer, other)
    after = sums_of(peer.world)
    assert shown(after) == shown(before)
    assert all(map(int.__ge__, after.traffic, before.traffic))


@pytest.mark.parametrize("slices", range(3))
@pytest.mark.parametrize("what", ["channel", "connection", "queue", "vhost"])
def test_what_goes_while_it_is_counted_counts_once(
    peer: Peer, other: Peer, what: str, slices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.management.prometheus.sums.SLICE", 1)
    monkeypatch.setattr("broker.management.prometheus.sums.CHANNELS", 1)
    has_traffic(peer, other)
    before = sums_of(peer.world)
    working = summed(peer.world.node)
    for _ in range(slices):
        next(working)
    gone(what, peer, other)
    after = finished(working)
    assert shown(after) == shown(before)
    assert all(map(int.__ge__, after.traffic, before.traffic))
