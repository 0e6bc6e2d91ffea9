"""Answers for many: the same for a while, and never changed by whoever had it before."""

from __future__ import annotations

import pytest

from broker.management import remembered as module
from broker.management.remembered import REMEMBERED_MAX, Remembered
from broker.management.request import Response


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(module, "perf_counter", lambda: now[0])
    return now


def test_for_a_hundred_times_what_it_took(clock: list[float]) -> None:
    remembered = Remembered()
    remembered.keep("a", Response(200, [], b"x"), 0.001)
    clock[0] += 0.099
    found = remembered.find("a")
    assert found is not None
    assert found.body == b"x"
    clock[0] += 0.002
    assert remembered.find("a") is None


def test_for_a_second_at_most(clock: list[float]) -> None:
    remembered = Remembered()
    remembered.keep("a", Response(200, [], b"x"), 60.0)
    clock[0] += 0.999
    assert remembered.find("a") is not None
    clock[0] += 0.002
    assert remembered.find("a") is None


def test_headers_are_everybodys_own(clock: list[float]) -> None:
    remembered, response = Remembered(), Response(200, [("a", "b")], b"x")
    remembered.keep("a", response, 1.0)
    response.headers.append(("of", "the first"))
    found = remembered.find("a")
    assert found is not None
    assert found.headers == [("a", "b")]
    found.headers.append(("of", "the second"))
    again = remembered.find("a")
    assert again is not None
    assert again.headers == [("a", "b")]


def test_there_are_never_many(clock: list[float]) -> None:
    remembered = Remembered()
    for number in range(10 * REMEMBERED_MAX):
        remembered.keep(number, Response(200, [], b"x"), 1.0)
        assert remembered.find(number) is not None
    kept = [number for number in range(10 * REMEMBERED_MAX) if remembered.find(number)]
    assert len(kept) <= REMEMBERED_MAX
