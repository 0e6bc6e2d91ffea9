"""What a node is busy with, by the command line."""

from __future__ import annotations

import json

import pytest

from broker.control import activity
from tests.support.control import ControlledNode

DIAGNOSTICS = "rabbitmq-diagnostics"


def test_what_is_stuck_is_shown_while_it_is_looked_for(
    node: ControlledNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "STUCK_MS", 20)
    monkeypatch.setattr(activity, "ROUND_MS", 10)
    said = node.tool("maybe_stuck", tool=DIAGNOSTICS)
    banner, first, *_ = said.out.splitlines()
    assert banner == "Asking node rabbit@here to detect potentially stuck Erlang processes..."
    assert "There are" in first


def test_threads(node: ControlledNode, monkeypatch: pytest.MonkeyPatch) -> None:
    spent = {7: activity.Spent("worker", 0, 0)}
    monkeypatch.setattr(activity, "spent", lambda: spent)
    argv = ("runtime_thread_stats", "-i", "1")
    said = node.tool(*argv, tool=DIAGNOSTICS)
    lines = said.out.splitlines()
    assert lines[0] == "Will collect runtime thread stats on rabbit@here for 1 seconds..."
    assert lines[1].startswith("Average thread real-time    : 1")
    assert lines[-1].split() == ["worker(", "7)", "0.00%", "0.00%", "100.00%"]
    said = node.tool(*argv, "--formatter", "json", tool=DIAGNOSTICS)
    assert json.loads(said.out) == [
        {"name": "worker", "thread": 7, "user": 0.0, "system": 0.0, "sleep": 1.0}
    ]
    assert node.tool("runtime_thread_stats", "-i", "0", tool=DIAGNOSTICS).code == 65
