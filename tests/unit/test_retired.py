"""Sums that only grow."""

from __future__ import annotations

from broker.retired import Retired, add_up


def test_counts_add_up() -> None:
    sums: list[int] = []
    add_up(sums, ())
    assert sums == []
    add_up(sums, (1, 0, 5))
    add_up(sums, (1, 2, 0))
    add_up(sums, [])
    assert sums == [2, 2, 5]


def test_what_is_no_more_has_still_counted() -> None:
    retired = Retired()
    retired.retire((1, 2))
    retired.retire((0, 0))
    retired.retire((3, 0))
    retired.retire_octets(100, 10)
    retired.retire_octets(1, 2)
    assert (retired.retired, retired.retired_octets) == ([4, 2], [101, 12])
