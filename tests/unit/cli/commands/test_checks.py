"""Alarms, listeners and health checks; the recordings of RabbitMQ's tools have more."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from tests.support.control import ControlledNode, Said


def checked(node: ControlledNode, *argv: str) -> Said:
    return node.tool(*argv, tool="rabbitmq-diagnostics")


@pytest.fixture
def alarmed(node: ControlledNode) -> Iterator[None]:
    """The memory's alarm is on."""
    broker = node.runtime.broker
    assert broker is not None
    assert broker.node is not None
    broker.node.alarms["memory"] = {"test"}
    yield
    del broker.node.alarms["memory"]


def test_no_alarms(node: ControlledNode) -> None:
    text = "Node rabbit@here reported no alarms, local or clusterwide\n"
    assert checked(node, "-q", "alarms") == (0, text, "")
    assert checked(node, "-q", "check_alarms") == (0, text, "")
    assert checked(node, "-s", "check_alarms") == (0, "", "")
    assert checked(node, "-q", "check_local_alarms").code == 0
    said = checked(node, "alarms", "--formatter", "json")
    assert json.loads(said.out) == {"result": "ok", "node": "rabbit@here", "alarms": []}


@pytest.mark.usefixtures("alarmed")
def test_alarms(node: ControlledNode) -> None:
    text = "Memory alarm on node rabbit@here\n"
    assert checked(node, "-q", "alarms") == (0, text, "")
    assert checked(node, "-q", "check_alarms") == (69, "", text)
    assert checked(node, "-s", "check_alarms") == (69, "", "")
    assert checked(node, "-q", "check_local_alarms") == (69, "", f"Error:\n{text}")
    said = checked(node, "check_local_alarms", "--formatter", "json")
    assert (said.code, json.loads(said.err)["local"]) == (69, [text.strip()])
    assert checked(node, "-q", "node_health_check").code == 70


def test_listeners(node: ControlledNode) -> None:
    assert f"port: {node.port}, protocol: amqp" in checked(node, "listeners").out
    facts = json.loads(checked(node, "listeners", "--formatter", "json").out)
    assert facts["listeners"][0]["port"] == node.port
    rows = checked(node, "listeners", "--formatter", "csv").out.splitlines()
    assert rows[0] == '"node","protocol","interface","port","purpose"'
    shown = checked(node, "-q", "listeners", "--formatter", "erlang").out
    assert shown.startswith("[[{node,rabbit@here},\n  {protocol,amqp},\n  {interface,<<")


def test_whether_it_listens(node: ControlledNode) -> None:
    assert checked(node, "check_port_listener", str(node.port)).code == 0
    said = checked(node, "-q", "check_port_listener", "1")
    assert said.code == 69
    assert said.err.startswith("No listener for port 1 is active on node rabbit@here. Found")
    for wrong in ("x", "0", "-1", "٣"):
        assert checked(node, "check_port_listener", wrong).code == 65
    for name in ("amqp", "AMQP", "amqp091", "amqp0.9.1"):
        assert checked(node, "check_protocol_listener", name).code == 0
    assert checked(node, "check_protocol_listener", "mqtt").code == 69
    said = checked(node, "-q", "check_port_connectivity")
    assert said.out == f"Successfully connected to ports {node.port} on node rabbit@here.\n"


def test_one_that_cannot_be_connected_to(
    node: ControlledNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> socket.socket:
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    said = checked(node, "-q", "check_port_connectivity")
    assert said.code == 69
    assert "failed: \nInterface: 127.0.0.1, port: " in said.err


def test_the_rest(node: ControlledNode) -> None:
    assert checked(node, "check_virtual_hosts").code == 0
    said = checked(node, "-q", "check_certificate_expiration", "--within", "1", "--unit", "months")
    assert said.out == "No certificates are expiring within 1 month.\n"
    assert checked(node, "check_certificate_expiration", "--unit", "bogus").code == 64
    assert checked(node, "check_certificate_expiration", "--within", "x").code == 64
    assert checked(node, "-q", "node_health_check").out == "Health check passed\n"
