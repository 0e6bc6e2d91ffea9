"""How answers are shown; the recordings of RabbitMQ's tools have more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from broker.amqp.erlang import Atom, CharList
from broker.cli.formatters import FORMATTERS, cell, to_json
from broker.terms import Pid

A = Atom
ROWS: list[Any] = [
    [(A("name"), "a"), (A("tags"), [A("x"), A("y")])],
    [(A("name"), 'b "q"'), (A("tags"), [])],
]


def rows(name: str, items: Any = ROWS, **options: Any) -> list[str]:
    return list(FORMATTERS[name].rows(items, options))


def value(name: str, term: Any, **options: Any) -> list[str]:
    return list(FORMATTERS[name].value(term, options))


def test_a_table() -> None:
    assert rows("table") == ["name\ttags", "a\t[x, y]", 'b "q"\t[]']
    assert rows("table", silent=True) == rows("table")[1:]
    assert rows("table", table_headers=False) == rows("table")[1:]
    assert rows("table", []) == []
    assert rows("table", ROWS[:1], pad_to_header=True) == ["name\ttags", "a   \t[x, y]"]


def test_json() -> None:
    lines = rows("json")
    assert lines == ["[", '{"name":"a","tags":["x","y"]}', ',{"name":"b \\"q\\"","tags":[]}', "]"]
    assert json.loads("".join(lines)) == [
        {"name": "a", "tags": ["x", "y"]},
        {"name": 'b "q"', "tags": []},
    ]
    assert rows("json", []) == ["[", "]"]
    assert value("json", "said") == ['{"message":"said"}']
    assert value("json", {"b": 1, "a": None}) == ['{"a":null,"b":1}']
    assert rows("json_stream")[0] == '{"name":"a","tags":["x","y"]}\n'


@pytest.mark.parametrize(
    ("term", "shown"),
    [
        *((A("running"), '"running"'), (A("nil"), "null"), (CharList("ab"), "[97,98]")),
        *((b"\xff", '"\ufffd"'), ((A("a"), 1), '["a",1]'), ([(A("a"), 1)], '{"a":1}')),
        *(([("a", 1)], '[["a",1]]'), ([], "[]"), ("ö", '"ö"'), (True, "true")),
    ],
)
def test_terms_as_json(term: Any, shown: str) -> None:
    assert to_json(term) == shown


def test_csv() -> None:
    assert rows("csv") == ['"name","tags"', '"a","[x, y]"', '"b ""q""","[]"']
    assert rows("csv", []) == []
    assert value("csv", "said") == ["said\r", ""]
    assert value("csv", [(A("a"), "x,y"), (A("b"), 1)]) == ["a,b\r", '"x,y",1\r', ""]


def test_erlang() -> None:
    assert rows("erlang") == ['[[{name,<<"a">>},{tags,[x,y]}],[{name,<<"b \\"q\\"">>},{tags,[]}]]']
    assert value("erlang", {A("a"): CharList("b")}) == ['#{a => "b"}']


def test_what_elixir_shows() -> None:
    assert rows("string", ROWS[:1]) == ['[name: "a", tags: [:x, :y]]']
    assert rows("inspect", ["a", A("b")]) == ["[", "a", ",:b", "]"]
    assert value("string", "said") == ["said"]
    assert value("string_per_line", ["a", "b"]) == ["a", "b"]
    assert rows("string_per_line", ["a", "b"]) == ["a", "\nb"]


def test_lists_of_rows_are_taken_apart() -> None:
    assert rows("table", [ROWS]) == rows("table")
    assert rows("json", [ROWS]) == rows("json")


def test_tables_with_lines() -> None:
    (text,) = rows("pretty_table")
    assert "name" in text.splitlines()[1]
    assert len(text.splitlines()) == 7
    assert rows("pretty_table", []) == []
    (text,) = value("pretty_table", "one\ntwo")
    assert "Output" in text


@pytest.mark.parametrize(
    ("term", "shown"),
    [
        *((True, "true"), (None, "nil"), (5, "5"), ("a b", "a b"), (b"a", "a"), (A("up"), "up")),
        *(((127, 0, 0, 1), "127.0.0.1"), ((0, 0, 0, 0, 0, 0, 0, 1), "::1"), ((0, 9, 1), "{0,9,1}")),
        *(((256, 0, 0, 1), "{256,0,0,1}"), (Pid("<a.1.2.3>"), "<a.1.2.3>")),
        *(([], "[]"), ([True], "[true]"), ([A("n")], "[n]"), ([1, 2], "[1,2]")),
        ([("x-max-length", A("long"), 5)], '[{"x-max-length",5}]'),
        ([("t", A("table"), [("a", A("longstr"), "b")])], '[{"t",[{"a","b"}]}]'),
        ([("l", A("array"), [(A("longstr"), "a"), (A("long"), 1)])], '[{"l",["a",1]}]'),
        ({"b": 1, "a": "x"}, "#{a => x, b => 1}"),
        *(((A("node"), A("up")), "{node, up}"), ((1, 2, 3, "x"), '{1,2,3,<<"x">>}')),
    ],
)
def test_a_cell(term: Any, shown: str) -> None:
    assert cell(term) == shown
