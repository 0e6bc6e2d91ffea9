"""Declaring and converting settings, with a tree of its own; the real one: test_config."""

from __future__ import annotations

import pytest

from broker.sections import Section, numbered, part, setting
from broker.settings import ConfigError, override, settings_of, yaml_of


def _even(text: str) -> None:
    if int(text) % 2:
        raise ValueError("must be even")


class Inner(Section):
    ports: tuple[tuple[str, str], ...] = numbered(("2",), key="ports", help="Even.", check=_even)
    names: tuple[tuple[str, str], ...] = numbered((), key="ports.names", help="Any.")


class Tree(Section):
    inner: Inner = part(Inner)
    size: int = setting(1, key="size", help="A number.")


def changed(*changes: tuple[str, object]) -> Inner:
    tree = Tree()
    for key, value in changes:
        tree = override(tree, key, value)
    return tree.inner


@pytest.mark.parametrize(
    ("changes", "ports"),
    [
        ([], (("", "2"),)),
        ([("ports.1", 4)], (("1", "4"),)),  # in the place of the default
        ([("ports.default", 2)], (("default", "2"),)),
        ([("ports.10", 4), ("ports.9", "6"), ("ports.default", 2), ("ports.x", 8)],
         (("default", "2"), ("9", "6"), ("10", "4"), ("x", "8"))),
        ([("ports.1", 4), ("ports.1", 6)], (("1", "6"),)),
        ([("ports", [4, 6])], (("", "4"), ("", "6"))),
        ([("ports", "4, 6")], (("", "4"), ("", "6"))),
        ([("ports", 4)], (("", "4"),)),
        ([("ports", [4, 6]), ("ports.1", 8)], (("1", "8"),)),
        ([("ports.1", 4), ("ports", "none")], ()),
        ([("ports", "none"), ("ports.1", 4)], (("1", "4"),)),
        ([("ports", (("1", "4"), ("2", "6")))], (("1", "4"), ("2", "6"))),
    ],
)  # fmt: skip
def test_settings_that_are_given_several_times(
    changes: list[tuple[str, object]], ports: tuple[tuple[str, str], ...]
) -> None:
    assert changed(*changes).ports == ports


def test_the_longest_key_wins_and_a_name_may_have_dots() -> None:
    inner = changed(("ports.names.mq.example.com", "x"))
    assert inner.names == (("mq.example.com", "x"),)
    assert inner.ports == (("", "2"),)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("ports.1", 3, r"'ports\.1' must be even"),
        ("ports", [2, 3], "'ports' must be even"),
        ("ports.", 2, r"unknown setting 'ports\.'"),
        ("ports", True, "must be a list, not True"),
        ("ports", None, "must be a list, not None"),
        ("sizes", 1, "did you mean 'size'"),
        ("size.1", 1, r"unknown setting 'size\.1'"),
    ],
)
def test_what_cannot_be_used(key: str, value: object, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        override(Tree(), key, value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (None, "none"),
        ("", '""'),
        (("a", "b"), "[a, b]"),
        ((("1", "a"), ("", "b")), "[a, b]"),
        (5, "5"),
    ],
)
def test_values_as_yaml_has_them(value: object, text: str) -> None:
    assert yaml_of(value) == text


class Door(Section):
    port: int = setting(1, key="port", help="Where it is.")


class House(Section):
    front: Door = part(Door, "front")
    back: Door = part(Door, "back")


class Street(Section):
    house: House = part(House, "house")
    lamp: bool = setting(True, key="lamp", help="Whether there is one.")


def test_keys_may_go_on_from_that_of_the_section_they_are_in() -> None:
    keys = [key for key, _, _ in settings_of(Street)]
    assert keys == ["house.front.port", "house.back.port", "lamp"]
    street = override(Street(), "house.back.port", 2)
    assert (street.house.front.port, street.house.back.port) == (1, 2)
    with pytest.raises(ConfigError, match=r"did you mean 'house\.front\.port'"):
        override(Street(), "front.port", 2)
