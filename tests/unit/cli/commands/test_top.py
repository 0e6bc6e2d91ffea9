"""What a node does now, where there is no terminal."""

from __future__ import annotations

import json

import pytest

from broker.control import top
from tests.support.control import ControlledNode


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(top, "FIRST_MS", 10)


def test_one_frame_as_text(node: ControlledNode) -> None:
    said = node.tool("top", "--once", tool="leveretctl")
    assert (said.code, said.err) == (0, "")
    first, *_, titles, _ = said.out.splitlines()
    assert first.startswith("rabbit@here  3.13.7  up ")
    assert titles.startswith("QUEUE (by rate)")
    said = node.tool("top", "--once", "--view", "connections", "--sort", "name", tool="leveretctl")
    assert "CONNECTION (by name)" in said.out


def test_one_frame_as_json(node: ControlledNode) -> None:
    said = node.tool("top", "--once", "--formatter", "json", tool="leveretctl")
    (frame,) = json.loads(said.out)
    assert (frame["node"], frame["queue_rows"], frame["vhosts"]) == ("rabbit@here", [], 1)


def test_observer_is_the_same(node: ControlledNode) -> None:
    said = node.tool("observer", "--once", tool="rabbitmq-diagnostics")
    assert said.out.startswith("Starting a CLI observer interface on node rabbit@here...\nrabbit@")
    assert node.tool("top", tool="rabbitmq-diagnostics").code == 64  # RabbitMQ has none


@pytest.mark.parametrize(
    "argv",
    [
        ("--interval", "0"),
        ("--rows", "0"),
        ("--view", "bogus"),
        ("--sort", "traffic"),
        ("--view", "connections", "--sort", "rate"),
    ],
)
def test_odd_wishes_are_refused(node: ControlledNode, argv: tuple[str, ...]) -> None:
    assert node.tool("top", *argv, tool="leveretctl").code == 65
