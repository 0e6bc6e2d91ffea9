"""What has changed is put down, what has not takes no room."""

from __future__ import annotations

import pytest

from broker.management.statistics.counted import QUEUE, counts_of_queue
from broker.management.statistics.noting import Noter
from tests.support.peer import Peer, World


def test_nothing_is_noted_without_a_slot(peer: Peer) -> None:
    peer.declares(1, "q")
    queue = peer.world.queue("q")
    Noter(None, 1).queue(queue, counts_of_queue(queue))
    assert queue.samples is None


def test_what_was_counted_since_the_last_look(peer: Peer) -> None:
    peer.declares(1, "q")
    queue = peer.world.queue("q")
    for slot in (10, 11):
        peer.publishes(1, "q", *"abc")
        Noter(slot, 1).queue(queue, counts_of_queue(queue))
    assert queue.samples.history("publish", [11, 10, 9]) == [6, 3, 0]
    changed = queue.samples.changed
    Noter(12, 1).queue(queue, counts_of_queue(queue))
    assert queue.samples.changed == changed
    assert queue.samples.kind is QUEUE


def test_an_exchange_that_nobody_uses_has_no_samples(peer: Peer) -> None:
    exchange = peer.world.vhost.exchanges["amq.topic"]
    Noter(1, 1).exchange(exchange)
    assert exchange.samples is None
    peer.publishes(1, "key", "a", exchange="amq.topic")
    Noter(2, 1).exchange(exchange)
    assert exchange.samples.history("publish_in", [2]) == [1]


@pytest.mark.parametrize("slot", [None, 5])
def test_pairs_of_what_is_deleted_are_let_go(slot: int | None) -> None:
    peer = World({"management.rates_mode": "detailed"}).peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.publishes(1, "q", "a")
    peer.gets(1, "q")
    exchange, channel = peer.world.vhost.exchanges[""], peer.connection.channels[1]
    peer.world.vhost.delete_queue("q")
    Noter(slot, 1).exchange(exchange)
    Noter(slot, 1).channel(channel, channel.counts)
    assert channel.pairs is not None
    assert bool(exchange.pairs) is bool(channel.pairs.taken) is (slot is None)
