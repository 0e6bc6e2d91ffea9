"""Patterns that nobody has to wait for; their costs: tests/unit/management/test_pattern_cost.py."""

from __future__ import annotations

import pytest

from broker.management import pattern_cost
from broker.management.operations.matching import PATTERN_MAX, NamePattern, TakesLongError
from broker.management.pattern_cost import Cost
from broker.patterns import PatternError


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        (r"^orders\.", "orders.a"),
        ("b", "abc"),
        ("^(foo|bar)-[0-9]+$", "foo-12 bar-3"),
        ("(?i)DEAD", "orders.dead"),
        ("^(ab)+c?$", "abab abc"),
        (r"\Qa.b\E", "a.b"),
        ("^$", ""),
    ],
)
def test_what_matches(pattern: str, names: str) -> None:
    found = NamePattern(pattern)
    for name in names.split():
        assert not found.takes_long(name)
        assert found.matches(name)
    assert not found.matches("xyz")


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(?:a{1,5}){3}", "x" * (PATTERN_MAX + 1)]
)
def test_what_might_take_for_ever_is_refused(pattern: str) -> None:
    with pytest.raises(TakesLongError):
        NamePattern(pattern)


def test_what_is_no_pattern_at_all() -> None:
    with pytest.raises(PatternError):
        NamePattern("[")


def test_what_is_nested_too_deeply(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_deep(items: object) -> Cost:
        raise RecursionError

    monkeypatch.setattr(pattern_cost, "_of_sequence", too_deep)
    with pytest.raises(TakesLongError):
        NamePattern("a")


@pytest.mark.parametrize("pattern", ["a*a*a*a*b", ".*.*.*.*=", "a?" * 30, "^a*a*a*a*b"])
def test_long_names_are_not_compared_with_what_leaves_many_choices(pattern: str) -> None:
    found = NamePattern(pattern)
    assert found.takes_long("a" * 255)
    longest = next(size for size in range(255) if found.takes_long("a" * size)) - 1
    found.matches("a" * longest)  # comes back
