"""A histogram as Prometheus has them: how many observations were no larger than each bound."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """bounds: upper ones, ascending. counts: of each bucket alone; the last is above all bounds."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]):
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0  # of all that was observed

    @property
    def count(self) -> int:
        return sum(self.counts)

    def observe(self, value: float, count: int = 1) -> None:
        self.counts[bisect_left(self.bounds, value)] += count
        self.total += value * count

    def observe_line(self, first: float, last: float, count: int) -> None:
        """So many values that lie evenly between two ends, half a step from each."""
        self.total += (first + last) / 2 * count
        low, high = min(first, last), max(first, last)
        at = bisect_left(self.bounds, low)
        if at == len(self.bounds) or high <= self.bounds[at]:
            self.counts[at] += count
            return
        before = 0
        while at < len(self.bounds) and before < count:
            below = min(count, round((self.bounds[at] - low) / (high - low) * count))
            self.counts[at] += below - before
            before = below
            at += 1
        self.counts[at] += count - before

    def add(self, other: Histogram) -> None:
        """Likewise bounded."""
        for at, count in enumerate(other.counts):
            self.counts[at] += count
        self.total += other.total
