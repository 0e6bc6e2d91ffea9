"""The process and its app."""

from __future__ import annotations

import os

import pytest

from broker.cli.errors import FailedError, StateError
from tests.support.control import ControlledNode


def test_who_answers(node: ControlledNode) -> None:
    assert node.ask("nodes.ping") is None
    assert node.ask("nodes.pid") == os.getpid()
    assert node.ask("nodes.running_count") == 1
    assert node.ask("nodes.await_startup") is None
    with pytest.raises(StateError, match="to be stopped"):
        node.ask("nodes.reset")


def test_the_state(node: ControlledNode) -> None:
    assert node.ask("nodes.state") == {"running": True, "booting": False}
    node.ask("nodes.stop_app")
    assert node.ask("nodes.state") == {"running": False, "booting": False}
    with pytest.raises(FailedError, match="rabbit_is_not_running"):
        node.ask("nodes.await_startup")
    with pytest.raises(StateError, match="to be running"):
        node.ask("nodes.running_count")
    node.ask("nodes.reset")
    node.ask("nodes.start_app")
    assert node.ask("nodes.state") == {"running": True, "booting": False}
