from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.methods import ExchangeDeclare, ExchangeDeclareOk, ExchangeDelete
from broker.management.statistics.counted import CONNECTION, EXCHANGE, QUEUE, counts_of_queue
from broker.management.statistics.noting import Noter
from tests.support.peer import Peer, World

SLOT = 1_000


@pytest.fixture
def detailed() -> Peer:
    """Of a node that counts pairs as well; q is bound to the topic exchange x."""
    peer = World({"management.rates_mode": "detailed"}).peer()
    peer.opens_channel(1)
    peer.sends(1, ExchangeDeclare(exchange="x", type="topic"))
    peer.receives(1, ExchangeDeclareOk())
    peer.declares(1, "q")
    peer.binds(1, "q", "x", "#")
    peer.publishes(1, "k", *"abcde", exchange="x")
    peer.gets(1, "q")
    return peer


def note(peer: Peer, slot: int | None = SLOT) -> None:
    """All there is."""
    noter, vhost = Noter(slot, 1), peer.world.vhost
    noter.connection(peer.connection, (peer.connection.received_octets, 0))
    for channel in peer.connection.channels.values():
        noter.channel(channel, channel.counts)
    for queue in vhost.queues.values():
        noter.queue(queue, counts_of_queue(queue))
    for exchange in vhost.exchanges.values():
        noter.exchange(exchange)


def test_what_is_first_seen_has_grown_in_that_slot(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *"abcde")
    note(peer)
    queue, exchange = peer.world.queue("q"), peer.world.vhost.exchanges[""]
    assert (queue.samples.kind, exchange.samples.kind) == (QUEUE, EXCHANGE)
    assert peer.connection.samples.kind is CONNECTION
    assert queue.samples.rates(SLOT) == {"publish": 1.0, "messages": 1.0, "messages_ready": 1.0}
    assert exchange.samples.rates(SLOT) == {"publish_in": 1.0, "publish_out": 1.0}
    note(peer, SLOT + 1)
    assert (queue.samples.changed, queue.samples.rates(SLOT + 1)) == (SLOT, {})


def test_without_a_slot_nothing_is_noted(detailed: Peer) -> None:
    note(detailed, None)
    vhost, channel = detailed.world.vhost, detailed.connection.channels[1]
    objects: list[Any] = [detailed.connection, channel, vhost.queues["q"], vhost.exchanges["x"]]
    assert channel.pairs is not None
    objects += [*channel.pairs.published.values(), *channel.pairs.taken.values()]
    assert [one.samples for one in objects] == [None] * 6


def test_an_exchange_through_which_nothing_went_is_not_noted(peer: Peer) -> None:
    note(peer)
    assert peer.world.vhost.exchanges["amq.topic"].samples is None


def test_a_longer_span_is_what_growth_is_over(peer: Peer) -> None:
    peer.declares(1, "q")
    queue = peer.world.queue("q")
    noter = Noter(SLOT, 1)
    noter.queue(queue, counts_of_queue(queue))
    peer.publishes(1, "q", *"abcde" * 12)
    Noter(SLOT + 12, 12).queue(queue, counts_of_queue(queue))
    assert queue.samples.rate("publish", SLOT + 12) == 1.0


def test_pairs_are_noted_where_they_are_counted(detailed: Peer) -> None:
    note(detailed)
    vhost = detailed.world.vhost
    queue, exchange = vhost.queues["q"], vhost.exchanges["x"]
    pairs: Any = detailed.connection.channels[1].pairs
    routed: Any = exchange.pairs
    assert pairs.published[exchange].samples.rates(SLOT) == {"publish": 1.0}
    assert routed[queue].samples.rates(SLOT) == {"publish": 1.0}
    assert pairs.taken[queue].samples.rates(SLOT) == {"get_no_ack": 0.2, "deliver_get": 0.2}


def test_pairs_with_what_is_gone_are_forgotten(detailed: Peer) -> None:
    vhost = detailed.world.vhost
    exchange = vhost.exchanges["x"]
    vhost.delete_queue("q")
    note(detailed)
    pairs: Any = detailed.connection.channels[1].pairs
    assert (exchange.pairs, pairs.taken) == ({}, {})
    assert list(pairs.published) == [exchange]
    detailed.sends(1, ExchangeDelete(exchange="x"))
    note(detailed, SLOT + 1)
    assert pairs.published == {}
