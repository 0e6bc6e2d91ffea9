"""Buckets of latencies."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from broker.cli.messaging.latency import add, bucket_of, quantiles, value_of
from tests.property.conftest import examples


@examples(60)
@given(st.integers(0, 10**10))
def test_a_bucket_is_exact_to_a_64th(microseconds: int) -> None:
    value = value_of(bucket_of(microseconds))
    assert value <= microseconds < value + max(1, value / 64 + 1)
    assert bucket_of(value) == bucket_of(microseconds)


@examples(60)
@given(st.integers(0, 10**9))
def test_buckets_are_in_order(microseconds: int) -> None:
    assert 0 <= bucket_of(microseconds + 1) - bucket_of(microseconds) <= 1


@examples(60)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=50))
def test_quantiles_are_those_of_the_sorted_values(values: list[int]) -> None:
    ordered = sorted(value_of(bucket_of(value)) for value in values)
    histogram = Counter(bucket_of(value) for value in values)
    middle = ordered[(len(ordered) + 1) // 2 - 1]
    assert quantiles(histogram, (0.0, 0.5, 1.0)) == [ordered[0], middle, ordered[-1]]


def test_only_what_this_run_has_sent_is_counted() -> None:
    histogram: Counter[int] = Counter()
    add(histogram, [1000, 5000, 5000, 10_001, 0], now_ns=10_000, since_ns=1000)
    assert histogram == {bucket_of(9): 1, bucket_of(5): 2}
    assert quantiles({}) == []
