from __future__ import annotations

import re

import pytest

from broker.management.pattern_cost import STEPS_MAX, steps


def cost(pattern: str, length: int) -> int:
    return steps(re.compile(pattern, re.IGNORECASE), length)


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
def test_repetitions_of_repetitions_cost_twice_as_much_with_every_letter(pattern: str) -> None:
    assert cost(pattern, 10) == 1024
    assert cost(pattern, 30) > STEPS_MAX
    assert cost(pattern, 1_000_000) > STEPS_MAX


def test_each_repetition_that_may_end_anywhere_is_a_power_more() -> None:
    for pattern in ("x", ".*x", ".*.*x", ".*.*.*x"):
        assert cost(pattern, 10) < cost(f".*{pattern}", 10)
    assert cost("a.*b.*c", 100) < STEPS_MAX < cost(".*.*.*.*x", 255)
    assert cost("(a?)" * 30 + "a" * 30, 30) > STEPS_MAX


def test_of_several_branches_the_worst_counts() -> None:
    assert cost("x|y.*z", 50) == cost("y.*z", 50)
    assert cost("(a)?(?(1)b|c.*d)", 50) > cost("(a)?b", 50)
