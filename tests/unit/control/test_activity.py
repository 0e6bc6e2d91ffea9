"""Threads, and what is stuck."""

from __future__ import annotations

import asyncio
import sys
import threading
from types import FrameType, SimpleNamespace
from typing import Any, cast

import pytest

from broker.control import activity
from broker.control.actions import Asked
from broker.node import Node
from broker.session.connection import Connection


class Stuck(Connection):
    """Nobody reads what is sent to it."""

    name = "c"


def test_this_thread_has_spent_time() -> None:
    found = activity.spent()
    own = found[threading.get_native_id()]
    assert own.user + own.system > 0
    assert own.name


def test_shares_are_of_the_time_that_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {1: activity.Spent("a", 0, 0), 2: activity.Spent("gone", 0, 0)}
    after = {1: activity.Spent("a", 10_000_000, 0), 3: activity.Spent("new", 0, 0)}
    answers = iter([before, after])
    monkeypatch.setattr(activity, "spent", lambda: next(answers))
    found: Any = asyncio.run(activity.threads(cast(Asked, None), interval_ms=1))
    rows = {str(key): value for key, value in found.items()}["threads"]
    assert rows == [("a", 1, 1.0, 0.0), ("new", 3, 0.0, 0.0)]


def test_a_connection_that_takes_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = Stuck.__new__(Stuck)
    stuck.is_paused, stuck.sent_octets, stuck.outbox_octets = True, 10, 20
    node = cast(Node, SimpleNamespace(peers={1: stuck, 2: SimpleNamespace()}))
    monkeypatch.setattr(activity, "STUCK_MS", 20)
    monkeypatch.setattr(activity, "ROUND_MS", 10)
    monkeypatch.setattr(activity, "_busy", dict[int, FrameType])

    async def lines() -> list[str]:
        asked = cast(Asked, SimpleNamespace(node=node))
        return [line async for line in activity.stuck(asked) if line is not None]

    found = asyncio.run(lines())
    assert found[1].endswith("Investigated 1 suspects this round, 20ms to go.")
    assert found[-2].endswith("Found 1 suspicious things.")
    assert found[-1].endswith('[{connection,"c"},{octets_pending,20}]')


def test_a_stack_begins_where_the_thread_is() -> None:
    frame = sys._getframe()
    assert activity._stack(frame)[0].startswith("test_activity.py:")
    assert activity._stack(frame)[0].endswith(" test_a_stack_begins_where_the_thread_is")
