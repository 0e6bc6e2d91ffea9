from __future__ import annotations

import pytest

from broker.amqp.erlang import Atom, CharList
from broker.configuration.erlang_terms import DEPTH_MAX, TermError, Tuple, read_terms


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("a.", Atom("a")),
        ("'tlsv1.2'.", Atom("tlsv1.2")),
        ("rabbit@host.", Atom("rabbit@host")),
        (r"'it\'s'.", Atom("it's")),
        ('"text".', CharList("text")),
        ('"a" "b".', CharList("ab")),
        (r'"\n\t\x41\x{263a}\101\s\\\"\^A".', CharList('\n\tA\u263aA \\"\x01')),
        ('<<"guest">>.', b"guest"),
        ('<<"gr\u00fcn"/utf8>>.', "gr\u00fcn".encode()),
        ('<<"gr\u00fcn">>.', b"gr\xfcn"),
        ("<<1,2,$a,16#ff>>.", b"\x01\x02a\xff"),
        ("<<>>.", b""),
        ("5.", 5),
        ("-5.", -5),
        ("1_000.", 1000),
        ("16#fF.", 255),
        ("$a.", 97),
        (r"$\n.", 10),
        ("0.4.", 0.4),
        ("1.5e-3.", 0.0015),
        ("[].", []),
        ("[1,[2]].", [1, [2]]),
        ("{a,1}.", Tuple((Atom("a"), 1))),
        ("#{a => 1, b => []}.", {Atom("a"): 1, Atom("b"): []}),
        ("% c\n  a % d\n. % e", Atom("a")),
    ],
)
def test_a_term(text: str, term: object) -> None:
    found = read_terms(text)
    assert found == [term]
    assert type(found[0]) is type(term)


def test_terms_one_after_another() -> None:
    assert read_terms("a. {b}.\n c.") == ["a", ("b",), "c"]
    assert read_terms("") == read_terms(" % nothing") == []


def test_a_tuple_knows_its_line() -> None:
    (outer,) = read_terms("[\n {a, 1},\n\n {b,\n 2}].")
    assert [one.line for one in outer] == [2, 4]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a", 1, "expected '.' before the end of the file"),
        ("[a\n b].", 2, "expected ',' before 'b'"),
        ("[a,\n{b].", 2, "expected ',' before ']'"),
        ("{a", 1, "expected ',' before the end of the file"),
        ("[", 1, "the file ends within a term"),
        ("A.", 1, "'A' cannot stand here"),
        ("\n\n?x.", 3, r"'\?' cannot stand here"),
        ("].", 1, "']' cannot stand here"),
        ("<<a>>.", 1, "a binary that is neither text nor octets"),
        ("#{a}.", 1, "expected '=>' before '}'"),
        ("#{[] => 1}.", 1, "a key of a map that is no plain term"),
        ("99#1.", 1, "is no number"),
        ("9" * 5000 + ".", 1, "is no number"),
        ("[" * (DEPTH_MAX + 2), 1, "too many brackets"),
    ],
)
def test_what_is_no_term(text: str, line: int, problem: str) -> None:
    with pytest.raises(TermError, match=problem) as caught:
        read_terms(text)
    assert caught.value.line == line


@pytest.mark.parametrize("text", [r'"\xzz".', r'"\^".', r"'\x'.", r"$\^.", r'<<"\x">>.'])
def test_escapes_that_are_none(text: str) -> None:
    with pytest.raises(TermError) as caught:
        read_terms(f"\n{text}")
    assert caught.value.line == 2
