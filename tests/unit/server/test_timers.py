"""The loop as a clock, on a loop that only writes down what it is asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from broker.server.timers import TICK_S, LoopClock, monotonic_ms
from tests.support.peer import World


class Handle:
    def __init__(self) -> None:
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Loop:
    def __init__(self) -> None:
        self.soon: list[Callable[[], None]] = []
        self.later: list[tuple[float, Callable[[], None], Handle]] = []

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.soon.append(callback)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Handle:
        handle = Handle()
        self.later.append((delay_s, callback, handle))
        return handle


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def clock(loop: Loop) -> LoopClock:
    untyped: Any = loop
    return LoopClock(untyped)


def test_a_turn_comes_after_what_can_be_read(loop: Loop, clock: LoopClock) -> None:
    node = World().node
    clock.start(node)
    node.clock = clock
    node.turn_requested = False
    node.request_turn()
    node.request_turn()
    assert len(loop.soon) == 1
    loop.soon[0]()
    assert not node.turn_requested


def test_ticks_follow_each_other_until_it_stops(
    loop: Loop, clock: LoopClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = World().node
    ticks: list[int] = []
    monkeypatch.setattr(node, "tick", ticks.append)
    clock.start(node)
    for expected in (1, 2):
        delay_s, callback, _ = loop.later[-1]
        assert delay_s == TICK_S
        callback()
        assert len(ticks) == expected
    clock.stop()
    assert loop.later[-1][2].is_cancelled
    clock.stop()


def test_the_clock_of_the_node_never_goes_back() -> None:
    times = [monotonic_ms() for _ in range(1000)]
    assert times == sorted(times)


def test_a_bug_in_a_turn_is_logged_and_counted(
    loop: Loop,
    clock: LoopClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    node = World().node
    clock.start(node)

    def broken(now_ms: int) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(node, "turn", broken)
    clock.request_turn()
    with caplog.at_level(logging.ERROR):
        loop.soon[0]()
    assert node.bug_count == 1
    assert "ZeroDivisionError" in caplog.text
