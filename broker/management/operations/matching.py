"""A regular expression that many names are compared with, by a node that has other things to do.

Python's `re` goes back and tries again wherever there are several ways to match: a pattern such as
(a+)+$ takes longer than anybody lives. Nothing can stop it once it has begun. So what is repeated
must not itself leave a choice, and how many choices there are besides is counted: for a name of
some length they bound the number of steps. A name that might take too many is not compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import comb
from typing import Any

from broker.patterns import compile_pattern

STEPS_MAX = 1_000_000  # for one name: some milliseconds
PATTERN_MAX = 1_000  # characters
_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})
_GROUPS = frozenset({"SUBPATTERN", "ATOMIC_GROUP", "ASSERT", "ASSERT_NOT"})
Items = Iterable[tuple[Any, Any]]  # of a parsed pattern: operation, argument


class TakesLongError(ValueError):
    """A pattern that might take for ever."""


class NamePattern:
    """Searched for unanchored. Raises: PatternError, TakesLongError."""

    def __init__(self, text: str):
        if len(text) > PATTERN_MAX:
            raise TakesLongError(f"it is longer than {PATTERN_MAX} characters")
        pattern = compile_pattern(text)
        parsed = list(_parsed(pattern))
        is_anchored = bool(parsed) and str(parsed[0][0]) == "AT"
        self._choices = _choices(parsed) + (not is_anchored)
        self._search = pattern.search

    def takes_long(self, name: str) -> bool:
        """Whether it must not be compared with a name."""
        return comb(len(name) + self._choices, self._choices) > STEPS_MAX

    def matches(self, name: str) -> bool:
        return self._search(name) is not None


def _parsed(pattern: re.Pattern[str]) -> Items:
    from re import _parser  # type: ignore[attr-defined]

    found: Items = _parser.parse(pattern.pattern, pattern.flags)
    return found


def _choices(items: Items) -> int:
    """In how many places there are several ways to go on. Raises: TakesLongError."""
    count = 0
    for operation, argument in items:
        name = str(operation)
        if name in _REPEATS:
            least, most, repeated = argument
            if int(most) > 1 and _choices(repeated):
                raise TakesLongError("what is repeated in it leaves a choice itself: |, ?, * or +")
            count += least != most
            count += 0 if int(most) > 1 else _choices(repeated)
        elif name in _GROUPS:
            count += _choices(argument[-1] if isinstance(argument, tuple) else argument)
        elif name == "BRANCH":
            count += 1 + sum(_choices(branch) for branch in argument[1])
        elif name.startswith("GROUPREF"):
            raise TakesLongError("it refers back to a group")
    return count
