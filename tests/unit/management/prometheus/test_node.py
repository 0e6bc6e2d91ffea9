"""Metrics of the node itself."""

from __future__ import annotations

import resource

import pytest

from broker.alarms import Watermarks
from broker.config import Alarms
from broker.identity import ID, make_id
from tests.support.api import Api
from tests.support.kept import KeptWorld
from tests.support.peer import Peer, World
from tests.support.scraping import Scraper


@pytest.fixture
def scraper(world: World) -> Scraper:
    return Scraper(world)


def test_memory_and_disk(world: World, scraper: Scraper) -> None:
    page = scraper.scrapes()
    assert page.samples("rabbitmq_disk_space_available_bytes") == {}, "nobody looks at it"
    alarms = Alarms(memory_absolute=700, disk_absolute=300)
    world.node.watermarks = Watermarks(alarms, disk_free=lambda: 400, used=lambda: 500)
    world.node.check_alarms(0)
    page = scraper.scrapes()
    assert page.value("rabbitmq_process_resident_memory_bytes") == 500
    assert page.value("rabbitmq_resident_memory_limit_bytes") == 700
    assert page.value("rabbitmq_disk_space_available_bytes") == 400
    assert page.value("rabbitmq_disk_space_available_limit_bytes") == 300


def test_alarms(world: World, scraper: Scraper) -> None:
    names = [
        "rabbitmq_alarms_file_descriptor_limit",
        "rabbitmq_alarms_free_disk_space_watermark",
        "rabbitmq_alarms_memory_used_watermark",
    ]
    assert [scraper.scrapes().value(name) for name in names] == [0, 0, 0]
    world.node.set_alarm("memory")
    assert [scraper.scrapes().value(name) for name in names] == [0, 0, 1]
    world.node.set_alarm("disk")
    world.node.clear_alarm("memory")
    assert [scraper.scrapes().value(name) for name in names] == [0, 1, 0]


def test_the_process(scraper: Scraper) -> None:
    page = scraper.scrapes()
    assert 0 < page.value("rabbitmq_process_open_fds") < 10_000
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert page.value("rabbitmq_process_max_fds") == limit
    assert page.value("rabbitmq_erlang_gc_runs_total") > 0
    assert page.value("rabbitmq_erlang_scheduler_context_switches_total") > 0


def test_time(scraper: Scraper) -> None:
    began_s = scraper.world.clock.epoch_ms() // 1000
    scraper.world.passes(42_500)
    page = scraper.scrapes()
    assert page.value("rabbitmq_erlang_uptime_seconds") == 42.5
    assert page.value("process_start_time_seconds") == began_s


def test_logins(peer: Peer, scraper: Scraper) -> None:
    api = Api(scraper.world)
    api.gets("/overview")
    api.gets("/overview")
    api.asks("GET", "/overview", user="nobody")
    page = scraper.scrapes()

    def attempts(protocol: str) -> list[float]:
        names = ("attempts", "attempts_succeeded", "attempts_failed")
        return [page.value(f"rabbitmq_auth_{name}_total", protocol=protocol) for name in names]

    assert attempts("http") == [3, 2, 1]
    assert attempts("amqp091") == [1, 1, 0]


def test_refused_logins_over_amqp(world: World, scraper: Scraper) -> None:
    refused = Peer(world)
    with pytest.raises(AssertionError):  # the node says something else than tune
        refused.opens(password="wrong")
    page = scraper.scrapes()
    assert page.value("rabbitmq_auth_attempts_failed_total", protocol="amqp091") == 1


def test_reads_and_writes() -> None:
    world = KeptWorld()
    page = Scraper(world).scrapes()
    assert page.value("rabbitmq_io_write_ops_total") == 0
    world.disk.io.write_count += 3
    world.disk.io.write_octets += 4096
    world.disk.io.write_ns += 1_500_000_000
    world.disk.io.sync_count += 2
    page = Scraper(world).scrapes()
    assert page.value("rabbitmq_io_write_ops_total") == 3
    assert page.value("rabbitmq_io_write_bytes_total") == 4096
    assert page.value("rabbitmq_io_write_time_seconds_total") == 1.5
    assert page.value("rabbitmq_io_sync_ops_total") == 2


def test_who_it_is() -> None:
    world = World({"cluster_name": 'a "cluster"', "product_version": "3.10.8"})
    make_id(world.node)
    page = Scraper(world).scrapes()
    (labels,) = page.samples("rabbitmq_identity_info")
    assert dict(labels) == {
        "rabbitmq_cluster": 'a "cluster"',
        "rabbitmq_cluster_permanent_id": world.node.global_parameters[ID],
        "rabbitmq_node": world.node.name,
    }
    (build,) = page.samples("rabbitmq_build_info")
    assert dict(build)["rabbitmq_version"] == "3.10.8"
    assert "product_name" not in dict(build)


def test_another_product_says_so() -> None:
    page = Scraper(World({"product": "Leveret"})).scrapes()
    (build,) = page.samples("rabbitmq_build_info")
    assert dict(build)["product_name"] == "Leveret"
