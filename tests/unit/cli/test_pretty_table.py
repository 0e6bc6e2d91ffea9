"""Tables with lines."""

from __future__ import annotations

from broker.amqp.erlang import Atom
from broker.cli.pretty_table import drawn, shown


def plain(text: str) -> list[str]:
    """With lines of letters, as a terminal shows them."""
    for code, letter in (("\x1b(0x\x1b(B", "|"), ("\x1b(0", ""), ("\x1b(B", "")):
        text = text.replace(code, letter)
    return text.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()


def test_columns_are_as_wide_as_what_is_in_them() -> None:
    assert plain(drawn(["a", "name"], [["long one", "x"], ["", "two\nlines"]])) == [
        "lqqqqqqqqqqwqqqqqqqk",
        "| a        | name  |",
        "tqqqqqqqqqqnqqqqqqqu",
        "| long one | x     |",
        "tqqqqqqqqqqnqqqqqqqu",
        "|          | two   |",
        "|          | lines |",
        "mqqqqqqqqqqvqqqqqqqj",
    ]


def test_titles_are_bold() -> None:
    text = drawn(["name"], [])
    assert "\x1b[1mname\x1b[0m" in text


def test_values() -> None:
    assert shown([Atom("a"), Atom("b")]) == "ab"  # as RabbitMQ's have them
    assert shown([]) == shown("") == ""
    assert (shown(True), shown(5), shown("x"), shown(Atom("y"))) == ("true", "5", "x", "y")
    assert shown([(Atom("a"), 1)]) == "{a,1}"
