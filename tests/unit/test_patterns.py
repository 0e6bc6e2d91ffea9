"""Patterns mean what they mean to RabbitMQ's users, and its words say what is wrong with one."""

from __future__ import annotations

import pytest

from broker.patterns import PatternError, compile_pattern


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("^a", "ab", True),
        ("b$", "ab", True),
        (r"b\z", "ab\n", False),
        (r"b\Z", "ab\n", True),
        (r"b\Z", "abc", False),
        ("[[:alpha:]]+[[:digit:]]", "xy7", True),
        ("^[[:upper:]]$", "x", False),
        ("a(?i)b", "aB", True),
        (r"\Qa.b\E", "a.b", True),
        (r"\Qa.b\E", "axb", False),
        (r"a\hb", "a\tb", True),
        (r"a\.b", "a.b", True),
        (r"\\z", "\\z", True),
        ("", "anything", True),
    ],
)
def test_what_is_found(pattern: str, text: str, expected: bool) -> None:
    assert (compile_pattern(pattern).search(text) is not None) is expected


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", ("missing )", 1)),
        ("a(b", ("missing )", 3)),
        (")", ("unmatched parentheses", 0)),
        ("[a", ("missing terminating ] for character class", 2)),
        ("*", ("nothing to repeat", 0)),
        ("a\\", ("\\ at end of pattern", 2)),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_pcre(pattern: str, reason: tuple[str, int]) -> None:
    with pytest.raises(PatternError) as raised:
        compile_pattern(pattern)
    assert raised.value.reason == reason


@pytest.mark.parametrize("pattern", ["[\x01-\uffff]" * 5, "x" * 70_000, "(a[!-\uffff]|b)*" * 5])
def test_what_takes_long_to_compile(pattern: str) -> None:
    with pytest.raises(PatternError) as raised:
        compile_pattern(pattern)
    assert raised.value.reason[0] == "regular expression is too large"
    assert compile_pattern("[\x80-\uffff]").search("\xe9")
