"""Interceptors of an installed package, and what a real broker tells by messages."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from broker import Broker
from broker.commands import SetTracing
from broker.server.listener import ListenError
from tests.integration.support import WAIT_S
from tests.support.process import BrokerProcess

ROOT = Path(__file__).parents[2]
PLUGIN = '''
from broker.hooks import DROP, AccessRefused, Interceptor


class Guard(Interceptor):
    """No secrets; what is marked as noise goes nowhere; the rest gets a stamp."""

    def on_publish(self, message):
        if b"secret" in message.body:
            raise AccessRefused(f"no secrets of {message.user}")
        if message.headers.get("noise"):
            return DROP
        return message.changed(headers={"seen-by": self.name}, priority=3)

    def on_deliver(self, message):
        return message.changed(headers={"from": message.queue})


class Broken(Interceptor):
    def on_publish(self, message):
        raise RuntimeError("out of order")
'''


@contextmanager
def channel_to(port: int) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port))
    try:
        yield connection.channel()
    finally:
        if connection.is_open:
            connection.close()


def get(channel: BlockingChannel, queue: str) -> tuple[Any, Any, Any]:
    """The next message, as soon as there is one."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        found = channel.basic_get(queue, auto_ack=True)
        if found[0] is not None:
            return found
    raise AssertionError(f"nothing came into {queue}")


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with interceptors, installed where a broker's Python finds it."""
    place = tmp_path / "site"
    metadata = place / "leveret_guard-1.0.dist-info"
    metadata.mkdir(parents=True)
    (place / "leveret_guard.py").write_text(PLUGIN)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: leveret-guard\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[leveret.interceptors]\nguard = leveret_guard:Guard\nbroken = leveret_guard:Broken\n"
    )
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")])
    )
    return place


def test_interceptors_of_an_installed_package(plugin: Path) -> None:
    with (
        BrokerProcess("--set", "interceptors=broken,guard") as broker,
        channel_to(broker.port) as channel,
    ):
        channel.queue_declare("q")
        channel.confirm_delivery()
        for body, headers in (("1", {}), ("2", {"noise": True}), ("3", {"own": 1})):
            properties = pika.BasicProperties(headers=headers)
            channel.basic_publish("", "q", body.encode(), properties)
        for body, own in ((b"1", {}), (b"3", {"own": 1})):
            _, properties, received = get(channel, "q")
            assert received == body
            assert properties.headers == {**own, "seen-by": "guard", "from": "q"}
            assert properties.priority == 3
        with pytest.raises(pika.exceptions.ChannelClosedByBroker) as refusal:
            channel.basic_publish("", "q", b"a secret")
        assert refusal.value.reply_code == 403
        assert refusal.value.reply_text == "ACCESS_REFUSED - no secrets of guest"
        text = broker.log.read_text()
    assert text.count("an interceptor failed, the message goes on, name=broken") == 1
    assert "RuntimeError: out of order" in text


def test_a_node_does_not_start_without_an_interceptor_that_it_was_told_to_have() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "broker", "--data-dir", "none", "--set", "interceptors=nobody"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert result.returncode == 1
    expected = "leveret: 'interceptors': no installed package has one called 'nobody'\n"
    assert result.stderr == expected


def test_a_start_looks_for_no_packages() -> None:
    """It costs milliseconds, and nobody has asked for any."""
    code = (
        "import importlib.metadata as m\n"
        "m.entry_points = lambda **_: 1 / 0\n"
        "from broker import Broker\n"
        "with Broker() as broker:\n    print(broker.port > 0)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (result.stdout, result.stderr) == ("True\n", "")


def test_a_copy_has_the_name_of_the_connection() -> None:
    with Broker() as broker, channel_to(broker.port) as channel:
        broker.call(lambda node: node.execute(SetTracing("/", is_on=True)))
        channel.queue_declare("traces")
        channel.queue_bind("traces", "amq.rabbitmq.trace", "publish.#")
        channel.basic_publish("amq.fanout", "", b"body")
        _, properties, body = get(channel, "traces")
        assert body == b"body"
        peer, _, local = properties.headers["connection"].partition(" -> ")
        assert peer.startswith("127.0.0.1:")
        assert local == f"127.0.0.1:{broker.port}"


def test_events_are_heard_after_a_restart_by_who_was_bound_before(tmp_path: Path) -> None:
    settings: dict[str, object] = {"event_exchange.enabled": True, "data_dir": str(tmp_path)}
    with Broker(settings) as broker, channel_to(broker.port) as channel:
        channel.queue_declare("events", durable=True)
        channel.queue_bind("events", "amq.rabbitmq.event", "queue.*")
        channel.queue_declare("before", durable=True)
    with Broker(settings) as broker, channel_to(broker.port) as channel:
        channel.queue_declare("after", durable=True)
        for name in ("before", "after"):  # events are persistent, and a start tells of nothing
            method, properties, body = get(channel, "events")
            assert (method.routing_key, body) == ("queue.created", b"")
            assert properties.headers["name"] == name
        assert channel.basic_get("events")[0] is None


def test_lines_of_the_log_are_messages() -> None:
    level = logging.getLogger("broker").level
    handlers = list(logging.getLogger("broker").handlers)
    with Broker({"log.exchange": True}) as broker, channel_to(broker.port) as channel:
        channel.queue_declare("lines")
        channel.queue_bind("lines", "amq.rabbitmq.log", "info")
        with channel_to(broker.port):
            method, properties, body = get(channel, "lines")
        assert (method.exchange, method.routing_key) == ("amq.rabbitmq.log", "info")
        assert properties.content_type == "text/plain"
        assert b"[info] <0.%d.0> opened, peer=127.0.0.1:" % os.getpid() in body
    assert logging.getLogger("broker").level == level
    assert logging.getLogger("broker").handlers == handlers


def test_a_broker_that_does_not_start_leaves_no_handler() -> None:
    handlers = list(logging.getLogger("broker").handlers)
    with Broker() as other, pytest.raises(ListenError):
        Broker({"log.exchange": True, "listeners.tcp.default": other.port}).__enter__()
    assert logging.getLogger("broker").handlers == handlers
