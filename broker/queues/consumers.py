"""The consumers of a queue that may have room: whose turn it is.

Consumers of the highest priority come first; among equals it goes round. Everything here costs the
same with two consumers and with twenty thousand: each priority is an `OrderedDict`, in which taking
out of the middle and moving to the end are O(1).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from broker.seams import Consumer

Level = OrderedDict[Consumer, None]


class ConsumerRing:
    """Consumers by priority. top: those of the highest priority present; None when empty."""

    __slots__ = ("_levels", "top")

    def __init__(self) -> None:
        self._levels: dict[int, Level] = {}
        self.top: Level | None = None

    def add(self, consumer: Consumer) -> None:
        """Stand at the end of the consumers of this priority."""
        level = self._levels.get(consumer.priority)
        if level is None:
            level = self._levels[consumer.priority] = OrderedDict()
            self._find_top()
        level[consumer] = None

    def discard(self, consumer: Consumer) -> None:
        """Leave; not being there is fine."""
        level = self._levels.get(consumer.priority)
        if level is None or consumer not in level:
            return
        del level[consumer]
        if not level:
            del self._levels[consumer.priority]
            self._find_top()

    def _find_top(self) -> None:
        self.top = self._levels[max(self._levels)] if self._levels else None

    def __contains__(self, consumer: object) -> bool:
        return any(consumer in level for level in self._levels.values())

    def __iter__(self) -> Iterator[Consumer]:
        """The highest priority first, each in the order of their turns."""
        for priority in sorted(self._levels, reverse=True):
            yield from self._levels[priority]

    def __len__(self) -> int:
        return sum(map(len, self._levels.values()))
