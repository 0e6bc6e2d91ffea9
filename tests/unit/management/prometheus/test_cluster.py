"""Metrics of what the cluster has."""

from __future__ import annotations

import pytest

from broker.commands import AddVhost
from tests.support.peer import Peer, World
from tests.support.scraping import Scraper

CONNECTION = "127.0.0.1:50000 -> 127.0.0.1:5672"


@pytest.fixture
def scraper(world: World) -> Scraper:
    return Scraper(world)


def test_exchanges_and_vhosts_are_told_when_they_are_asked_for(
    peer: Peer, scraper: Scraper
) -> None:
    scraper.node.execute(AddVhost("v"))
    peer.declares(1, "q")
    peer.binds(1, "q", "amq.topic", "a")
    peer.binds(1, "q", "amq.topic", "b")
    families = "family=vhost_status&family=exchange_bindings&family=exchange_names"
    page = scraper.scrapes(f"/metrics/detailed?{families}")
    assert page.samples("rabbitmq_cluster_vhost_status") == {
        (("vhost", "/"),): 1,
        (("vhost", "v"),): 1,
    }
    bindings = page.samples("rabbitmq_cluster_exchange_bindings")
    labels = {"exchange": "amq.topic", "type": "topic", "vhost": "/"}
    assert bindings[tuple(labels.items())] == 2
    assert sum(bindings.values()) == 2
    names = page.samples("rabbitmq_cluster_exchange_name")
    assert set(names) == set(bindings)
    assert set(names.values()) == {1}
    assert not any("trace" in str(labels) for labels in names), "it is internal"
