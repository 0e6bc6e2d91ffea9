"""The values of aggregated metrics, by what happens in conversations."""

from __future__ import annotations

import pytest

from broker.amqp.methods import BasicAck, BasicNack, BasicQos, BasicQosOk
from broker.commands import DeleteQueue
from tests.support.builders import table
from tests.support.peer import Peer, World
from tests.support.scraping import Page, Scraper


@pytest.fixture
def scraper(world: World) -> Scraper:
    return Scraper(world)


def of_channels(page: Page) -> dict[str, float]:
    """What is counted of channels, as far as it is not 0."""
    found = {}
    for name in page.names:
        if name.startswith("rabbitmq_channel_") and name.endswith("_total") and page.value(name):
            found[name[len("rabbitmq_channel_") : -len("_total")]] = page.value(name)
    return found


def of_type(page: Page, kind: str) -> dict[str, float]:
    """Global counters of a type of queue, likewise."""
    labels = {"protocol": "amqp091", "queue_type": f"rabbit_{kind}_queue"}
    found = {}
    for name in page.names:
        value = page.samples(name).get(tuple(sorted(labels.items())))
        if value:
            found[name.removeprefix("rabbitmq_global_messages_")] = value
    return found


def of_protocol(page: Page, name: str) -> float:
    return page.value(f"rabbitmq_global_{name}", protocol="amqp091")


def test_publishes_and_confirms(peer: Peer, scraper: Scraper) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *"ab")
    peer.wants_confirms(1)
    peer.publishes(1, "q", *"cde")
    peer.publishes(1, "nowhere", "f")
    peer.publishes(1, "nowhere", "g", mandatory=True)
    page = scraper.scrapes()
    assert of_channels(page) == {
        "messages_published": 7,
        "messages_confirmed": 5,
        "messages_unroutable_dropped": 1,
        "messages_unroutable_returned": 1,
    }
    assert of_protocol(page, "messages_received_total") == 7
    assert of_protocol(page, "messages_received_confirm_total") == 5
    assert of_protocol(page, "messages_confirmed_total") == 5
    assert of_protocol(page, "messages_routed_total") == 5
    assert of_protocol(page, "messages_unroutable_dropped_total") == 1
    assert of_protocol(page, "messages_unroutable_returned_total") == 1
    assert of_protocol(page, "publishers") == 1
    assert page.value("rabbitmq_queue_messages_published_total") == 5
    assert page.value("rabbitmq_queue_messages_ready") == 5


def test_every_way_of_delivery(peer: Peer, scraper: Scraper) -> None:
    for kind in ("classic", "quorum"):
        peer.declares(1, kind, table(x_queue_type=kind), durable=True)
    peer.publishes(1, "classic", *"abcdef")
    peer.publishes(1, "quorum", *"ab")
    peer.gets(1, "classic")
    peer.gets(1, "classic", no_ack=False)
    peer.sends(1, BasicAck(2))
    peer.sends(1, BasicQos(prefetch_count=2))
    peer.receives(1, BasicQosOk())
    peer.consumes(1, "classic", "acks")
    tags = peer.receives_bodies(1, "c", "d")
    peer.sends(1, BasicNack(tags[0]))
    peer.takes_all(1)
    peer.consumes(1, "quorum", "no-acks", no_ack=True)
    peer.takes_all(1)
    peer.declares(1, "empty")
    peer.gets(1, "empty")
    page = scraper.scrapes()
    assert of_type(page, "classic") == {
        "acknowledged_total": 1,
        "delivered_consume_manual_ack_total": 3,
        "delivered_get_auto_ack_total": 1,
        "delivered_get_manual_ack_total": 1,
        "delivered_total": 5,
        "get_empty_total": 1,
        "redelivered_total": 1,
    }
    assert of_type(page, "quorum") == {
        "delivered_consume_auto_ack_total": 2,
        "delivered_total": 2,
    }
    assert of_channels(page) == {
        "messages_published": 8,
        "messages_delivered": 2,
        "messages_delivered_ack": 3,
        "messages_acked": 1,
        "messages_redelivered": 1,
        "get": 1,
        "get_ack": 1,
        "get_empty": 1,
    }
    assert page.value("rabbitmq_channel_messages_unacked") == 2
    assert page.value("rabbitmq_queue_messages_unacked") == 2
    assert page.value("rabbitmq_channel_consumers") == 2
    assert page.value("rabbitmq_consumers") == 2
    assert of_protocol(page, "consumers") == 2
    assert page.value("rabbitmq_consumer_prefetch") == 2


def test_deaths(peer: Peer, scraper: Scraper) -> None:
    peer.declares(1, "q", table(x_max_length=2))
    peer.publishes(1, "q", *"abcde")
    name = "rabbitmq_global_messages_dead_lettered_maxlen_total"
    labels = {"queue_type": "rabbit_classic_queue", "dead_letter_strategy": "disabled"}
    page = scraper.scrapes()
    assert page.value(name, **labels) == 3
    assert page.value(name, **labels | {"dead_letter_strategy": "at_most_once"}) == 0


def test_what_there_is(peer: Peer, other: Peer, scraper: Scraper) -> None:
    peer.opens_channel(2)
    for name in "abc":
        peer.declares(1, name)
    page = scraper.scrapes()
    assert page.value("rabbitmq_connections") == 2
    assert page.value("rabbitmq_channels") == 3
    assert page.value("rabbitmq_queues") == 3
    assert page.value("rabbitmq_connection_channels") == 3
    other.drops()
    page = scraper.scrapes()
    assert page.value("rabbitmq_connections") == 1
    assert page.value("rabbitmq_connections_closed_total") == 1
    assert page.value("rabbitmq_channels_opened_total") == 3


def test_octets(peer: Peer, scraper: Scraper) -> None:
    before = scraper.scrapes()
    peer.declares(1, "q")
    peer.publishes(1, "q", "x" * 1000)
    after = scraper.scrapes()
    for name in ("queue_messages_bytes", "queue_messages_ready_bytes", "queue_messages_ram_bytes"):
        assert after.value(f"rabbitmq_{name}") == 1000
    name = "rabbitmq_connection_incoming_bytes_total"
    assert 1000 < after.value(name) - before.value(name) < 1200
    for name in ("incoming_bytes", "outgoing_bytes", "incoming_packets", "outgoing_packets"):
        total = f"rabbitmq_connection_{name}_total"
        assert after.value(total) > before.value(total)


def test_totals_never_go_down(peer: Peer, other: Peer, scraper: Scraper) -> None:
    """Restart-free: whatever is closed or deleted."""
    other.declares(1, "q")
    other.wants_confirms(1)
    other.publishes(1, "q", *"abc")
    other.takes_all(1)
    other.gets(1, "q")
    before = scraper.scrapes()
    scraper.node.execute(DeleteQueue("/", "q"))
    other.drops()
    after = scraper.scrapes()
    counters = {name for name in before.names if before.families[name]["type"] == "counter"}
    assert len(counters) > 50
    for name in counters:
        if not name.startswith("rabbitmq_erlang_"):
            found = after.samples(name)
            for labels, value in before.samples(name).items():
                assert found[labels] >= value, name
    assert after.value("rabbitmq_channel_messages_published_total") == 3
