"""Values of many objects, put together as a `Table` in slices."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Sequence
from typing import Any

from broker.management.prometheus.exposition import Table, Value

SLICE = 50  # objects that are looked at between two turns of the node
Collecting = Generator[None, None, Table]
Row = Sequence[Value]
Vhosts = Collection[str] | None  # None: all


def collected(
    objects: Sequence[Any],
    names: Sequence[str],
    label: Callable[[Any], str],
    row: Callable[[Any], Row],
) -> Collecting:
    """A table of objects, in slices. row: of the values in the order of names."""
    labelled: list[str] = []
    columns: list[list[Value]] = [[] for _ in names]
    for at in range(0, len(objects), SLICE):
        part = objects[at : at + SLICE]
        labelled += map(label, part)
        for column, values in zip(columns, zip(*map(row, part), strict=True), strict=True):
            column += values
        yield
    return Table(labelled, dict(zip(names, columns, strict=True)))


def merged(one: Table, other: Table) -> Table:
    """A table with the objects and families of both."""
    columns: dict[str, Sequence[Value]] = {}
    for name, column in one.columns.items():
        columns[name] = [*column, *[None] * len(other.labels)]
    for name, column in other.columns.items():
        columns[name] = [*[None] * len(one.labels), *column]
    return Table([*one.labels, *other.labels], columns)
