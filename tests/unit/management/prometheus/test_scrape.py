"""Which families are in which answer."""

from __future__ import annotations

import pytest

from broker.commands import AddVhost, DeclareQueue, DeleteVhost
from broker.management.prometheus.families import FAMILIES, GROUPS
from broker.management.prometheus.scrape import PAUSE, detailed, metrics
from tests.support.peer import Peer, World
from tests.support.scraping import Scraper


@pytest.fixture
def scraper(world: World) -> Scraper:
    return Scraper(world)


def test_aggregated_and_per_object_have_the_same_families(peer: Peer, scraper: Scraper) -> None:
    aggregated = set(scraper.scrapes("/metrics").names)
    per_object = set(scraper.scrapes("/metrics/per-object").names)
    assert aggregated - per_object == {
        "rabbitmq_alarms_file_descriptor_limit",
        "rabbitmq_alarms_free_disk_space_watermark",
        "rabbitmq_alarms_memory_used_watermark",
        "process_start_time_seconds",
        "leveret_queue_age_seconds",
    }
    assert {name.partition("_attempts_")[2] for name in per_object - aggregated} == {
        "detailed_total",
        "detailed_succeeded_total",
        "detailed_failed_total",
    }


def test_detailed_has_what_is_asked_for(scraper: Scraper) -> None:
    always = {
        "rabbitmq_build_info",
        "rabbitmq_identity_info",
        "telemetry_scrape_size_bytes",
        "telemetry_scrape_encoded_size_bytes",
        "telemetry_scrape_duration_seconds",
    }
    assert set(scraper.scrapes("/metrics/detailed").names) == always
    assert set(scraper.scrapes("/metrics/detailed?family=nonsense").names) == always
    page = scraper.scrapes("/metrics/detailed?family=vhost_status&family=queue_coarse_metrics")
    assert set(page.names) - always == {
        "rabbitmq_cluster_vhost_status",
        "rabbitmq_detailed_queue_messages",
        "rabbitmq_detailed_queue_messages_ready",
        "rabbitmq_detailed_queue_messages_unacked",
    }


@pytest.mark.parametrize("group", GROUPS)
def test_each_group_can_be_asked_for(scraper: Scraper, group: str) -> None:
    prefix = "leveret_detailed_" if group == "queue_ages" else "rabbitmq_detailed_"
    names = scraper.scrapes(f"/metrics/detailed?family={group}").names
    assert [prefix + family.name for family in FAMILIES[group]] == names[: len(FAMILIES[group])]


def test_consumers_are_not_counted_twice(scraper: Scraper) -> None:
    families = "family=queue_consumer_count&family=queue_metrics"
    names = scraper.scrapes(f"/metrics/detailed?{families}").names
    assert names.count("rabbitmq_detailed_queue_consumers") == 1


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("", {"/", "v", "w"}),
        ("&vhost=v", {"v"}),
        ("&vhost=v&vhost=%2F", {"/", "v"}),
        ("&vhost=x", set()),
    ],
)
def test_queues_of_some_vhosts(
    world: World, scraper: Scraper, wanted: str, found: set[str]
) -> None:
    for vhost in "vw":
        world.node.execute(AddVhost(vhost))
    for vhost in ("/", "v", "w"):
        world.node.execute(DeclareQueue(vhost, "q"))
        world.node.vhosts[vhost].queues["q"].published = 1  # so that it is looked at
    scraper.looks()
    groups = ("queue_coarse_metrics", "queue_metrics", "queue_ages", "queue_consumer_count")
    asked = "&".join(f"family={group}" for group in groups)
    page = scraper.scrapes(f"/metrics/detailed?{asked}{wanted}")
    for name in ("queue_messages", "queue_consumers"):
        samples = page.samples(f"rabbitmq_detailed_{name}")
        assert {dict(labels)["vhost"] for labels in samples} == found


def test_work_is_done_in_slices(world: World, scraper: Scraper) -> None:
    for at in range(1_000):
        world.node.execute(DeclareQueue("/", f"q{at}"))
    management = scraper.management
    for pieces in (
        metrics(management, per_object=False),
        metrics(management, per_object=True),
        detailed(management, ["queue_metrics"], None),
    ):
        found = list(pieces)
        assert found.count(PAUSE) >= 2
        assert max(map(len, found)) < 32_000


def test_a_vhost_that_goes_meanwhile_is_no_matter(world: World, scraper: Scraper) -> None:
    world.node.execute(AddVhost("v"))
    for at in range(100):
        world.node.execute(DeclareQueue("v", f"q{at}"))
    pieces = metrics(scraper.management, per_object=True)
    next(pieces)
    world.node.execute(DeleteVhost("v"))
    assert b"".join(pieces)


def test_sources_of_logins_are_told_apart_where_that_is_wanted(scraper: Scraper) -> None:
    usage = scraper.node.usage
    usage.tracks_sources = True
    for is_let_in in (True, True, False):
        usage.add_login("http", is_let_in=is_let_in, address="192.0.2.1", username='a"b')
    page = scraper.answers("GET", "/metrics/detailed?family=auth_attempt_detailed_metrics").body
    assert isinstance(page, bytes)
    source = 'remote_address="192.0.2.1",username="a\\"b",protocol="http"'
    for name, count in (("total", 3), ("succeeded_total", 2), ("failed_total", 1)):
        line = f"rabbitmq_detailed_auth_attempts_detailed_{name}{{{source}}} {count}\n"
        assert line in page.decode()
