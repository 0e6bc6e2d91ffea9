from __future__ import annotations

import re

import pytest

from broker.management.pattern_cost import PATTERN_MAX, STEPS_MAX, TakesLongError, cost_of


def cost(pattern: str, length: int) -> int:
    return cost_of(re.compile(pattern, re.IGNORECASE)).steps(length)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "abc",
        "^amq\\.",
        "[0-9]+$",
        "^a.*b$",
        "(foo|bar)",
        "^(foo|bar)[.-]x{3}$",
        "colou?rs?",
        "(?:a|b)",
        "(?<=x)y(?!z)",
        "[ab]*c",
        "((x))y",
        "^(foo|bar)+$",
        "(?:one|two){2}x",
    ],
)
def test_what_people_search_for_costs_nothing_to_speak_of(pattern: str) -> None:
    assert cost(pattern, 100) <= 200_000


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a*)*$",
        "(a|a)*$",
        "(a|ab)+$",
        "(?:a?){30}a{30}",
        "(?:(?:a{1,9}))*x",
        "((a+)b?)*x",
        "(?=(a+)+$)",
        "(a+)+?x",
        "(?P<n>a|b*)+x",
        "(?:ab|ac|[a-z]b)+x",
        "(?:x(?:a|ab))*y",
        "(?:Aa|ab)*c",
    ],
)
def test_repetitions_of_repetitions_may_take_for_ever(pattern: str) -> None:
    with pytest.raises(TakesLongError):
        cost(pattern, 1)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("a?" * 50 + "b", "a" * 8),
        ("(?:a|ab|a)" * 24 + "x", "a" * 40),
        ("(?:|||||||)" * 8 + "b", "a"),
        ("(?:a|ab|a|ac|a|ad|a)" * 9 + "x", "a" * 12),
        (".*.*" + r"\b" * 400, "a" * 170),
    ],
)
def test_many_ways_are_too_many_for_short_names_too(pattern: str, name: str) -> None:
    assert cost(pattern, len(name)) > STEPS_MAX


def test_letters_that_are_the_same_where_case_does_not_matter() -> None:
    with pytest.raises(TakesLongError):
        cost("(?:ia|\u0131a)+x", 40)


def test_no_pattern_is_that_long() -> None:
    with pytest.raises(TakesLongError):
        cost("a" * (PATTERN_MAX + 1), 1)


def test_each_repetition_that_may_end_anywhere_is_a_power_more() -> None:
    for pattern in ("x", ".*x", ".*.*x", ".*.*.*x"):
        assert cost(pattern, 10) < cost(f".*{pattern}", 10)
    assert cost("a.*b.*c", 100) < STEPS_MAX < cost(".*.*.*.*x", 255)
    assert cost("(a?)" * 30 + "a" * 30, 30) > STEPS_MAX


def test_of_several_branches_the_worst_counts() -> None:
    assert cost("x|y.*z", 50) == cost("y.*z", 50)
    assert cost("(a)?(?(1)b|c.*d)", 50) > cost("(a)?b", 50)
