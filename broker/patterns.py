"""Regular expressions as RabbitMQ's users write them: for PCRE, searched for unanchored.

Python's `re` reads nearly all of them the same way. What it spells differently is translated; what
cannot be compiled is described in PCRE's words, because the HTTP API and the commands show them.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from typing import Any

from broker.amqp.erlang import CharList

_POSIX_CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r"\s",
    "blank": r" \t",
    "punct": r"!-/:-@\[-`{-~",
    "xdigit": "0-9A-Fa-f",
    "word": r"\w",
    "cntrl": r"\x00-\x1f\x7f",
    "print": r"\x20-\x7e",
    "graph": r"\x21-\x7e",
}
_SPELLED = re.compile(
    r"\\Q(?P<literal>.*?)(?:\\E|\Z)|\\(?P<escape>.)|\[:(?P<posix>[a-z]+):\]"
    r"|(?P<flags>\(\?[imsx]+\))",
    re.DOTALL,
)
_ESCAPES = {"z": r"\Z", "Z": r"(?=\n?\Z)", "h": r"[ \t]", "R": r"(?:\r\n|[\n\v\f\r])"}
_PCRE_WORDS = (
    ("missing ), unterminated subpattern", "missing )"),
    ("unbalanced parenthesis", "unmatched parentheses"),
    ("unterminated character set", "missing terminating ] for character class"),
    ("nothing to repeat", "nothing to repeat"),
    ("multiple repeat", "nothing to repeat"),
    ("bad escape (end of pattern)", "\\ at end of pattern"),
    ("bad character range", "range out of order in character class"),
    ("min repeat greater than max repeat", "numbers out of order in {} quantifier"),
)


CLASSES_MAX = 2**17  # letters of all classes of a pattern
OCTETS_MAX = 65_535  # of a pattern, PCRE's limit
_TOO_LARGE = "regular expression is too large"
_parser: Any = importlib.import_module("re._parser")  # has no name of its own since 3.11


class PatternError(ValueError):
    """Not a regular expression. reason: PCRE's words and an offset, as an Erlang term."""

    def __init__(self, reason: tuple[CharList, int]):
        super().__init__(f"{reason[0]} at {reason[1]}")
        self.reason = reason


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Raises: PatternError."""
    flags = 0

    def spelled(found: re.Match[str]) -> str:
        nonlocal flags
        if found["literal"] is not None:
            return re.escape(found["literal"])
        if found["flags"] is not None:  # PCRE takes them anywhere
            for letter in found["flags"][2:-1]:
                flags |= re.RegexFlag[letter.upper()]
            return ""
        if found["posix"] is not None:
            return _POSIX_CLASSES.get(found["posix"], found[0])
        return _ESCAPES.get(found["escape"], found[0])

    try:
        text = _SPELLED.sub(spelled, pattern)
        check_classes(text, flags)
        return re.compile(text, flags)
    except (re.error, OverflowError, RecursionError) as error:
        text = str(getattr(error, "msg", error))
        for ours, theirs in _PCRE_WORDS:
            if text.startswith(ours):
                text = theirs
        raise PatternError((CharList(text), _offset(pattern, text, error))) from None


def check_classes(pattern: str, flags: int) -> None:
    """`re` looks at each letter of each class when it compiles one, which takes milliseconds for
    65536 of them. Raises: re.error, also where it is no pattern."""
    if len(pattern) > OCTETS_MAX:
        raise re.error(_TOO_LARGE)
    if "-" in pattern and _letters(_parser.parse(pattern, flags)) > CLASSES_MAX:
        raise re.error(_TOO_LARGE)


def _letters(parsed: Any) -> int:
    """In the ranges of what was parsed: operations with arguments that have others in them."""
    if isinstance(parsed, tuple) and len(parsed) == 2 and str(parsed[0]) == "RANGE":
        return int(parsed[1][1] - parsed[1][0])
    if isinstance(parsed, (tuple, list, _parser.SubPattern)):
        inner: Iterable[Any] = parsed
        return sum(map(_letters, inner))
    return 0


def _offset(pattern: str, text: str, error: Exception) -> int:
    """Where PCRE sees the problem: of what is never closed it says the end."""
    if text.startswith(("missing", "\\ at end")):
        return len(pattern.encode("utf-8", "surrogateescape"))
    return int(getattr(error, "pos", None) or 0)
