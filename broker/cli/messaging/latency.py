"""Latencies counted in buckets: exact to 1.6 %, small enough to be sent to another process.

Below 128 µs a bucket is one microsecond; above, each doubling is 64 of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

Histogram = Counter[int]  # bucket → how many
QUANTILES = (0.0, 0.5, 0.95, 0.99)


def bucket_of(microseconds: int) -> int:
    shift = max(0, microseconds.bit_length() - 7)
    return (shift << 6) + (microseconds >> shift)


def value_of(bucket: int) -> int:
    """The least number of microseconds that is in a bucket."""
    if bucket < 128:
        return bucket
    shift = (bucket >> 6) - 1
    return (bucket - (shift << 6)) << shift


def add(histogram: Histogram, stamps: Iterable[int], now_ns: int, since_ns: int) -> None:
    """Count by when they were sent. What is older than the run was not sent by it."""
    for stamp, count in Counter(stamps).items():
        if since_ns <= stamp <= now_ns:
            histogram[bucket_of((now_ns - stamp) // 1000)] += count


def quantiles(histogram: Mapping[int, int], wanted: Sequence[float] = QUANTILES) -> list[int]:
    """Microseconds; of the least (0.0), the median (0.5), …  Empty: nothing was counted."""
    total = sum(histogram.values())
    if not total:
        return []
    found = []
    buckets = sorted(histogram)
    for quantile in wanted:
        rank, passed = max(1, -(-total * quantile // 1)), 0
        for bucket in buckets:
            passed += histogram[bucket]
            if passed >= rank:
                found.append(value_of(bucket))
                break
    return found
