"""As `io:format("~p")` of Erlang/OTP 25 prints, tried in the reference broker's shell."""

from __future__ import annotations

import pytest

from broker.amqp.erlang import Atom, CharList, flat, is_atom, printed, with_term


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
    """Seen at RabbitMQ: queue.bind to amq.headers with x-match "ü", "日本"."""
    assert printed(octets) == text


def test_a_long_binary_is_broken_below_its_first_octet() -> None:
    lines = printed(bytes(range(1, 41)), 10).split("\n")
    assert len(lines) == 2
    assert all(10 * (n > 0) + len(line) <= 80 for n, line in enumerate(lines))
    assert lines[1].startswith(" " * 12)
    assert "".join(line.strip() for line in lines) == printed(bytes(range(1, 41))).replace(
        "\n", ""
    ).replace(" ", "")


@pytest.mark.parametrize(
    ("term", "column", "text"),
    [
        (
            (Atom("a" * 40), Atom("b" * 40)),
            3,
            (
                "{aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,\n"
                "       bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb}"
            ),
        ),
        (
            (Atom("a" * 20), Atom("b" * 20)),
            40,
            (
                "{aaaaaaaaaaaaaaaaaaaa,\n"
                "                                         bbbbbbbbbbbbbbbbbbbb}"
            ),
        ),
        (
            (Atom("a" * 20), Atom("b" * 20)),
            60,
            (
                "{aaaaaaaaaaaaaaaaaaaa,\n"
                "                                                             bbbbbbbbbbbbbbbbbbbb}"
            ),
        ),
        (
            [
                (Atom("longstr"), "text"),
                (Atom("signedint"), 1),
                (Atom("table"), [("key", Atom("longstr"), "value")]),
            ],
            17,
            (
                '[{longstr,<<"text">>},\n'
                "                  {signedint,1},\n"
                '                  {table,[{<<"key">>,longstr,<<"value">>}]}]'
            ),
        ),
        (
            [1000, 2000, "x" * 30, "y" * 30, 3000, [4000], 5000, True],
            1,
            (
                '[1000,2000,<<"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx">>,\n'
                '  <<"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy">>,3000,\n'
                "  [4000],\n"
                "  5000,true]"
            ),
        ),
        (
            (("x" * 30, 1), [], CharList("z" * 40), CharList("\0")),
            5,
            (
                '{{<<"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx">>,1},\n'
                '      [],"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",\n'
                "      [0]}"
            ),
        ),
        (
            (Atom("value"), [(Atom("binary"), bytes(range(30)))], ()),
            11,
            (
                "{value,[{binary,<<0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,\n"
                "                             19,20,21,22,23,24,25,26,27,28,29>>}],\n"
                "                  {}}"
            ),
        ),
    ],
)
def test_what_does_not_fit_is_broken(term: object, column: int, text: str) -> None:
    """As `io_lib:format("~p")` broke it; so were twenty thousand random terms."""
    assert printed(term, column) == text


def test_a_line_may_be_longer() -> None:
    """`~255p`."""
    term = (Atom("a" * 40), Atom("b" * 40))
    assert "\n" in printed(term)
    assert "\n" not in printed(term, 0, 255)


def test_a_term_knows_what_stands_before_it() -> None:
    """In octets, on the last line."""
    term = (Atom("a" * 20), Atom("b" * 20))
    assert with_term("x" * 40, term) == "x" * 40 + printed(term, 40)
    assert with_term("ü" * 20, term) == "ü" * 20 + printed(term, 40)
    assert with_term("x" * 40 + "\nyy", term) == "x" * 40 + "\nyy" + printed(term, 2)


@pytest.mark.parametrize(("number", "text"), [(2.0**52, "4503599627370496.0"), (2.0**53, None)])
def test_large_floats_have_an_exponent(number: float, text: str | None) -> None:
    assert printed(number) == (text or "9.007199254740992e15")


def test_a_string_that_is_no_text_is_a_list_of_numbers() -> None:
    assert printed(CharList("a\0b")) == "[97,0,98]"
    assert printed((Atom("leftover"), CharList("\0"))) == "{leftover,[0]}"


@pytest.mark.parametrize("word", ["", "PLAIN", "queue", "nope", "Direct"])
def test_words_that_are_atoms(word: str) -> None:
    assert is_atom(word)


@pytest.mark.parametrize("word", ["x-delayed-message", "DIRECT", "Fanout", "topics"])
def test_words_that_are_none(word: str) -> None:
    assert not is_atom(word)


def test_flat_is_one_line_however_long() -> None:
    term = (Atom("a" * 40), Atom("b" * 40))
    assert flat(term) == "{" + "a" * 40 + "," + "b" * 40 + "}"
    assert flat(bytes(range(1, 41))) == "<<" + ",".join(str(n) for n in range(1, 41)) + ">>"


def nested(depth: int, size: int) -> object:
    """A table in a table in a table, each with a text of that size."""
    term: list[object] = []
    for _ in range(depth):
        term = [(b"t", Atom("table"), term), (b"k", Atom("longstr"), b"x" * size)]
    return term


@pytest.mark.parametrize(("depth", "size"), [(1, 5), (3, 40), (5, 300), (12, 5000), (40, 10)])
def test_what_a_reply_text_shows_is_not_changed_by_leaving_out_the_rest(
    depth: int, size: int
) -> None:
    for column in (0, 30, 70):
        text = "x" * column
        whole = text + printed(nested(depth, size), column)
        assert with_term(text, nested(depth, size))[:255] == whole[:255]


def test_terms_of_any_depth_and_size_have_a_text() -> None:
    """They used to take seconds, or all of the stack."""
    assert len(with_term("", nested(200, 500))) < 200_000
    deep: object = b"x"
    for _ in range(200):
        deep = [(Atom("array"), deep)]
    assert with_term("", deep).startswith("[{array,")
