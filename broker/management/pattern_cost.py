"""What a regular expression may cost, before anybody is made to wait for it.

Python's `re` tries one way after another and cannot be stopped: `(a+)+$` takes seconds for a name
of 26 letters, and twice as long for each one more; nothing else is done meanwhile. RabbitMQ's PCRE
gives up after a while. So the ways that a search might try are counted, never too few of them: it
begins anywhere, each open repetition may end anywhere, one of several branches is as good as
another, and what is repeated must not itself leave a choice.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from math import comb
from typing import Any, NamedTuple

STEPS_MAX = 1_000_000  # for one text: 5 ms or so
PATTERN_MAX = 1_000  # characters
ITEMS = 16  # of a pattern, that are a step together

_parser: Any = importlib.import_module("re._parser")  # has no name of its own since 3.11
_OPEN = {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}
_GROUPS = {"SUBPATTERN", "ATOMIC_GROUP", "ASSERT", "ASSERT_NOT"}
Items = Iterable[tuple[Any, Any]]  # of a parsed pattern: operation, argument


class TakesLongError(ValueError):
    """A pattern that might take for ever."""


class Cost(NamedTuple):
    """ways: whatever the text is. opens: repetitions that may end anywhere. items: of a pattern."""

    ways: int = 1
    opens: int = 0
    items: int = 0

    def steps(self, length: int) -> int:
        """How many there may be for a text of so many letters."""
        opens = self.opens + 1  # it begins anywhere
        return self.ways * comb(length + opens, opens) * (1 + self.items // ITEMS)


def cost_of(pattern: re.Pattern[str]) -> Cost:
    """Raises: TakesLongError."""
    if len(pattern.pattern) > PATTERN_MAX:
        raise TakesLongError(f"it is longer than {PATTERN_MAX} characters")
    try:
        return _of_sequence(_parser.parse(pattern.pattern, pattern.flags))
    except RecursionError:
        raise TakesLongError("it is nested too deeply") from None


def _of_sequence(items: Items) -> Cost:
    ways, opens, count = 1, 0, 0
    for operation, argument in items:
        found = _of_item(str(operation), argument)
        ways *= found.ways
        opens += found.opens
        count += 1 + found.items
    return Cost(ways, opens, count)


def _of_item(kind: str, argument: Any) -> Cost:
    if kind in _OPEN:
        return _of_repetition(*argument)
    if kind == "BRANCH":
        branches = argument[1]
        return _of_branches(branches, leaves_choice=not _differ_at_once(branches))
    if kind in _GROUPS:
        return _of_sequence(argument[-1] if isinstance(argument, tuple) else argument)
    if kind == "GROUPREF_EXISTS":
        branches = [branch for branch in argument[1:] if branch is not None]
        return _of_branches(branches, leaves_choice=True)
    return Cost(items=ITEMS) if kind.startswith("GROUPREF") else Cost()


def _of_branches(branches: Iterable[Items], *, leaves_choice: bool) -> Cost:
    found = [_of_sequence(branch) for branch in branches]
    ways = [one.ways for one in found]
    return Cost(
        sum(ways) if leaves_choice else max(ways),
        max(one.opens for one in found),
        sum(one.items for one in found),
    )


def _of_repetition(least: int, most: int, repeated: Items) -> Cost:
    inner = _of_sequence(repeated)
    if most <= 1:
        return inner._replace(ways=inner.ways + (least < most))
    if inner.opens or inner.ways > 1:
        raise TakesLongError("what is repeated in it leaves open how: it might take for ever")
    return inner._replace(opens=int(most > least))


def _differ_at_once(branches: Iterable[Any]) -> bool:
    """Whether the next letter tells which of several branches is meant. Of letters beyond ASCII
    some are the same to `re` where case does not matter, and not to anybody else."""
    firsts = []
    for branch in branches:
        if not len(branch) or str(branch[0][0]) != "LITERAL" or branch[0][1] > ord("\x7f"):
            return False
        firsts.append(chr(branch[0][1]).casefold())
    return len(set(firsts)) == len(firsts)
