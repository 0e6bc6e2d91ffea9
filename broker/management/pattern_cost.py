"""What a regular expression may cost, before anybody is made to wait for it.

Python's `re` tries one way after another and cannot be stopped: `(a+)+$` takes seconds for a name
of 26 letters, and twice as long for each one more; nothing else is done meanwhile. RabbitMQ's PCRE
gives up after a while. So the ways are estimated: a search begins anywhere, each open repetition
may end anywhere, and repetitions of repetitions have two ways at each letter.
"""

from __future__ import annotations

import importlib
import re
from math import comb
from typing import Any

STEPS_MAX = 1_000_000  # for one text: 5 ms or so
BOUNDLESS = 1_000  # of repetitions one within another

_parser: Any = importlib.import_module("re._parser")  # has no name of its own since 3.11
_OPEN = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}


def steps(pattern: re.Pattern[str], length: int) -> int:
    """How many a search in a text of so many letters may take at most, about."""
    return steps_of(degree_of(pattern), length)


def degree_of(pattern: re.Pattern[str]) -> float:
    """With what power of a text's length the steps grow, less one; from BOUNDLESS on they double
    with every letter."""
    return _degree(_parser.parse(pattern.pattern, pattern.flags))


def steps_of(degree: float, length: int) -> int:
    """The same as `steps`, of a pattern whose degree is known."""
    if degree >= BOUNDLESS:
        return int(2 ** min(length, 64))
    return comb(length + int(degree) + 1, int(degree) + 1)


def _degree(parsed: Any) -> float:
    """How many repetitions there are one behind another, which may end anywhere."""
    return sum(_degree_of(str(kind), value) for kind, value in parsed)


def _degree_of(kind: str, value: Any) -> float:
    if kind in _OPEN:
        return _degree_of_repetition(*value)
    if kind == "BRANCH":
        return max(_degree(branch) for branch in value[1])
    if kind == "SUBPATTERN":
        return _degree(value[-1])
    if kind in ("ASSERT", "ASSERT_NOT"):
        return _degree(value[1])
    if kind == "ATOMIC_GROUP":
        return _degree(value)
    if kind == "GROUPREF_EXISTS":
        return max(_degree(branch) for branch in value[1:] if branch is not None)
    return 0


def _degree_of_repetition(least: int, most: int, repeated: Any) -> float:
    inner = _degree(repeated)
    if most <= 1:
        return inner + 0.2  # there or not: five of them are as bad as one that may end anywhere
    if inner or _has_choice(repeated):
        return BOUNDLESS
    return 1 if most > least else 0


def _has_choice(parsed: Any) -> bool:
    """Whether the next letter leaves open which of several branches is meant."""
    for kind, value in parsed:
        if str(kind) == "SUBPATTERN" and _has_choice(value[-1]):
            return True
        if str(kind) == "BRANCH":
            first = {
                chr(branch[0][1]).casefold()
                for branch in value[1]
                if len(branch) and str(branch[0][0]) == "LITERAL"
            }
            if len(first) < len(value[1]) or any(map(_has_choice, value[1])):
                return True
    return False
