"""Samples in rings against a model that keeps every value that was ever noted."""

from __future__ import annotations

from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.management.statistics.samples import GLOBAL, SLOT_MS, Kind, Level, Samples
from tests.property.conftest import examples

SMALL = (Level(1, 6), Level(3, 5), Level(12, 4))
NAMES = ("counter", "large", "gauge")

# What happens from one note to the next: slots that go by, growth of the counters, the gauge.
steps = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 3), st.integers(0, 100)),
        st.integers(0, 5),
        st.one_of(st.just(0), st.integers(0, 10**9)),
        st.integers(0, 1000),
    ),
    min_size=1,
    max_size=60,
)


class Model:
    """Every value with its slot."""

    def __init__(self) -> None:
        self.slots = [-(10**9)]
        self.values: list[tuple[int, ...]] = [(0, 0, 0)]

    def note(self, slot: int, values: tuple[int, ...]) -> None:
        self.slots.append(slot)
        self.values.append(values)

    def at(self, name: str, slot: int) -> int:
        """The value at the end of a slot."""
        return self.values[bisect_right(self.slots, slot) - 1][NAMES.index(name)]

    def changed(self) -> int | None:
        """The last slot in which anything changed."""
        pairs = list(zip(self.slots[1:], self.values[1:], self.values, strict=False))
        return max((slot for slot, value, before in pairs if value != before), default=None)

    def history(
        self, name: str, slots: list[int], level: Level, changed: int
    ) -> list[tuple[int, bool]]:
        """By a level: the value at the end of the cell of each slot, and whether it is kept."""
        oldest = level.cell(changed) - level.cells + 1
        return [
            (self.at(name, (level.cell(slot) + 1) * level.slots), level.cell(slot) >= oldest)
            for slot in slots
        ]


@examples(300)
@given(
    steps,
    st.integers(1, 10**6),
    st.sampled_from([SMALL[:1], SMALL[:2], SMALL, GLOBAL]),
    st.lists(st.integers(-5, 150), min_size=1, max_size=10, unique=True),
)
def test_rates_and_histories_are_those_of_all_values(
    taken: list[tuple[int, int, int, int]],
    first: int,
    levels: tuple[Level, ...],
    ages: list[int],
) -> None:
    samples, model = Samples(Kind(NAMES[:2], NAMES[2:], levels), first), Model()
    slot, counter, large = first, 0, 0
    for gap, growth, much, gauge in taken:
        slot += gap
        counter, large = counter + growth, large + much
        values = (counter, large, gauge)
        samples.note(slot, values)
        model.note(slot, values)
        for name in NAMES:
            rate = (model.at(name, slot) - model.at(name, slot - 1)) * 1000 / SLOT_MS
            assert samples.rate(name, slot) == pytest.approx(rate, rel=1e-6), name
            assert samples.rates(slot).get(name, 0.0) == samples.rate(name, slot)
    changed = model.changed()
    if changed is None:
        assert all(samples.history(name, [slot]) == [0.0] for name in NAMES)
        return
    slots = sorted((slot - age for age in ages), reverse=True)
    # the finest level that still has the cell of the oldest slot and the end of the one before
    level = next(
        (one for one in levels if changed - 1 - slots[-1] < one.slots * (one.cells - 1)),
        levels[-1],
    )
    for name in NAMES:
        found = samples.history(name, slots)
        wanted = model.history(name, slots, level, changed)
        tolerance = 1 + 1e-6 * model.at(name, slot)
        for value, (exact, is_kept) in zip(found, wanted, strict=True):
            assert value == (pytest.approx(exact, abs=tolerance) if is_kept else 0.0), name
        if level is levels[-1]:
            continue
        assert all(is_kept for _, is_kept in wanted)


@examples(100)
@given(steps)
def test_the_last_ten_minutes_are_exact(taken: list[tuple[int, int, int, int]]) -> None:
    """However long it went on before, and whatever was noted since."""
    samples, model = Samples(Kind(NAMES[:2], NAMES[2:], GLOBAL), 0), Model()
    slot, counter = 1, 0
    for gap, growth, _, gauge in taken:
        slot, counter = slot + gap, counter + growth
        samples.note(slot, (counter, 0, gauge))
        model.note(slot, (counter, 0, gauge))
    slots = list(range(slot, slot - 120, -1))
    for name in ("counter", "gauge"):
        assert samples.history(name, slots) == [model.at(name, at) for at in slots]


@examples(150)
@given(
    st.sampled_from([2, 3, 12]),
    st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=30),
)
def test_with_longer_intervals_rates_are_over_all_of_each(
    span: int, taken: list[tuple[int, int]]
) -> None:
    kind = Kind(("counter",), ("gauge",), GLOBAL)
    samples, slot = Samples(kind, 12_000), 12_000
    noted = {slot: (0, 0)}
    for growth, gauge in taken:
        counter_before, gauge_before = noted[slot]
        slot += span
        noted[slot] = (counter_before + growth, gauge)
        samples.note(slot, noted[slot], span)
        seconds = span * SLOT_MS / 1000
        assert samples.rate("counter", slot) == pytest.approx(growth / seconds, rel=1e-4)
        change = (gauge - gauge_before) / seconds
        assert samples.rate("gauge", slot) == pytest.approx(change, rel=1e-4, abs=1e-3)
        if growth:
            assert samples.rate("counter", slot - 1) == samples.rate("counter", slot)
    slots = [at for at in sorted(noted, reverse=True) if at > slot - 120]
    tolerance = 1 + 1e-4 * noted[slot][0]  # of floats of 32 bits
    for at, found in zip(slots, samples.history("counter", slots), strict=True):
        assert found == pytest.approx(noted[at][0], abs=tolerance)
    assert samples.history("gauge", slots) == pytest.approx([noted[at][1] for at in slots])
