"""Counting into buckets."""

from __future__ import annotations

import pytest

from broker.management.statistics.histogram import Histogram


def test_a_value_belongs_to_the_first_bound_that_is_no_lower() -> None:
    histogram = Histogram((1, 5))
    for value in (0, 1, 1.5, 5, 5.1):
        histogram.observe(value)
    assert (histogram.counts, histogram.count, histogram.total) == ([2, 2, 1], 5, 12.6)


def test_many_alike_count_at_once() -> None:
    histogram = Histogram((1,))
    histogram.observe(2.5, 4)
    assert (histogram.counts, histogram.total) == ([0, 4], 10.0)


@pytest.mark.parametrize(
    ("first", "last", "count", "counts"),
    [
        (0.0, 0.5, 10, [10, 0, 0]),  # within one bucket
        (0.0, 2.0, 10, [5, 5, 0]),
        (2.0, 0.0, 10, [5, 5, 0]),  # falling
        (0.0, 10.0, 10, [1, 4, 5]),
        (7.0, 9.0, 3, [0, 0, 3]),  # above all bounds
        (0.8, 1.3, 1, [0, 1, 0]),  # one of them cannot be halved
        (3.0, 3.0, 2, [0, 2, 0]),
        (1.0, 1.0, 2, [2, 0, 0]),
    ],
)
def test_values_on_a_line(first: float, last: float, count: int, counts: list[int]) -> None:
    histogram = Histogram((1, 5))
    histogram.observe_line(first, last, count)
    assert histogram.counts == counts
    assert histogram.total == pytest.approx((first + last) / 2 * count)


def test_a_line_is_what_its_values_are() -> None:
    histogram, exact = Histogram((0.1, 0.5, 1, 5)), Histogram((0.1, 0.5, 1, 5))
    histogram.observe_line(0.05, 7.0, 1000)
    for at in range(1000):
        exact.observe(0.05 + 6.95 * (at + 0.5) / 1000)
    assert all(
        abs(one - other) <= 1 for one, other in zip(histogram.counts, exact.counts, strict=True)
    )
