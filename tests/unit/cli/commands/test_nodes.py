"""A node's process and its app by the command line; test_tools.py has real processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.cli.node_names import short_host
from tests.support.control import ControlledNode


@pytest.fixture
def own(tmp_path: Path) -> Iterator[ControlledNode]:
    """A node that may be stopped."""
    with ControlledNode(tmp_path) as controlled:
        yield controlled


def diagnosed(node: ControlledNode, command: str, *argv: str) -> tuple[int, str, str]:
    return node.tool("-q", command, *argv, tool="rabbitmq-diagnostics")


def test_the_app_stops_forgets_and_starts(own: ControlledNode) -> None:
    assert own.tool("add_vhost", "kept").code == 0
    assert own.tool("reset").code == 64
    text = "Stopping rabbit application on node rabbit@here ...\n"
    assert own.tool("stop_app") == own.tool("stop_app") == (0, text, "")
    said = own.tool("list_vhosts")
    assert said.code == 64
    assert "Start it with 'rabbitmqctl start_app'." in said.err
    assert own.tool("-q", "ping").code == 0
    running = "RabbitMQ on node rabbit@here is not running or has not fully booted yet"
    assert diagnosed(own, "is_running")[1].startswith(running)
    assert diagnosed(own, "check_running")[0] == 69
    assert diagnosed(own, "is_booting")[1].endswith("stopped or has not started booting yet\n")
    assert own.tool("-q", "await_startup") == (69, "", "Error:\nrabbit_is_not_running\n")
    assert own.tool("start_app") == (0, "Starting node rabbit@here ...\n", "")
    assert own.tool("start_app").code == 0
    assert "kept" in own.lines("list_vhosts")
    assert own.tool("stop_app").code == 0
    assert own.tool("reset") == (0, "Resetting node rabbit@here ...\n", "")
    assert own.tool("force_reset").code == 0
    assert own.tool("start_app").code == 0
    assert own.lines("list_vhosts") == ["/"]
    assert diagnosed(own, "check_running")[0] == 0


def test_a_port_that_is_taken_meanwhile(own: ControlledNode) -> None:
    """The app is not started, the node can still be asked, and it can be tried again."""
    import socket

    port = own.port
    own.runtime.config = own.config
    assert own.tool("stop_app").code == 0
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        from broker.config import override

        other = str(taken.getsockname()[1])
        own.runtime.config = override(own.config, "listeners.tcp.default", other)
        said = own.tool("-q", "start_app")
        assert said.code == 69
        assert "Address already in use" in said.err
        assert own.tool("-q", "ping").code == 0
    own.runtime.config = own.config
    assert own.tool("start_app").code == 0
    assert own.port != 0 != port


def test_stop(own: ControlledNode) -> None:
    assert own.tool("stop") == (0, "Stopping and halting node rabbit@here ...\n", "")
    own.wait_for_the_end()
    assert own.tool("stop").code == 69
    said = own.tool("-q", "-n", "rabbit@localhost", "stop", "--idempotent")
    assert said == (0, "Node rabbit@localhost is no longer running\n", "")


def test_stop_with_a_pid_file_that_is_none(node: ControlledNode, tmp_path: Path) -> None:
    (tmp_path / "pid").write_text("nonsense")
    for path in (tmp_path / "pid", tmp_path / "gone"):
        said = node.tool("stop", str(path))
        assert said.code == 69
        assert f"could not read pid from file {path}" in said.err
    assert node.tool("-q", "ping").code == 0


def test_shutdown(own: ControlledNode) -> None:
    said = own.tool("-n", "rabbit@elsewhere", "shutdown")
    assert said.code == 64
    assert f"(local hostname: {short_host()}, remote: elsewhere)" in said.err
    assert own.tool("-n", "rabbit@elsewhere", "shutdown", "--no-wait").code == 69
    assert own.tool("shutdown", "--no-wait").code == 0
    own.wait_for_the_end()


def test_ping(node: ControlledNode) -> None:
    said = node.tool("ping")
    assert said.out.splitlines() == [
        "Will ping rabbit@here. This only checks if the OS process is running and registered with"
        " epmd. Timeout: 60000 ms.",
        "Ping succeeded",
    ]
    assert json.loads(node.tool("ping", "--formatter", "json").out) == {"message": "Ping succeeded"}
    said = node.tool("-q", "-n", "other@localhost", "ping")
    text = "Error:\nFailed to connect and authenticate to other@localhost in 60000 ms\n"
    assert said == (69, "", text)


def test_whether_it_runs_as_json(node: ControlledNode) -> None:
    found = json.loads(diagnosed(node, "is_running", "--formatter", "json")[1])
    assert found["result"] is True
    found = json.loads(diagnosed(node, "is_booting", "--formatter", "json")[1])
    assert found["result"] is False
