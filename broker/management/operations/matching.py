"""A regular expression that many names are compared with, by a node that has other things to do.

One that might take for ever is refused (`pattern_cost`), and a name for which it might take too
many steps is not compared.
"""

from __future__ import annotations

from broker.management.pattern_cost import BOUNDLESS, STEPS_MAX, degree_of, steps_of
from broker.patterns import compile_pattern

PATTERN_MAX = 1_000  # characters


class TakesLongError(ValueError):
    """A pattern that might take for ever."""


class NamePattern:
    """Searched for unanchored. Raises: PatternError, TakesLongError."""

    def __init__(self, text: str):
        if len(text) > PATTERN_MAX:
            raise TakesLongError(f"it is longer than {PATTERN_MAX} characters")
        pattern = compile_pattern(text)
        try:
            self._degree = degree_of(pattern)
        except RecursionError:
            raise TakesLongError("it is nested too deeply") from None
        if self._degree >= BOUNDLESS:
            raise TakesLongError("what is repeated in it leaves open how: it might take for ever")
        self._search = pattern.search

    def takes_long(self, name: str) -> bool:
        """Whether it must not be compared with a name."""
        return steps_of(self._degree, len(name)) > STEPS_MAX

    def matches(self, name: str) -> bool:
        return self._search(name) is not None
