"""Erlang terms as JSON, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from broker.amqp.erlang import Atom, CharList
from broker.terms import Pid, as_json, from_json

TERMS: list[Any] = [
    *(None, True, False, 0, -(2**70), 1.5, "", "text", "größe\n", b"\xff\x00", []),
    *(Atom("running"), CharList("a string"), Pid("<rabbit@here.1.2.3>")),
    (Atom("ok"), ["a", (1, 2)], {}),
    {Atom("a"): 1, "b": [Atom("c")], 3: {"d": None}},
]


@pytest.mark.parametrize("term", TERMS, ids=repr)
def test_a_term_comes_back_as_what_it_was(term: Any) -> None:
    back = from_json(json.loads(json.dumps(as_json(term))))
    assert back == term
    assert type(back) is type(term)


def test_kinds_within_are_kept() -> None:
    ((name, value),) = from_json(as_json([(Atom("name"), CharList("x"))]))
    assert (type(name), type(value)) == (Atom, CharList)


def test_octets_that_are_no_text_arrive_as_octets() -> None:
    assert from_json(as_json("caf\udce9")) == b"caf\xe9"
    assert from_json(as_json(bytearray(b"\x80"))) == b"\x80"


def test_what_is_no_term_is_refused() -> None:
    with pytest.raises(TypeError, match="no term: set"):
        as_json([{1}])


@pytest.mark.parametrize(
    "value",
    [{}, {"a": "x", "b": "y"}, {"x": 1}, {"t": 5}, {"m": [[1]]}, {"b": 7}, {"b": "a"}, [{"q": 0}]],
    ids=repr,
)
def test_json_that_is_no_term_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        from_json(value)
