"""Terms as Elixir shows them."""

from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.erlang import Atom, CharList
from broker.cli.elixir import inspect, is_keyword, to_text
from broker.terms import Pid

A = Atom


@pytest.mark.parametrize(
    ("term", "shown"),
    [
        *((None, "nil"), (True, "true"), (False, "false"), (5, "5"), (1.5, "1.5")),
        *((A("ok"), ":ok"), (A("true"), "true"), (A("nil"), "nil")),
        *((A("rabbit@here"), ":rabbit@here"), (A("@here"), ':"@here"')),
        *((A("1st"), ':"1st"'), (A(""), ':""')),
        *((CharList("text"), "'text'"), ('a"b\\\n\t\x1b', '"a\\"b\\\\\\n\\t\\e"'), ("ö", '"ö"')),
        *((b"\x01\xff", "<<1, 255>>"), (Pid("<here.1.2.3>"), "#PID<here.1.2.3>")),
        ((A("no_such_vhost"), "x"), '{:no_such_vhost, "x"}'),
        *(([], "[]"), ([1, "a"], '[1, "a"]'), ((), "{}")),
        ([(A("user"), "a"), (A("a b"), [])], '[user: "a", "a b": []]'),
        ([("user", "a")], '[{"user", "a"}]'),
        ({A("b"): 1, A("a"): None}, "%{a: nil, b: 1}"),
        ({"k": {}}, '%{"k" => %{}}'),
    ],
)
def test_inspect(term: Any, shown: str) -> None:
    assert inspect(term) == shown


@pytest.mark.parametrize(
    ("term", "shown"),
    [
        *((None, ""), (True, "true"), (5, "5"), ("a\nb", "a\nb"), (A("ok"), "ok")),
        *((CharList("x"), "x"), (b"caf\xc3\xa9", "café"), ([], ""), (["a", "b"], "ab")),
        *(([1], "[1]"), ((A("a"), 1), "{:a, 1}")),
    ],
)
def test_to_text(term: Any, shown: str) -> None:
    assert to_text(term) == shown


def test_what_is_a_keyword_list() -> None:
    assert is_keyword([(A("a"), 1)])
    for term in ([], [(A("a"), 1, 2)], [("a", 1)], (A("a"), 1), "a", None):
        assert not is_keyword(term)
