"""A regular expression that many names are compared with, by a node that has other things to do.

One that might take for ever is refused (`pattern_cost`), and a name for which it might take too
many steps is not compared.
"""

from __future__ import annotations

from broker.management.pattern_cost import PATTERN_MAX, STEPS_MAX, TakesLongError, cost_of
from broker.patterns import compile_pattern


class NamePattern:
    """Searched for unanchored. Raises: PatternError, TakesLongError."""

    def __init__(self, text: str):
        if len(text) > PATTERN_MAX:
            raise TakesLongError(f"it is longer than {PATTERN_MAX} characters")
        pattern = compile_pattern(text)
        self._cost = cost_of(pattern)
        self._search = pattern.search

    def takes_long(self, name: str) -> bool:
        """Whether it must not be compared with a name."""
        return self._cost.steps(len(name)) > STEPS_MAX

    def matches(self, name: str) -> bool:
        return self._search(name) is not None


__all__ = ["PATTERN_MAX", "NamePattern", "TakesLongError"]
