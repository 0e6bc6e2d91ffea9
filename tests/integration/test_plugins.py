"""Optional parts, switched by `rabbitmq-plugins` while clients are there."""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import socket
import weakref
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika
import pytest

from broker.boot import Broker
from broker.config import override
from broker.plugins import ONLY_IMPLICIT
from broker.server.gateway import HTTP, PROMETHEUS
from broker.server.listener import ListenError
from tests.integration.support import WAIT_S
from tests.support.certificates import Authority
from tests.support.control import ControlledNode, Said

LOGIN = {"Authorization": "Basic " + b64encode(b"guest:guest").decode()}
WEB = {"management.enabled": True, "prometheus.enabled": True}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[ControlledNode]:
    with ControlledNode(tmp_path) as found:
        yield found


def plugins(node: ControlledNode, *argv: str) -> Said:
    return node.tool(*argv, tool="rabbitmq-plugins")


def ports(node: ControlledNode) -> dict[str, Any]:
    """As a script learns them."""
    found: dict[str, Any] = json.loads((node.root / "ready.json").read_text())["ports"]
    assert json.loads((node.data_dir / "node.json").read_text())["ports"] == found
    return found


def get(port: int, path: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    try:
        connection.request("GET", path, headers=LOGIN)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return json.loads(body) if answer.headers["content-type"] == "application/json" else body
    finally:
        connection.close()


def connected(node: ControlledNode) -> pika.BlockingConnection:
    return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", node.port))


def test_management_comes_and_goes_under_clients(node: ControlledNode) -> None:
    with connected(node) as connection:
        channel = connection.channel()
        channel.queue_declare("q")
        channel.basic_publish("", "q", b"before")
        assert ports(node)["management"] is None
        said = plugins(node, "enable", "rabbitmq_management")
        assert (said.code, said.err) == (0, "")
        assert said.out.endswith("\nstarted 3 plugins.\n")
        port = ports(node)["management"]  # it listens when the tool is done
        assert [queue["name"] for queue in get(port, "/api/queues")] == ["q"]
        (shown,) = get(port, "/api/nodes")
        assert set(shown["enabled_plugins"]) >= {"rabbitmq_management", *ONLY_IMPLICIT}
        status = json.loads(node.tool("status", "--formatter", "json").out)
        assert status["active_plugins"] == shown["enabled_plugins"]

        half = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        half.sendall(b"GET /api/over")
        assert plugins(node, "disable", "rabbitmq_management").code == 0
        assert half.recv(1000) == b""
        half.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        assert ports(node)["management"] is None
        _, _, body = channel.basic_get("q", auto_ack=True)
        assert body == b"before"

        for _ in range(2):
            assert plugins(node, "enable", "rabbitmq_management").code == 0
            assert ports(node)["management"] == port
            assert get(port, "/api/overview")["object_totals"]["queues"] == 1
            assert plugins(node, "disable", "rabbitmq_management").code == 0


def test_a_port_that_is_another_ones_by_now_is_not_needed(node: ControlledNode) -> None:
    assert plugins(node, "enable", "rabbitmq_prometheus").code == 0
    port = ports(node)["prometheus"]
    assert plugins(node, "disable", "rabbitmq_prometheus").code == 0
    with socket.create_server(("127.0.0.1", port)):
        assert plugins(node, "enable", "rabbitmq_prometheus").code == 0
        assert ports(node)["prometheus"] not in (None, port)
        assert b"rabbitmq_" in get(ports(node)["prometheus"], "/metrics")


def test_a_busy_port_changes_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        settings = {"management.tcp.port": port, "prometheus.enabled": True}
        with ControlledNode(tmp_path, settings) as node:
            before = ports(node)
            said = plugins(node, "set", "rabbitmq_management", "rabbitmq_event_exchange")
            assert said.code == 70
            problem = f"cannot listen on 127.0.0.1:{port}: Address already in use"
            assert said.err == f"Error:\n{problem}\n"
            assert ports(node) == before
            assert b"rabbitmq_" in get(before["prometheus"], "/metrics")
            assert not (node.data_dir / "enabled_plugins").exists()
            broker = node.runtime.broker
            assert broker is not None
            assert broker.node is not None
            assert broker.node.events is None
            assert broker.node.refused_types == frozenset()
            assert plugins(node, "is_enabled", "rabbitmq_prometheus", "rabbitmq_sharding").code == 0
            busy.close()
            assert plugins(node, "enable", "rabbitmq_management").code == 0
            assert ports(node)["management"] == port
            assert plugins(node, "list", "-m", "-E", "management$").out.endswith("_management\n")


def test_events_are_told_while_their_plugin_is_on(node: ControlledNode) -> None:
    with connected(node) as early:
        channel = early.channel()
        assert plugins(node, "enable", "rabbitmq_event_exchange").code == 0
        channel.queue_declare("events")
        channel.queue_bind("events", "amq.rabbitmq.event", "queue.*")
        channel.queue_declare("one")
        assert plugins(node, "disable", "rabbitmq_event_exchange").code == 0
        channel.queue_declare("two")
        channel.exchange_declare("amq.rabbitmq.event", passive=True)
        assert plugins(node, "enable", "rabbitmq_event_exchange").code == 0
        channel.queue_declare("three")
        told = []
        for method, properties, _ in channel.consume("events", auto_ack=True):
            told.append((method.routing_key, properties.headers["name"]))
            if properties.headers["name"] == "three":
                break
        assert told == [("queue.created", "one"), ("queue.created", "three")]
    broker = node.runtime.broker
    assert broker is not None
    assert broker.node is not None
    assert broker.node.bug_count == 0


def test_types_of_exchanges_that_are_off_cannot_be_declared(node: ControlledNode) -> None:
    with connected(node) as connection:
        channel = connection.channel()
        channel.exchange_declare("random", "x-random")
        channel.queue_declare("q")
        channel.queue_bind("q", "random")
        assert plugins(node, "disable", "rabbitmq_random_exchange").code == 0
        channel.exchange_declare("random", passive=True)
        channel.basic_publish("random", "k", b"still")
        assert channel.basic_get("q", auto_ack=True)[2] == b"still"
        assert plugins(node, "enable", "rabbitmq_management").code == 0
        types = get(ports(node)["management"], "/api/overview")["exchange_types"]
        names = {one["name"] for one in types}
        assert "x-random" not in names
        assert "x-consistent-hash" in names
        with pytest.raises(pika.exceptions.ConnectionClosedByBroker) as caught:
            channel.exchange_declare("another", "x-random")
        assert caught.value.reply_code == 503
    assert plugins(node, "enable", "rabbitmq_random_exchange").code == 0
    with connected(node) as connection:
        connection.channel().exchange_declare("another", "x-random")


def test_what_is_enabled_outlives_the_app_and_the_process(tmp_path: Path) -> None:
    with ControlledNode(tmp_path) as node:
        plugins(node, "set", "rabbitmq_prometheus")
        assert node.tool("stop_app").code == 0
        said = plugins(node, "enable", "rabbitmq_management")
        assert said.out.endswith("\nOffline change; changes will take effect at broker restart.\n")
        assert node.tool("start_app").code == 0
        assert all(ports(node)[name] for name in ("management", "prometheus"))
    plugins(node, "disable", "rabbitmq_prometheus")  # while it is down
    with ControlledNode(tmp_path) as node:
        assert ports(node)["management"]
        assert ports(node)["prometheus"] is None


def test_a_file_that_was_changed_offline_counts_with_the_next_change(node: ControlledNode) -> None:
    said = plugins(node, "enable", "--offline", "rabbitmq_prometheus")
    assert said.out.endswith("Offline change; changes will take effect at broker restart.\n")
    assert ports(node)["prometheus"] is None
    assert "[E ] rabbitmq_prometheus" in plugins(node, "list", "prometheus").out
    said = plugins(node, "enable", "rabbitmq_prometheus")
    assert said.out.endswith("Plugin configuration unchanged.\n")
    assert ports(node)["prometheus"]
    assert "[E*] rabbitmq_prometheus" in plugins(node, "list", "prometheus").out


# the broker in a program


def test_what_management_needs_is_given_back() -> None:
    async def run() -> None:
        async with Broker(WEB) as broker:
            for _ in range(2):
                assert broker._management is not None
                management = weakref.ref(await broker._management.loaded())
                off = broker.config
                for key in WEB:
                    off = override(off, key, False)
                await broker.switch(off)
                gc.collect()
                assert management() is None
                assert (broker.management_port, broker.prometheus_port) == (0, 0)
                for key in WEB:
                    off = override(off, key, True)
                await broker.switch(off)
                assert broker.management_port

    asyncio.run(run())


def test_one_of_two_can_go_and_the_other_answers() -> None:
    async def run() -> None:
        async with Broker(WEB) as broker:
            port = broker.prometheus_port
            await broker.switch(override(broker.config, "management.enabled", False))
            assert broker.management_port == 0
            assert b"rabbitmq_" in await asyncio.to_thread(get, port, "/metrics")
            gateway = broker.gateway
            assert gateway is not None
            assert not gateway.has_web(HTTP)
            assert gateway.has_web(PROMETHEUS)

    asyncio.run(run())


def test_what_cannot_be_opened_leaves_nothing_open(tmp_path: Path) -> None:
    """The second listener of a part has no port: the first does not stay."""
    authority = Authority(tmp_path)
    files = authority.server_settings(authority.issue("localhost"))

    async def run() -> None:
        async with Broker() as broker:
            before = broker.config
            with socket.create_server(("127.0.0.1", 0)) as busy:
                config = override(before, "management.enabled", True)
                config = override(config, "management.ssl.port", busy.getsockname()[1])
                for key, value in files.items():
                    config = override(config, key, value)
                with pytest.raises(ListenError):
                    await broker.switch(config)
            gateway = broker.gateway
            assert gateway is not None
            assert [one.protocol for one in gateway.listening] == ["amqp"]
            assert gateway.web == []
            await broker.switch(before)
            assert broker._management is None
            await broker.switch(config)  # it is free by now
            assert {one.protocol for one in gateway.listening} == {"amqp", "http", "https"}

    asyncio.run(run())
