"""What a node says of itself; the recordings of RabbitMQ's tools have more."""

from __future__ import annotations

import json
import os

import pytest

from tests.support.control import ControlledNode


def test_the_page(node: ControlledNode) -> None:
    said = node.tool("status")
    assert said.code == 0
    assert said.out.startswith("Status of node rabbit@here ...\n\x1b[1mRuntime\x1b[0m\n\n")
    lines = said.out.splitlines()
    for line in (f"OS PID: {os.getpid()}", "Node name: rabbit@here", "Virtual host count: 1"):
        assert line in lines
    assert f"Interface: 127.0.0.1, port: {node.port}, protocol: amqp" in said.out
    assert " MB (" in node.tool("status", "--unit", "MB").out


def test_as_json_and_as_terms(node: ControlledNode) -> None:
    facts = json.loads(node.tool("status", "--formatter", "json").out)
    assert facts["pid"] == os.getpid()
    assert facts["totals"] == {"virtual_host_count": 1, "connection_count": 0, "queue_count": 0}
    assert facts["alarms"] == []
    assert facts["memory"]["total"]["rss"] > 1e6
    out = node.tool("-q", "status", "--formatter", "erlang").out
    assert out.startswith(f"[{{pid,{os.getpid()}}},\n {{running_applications,")


def test_the_cluster_of_one(node: ControlledNode) -> None:
    out = node.tool("cluster_status").out
    assert "\x1b[1mRunning Nodes\x1b[0m\n\nrabbit@here\n" in out
    facts = json.loads(node.tool("cluster_status", "--formatter", "json").out)
    assert facts["running_nodes"] == facts["disk_nodes"] == ["rabbit@here"]


def test_memory(node: ControlledNode) -> None:
    def said(*argv: str) -> str:
        return node.tool("-q", "memory_breakdown", *argv, tool="rabbitmq-diagnostics").out

    assert "other_system: " in said()
    parts = json.loads(said("--formatter", "json"))
    assert sum(part["percentage"] for part in parts.values()) == pytest.approx(100, abs=1)
    assert all(line.split()[2] == "bytes" for line in said("--unit", "bytes").split("\n") if line)
    assert len(said("--formatter", "csv").splitlines()) == 2
