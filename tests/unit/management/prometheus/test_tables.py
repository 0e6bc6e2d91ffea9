"""Tables that are put together in slices."""

from __future__ import annotations

from broker.management.prometheus.exposition import Table
from broker.management.prometheus.tables import SLICE, Collecting, collected, merged


def finished(collecting: Collecting) -> tuple[Table, int]:
    """The table, and after how many slices."""
    slices = 0
    while True:
        try:
            next(collecting)
        except StopIteration as done:
            return done.value, slices
        slices += 1


def test_objects_are_looked_at_in_slices() -> None:
    numbers = list(range(2 * SLICE + 1))
    working = collected(numbers, ("one", "two"), str, lambda number: (number, -number))
    table, slices = finished(working)
    assert slices == 3
    assert table.labels == [str(number) for number in numbers]
    assert table.columns == {"one": numbers, "two": [-number for number in numbers]}


def test_of_nothing_there_is_an_empty_table() -> None:
    table, _ = finished(collected([], ("one", "two"), str, lambda number: (number, number)))
    assert table == Table([], {"one": [], "two": []})


def test_two_tables_about_other_objects_become_one() -> None:
    table = merged(Table(["a"], {"one": [1]}), Table(["b", "c"], {"two": [2, 3]}))
    assert table == Table(["a", "b", "c"], {"one": [1, None, None], "two": [None, 2, 3]})
