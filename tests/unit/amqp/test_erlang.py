"""As `io:format("~p")` of Erlang/OTP 25 prints, tried in the reference broker's shell."""

from __future__ import annotations

import pytest

from broker.amqp.erlang import Atom, CharList, printed


@pytest.mark.parametrize(
    ("term", "text"),
    [
        (Atom("value_negative"), "value_negative"),
        (Atom("PascalCase"), "'PascalCase'"),
        (Atom("with space"), "'with space'"),
        (CharList('say "hi"'), r'"say \"hi\""'),
        ("binary", '<<"binary">>'),
        ("", "<<>>"),
        (b"\x00\x01", "<<0,1>>"),
        (b"tab\t", '<<"tab\\t">>'),
        (True, "true"),
        (None, "undefined"),
        (-5, "-5"),
        (1.5, "1.5"),
        ((Atom("a"), 1, CharList("x")), '{a,1,"x"}'),
        ([1, (Atom("b"),)], "[1,{b}]"),
        ([], "[]"),
    ],
)
def test_short_terms_stay_on_a_line(term: object, text: str) -> None:
    assert printed(term) == text


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("ü".encode(), '<<"ü">>'),  # its octets 195 and 188 are letters of latin-1
        ("日本".encode(), "<<230,151,165,230,156,172>>"),  # 151 and 156 are none
    ],
)
def test_octets_are_text_when_they_are_printable_in_latin_1(octets: bytes, text: str) -> None:
    """Seen at 127.0.0.1:5690: queue.bind to amq.headers with x-match "ü", "日本"."""
    assert printed(octets) == text


def test_a_long_binary_is_broken_below_its_first_octet() -> None:
    lines = printed(bytes(range(1, 41)), 10).split("\n")
    assert len(lines) == 2
    assert all(10 * (n > 0) + len(line) <= 80 for n, line in enumerate(lines))
    assert lines[1].startswith(" " * 12)
    assert "".join(line.strip() for line in lines) == printed(bytes(range(1, 41))).replace(
        "\n", ""
    ).replace(" ", "")


def test_a_long_tuple_has_an_element_a_line() -> None:
    term = (Atom("a" * 40), Atom("b" * 40))
    assert printed(term, 3) == "{" + "a" * 40 + ",\n    " + "b" * 40 + "}"
