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


class Sleepy:
    """Seam `Sleeper`."""

    vhost = "/"
    queue_id = 1

    def __init__(self, name: str):
        self.name = name

    def on_wake_up(self) -> bool:
        return False


class Alarms:
    """A loop clock under a time that the test sets, and whom it woke."""

    def __init__(self, loop: Loop, monkeypatch: pytest.MonkeyPatch):
        self.now_ms = 1000
        self.loop = loop
        self.woken: list[str] = []
        untyped: Any = loop
        self.clock = LoopClock(untyped)
        node = World().node
        monkeypatch.setattr(self.clock, "now_ms", lambda: self.now_ms)
        monkeypatch.setattr(node, "wake", lambda sleeper: self.woken.append(sleeper.name))
        self.clock.start(node)

    def passes_to(self, now_ms: int) -> list[str]:
        """What the loop would do until then. Returns: who was woken."""
        self.woken.clear()
        self.now_ms = now_ms
        for _ in range(10):
            due = [
                (callback, handle)
                for delay_s, callback, handle in self.loop.later
                if callback == self.clock._wake and not handle.is_cancelled
            ]
            if not due or not self.clock._due or self.clock._due[0][0] > now_ms:
                break
            callback, handle = due[-1]
            handle.cancel()
            callback()
        return self.woken

    @property
    def delays_s(self) -> list[float]:
        """Of the timers that are set."""
        return [
            delay_s
            for delay_s, callback, handle in self.loop.later
            if callback == self.clock._wake and not handle.is_cancelled
        ]


@pytest.fixture
def alarms(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> Alarms:
    return Alarms(loop, monkeypatch)


def test_sleepers_are_woken_in_the_order_of_their_times(alarms: Alarms) -> None:
    for name, when_ms in (("b", 1200), ("a", 1100), ("c", 1300), ("also b", 1200)):
        alarms.clock.wake_at(when_ms, Sleepy(name))
    assert alarms.delays_s == [0.1]  # one timer, for the earliest
    assert alarms.passes_to(1050) == []
    assert alarms.passes_to(1250) == ["a", "b", "also b"]
    assert alarms.delays_s == [0.05]
    assert alarms.passes_to(1300) == ["c"]
    assert alarms.delays_s == []


def test_asking_again_replaces_the_time(alarms: Alarms) -> None:
    sleeper, other = Sleepy("a"), Sleepy("b")
    alarms.clock.wake_at(1500, sleeper)
    alarms.clock.wake_at(1100, sleeper)
    alarms.clock.wake_at(1300, other)
    assert alarms.passes_to(1100) == ["a"]
    assert alarms.passes_to(2000) == ["b"]
    alarms.clock.wake_at(2100, sleeper)
    alarms.clock.wake_at(2500, sleeper)
    assert alarms.passes_to(2400) == []
    assert alarms.passes_to(2500) == ["a"]


def test_a_time_that_has_passed_is_now(alarms: Alarms) -> None:
    alarms.clock.wake_at(500, Sleepy("late"))
    assert alarms.delays_s == [0]
    assert alarms.passes_to(1000) == ["late"]


def test_the_forgotten_sleep_on_and_are_not_kept(alarms: Alarms) -> None:
    sleepers = [Sleepy(str(number)) for number in range(1000)]
    for sleeper in sleepers:
        alarms.clock.wake_at(5000, sleeper)
    for sleeper in sleepers[1:]:
        alarms.clock.forget(sleeper)
        alarms.clock.forget(sleeper)
    assert len(alarms.clock._due) < 200
    assert alarms.passes_to(5000) == ["0"]


def test_asking_often_keeps_one_entry_or_little_more(alarms: Alarms) -> None:
    sleeper = Sleepy("a")
    for number in range(1000):
        alarms.clock.wake_at(10_000 - number, sleeper)
    assert len(alarms.clock._due) < 200
    assert alarms.passes_to(10_000) == ["a"]


def test_nobody_is_woken_after_the_end(alarms: Alarms) -> None:
    alarms.clock.wake_at(1100, Sleepy("a"))
    alarms.clock.stop()
    assert alarms.delays_s == []
    assert alarms.passes_to(2000) == []


def test_the_time_of_day_is_in_milliseconds(alarms: Alarms) -> None:
    assert 1_700_000_000_000 < alarms.clock.epoch_ms() < 10_000_000_000_000
    assert alarms.clock.now_ms() == 1000


def test_the_time_of_day_may_be_set_and_that_of_the_node_may_not(
    alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs the machine sets its clock back: timers go on as if nothing had happened."""
    alarms.clock.wake_at(1500, Sleepy("a"))
    times = []
    for nanoseconds in (1_700_000_000_999_999_999, 1_600_000_000_000_000_000):
        monkeypatch.setattr("time.time_ns", lambda nanoseconds=nanoseconds: nanoseconds)
        times.append(alarms.clock.epoch_ms())
    assert times == [1_700_000_000_999, 1_600_000_000_000]
    assert alarms.passes_to(1400) == []
    assert alarms.passes_to(1500) == ["a"]


def test_who_asks_for_a_time_that_is_over_lets_the_others_go_on(
    alarms: Alarms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A queue that drops a part of what has expired goes on behind the next turn, not in this."""
    sleeper = Sleepy("busy")

    def asks_again(_: object) -> None:
        alarms.woken.append("busy")
        alarms.clock.wake_at(alarms.now_ms - 1, sleeper)

    assert alarms.clock._node is not None
    monkeypatch.setattr(alarms.clock._node, "wake", asks_again)
    alarms.clock.wake_at(1100, sleeper)
    alarms.now_ms = 1100
    alarms.clock._wake()
    assert alarms.woken == ["busy"]
    assert alarms.delays_s[-1] == 0
