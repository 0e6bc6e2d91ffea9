"""Metrics of each channel and connection, and of what they did with queues and exchanges."""

from __future__ import annotations

import pytest

from broker.amqp.methods import BasicQos, BasicQosOk, ExchangeDeclare, ExchangeDeclareOk
from tests.support.peer import Peer, World
from tests.support.scraping import Scraper

CONNECTION = "127.0.0.1:50000 -> 127.0.0.1:5672"


@pytest.fixture
def scraper(world: World) -> Scraper:
    return Scraper(world)


def test_what_was_done_with_queues_and_exchanges(peer: Peer, scraper: Scraper) -> None:
    peer.sends(1, ExchangeDeclare(exchange="x", type="fanout"))
    peer.receives(1, ExchangeDeclareOk())
    peer.declares(1, "q")
    peer.binds(1, "q", "x")
    peer.publishes(1, "", *"abc", exchange="x")
    peer.gets(1, "q")
    page = scraper.scrapes("/metrics/per-object")
    published = page.samples("rabbitmq_channel_messages_published_total")
    assert published == {(("exchange", "x"), ("vhost", "/")): 3}
    routed = page.samples("rabbitmq_queue_messages_published_total")
    assert routed == {(("queue", "q"), ("queue_vhost", "/")): 3}
    of_q = (("queue", "q"), ("vhost", "/"))
    names = [name for name in page.names if name.startswith("rabbitmq_channel_")]
    taken = {name: page.samples(name)[of_q] for name in names if of_q in page.samples(name)}
    assert {name for name, value in taken.items() if value} == {"rabbitmq_channel_get_total"}
    assert len(taken) == 7


def test_pairs_are_told_apart_where_they_are_counted() -> None:
    world = World({"management.rates_mode": "detailed"})
    peer = world.peer()
    peer.opens_channel(1, 2)
    peer.declares(1, "q")
    peer.publishes(1, "q", *"abcd")
    peer.publishes(2, "q", "e")
    peer.gets(1, "q")
    peer.consumes(2, "q")
    page = Scraper(world).scrapes("/metrics/per-object")
    first, second = (f"{CONNECTION} ({number})" for number in (1, 2))
    published = page.samples("rabbitmq_channel_messages_published_total")
    assert published == {
        (("channel", first), ("exchange", ""), ("vhost", "/")): 4,
        (("channel", second), ("exchange", ""), ("vhost", "/")): 1,
    }
    assert page.value("rabbitmq_channel_get_total", channel=first, vhost="/", queue="q") == 1
    delivered = page.samples("rabbitmq_channel_messages_delivered_ack_total")
    assert delivered[("channel", second), ("queue", "q"), ("vhost", "/")] == 4
    assert page.samples("rabbitmq_queue_messages_published_total") == {
        (("exchange", ""), ("exchange_vhost", "/"), ("queue", "q"), ("queue_vhost", "/")): 5
    }


def test_channels_and_connections(peer: Peer, scraper: Scraper) -> None:
    peer.opens_channel(7)
    peer.sends(7, BasicQos(prefetch_count=3))
    peer.receives(7, BasicQosOk())
    page = scraper.scrapes("/metrics/per-object")
    assert page.samples("rabbitmq_consumer_prefetch") == {
        (("channel", f"{CONNECTION} (1)"),): 0,
        (("channel", f"{CONNECTION} (7)"),): 3,
    }
    assert page.value("rabbitmq_connection_channels", channel=CONNECTION) == 2
    incoming = page.value("rabbitmq_connection_incoming_bytes_total", channel=CONNECTION)
    assert incoming == peer.connection.received_octets
