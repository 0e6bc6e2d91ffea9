"""What a node says of itself, as terms of the kinds that RabbitMQ's have."""

from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.erlang import Atom, CharList
from broker.control.status import address_of
from tests.support.control import ControlledNode


def facts(node: ControlledNode, what: str) -> dict[Any, Any]:
    found = node.ask(f"status.{what}")
    assert isinstance(found, list)
    return dict(found)


def test_status(node: ControlledNode) -> None:
    found = facts(node, "status")
    assert all(isinstance(key, Atom) for key in found)
    for key in ("rabbitmq_version", "erlang_version", "data_directory"):
        assert isinstance(found[key], CharList)
    assert found["kernel"] == (Atom("net_ticktime"), 60)
    (listener,) = found["listeners"]
    assert listener[:6] == ("listener", "rabbit@here", "amqp", "here", (127, 0, 0, 1), node.port)
    assert found["alarms"] == []


def test_cluster_status(node: ControlledNode) -> None:
    found = facts(node, "cluster_status")
    assert found["nodes"] == [(Atom("disc"), [Atom("rabbit@here")])]
    assert found["running_nodes"] == [Atom("rabbit@here")]
    assert found["alarms"] == [(Atom("rabbit@here"), [])]


def test_memory_adds_up(node: ControlledNode) -> None:
    found = facts(node, "memory")
    total = dict(found.pop("total"))["rss"]
    assert found.pop("strategy") == Atom("rss")
    assert sum(found.values()) == pytest.approx(total)


def test_alarms(node: ControlledNode) -> None:
    assert node.ask("status.alarms") == []
    broker = node.runtime.broker
    assert broker is not None
    assert broker.node is not None
    broker.node.alarms["disk"] = {"test"}
    try:
        assert node.ask("status.alarms") == [
            ((Atom("resource_limit"), Atom("disk"), Atom("rabbit@here")), [])
        ]
    finally:
        del broker.node.alarms["disk"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        *(("127.0.0.1", (127, 0, 0, 1)), ("::", (0,) * 8), ("fe80::1%eth0", (65152, *[0] * 6, 1))),
        ("/run/mq.sock", CharList("/run/mq.sock")),
    ],
)
def test_addresses(text: str, address: object) -> None:
    assert address_of(text) == address


def test_protocols_go_by_many_names(node: ControlledNode) -> None:
    assert node.ask("status.protocol", name="amqps") == "amqp/ssl"
    assert node.ask("status.protocol", name="bogus") == "bogus"
