"""Metrics of each queue."""

from __future__ import annotations

import math

import pytest

from broker.commands import DeclareQueue
from tests.support.builders import message, table
from tests.support.kept import KeptWorld
from tests.support.peer import Peer, World
from tests.support.scraping import Page, Scraper

CONNECTION = "127.0.0.1:50000 -> 127.0.0.1:5672"


@pytest.fixture
def scraper(world: World) -> Scraper:
    return Scraper(world)


def of_queue(page: Page, name: str, prefix: str = "rabbitmq_queue_") -> dict[str, float]:
    """All that is said of one queue in the default vhost and is not 0."""
    found = {}
    for family in page.names:
        if family.startswith(prefix):
            value = page.samples(family).get((("queue", name), ("vhost", "/")))
            if value:
                found[family.removeprefix(prefix)] = value
    return found


def test_queues(peer: Peer, scraper: Scraper) -> None:
    peer.declares(1, "q")
    peer.declares(1, "other")
    peer.publishes(1, "q", *"abcde", timestamp=1234)
    peer.gets(1, "q", no_ack=False)
    found = of_queue(scraper.scrapes("/metrics/per-object"), "q")
    memory = found.pop("process_memory_bytes")
    assert memory > 1_000
    assert found == {
        "messages_ready": 4,
        "messages_unacked": 1,
        "messages": 5,
        "messages_ram": 5,
        "messages_ram_bytes": 5,
        "messages_ready_ram": 4,
        "messages_unacked_ram": 1,
        "messages_bytes": 5,
        "messages_ready_bytes": 4,
        "messages_unacked_bytes": 1,
        "head_message_timestamp": 1234,
    }


def test_an_empty_queue_has_no_timestamp(peer: Peer, scraper: Scraper) -> None:
    peer.declares(1, "q")
    page = scraper.scrapes("/metrics/per-object")
    found = of_queue(page, "q")
    assert math.isnan(found["head_message_timestamp"])
    assert page.value("rabbitmq_queue_messages_ready", vhost="/", queue="q") == 0


def test_consumers_of_a_queue(peer: Peer, scraper: Scraper) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q")
    found = of_queue(scraper.scrapes("/metrics/per-object"), "q")
    assert found["consumers"] == found["consumer_capacity"] == found["consumer_utilisation"] == 1


def test_messages_on_the_disk() -> None:
    world = KeptWorld(queue_memory=2_000)
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q", durable=True)
    for _ in range(20):
        peer.publishes(1, "q", "x" * 500, delivery_mode=2)
        world.commits()  # each in a block of its own
    for _ in range(5):
        peer.gets(1, "q")
    world.commits()
    queue = world.queue("q")
    assert queue.log is not None
    found = of_queue(Scraper(world).scrapes("/metrics/per-object"), "q")
    assert found["messages_persistent"] == 15
    assert found["messages_persistent_bytes"] == found["messages_bytes"]
    assert found["messages_bytes"] == pytest.approx(7_500, rel=0.1)
    assert found["messages_paged_out"] == queue.log.paged_count > 0
    assert found["messages_paged_out_bytes"] == pytest.approx(queue.log.paged_count * 500, rel=0.1)
    assert found.get("messages_ram", 0) == 15 - queue.log.paged_count
    assert found["disk_writes_total"] == 20
    assert 0 < found["disk_reads_total"] < 20


def test_names_that_have_to_be_escaped(peer: Peer, scraper: Scraper) -> None:
    name = 'a"b\\c\u00e4'
    peer.declares(1, name)
    page = scraper.scrapes("/metrics/per-object")
    assert page.value("rabbitmq_queue_messages_ready", vhost="/", queue=name) == 0


def test_ages_and_times_in_queues(peer: Peer, scraper: Scraper) -> None:
    peer.declares(1, "q", table())
    peer.publishes(1, "q", *"ab")
    for _ in range(20):
        scraper.looks()
    peer.gets(1, "q")
    scraper.looks()
    page = scraper.scrapes("/metrics/per-object")
    age = page.value("leveret_queue_oldest_message_age_seconds", vhost="/", queue="q")
    assert age == pytest.approx(21, abs=1)
    buckets = page.samples("leveret_queue_time_in_queue_seconds_bucket")
    below = {dict(labels)["le"]: value for labels, value in buckets.items()}
    assert (below["10"], below["30"], below["+Inf"]) == (0, 1, 1)
    assert page.value("leveret_queue_time_in_queue_seconds_count", vhost="/", queue="q") == 1


def test_many_queues(scraper: Scraper) -> None:
    """More than fit into a slice, a piece, an answer that is sent whole."""
    for at in range(700):
        scraper.node.execute(DeclareQueue("/", f"q{at}"))
        for _ in range(at % 3):
            scraper.world.queue(f"q{at}").push(message(b"x"))
    page = scraper.scrapes("/metrics/per-object")
    ready = page.samples("rabbitmq_queue_messages_ready")
    assert ready == {(("queue", f"q{at}"), ("vhost", "/")): at % 3 for at in range(700)}
    assert scraper.scrapes().value("rabbitmq_queue_messages_ready") == sum(ready.values())
