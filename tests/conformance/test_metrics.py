"""The metrics, held against what a RabbitMQ serves and what a dashboard for it asks.

What is recorded is in `tests/conformance/metrics`; see there how. Everything that differs is listed
here, with its reason; docs/monitoring.md tells users of it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from broker.alarms import Watermarks
from broker.amqp.methods import BasicQos, BasicQosOk, ExchangeDeclare, ExchangeDeclareOk
from broker.config import Alarms
from tests.conformance.metrics.__main__ import ENDPOINTS
from tests.support.builders import table
from tests.support.peer import World
from tests.support.scraping import Page, Scraper

HERE = Path(__file__).parent / "metrics"
RECORDED: dict[str, dict[str, Any]] = json.loads((HERE / "recording.json").read_text())
DASHBOARDS: dict[str, dict[str, list[str]]] = json.loads((HERE / "dashboard.json").read_text())

# What RabbitMQ serves and a Leveret does not. A name ends in * for all that begin like it.
LEFT_OUT = {
    "erlang_*": "Erlang's virtual machine and its database",
    "rabbitmq_raft_*": "quorum queues of a single node have no Raft log",
    "rabbitmq_detailed_raft_*": "likewise",
    "rabbitmq_erlang_gc_reclaimed_bytes_total": "CPython does not count what it frees",
    "rabbitmq_detailed_erlang_gc_reclaimed_bytes_total": "likewise",
    "rabbitmq_schema_db_*": "transactions of Mnesia",
    "rabbitmq_detailed_schema_db_*": "likewise",
    "rabbitmq_queue_index_*": "there is one log, without an index for each queue",
    "rabbitmq_detailed_queue_index_*": "likewise",
    "rabbitmq_queue_process_reductions_total": "work of an Erlang process",
    "rabbitmq_channel_process_reductions_total": "likewise",
    "rabbitmq_connection_process_reductions_total": "likewise",
    "rabbitmq_detailed_queue_process_reductions_total": "likewise",
    "rabbitmq_detailed_channel_process_reductions_total": "likewise",
    "rabbitmq_detailed_connection_process_reductions_total": "likewise",
}
OF_QUEUE = "counted for the queue, not for each channel that it is used by"
OF_EXCHANGE = "counted for the exchange, not for each channel that publishes to it"
OF_CHANNEL = "counted for the channel, not for each exchange that it publishes to"
# Labels of samples of each object that are others than RabbitMQ's: the labels, and why.
OTHER_LABELS = {
    "channel_get_ack_total": (["queue", "vhost"], OF_QUEUE),
    "channel_get_empty_total": (["queue", "vhost"], OF_QUEUE),
    "channel_get_total": (["queue", "vhost"], OF_QUEUE),
    "channel_messages_acked_total": (["queue", "vhost"], OF_QUEUE),
    "channel_messages_delivered_ack_total": (["queue", "vhost"], OF_QUEUE),
    "channel_messages_delivered_total": (["queue", "vhost"], OF_QUEUE),
    "channel_messages_redelivered_total": (["queue", "vhost"], OF_QUEUE),
    "queue_messages_published_total": (["queue", "queue_vhost"], OF_QUEUE),
    "channel_messages_published_total": (["exchange", "vhost"], OF_EXCHANGE),
    "channel_messages_confirmed_total": (["channel", "vhost"], OF_CHANNEL),
    "channel_messages_unroutable_dropped_total": (["channel", "vhost"], OF_CHANNEL),
    "channel_messages_unroutable_returned_total": (["channel", "vhost"], OF_CHANNEL),
}
# Families of which a RabbitMQ may have samples, and here are none.
WITHOUT_SAMPLES = {
    "telemetry_scrape_encoded_size_bytes": "answers are compressed by the listener",
}


def busy() -> World:
    """A node with all there is to see: queues of each type, consumers, deaths, alarms, policies."""
    world = World()
    watermarks = Watermarks(Alarms(), disk_free=lambda: 10**9, used=lambda: 10**8)
    world.node.watermarks = watermarks
    peer = world.peer()
    peer.opens_channel(1, 2)
    peer.wants_confirms(1)
    peer.sends(1, ExchangeDeclare(exchange="all", type="fanout"))
    peer.receives(1, ExchangeDeclareOk())
    for kind in ("classic", "quorum"):  # there are no streams yet
        peer.declares(1, kind, table(x_queue_type=kind), durable=True)
        peer.binds(1, kind, "all")
    peer.declares(1, "mortal", table(x_message_ttl=0))
    peer.publishes(1, "", *"abcde", exchange="all", delivery_mode=2, timestamp=1234)
    peer.publishes(1, "mortal", "f")
    peer.takes_all(1)
    peer.gets(1, "classic")
    peer.sends(2, BasicQos(prefetch_count=2))
    peer.receives(2, BasicQosOk())
    for kind in ("classic", "quorum"):
        peer.consumes(2, kind, kind)
        peer.takes_all(2)
    world.node.set_alarm("memory")
    world.passes(1_000)
    return world


@pytest.fixture(scope="module")
def pages() -> dict[str, Page]:
    scraper = Scraper(busy())
    scraper.looks()
    for path in ENDPOINTS.values():
        scraper.scrapes(path)  # so that there is something to tell of scrapes
    return {name: scraper.scrapes(path) for name, path in ENDPOINTS.items()}


def is_left_out(name: str) -> bool:
    return any(
        name.startswith(entry[:-1]) if entry.endswith("*") else name == entry for entry in LEFT_OUT
    )


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_family_is_there_or_left_out_for_a_reason(
    pages: dict[str, Page], endpoint: str
) -> None:
    wanted = {name for name in RECORDED[endpoint] if not is_left_out(name)}
    found = set(pages[endpoint].families)
    assert wanted - found == set()
    assert {name for name in found - wanted if not name.startswith("leveret_")} == set()


def test_what_is_left_out_is_served_by_rabbitmq() -> None:
    served = {name for endpoint in RECORDED.values() for name in endpoint}
    for entry in LEFT_OUT:
        assert any(name.startswith(entry.rstrip("*")) for name in served), entry


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_types_and_help_texts_are_the_same(pages: dict[str, Page], endpoint: str) -> None:
    def told(family: dict[str, Any]) -> tuple[str, str]:
        return family["type"], family["help"]

    found = pages[endpoint].families
    shared = [name for name in RECORDED[endpoint] if name in found]
    assert {name: told(found[name]) for name in shared} == {
        name: told(RECORDED[endpoint][name]) for name in shared
    }


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_labels_are_the_same(pages: dict[str, Page], endpoint: str) -> None:
    found = pages[endpoint].families
    for name, family in RECORDED[endpoint].items():
        if name not in found or name in WITHOUT_SAMPLES or not family["labels"]:
            continue
        short = name.removeprefix("rabbitmq_").removeprefix("detailed_")
        expected = family["labels"]
        if endpoint != "aggregated" and short in OTHER_LABELS:
            expected = [OTHER_LABELS[short][0]]
        assert found[name]["labels"] == expected, name


@pytest.mark.parametrize("dashboard", DASHBOARDS)
def test_a_dashboard_finds_what_it_asks_for(pages: dict[str, Page], dashboard: str) -> None:
    page = pages["aggregated"]
    for name, labels in DASHBOARDS[dashboard].items():
        samples = page.samples(name)
        assert samples, name
        assert all(set(labels) <= {label for label, _ in found} for found in samples), name


def test_sides_of_a_sum_in_a_dashboard_have_the_same_labels(pages: dict[str, Page]) -> None:
    """PromQL adds what has equal labels: deliveries of both kinds, confirms and their publishes."""
    page = pages["aggregated"]
    prefix = "rabbitmq_global_messages_"
    for one, other in (
        ("delivered_consume_auto_ack_total", "delivered_consume_manual_ack_total"),
        ("received_confirm_total", "confirmed_total"),
    ):
        found = set(page.samples(prefix + one))
        assert found
        assert found == set(page.samples(prefix + other))


def test_what_the_documentation_names_is_served(pages: dict[str, Page]) -> None:
    """Alerts and tables; what is abbreviated, left out or begins with a star is not meant."""
    text = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text()
    named = set(re.findall(r"\b((?:rabbitmq|leveret)_[a-z_]+[a-z])\b(?!_|\*|\u2026)", text))
    served = {name for page in pages.values() for name in page.names}
    labels = {"rabbitmq_node", "rabbitmq_cluster", "rabbitmq_cluster_permanent_id"}
    missing = {name for name in named - labels if name.removesuffix("_bucket") not in served}
    assert {name for name in missing if not is_left_out(name)} == {"rabbitmq_prometheus"}
    assert len(named) > 20
