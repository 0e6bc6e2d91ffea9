from __future__ import annotations

import os
import resource
from typing import Any

import pytest

from broker.alarms import Watermarks
from broker.descriptors import file_limit, sockets_limit
from broker.management.service import NODE
from broker.management.views.common import Lens
from broker.management.views.node import (
    CHANNEL_OCTETS,
    CONNECTION_OCTETS,
    MEMORY,
    Process,
    applications,
    exchange_types,
    memory_breakdown,
    numbers_of,
    processes,
    show_node,
)
from broker.management.views.queue import BASE_OCTETS
from tests.support.api import Api
from tests.support.builders import table
from tests.support.peer import Peer, World


@pytest.fixture
def api(world: World) -> Api:
    return Api(world, lambda: [("amqp", "::", 5672), ("http", "::", 15672)])


def shown(api: Api, **query: str) -> dict[str, Any]:
    return show_node(api.management, Lens(api.node, api.management.collector, query))


def test_the_node_and_its_process(api: Api) -> None:
    found = shown(api)
    assert (found["name"], found["type"], found["running"]) == ("rabbit@localhost", "disc", True)
    assert found["os_pid"] == str(os.getpid())
    assert found["fd_total"] == resource.getrlimit(resource.RLIMIT_NOFILE)[0] == file_limit()
    assert found["sockets_total"] == sockets_limit(file_limit()) < file_limit()
    assert [one["description"] for one in found["contexts"]] == ["RabbitMQ Management"]
    assert found["enabled_plugins"] == sorted(api.node.plugins)
    assert "rabbitmq_management" in found["enabled_plugins"]
    assert [one["name"] for one in found["applications"]] == ["leveret", "python"]
    assert applications() == found["applications"]


def test_mechanisms_say_whether_they_are_offered(api: Api) -> None:
    found = {one["name"]: one["enabled"] for one in shown(api)["auth_mechanisms"]}
    assert (found["PLAIN"], found["AMQPLAIN"]) == (True, True)
    assert found.keys() >= {"EXTERNAL", "ANONYMOUS"}


def test_exchange_types_that_are_off_are_not_shown(api: Api) -> None:
    api.node.refused_types = frozenset({"x-random"})
    names = {one["name"] for one in shown(api)["exchange_types"]}
    assert names == {one["name"] for one in exchange_types()} - {"x-random"}


def test_exchange_types_have_a_description() -> None:
    found = {one["name"]: one for one in exchange_types()}
    assert found.keys() >= {"direct", "fanout", "topic", "headers", "x-consistent-hash"}
    assert all(one["description"] and one["enabled"] for one in found.values())


def test_alarms(api: Api) -> None:
    assert (shown(api)["mem_alarm"], shown(api)["disk_free_alarm"]) == (False, False)
    api.node.set_alarm("disk")
    assert (shown(api)["mem_alarm"], shown(api)["disk_free_alarm"]) == (False, True)


def test_what_was_opened_and_closed(api: Api, peer: Peer) -> None:
    peer.drops()
    api.looks()
    found = shown(api)
    assert (found["connection_created"], found["connection_closed"]) == (1, 1)
    assert found["channel_created_details"] == {"rate": 0.2}


def test_without_statistics_there_is_what_it_is(api: Api) -> None:
    assert shown(api, disable_stats="true") == {
        "name": "rabbit@localhost",
        "type": "disc",
        "running": True,
    }


def test_charts_of_what_is_not_measured(api: Api) -> None:
    found = shown(api, node_stats_age="5", node_stats_incr="5")["io_seek_avg_time_details"]
    assert [one["sample"] for one in found["samples"]] == [0, 0]


def test_numbers_are_in_the_order_in_which_they_are_noted(api: Api, peer: Peer) -> None:
    assert tuple(numbers_of(api.node, Process())) == NODE.names
    api.node.usage.socket_count = 1
    slot = api.looks()
    samples = api.management.node_samples
    assert samples is not None
    assert samples.history("sockets_used", [slot]) == [1]
    assert samples.history("fd_used", [slot])[0] > 0


def test_memory_and_disk_are_those_that_alarms_go_by(world: World) -> None:
    api = Api(world)
    assert (shown(api)["mem_used"], shown(api)["mem_limit"]) == (0, 0)
    world.node.watermarks = Watermarks(
        world.node.config.alarms,
        disk_free=lambda: 10**9,
        used=lambda: 3 * 10**9,
        total=lambda: 5 * 10**9,
    )
    world.node.check_alarms(0)
    found = shown(api)
    assert (found["mem_used"], found["mem_limit"], found["mem_alarm"]) == (
        3 * 10**9,
        2 * 10**9,
        True,
    )
    assert (found["disk_free"], found["disk_free_alarm"]) == (10**9, False)


def test_descriptors_are_counted_once_a_second() -> None:
    process = Process()
    process.look(0)
    before = process.fd_used
    read, write = os.pipe()
    try:
        process.look(999)
        assert process.fd_used == before > 0
        process.look(1_000)
        assert process.fd_used == before + 2
    finally:
        os.close(read)
        os.close(write)


def test_processes_are_connections_channels_and_queues(api: Api, peer: Peer) -> None:
    before = processes(api.node)
    peer.opens_channel(2)
    peer.declares(1, "q")
    assert processes(api.node) == before + 2


def test_where_the_memory_is(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "x" * 10_000)
    peer.declares(1, "quorum", table(x_queue_type="quorum"), durable=True)
    found = memory_breakdown(api.node)
    assert found.keys() == {*MEMORY, "strategy", "total"}
    assert found["connection_readers"] == CONNECTION_OCTETS
    assert found["connection_channels"] == CHANNEL_OCTETS
    assert BASE_OCTETS + 10_000 < found["queue_procs"] < BASE_OCTETS + 11_000
    assert found["quorum_queue_procs"] == BASE_OCTETS
    parts = sum(found[name] for name in MEMORY)
    assert found["total"] == {"erlang": parts, "rss": 0, "allocated": parts}
