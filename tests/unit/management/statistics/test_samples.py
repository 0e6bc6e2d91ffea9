from __future__ import annotations

import pytest

from broker.management.statistics.samples import BASIC, GLOBAL, MINUTES, Kind, Level, Samples

KIND = Kind(("in", "out"), ("held",), BASIC)
FIRST = 12_000  # a slot, and the end of a minute


@pytest.fixture
def samples() -> Samples:
    return Samples(KIND, FIRST - 1)


def test_a_counter_has_a_rate_per_second_in_the_slot_in_which_it_grew(samples: Samples) -> None:
    samples.note(FIRST, (10, 0, 0))
    assert samples.rate("in", FIRST) == 2.0
    assert samples.rate("out", FIRST) == 0.0
    samples.note(FIRST + 1, (10, 0, 0))
    assert samples.rate("in", FIRST + 1) == 0.0
    samples.note(FIRST + 2, (25, 5, 0))
    assert (samples.rate("in", FIRST + 2), samples.rate("out", FIRST + 2)) == (3.0, 1.0)


def test_the_rate_of_a_gauge_is_by_how_much_it_changed(samples: Samples) -> None:
    samples.note(FIRST, (0, 0, 100))
    samples.note(FIRST + 1, (0, 0, 75))
    assert samples.rate("held", FIRST) == 20.0
    assert samples.rate("held", FIRST + 1) == -5.0
    assert samples.rate("held", FIRST + 2) == 0.0


def test_all_rates_that_there_are(samples: Samples) -> None:
    assert samples.rates(FIRST) == {}
    samples.note(FIRST, (10, 0, 100))
    samples.note(FIRST + 1, (25, 0, 75))
    assert samples.rates(FIRST) == {"in": 2.0, "held": 20.0}
    assert samples.rates(FIRST + 1) == {"in": 3.0, "held": -5.0}
    assert samples.rates(FIRST + 2) == {}


def test_what_is_noted_twice_in_a_slot_adds_up(samples: Samples) -> None:
    samples.note(FIRST, (5, 0, 3))
    samples.note(FIRST, (15, 0, 1))
    assert samples.rate("in", FIRST) == 3.0
    assert samples.history("held", [FIRST, FIRST - 1]) == [1.0, 0.0]


def test_history_is_what_it_was_at_the_end_of_each_slot(samples: Samples) -> None:
    for slot, count in enumerate((3, 3, 4, 10), FIRST):
        samples.note(slot, (count, 0, -count % 7))
    slots = range(FIRST + 5, FIRST - 3, -1)
    assert samples.history("in", slots) == [10, 10, 10, 4, 3, 3, 0, 0]
    assert samples.history("held", slots) == [4, 4, 4, 3, 4, 4, 0, 0]
    assert samples.history("out", slots) == [0] * 8


def test_what_was_not_noted_in_between_stayed_as_it_was(samples: Samples) -> None:
    samples.note(FIRST, (1, 0, 5))
    samples.note(FIRST + 100, (2, 0, 6))
    assert samples.history("in", [FIRST + 100, FIRST + 99, FIRST, FIRST - 1]) == [2, 1, 1, 0]
    assert samples.history("held", [FIRST + 100, FIRST + 99, FIRST, FIRST - 1]) == [6, 5, 5, 0]
    samples.note(FIRST + 1_000_000, (3, 0, 7))
    last = FIRST + 1_000_000
    assert samples.history("in", [last, last - 1, last - 100]) == [3, 2, 2]
    assert samples.history("held", [last, last - 1, last - 100]) == [7, 6, 6]


def test_an_hour_is_kept_by_the_minute(samples: Samples) -> None:
    for minute in range(120):
        slot = FIRST + 12 * minute
        samples.note(slot, (minute + 1, 0, 0))
    last = FIRST + 12 * 119
    minutes = samples.history("in", range(last, last - 12 * 60, -12))
    assert minutes == list(range(120, 60, -1))


def test_before_what_is_kept_it_is_0(samples: Samples) -> None:
    for minute in range(120):
        samples.note(FIRST + 12 * minute, (1000 + minute, 0, 9))
    assert samples.history("in", [FIRST + 12 * 119, FIRST]) == [1119, 0]
    assert samples.history("held", [FIRST + 12 * 119, FIRST]) == [9, 0]


@pytest.mark.parametrize("level", GLOBAL)
def test_a_chart_of_all_that_a_level_keeps_is_drawn_of_that_level(level: Level) -> None:
    samples = Samples(Kind(("in",), (), GLOBAL), 0)
    last = level.slots * (level.cells + 10)
    for slot in range(level.slots, last + 1, level.slots):
        samples.note(slot, (slot,))
    points = range(last, last - level.slots * (level.cells - 1), -level.slots)
    assert samples.history("in", points) == pytest.approx(list(points), rel=1e-6)


def test_nothing_is_kept_for_what_never_changed(samples: Samples) -> None:
    samples.note(FIRST, (0, 0, 0))
    assert samples.rate("in", FIRST) == 0.0
    assert samples.history("held", [FIRST, FIRST - 1]) == [0.0, 0.0]
    assert samples.changed == FIRST - 1


def test_what_was_forgotten_does_not_look_like_growth(samples: Samples) -> None:
    samples.note(FIRST, (5, 7, 3))
    samples.forget()
    assert samples.rate("in", FIRST) == 0.0
    assert samples.history("held", [FIRST]) == [0.0]
    samples.note(FIRST + 1, (5, 12, 3))
    assert [samples.rate(name, FIRST + 1) for name in KIND.names] == [0.0, 1.0, 0.6]
    assert samples.history("held", [FIRST + 1, FIRST]) == [3, 0]


def test_it_knows_when_it_changed_last(samples: Samples) -> None:
    samples.note(FIRST, (1, 0, 0))
    samples.note(FIRST + 7, (1, 0, 0))
    assert (samples.changed, samples.last) == (FIRST, (1, 0, 0))
    samples.note(FIRST + 9, (1, 0, 1))
    assert (samples.changed, samples.last) == (FIRST + 9, (1, 0, 1))


def test_a_clock_that_is_set_back_costs_nothing_but_the_time(samples: Samples) -> None:
    samples.note(FIRST, (5, 0, 1))
    samples.note(FIRST - 1000, (8, 0, 2))
    samples.note(FIRST + 1, (10, 0, 3))
    assert samples.history("in", [FIRST + 1, FIRST, FIRST - 1]) == [10, 8, 0]
    assert samples.history("held", [FIRST + 1, FIRST, FIRST - 1]) == [3, 2, 0]


def test_no_points_are_no_history(samples: Samples) -> None:
    samples.note(FIRST, (5, 0, 1))
    assert samples.history("in", []) == []


def test_a_cell_ends_with_a_multiple_of_its_slots() -> None:
    level = Level(12, 61)
    assert [level.cell(slot) for slot in (0, 1, 12, 13, 24, 25)] == [-1, 0, 0, 1, 1, 2]
    assert [MINUTES.cell(slot) for slot in (1, 2)] == [0, 1]
