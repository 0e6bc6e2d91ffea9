"""What is counted of pairs: nothing by default, and with rates_mode = detailed the same whichever
way messages took."""

from __future__ import annotations

import pytest

from broker.amqp.methods import BasicAck, BasicNack
from broker.session.pairs import TAKEN
from tests.support.peer import Peer, World


@pytest.fixture
def peer() -> Peer:
    peer = World({"management.rates_mode": "detailed"}).peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    return peer


def taken(peer: Peer, queue: str = "q") -> dict[str, int]:
    pairs = peer.connection.channels[1].pairs
    assert pairs is not None
    counts = pairs.taken[peer.world.queue(queue)].counts
    return {name: count for name, count in zip(TAKEN, counts, strict=True) if count}


def test_nothing_is_counted_by_default(world: World) -> None:
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.publishes(1, "q", "a")
    assert peer.connection.channels[1].pairs is None
    assert world.vhost.exchanges[""].pairs is None


def test_publishes_alike_and_not(peer: Peer) -> None:
    peer.publishes(1, "q", *"aaaa")
    peer.publishes(1, "q", "longer")
    peer.publishes(1, "nowhere", "a")
    pairs, exchange = peer.connection.channels[1].pairs, peer.world.vhost.exchanges[""]
    assert pairs is not None
    assert exchange.pairs is not None
    assert pairs.published[exchange].counts == [6]
    assert exchange.pairs[peer.world.queue("q")].counts == [5]


@pytest.mark.parametrize("no_ack", [True, False])
def test_deliveries(peer: Peer, no_ack: bool) -> None:
    peer.consumes(1, "q", no_ack=no_ack)
    peer.publishes(1, "q", *"abc")
    assert taken(peer) == {"deliver_no_ack" if no_ack else "deliver": 3}


def test_acks_by_whatever_way(peer: Peer) -> None:
    peer.consumes(1, "q")
    peer.publishes(1, "q", *"abcdefg")
    peer.sends(1, BasicAck(1), BasicAck(4, multiple=True), BasicNack(5, requeue=False))
    assert taken(peer) == {"deliver": 7, "ack": 4}
    peer.sends(1, BasicNack(6))
    assert taken(peer) == {"deliver": 8, "ack": 4, "redeliver": 1}


def test_gets(peer: Peer) -> None:
    peer.publishes(1, "q", *"ab")
    peer.gets(1, "q")
    peer.gets(1, "q", no_ack=False)
    peer.gets(1, "q")  # empty
    assert taken(peer) == {"get": 1, "get_no_ack": 1}
