"""Options: what was given, and what cannot be."""

from __future__ import annotations

import io
from typing import Any

import pytest

from broker.cli.messaging import bench, pub, sub
from broker.cli.messaging.exits import Failure
from broker.cli.messaging.options import Given, Option, descriptor, octets, shown

TABLE = (
    Option("some_text", "text", "a text"),
    Option("number", "integer", "a number"),
    Option("many", "text", "several", repeats=True),
    Option("yes", "switch", "a switch"),
)


def given(**options: Any) -> Given:
    return Given(options, TABLE)


def test_what_is_absent_has_a_default() -> None:
    nothing = given()
    assert nothing.text("some_text", "d") == "d"
    assert nothing.integer("number", 5) == 5
    assert nothing.number("some_text") is None
    assert nothing.texts("many") == []
    assert not nothing.switch("yes")
    assert not given(yes=False).has("yes")


def test_what_is_given() -> None:
    some = given(some_text="1.5", number=3, many=["a", "b"], yes=True)
    assert some.number("some_text") == 1.5
    assert some.integer("number", 0) == 3
    assert some.texts("many") == ["a", "b"]
    assert given(many="one").texts("many") == ["one"]
    assert some.choice("some_text", ("1.5", "2"), "2") == "1.5"


@pytest.mark.parametrize("value", ["x", "0", "-1", "nan", "inf"])
def test_what_is_no_number_of_seconds(value: str) -> None:
    with pytest.raises(Failure, match="--some-text") as caught:
        given(some_text=value).number("some_text")
    assert caught.value.code == 64


def test_what_does_not_fit() -> None:
    with pytest.raises(Failure, match="--number is at most 9, not 10"):
        given(number=10).integer("number", 0, 0, 9)
    with pytest.raises(Failure, match="--number takes a whole number, not 'x'"):
        given(number="x").integer("number", 0)
    with pytest.raises(Failure, match="--some-text is one of a, b, not 'c'"):
        given(some_text="c").choice("some_text", ("a", "b"), "a")
    with pytest.raises(Failure, match="--some-text and --yes exclude each other"):
        given(some_text="c", yes=True).at_most_one("some_text", "number", "yes")
    with pytest.raises(Failure, match="there is no option --no-such here"):
        given(no_such=1)


@pytest.mark.parametrize("command", [pub, sub, bench])
def test_each_option_of_a_command_is_there_once_and_explained(command: Any) -> None:
    names = [option.name for option in command.OPTIONS]
    letters = [option.letter for option in command.OPTIONS if option.letter]
    assert len(set(names)) == len(names)
    assert len(set(letters)) == len(letters)
    assert all(option.help and "-" not in option.name for option in command.OPTIONS)
    assert shown("routing_key") == "--routing-key"


def test_streams() -> None:
    raw = io.BytesIO()
    assert octets(raw) is raw
    assert octets(io.TextIOWrapper(raw)) is raw
    assert descriptor(raw) is None
    with pytest.raises(Failure, match="is closed"):
        octets(None)
    with open("/dev/null", "rb") as file:
        assert descriptor(file) == file.fileno()
