"""The collector and the allocator of a process that is a broker."""

from __future__ import annotations

import ctypes
import gc
import weakref

import pytest

from broker.alarms import memory_used
from broker.memory import give_back, settle_memory, trim_memory


def test_what_was_made_at_start_is_not_looked_at_again() -> None:
    thresholds = gc.get_threshold()
    try:
        settle_memory()
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold()[0] > thresholds[0]
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)


def test_malloc_gives_back_what_was_freed_in_the_midst() -> None:
    if not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("not glibc")
    trim_memory()
    bodies = [bytes(10_000) for _ in range(5_000)]
    last = bytes(10_000)  # keeps the end of the heap where it is
    full = memory_used()
    bodies.clear()
    trim_memory()
    assert full - memory_used() > 30_000_000
    assert len(last) == 10_000


def test_another_libc_may_not_be_able_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    trim_memory()


class _Circle:
    """Refers to itself."""

    def __init__(self) -> None:
        self.self = self


@pytest.mark.parametrize("is_settled", [True, False])
def test_what_has_gone_is_found_among_what_is_not_looked_at(is_settled: bool) -> None:
    circle = _Circle()
    seen = weakref.ref(circle)
    if is_settled:
        gc.freeze()
    try:
        del circle
        give_back()
        assert seen() is None
        assert (gc.get_freeze_count() > 0) == is_settled
    finally:
        gc.unfreeze()
