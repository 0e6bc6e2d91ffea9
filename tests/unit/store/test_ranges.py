from __future__ import annotations

from random import Random

import pytest

from broker.store.ranges import RangeSet, coalesced


def numbers(ranges: RangeSet) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


def check(ranges: RangeSet) -> None:
    """In order, neither overlapping nor touching."""
    parts = list(ranges)
    assert all(first <= last for first, last in parts)
    assert all(parts[at][1] + 1 < parts[at + 1][0] for at in range(len(parts) - 1))


def test_what_is_settled_in_order_is_one_range() -> None:
    ranges = RangeSet()
    for number in range(1, 100):
        ranges.add(number, number)
    ranges.add(100, 200)
    assert list(ranges) == [(1, 200)]
    assert len(ranges) == 1


@pytest.mark.parametrize(
    ("first", "last", "wanted"),
    [
        (1, 2, [(1, 2), (10, 19), (30, 39)]),
        (1, 9, [(1, 19), (30, 39)]),  # touches
        (5, 15, [(5, 19), (30, 39)]),
        (12, 15, [(10, 19), (30, 39)]),  # is in it
        (10, 19, [(10, 19), (30, 39)]),
        (18, 25, [(10, 25), (30, 39)]),
        (20, 29, [(10, 39)]),  # fills the hole
        (21, 28, [(10, 19), (21, 28), (30, 39)]),
        (1, 50, [(1, 50)]),
        (35, 45, [(10, 19), (30, 45)]),
        (40, 45, [(10, 19), (30, 45)]),
        (41, 45, [(10, 19), (30, 39), (41, 45)]),
    ],
)
def test_adding_to_two_ranges(first: int, last: int, wanted: list[tuple[int, int]]) -> None:
    ranges = RangeSet([(10, 19), (30, 39)])
    ranges.add(first, last)
    assert list(ranges) == wanted


@pytest.mark.parametrize(
    ("first", "last", "wanted"),
    [
        (1, 5, [(1, 5)]),
        (1, 45, [(1, 9), (20, 29), (40, 45)]),
        (10, 19, []),
        (19, 30, [(20, 29)]),
        (15, 35, [(20, 29)]),
        (20, 29, [(20, 29)]),
        (39, 41, [(40, 41)]),
        (50, 60, [(50, 60)]),
    ],
)
def test_what_is_missing(first: int, last: int, wanted: list[tuple[int, int]]) -> None:
    ranges = RangeSet([(10, 19), (30, 39)])
    assert ranges.missing(first, last) == wanted
    assert ranges.count(first, last) == last - first + 1 - sum(b - a + 1 for a, b in wanted)


def test_an_empty_set_has_nothing() -> None:
    ranges = RangeSet()
    assert not ranges
    assert 1 not in ranges
    assert ranges.missing(1, 5) == [(1, 5)]
    assert ranges.count(1, 5) == 0
    assert ranges.count(5, 4) == 0  # no number at all
    ranges.forget_below(100)
    assert list(ranges) == []


def test_forgetting_what_is_below() -> None:
    ranges = RangeSet([(10, 19), (30, 39)])
    ranges.forget_below(15)
    assert list(ranges) == [(15, 19), (30, 39)]
    ranges.forget_below(20)
    assert list(ranges) == [(30, 39)]
    ranges.forget_below(40)
    assert not ranges


def test_numbers_as_ranges() -> None:
    assert coalesced([3]) == [(3, 3)]
    assert coalesced([5, 3, 4, 3]) == [(3, 5)]
    assert coalesced([9, 1, 2, 7, 3, 8]) == [(1, 3), (7, 9)]


@pytest.mark.parametrize("seed", range(20))
def test_against_a_set(seed: int) -> None:
    random = Random(seed)
    ranges, model = RangeSet(), set[int]()
    most = random.choice([10, 50, 300])
    for _ in range(300):
        first = random.randrange(most)
        last = first + random.choice([0, 0, 1, 3, 20])
        wanted = set(range(first, last + 1))
        match random.randrange(12):
            case 0:
                ranges.forget_below(first)
                model = {number for number in model if number >= first}
            case 1 | 2 | 3:
                found = ranges.missing(first, last)
                assert {n for low, high in found for n in range(low, high + 1)} == wanted - model
                assert found == (coalesced(wanted - model) if wanted - model else [])
                assert ranges.count(first, last) == len(wanted & model)
            case _:
                ranges.add(first, last)
                model |= wanted
        check(ranges)
        assert numbers(ranges) == model
        assert (first in ranges) == (first in model)
        assert bool(ranges) == bool(model)
