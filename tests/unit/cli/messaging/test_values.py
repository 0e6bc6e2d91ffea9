"""Values of header tables in JSON and on the command line."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given

from broker.amqp.wire import Field, Table, encode_table
from broker.cli.messaging.values import (
    ValueProblem,
    field_of_json,
    header_of_text,
    json_of,
    json_of_table,
    table_of_json,
)
from tests.property import strategies
from tests.property.conftest import examples


@examples(60)
@given(strategies.tables)
def test_whatever_a_table_holds_comes_back_from_json(table: Table) -> None:
    text = json.dumps(json_of_table(table))
    assert encode_table(table_of_json(json.loads(text))) == encode_table(table)


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        (Field("S", "a"), "a"),
        (Field("I", 5), 5),
        (Field("l", 2**40), 2**40),
        (Field("l", 5), {"@type": "long", "value": 5}),
        (Field("t", True), True),
        (Field("V", None), None),
        (Field("d", 1.5), 1.5),
        (Field("d", math.inf), {"@type": "double", "value": "inf"}),
        (Field("T", 7), {"@type": "timestamp", "value": 7}),
        (Field("x", b"\0\xff"), {"@type": "binary", "base64": "AP8="}),
        (Field("D", (2, 314)), {"@type": "decimal", "value": [2, 314]}),
        (Field("A", [Field("S", "a")]), ["a"]),
        (Field("F", {"k": Field("S", "v")}), {"k": "v"}),
        (
            Field("F", {"@type": Field("S", "v")}),
            {"@type": "table", "value": {"@type": "v"}},
        ),
    ],
)
def test_how_fields_are_written(field: Field, shown: object) -> None:
    assert json_of(field) == shown
    assert field_of_json(shown) == field


@pytest.mark.parametrize(
    "value",
    [
        {"@type": "nope", "value": 1},
        {"@type": "long"},
        {"@type": "long", "value": "x"},
        {"@type": "long", "value": True},
        {"@type": "byte", "value": 128},
        {"@type": "bool", "value": "yes"},
        {"@type": "double", "value": "x"},
        {"@type": "binary", "base64": "?"},
        {"@type": "long", "base64": "AA=="},
        {"@type": "table", "value": 1},
        {"@type": "array", "value": 1},
        {"@type": "decimal", "value": [1]},
        2**64,
        {"n" * 256: 1},
    ],
)
def test_what_is_no_value(value: object) -> None:
    with pytest.raises(ValueProblem):
        field_of_json(value)


@pytest.mark.parametrize(
    ("text", "name", "field"),
    [
        ("a=b=c", "a", Field("S", "b=c")),
        ("a:b=c", "a:b", Field("S", "c")),
        ("a:int=5", "a", Field("I", 5)),
        (f"a:int={2**31}", "a", Field("l", 2**31)),
        ("a:long=5", "a", Field("l", 5)),
        ("a:float=1", "a", Field("d", 1.0)),
        ("a:bool=true", "a", Field("t", True)),
        ("a:timestamp=5", "a", Field("T", 5)),
        ("a:binary=AA==", "a", Field("x", b"\0")),
        ("a:null", "a", Field("V", None)),
        ('a:json=["x"]', "a", Field("A", [Field("S", "x")])),
        ("a:string=5", "a", Field("S", "5")),
    ],
)
def test_headers_on_the_command_line(text: str, name: str, field: Field) -> None:
    assert header_of_text(text) == (name, field)


@pytest.mark.parametrize(
    "text",
    ["a", "=b", "a:int=x", "a:bool=1", "a:json={", "a:byte=300", "a:binary=?", "a" * 256 + "=b"],
)
def test_what_is_no_header(text: str) -> None:
    with pytest.raises(ValueProblem):
        header_of_text(text)
