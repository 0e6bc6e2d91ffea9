"""A set of whole numbers kept as ranges: what of a queue is done with, what has been delivered.

Queues are mostly first in, first out, so a set of millions is one or two ranges. The common case,
a range that begins where the last one ends, costs two comparisons.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator


class RangeSet:
    """Disjoint ranges in order, neither overlapping nor touching; both ends belong to a range."""

    __slots__ = ("firsts", "lasts")

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()):
        self.firsts: list[int] = []
        self.lasts: list[int] = []
        for first, last in ranges:
            self.add(first, last)

    def add(self, first: int, last: int) -> None:
        """Have first, …, last in the set."""
        firsts, lasts = self.firsts, self.lasts
        if not lasts or first > lasts[-1] + 1:
            firsts.append(first)
            lasts.append(last)
            return
        if first >= firsts[-1]:
            if last > lasts[-1]:
                lasts[-1] = last
            return
        low = bisect_left(lasts, first - 1)  # the first range that touches
        high = bisect_right(firsts, last + 1)  # behind the last that does
        if low < high:
            first = min(first, firsts[low])
            last = max(last, lasts[high - 1])
        firsts[low:high] = [first]
        lasts[low:high] = [last]

    def missing(self, first: int, last: int) -> list[tuple[int, int]]:
        """The parts of first, …, last that are not in the set."""
        firsts, lasts = self.firsts, self.lasts
        if not lasts or first > lasts[-1]:
            return [(first, last)]
        parts = []
        index = bisect_left(lasts, first)
        while first <= last:
            if index == len(firsts) or firsts[index] > last:
                parts.append((first, last))
                break
            if firsts[index] > first:
                parts.append((first, firsts[index] - 1))
            first = lasts[index] + 1
            index += 1
        return parts

    def count(self, first: int, last: int) -> int:
        """How many of first, …, last are in the set."""
        missing = sum(high - low + 1 for low, high in self.missing(first, last))
        return max(0, last - first + 1) - missing if first <= last else 0

    def forget_below(self, number: int) -> None:
        """Drop everything below a number."""
        index = bisect_left(self.lasts, number)
        del self.firsts[:index], self.lasts[:index]
        if self.firsts and self.firsts[0] < number:
            self.firsts[0] = number

    def __contains__(self, number: int) -> bool:
        index = bisect_left(self.lasts, number)
        return index < len(self.lasts) and self.firsts[index] <= number

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(zip(self.firsts, self.lasts, strict=True))

    def __bool__(self) -> bool:
        return bool(self.firsts)

    def __len__(self) -> int:
        """How many ranges."""
        return len(self.firsts)


def coalesced(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers as ranges, in order. There must be one at least."""
    numbers = sorted(set(numbers))
    if numbers[-1] - numbers[0] + 1 == len(numbers):
        return [(numbers[0], numbers[-1])]
    ranges = []
    first = last = numbers[0]
    for number in numbers[1:]:
        if number > last + 1:
            ranges.append((first, last))
            first = number
        last = number
    ranges.append((first, last))
    return ranges
