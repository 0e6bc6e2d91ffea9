from __future__ import annotations

import pytest

from broker.amqp.wire import Field, Table
from broker.management.request import Refusal
from broker.management.views.tables import field_of, json_of, shown, table_of

# What RabbitMQ 3.10.8 shows of a table that came over the wire.
RECORDED: list[tuple[Field, object]] = [
    (Field("V", None), "undefined"),
    (Field("x", b"\xff\x00"), "Not UTF-8, base64 is: /wA="),
    (Field("x", b"text"), "text"),
    (Field("S", "\udcff\udcfe"), "Not UTF-8, base64 is: //4="),
    (Field("S", "größe €"), "größe €"),
    (Field("T", 1577836800), 1577836800),
    (Field("f", 1.5), 1.5),
    (Field("d", 2.0), 2.0),
    (Field("b", -3), -3),
    (Field("B", 200), 200),
    (Field("s", -5), -5),
    (Field("u", 60000), 60000),
    (Field("I", -7), -7),
    (Field("i", 4000000000), 4000000000),
    (Field("l", -9), -9),
    (Field("t", True), True),
    (
        Field(
            "F", {"v": Field("V", None), "l": Field("A", [Field("x", b"\xfe"), Field("t", False)])}
        ),
        {"v": "undefined", "l": ["Not UTF-8, base64 is: /g==", False]},
    ),
]


@pytest.mark.parametrize(("field", "value"), RECORDED)
def test_fields_are_shown_as_rabbitmq_shows_them(field: Field, value: object) -> None:
    assert shown(field) == value
    assert type(shown(field)) is type(value)


def test_a_decimal_is_shown_as_what_it_is() -> None:
    assert shown(Field("D", (2, 150))) == 1.5
    assert shown(Field("D", (0, 7))) == 7
    assert shown(Field("D", (255, 2**32 - 1))) == pytest.approx(4.294967295e-246)


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_what_json_has_no_number_for_is_text(number: float) -> None:
    assert shown(Field("d", number)) == str(number)


def test_an_empty_table_is_an_empty_object() -> None:
    assert json_of({}) == {}


def test_values_become_fields_of_rabbitmqs_types() -> None:
    assert table_of({"i": 1, "d": 1.0, "t": True, "s": "x", "a": [1, []], "f": {"": -5}}) == {
        "i": Field("l", 1),
        "d": Field("d", 1.0),
        "t": Field("t", True),
        "s": Field("S", "x"),
        "a": Field("A", [Field("l", 1), Field("A", [])]),
        "f": Field("F", {"": Field("l", -5)}),
    }


def test_an_empty_list_is_an_empty_object() -> None:
    assert table_of([]) == {}


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63)])
def test_whole_numbers_have_64_bits(number: int) -> None:
    assert field_of(number) == Field("l", number)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "null_not_allowed"),
        ("x", "arguments must be an object"),
        (5, "arguments must be an object"),
        ([1], "arguments must be an object"),
        ({"a": None}, "null_not_allowed"),
        ({"a": [{"b": None}]}, "null_not_allowed"),
        ({"a": 2**63}, "number is too large"),
        ({"a": -(2**63) - 1}, "number is too large"),
        ({"x" * 256: 1}, "arguments: a name should be less than 255 bytes, actually was 256\n"),
        ({"é" * 128: 1}, "arguments: a name should be less than 255 bytes, actually was 256\n"),
        (
            {"a": {"x" * 300: 1}},
            "arguments: a name should be less than 255 bytes, actually was 300\n",
        ),
    ],
)
def test_what_no_table_can_hold_is_refused(value: object, reason: str) -> None:
    with pytest.raises(Refusal) as refused:
        table_of(value)
    assert (refused.value.status, refused.value.reason) == (400, reason)


def test_names_may_have_255_octets() -> None:
    table: Table = {"é" * 127 + "x": Field("l", 1)}
    assert table_of({"é" * 127 + "x": 1}) == table
