"""What an object counted, over the last minutes or hours: the memory of charts and rates.

The time of day is cut into slots of `SLOT_MS`. After each of them an object that has changed notes
how much each of its counters has grown, and what each of its gauges is now. What happens later is
computed when somebody asks: rates, and the counters as they were.

    level 0   one cell per slot              the last ten minutes
    level 1   the sum of 12 slots a cell     the last hour, and so on

A column that never was anything but 0 takes no room; an object that never changed takes 200 octets,
a queue with traffic about 6 KB and never more than 12, a connection 1.6, a channel 3. Cells are
floats of 32 bits: charts need no more, and what counts exactly is the counter itself. Nothing is
written for an object that has not changed: reading fills the gaps.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple

SLOT_MS = 5_000  # RabbitMQ: collect_statistics_interval


class Level(NamedTuple):
    """slots: in a cell. cells: how many are kept."""

    slots: int
    cells: int

    def cell(self, slot: int) -> int:
        """The number of the cell that a slot belongs to; it ends with a multiple of its slots."""
        return (slot - 1) // self.slots


# RabbitMQ's sample_retention_policies: seconds that are kept at 5 s, 1, 10 and 30 minutes.
MINUTES = Level(1, 121)
HOUR = Level(12, 61)
EIGHT_HOURS = Level(120, 49)
DAY = Level(360, 49)
DETAILED = (MINUTES,)
BASIC = (MINUTES, HOUR)
GLOBAL = (MINUTES, HOUR, EIGHT_HOURS, DAY)


class Kind:
    """What is noted of one kind of object: counters only grow, gauges are what they are."""

    def __init__(
        self,
        counters: Sequence[str],
        gauges: Sequence[str] = (),
        levels: Sequence[Level] = DETAILED,
    ):
        self.counters = tuple(counters)
        self.names = (*counters, *gauges)
        self.nothing: tuple[float, ...] = (0,) * len(self.names)
        self.counter_count = len(counters)
        self.levels = tuple(levels)
        self.index = {name: at for at, name in enumerate(self.names)}


class _Ring:
    """The cells of one level. newest: number of the newest cell, counted from the epoch."""

    __slots__ = ("cells", "columns", "newest")

    def __init__(self, width: int, cells: int, newest: int):
        self.cells = cells
        self.columns: list[array[float] | None] = [None] * width
        self.newest = newest

    def advance(self, cell: int, gauges_from: int) -> None:
        """Make room up to a cell: counters stood still in between, gauges stayed."""
        first = max(self.newest + 1, cell - self.cells + 1)
        for at, column in enumerate(self.columns):
            if column is None:
                continue
            filling = column[self.newest % self.cells] if at >= gauges_from else 0.0
            for number in range(first, cell + 1):
                column[number % self.cells] = filling
        self.newest = cell

    def has(self, cell: int) -> bool:
        """Whether a cell is kept."""
        return self.newest - self.cells < cell <= self.newest

    def column(self, at: int) -> array[float]:
        found = self.columns[at]
        if found is None:
            found = self.columns[at] = array("f", bytes(4 * self.cells))
        return found


class Samples:
    """Of one object. last: its values when they were noted last; changed: in which slot those were
    other than before, or it was first seen."""

    __slots__ = ("_rings", "changed", "kind", "last")

    def __init__(self, kind: Kind, slot: int):
        """All that it has counted so far will have grown in the next slot that is noted."""
        self.kind = kind
        self.last: tuple[float, ...] = kind.nothing
        self.changed = slot
        self._rings: Sequence[_Ring] = ()  # none before anything was counted

    def note(self, slot: int, values: tuple[float, ...], span: int = 1) -> None:
        """The values at the end of a slot; those of one slot may be noted several times.

        span: slots since they were noted last; what has changed has done so in all of them alike.
        """
        if values == self.last:
            return
        kind = self.kind
        if not self._rings:
            width, before = len(kind.names), self.changed
            self._rings = [_Ring(width, level.cells, level.cell(before)) for level in kind.levels]
        first_gauge = kind.counter_count
        grown = [
            (at, value - before if at < first_gauge else value)
            for at, (value, before) in enumerate(zip(values, self.last, strict=True))
            if value != before
        ]
        for ring, level in zip(self._rings, kind.levels, strict=True):
            cell = level.cell(slot)
            if cell > ring.newest:
                ring.advance(cell, first_gauge)
            newest, cells = ring.newest, ring.cells
            place = newest % cells
            width = min(-(-span // level.slots), cells)
            for at, value in grown:
                column = ring.column(at)
                if width > 1:
                    self._spread(column, newest, width, at, value)
                elif at >= first_gauge:
                    column[place] = value
                else:
                    column[place] += value
        self.last = values
        self.changed = slot

    def _spread(self, column: array[float], newest: int, width: int, at: int, value: float) -> None:
        """Into so many cells: of a counter an equal share each, of a gauge steps towards it."""
        before, cells = self.last[at], len(column)
        for step, number in enumerate(range(newest - width + 1, newest + 1), 1):
            if at >= self.kind.counter_count:
                column[number % cells] = before + (value - before) * step / width
            else:
                column[number % cells] += value / width

    def forget(self) -> None:
        """Keep nothing of what was noted. Counters go on from where they are: what they counted
        before must not look like growth."""
        self._rings = ()
        gauges = len(self.kind.names) - self.kind.counter_count
        self.last = (*self.last[: self.kind.counter_count], *(0,) * gauges)

    def rate(self, name: str, slot: int) -> float:
        """Per second, over the slot: the growth of a counter, or by how much a gauge changed."""
        if not self._rings:
            return 0.0
        at = self.kind.index[name]
        ring, cell = self._rings[0], self.kind.levels[0].cell(slot)
        column = ring.columns[at]
        if column is None or not ring.has(cell):
            return 0.0
        value = column[cell % ring.cells]
        if at >= self.kind.counter_count:
            value -= column[(cell - 1) % ring.cells]
        return value * 1000 / SLOT_MS

    def rates(self, slot: int) -> dict[str, float]:
        """All rates over the slot that are not 0."""
        if not self._rings:
            return {}
        ring, kind = self._rings[0], self.kind
        cell = kind.levels[0].cell(slot)
        if not ring.has(cell):
            return {}
        place, before = cell % ring.cells, (cell - 1) % ring.cells
        found = {}
        for at, column in enumerate(ring.columns):
            if column is None:
                continue
            value = column[place] if at < kind.counter_count else column[place] - column[before]
            if value:
                found[kind.names[at]] = value * 1000 / SLOT_MS
        return found

    def history(self, name: str, times: Sequence[int]) -> list[float]:
        """What a counter or a gauge was at some times.

        times: ends of slots, descending. Before what is kept it is 0.
        """
        if not times or not self._rings:
            return [0.0] * len(times)
        at = self.kind.index[name]
        number = self._level_for(times)
        ring, level = self._rings[number], self.kind.levels[number]
        column = ring.columns[at]
        if column is None:
            return [0.0] * len(times)
        cells = [level.cell(slot) for slot in times]
        if at >= self.kind.counter_count:
            newest = column[ring.newest % ring.cells]
            return [
                newest
                if cell > ring.newest
                else column[cell % ring.cells]
                if ring.has(cell)
                else 0.0
                for cell in cells
            ]
        value, cell = self.last[at], ring.newest
        values: list[float] = []
        for wanted in cells:
            while cell > wanted and ring.has(cell):
                value -= column[cell % ring.cells]
                cell -= 1
            is_kept = wanted > ring.newest or ring.has(wanted)
            values.append(max(0.0, round(value)) if is_kept else 0.0)
        return values

    def _level_for(self, times: Sequence[int]) -> int:
        """The finest level that goes back as far, or the coarsest there is."""
        span = self._rings[0].newest - times[-1]
        for number, level in enumerate(self.kind.levels):
            if span < level.slots * (level.cells - 1):
                return number
        return len(self.kind.levels) - 1
