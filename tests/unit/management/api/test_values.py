from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from broker.amqp.wire import Field
from broker.management.api.values import flag, routing_key_of, table, text, whole
from broker.management.request import Refusal


def reason(read: Callable[..., object], *values: object) -> Any:
    with pytest.raises(Refusal) as refused:
        read(*values)
    assert refused.value.status == 400
    return refused.value.reason


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({}, False),
        ({"x": True}, True),
        ({"x": False}, False),
        ({"x": "true"}, True),
        ({"x": "false"}, False),
    ],
)
def test_flags(fields: dict[str, Any], value: bool) -> None:
    assert flag(fields, "x") is value


@pytest.mark.parametrize("value", [None, 0, 1, "", "True", "yes", [], {}])
def test_what_is_no_flag(value: object) -> None:
    assert reason(flag, {"x": value}, "x") == ["not_boolean", value]


@pytest.mark.parametrize(
    ("value", "number"), [(5, 5), (-1, -1), ("12", 12), ("-3", -3), (2.0, 2), (10**20, 10**20)]
)
def test_whole_numbers(value: object, number: int) -> None:
    assert whole(value) == number


@pytest.mark.parametrize("value", [None, True, "x", "", "1.5", [], {}, float("inf"), "9" * 5000])
def test_what_is_no_whole_number(value: object) -> None:
    assert reason(whole, value) == ["not_integer", value]


def test_texts() -> None:
    assert text({"x": "y"}, "x") == "y"
    assert text({}, "x") == ""
    assert text({}, "x", "z") == "z"
    wrong: tuple[object, ...] = (None, 5, [], True)
    for value in wrong:
        assert reason(text, {"x": value}, "x") == ["not_a_string", value]


def test_tables() -> None:
    assert table({}, "x") == {}
    empty: tuple[object, ...] = ([], {})
    for value in empty:
        assert table({"x": value}, "x") == {}
    assert table({"x": {"a": 1}}, "x") == {"a": Field("l", 1)}
    wrong: tuple[object, ...] = ("x", 5, 0, "", False, [1])
    for value in wrong:
        assert reason(table, {"x": value}, "x") == "x must be an object"
    assert reason(table, {"x": None}, "x") == "null_not_allowed"


def test_a_routing_key_may_be_left_out_in_two_ways() -> None:
    assert [routing_key_of(fields) for fields in ({}, {"routing_key": None})] == ["", ""]
    assert routing_key_of({"routing_key": "a"}) == "a"
    assert reason(routing_key_of, {"routing_key": 5}) == ["not_a_string", 5]
