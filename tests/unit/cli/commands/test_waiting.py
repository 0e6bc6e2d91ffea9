"""Waiting for nodes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from broker.cli import processes
from tests.support.control import ControlledNode


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "POLL_S", 0.005)


def test_for_a_node_that_runs(node: ControlledNode, tmp_path: Path) -> None:
    assert node.tool("await_startup") == (0, "", "")
    pid = tmp_path / "pid"
    pid.write_text(f"{os.getpid()}\n")
    assert node.tool("wait", str(pid)).out.splitlines() == [
        f"Waiting for pid file '{pid}' to appear",
        f"pid is {os.getpid()}",
        "Waiting for erlang distribution on node 'rabbit@here' while OS process"
        f" '{os.getpid()}' is running",
        "Waiting for applications 'rabbit_and_plugins' to start on node 'rabbit@here'",
        "Applications 'rabbit_and_plugins' are running on node 'rabbit@here'",
    ]
    assert node.tool("wait", "-q", "-P", str(os.getpid())) == (0, "", "")


@pytest.mark.parametrize(
    ("text", "code", "error"),
    [
        ("nonsense", 69, '{:garbage_in_pid_file, "PATH"}'),
        ("", 69, '{:garbage_in_pid_file, "PATH"}'),
        (None, 75, "Error: operation wait on node rabbit@here timed out."),
    ],
)
def test_a_pid_file_that_helps_nothing(
    node: ControlledNode, tmp_path: Path, text: str | None, code: int, error: str
) -> None:
    path = tmp_path / "pid"
    if text is not None:
        path.write_text(text)
    said = node.tool("-t", "1" if code == 75 else "5", "wait", str(path))
    assert said.code == code
    assert error.replace("PATH", str(path)) in said.err


def test_what_cannot_be_waited_for(node: ControlledNode, tmp_path: Path) -> None:
    assert '"No pid or pidfile specified"' in node.tool("wait").err
    assert '"Cannot specify both pid and pidfile"' in node.tool("wait", "x", "-P", "1").err
    said = node.tool("-q", "wait", "--pid", "4194305")
    assert (said.code, said.err) == (69, "Error:\nprocess_not_running\n")
    said = node.tool("-q", "wait", str(tmp_path))
    assert (said.code, said.err) == (69, "Error:\n{:could_not_read_pid, :eisdir}\n")


def test_for_nodes_of_the_cluster(node: ControlledNode) -> None:
    assert node.tool("-q", "await_online_nodes", "1") == (0, "", "")
    said = node.tool("await_online_nodes", "2", "-t", "1")
    assert said.out.endswith("the cluster of rabbit@here. Timeout: 1 seconds.\n")
    assert said.code == 70
    for wrong in ("x", "0", "-1", "1.5", "²"):
        assert node.tool("await_online_nodes", wrong).code == 65
