"""Command lines as RabbitMQ's tools read them; their recordings have more."""

from __future__ import annotations

import pytest

from broker.cli.options import parse

KINDS = {"quiet": "switch", "table_headers": "switch", "vhost": "text", "timeout": "integer"}
LETTERS = {"q": "quiet", "s": "silent", "p": "vhost", "t": "timeout"}
Invalid = list[tuple[str, str | None]]


@pytest.mark.parametrize(
    ("line", "arguments", "options"),
    [
        ("", [], {}),
        ("a b", ["a", "b"], {}),
        ("--quiet a", ["a"], {"quiet": True}),
        ("a --no-quiet", ["a"], {"quiet": False}),
        ("--quiet=false a", ["a"], {"quiet": False}),
        ("--quiet=true", [], {"quiet": True}),
        ("--no-table-headers a", ["a"], {"table_headers": False}),
        ("-p / a", ["a"], {"vhost": "/"}),
        ("--vhost=a=b", [], {"vhost": "a=b"}),
        ("--vhost= a", ["a"], {"vhost": ""}),
        ("-p=v a", ["a"], {"vhost": "v"}),
        ("-qp v a", ["a"], {"quiet": True, "vhost": "v"}),
        ("-t30 a", ["a"], {"timeout": 30}),
        ("-t -1", [], {"timeout": -1}),
        ("--timeout +5", [], {"timeout": 5}),
        ("a -- -q --vhost", ["a", "-q", "--vhost"], {}),
        ("a - b", ["a", "-", "b"], {}),
        ("a -5 -1.5", ["a", "-5", "-1.5"], {}),
        ("-p a -p b", [], {"vhost": "b"}),
    ],
)
def test_what_is_understood(
    line: str, arguments: list[str], options: dict[str, str | int | bool]
) -> None:
    assert parse(line.split(" ") if line else [], KINDS, LETTERS) == (arguments, options, [])


@pytest.mark.parametrize(
    ("line", "invalid"),
    [
        ("--bogus", [("--bogus", None)]),
        ("--table_headers", [("--table_headers", None)]),
        ("--quiet=maybe", [("--quiet", "maybe")]),
        ("--no-quiet=true", [("--no-quiet", "true")]),
        ("--no-vhost", [("--no-vhost", None)]),
        ("-t 1.5", [("-t", "1.5")]),
        ("-t word", [("-t", "word")]),
        ("-p", [("-p", None)]),
        ("-p -q", [("-p", None)]),
        ("-x", [("-x", None)]),
        ("-x=5", [("-x", None)]),
        ("--", []),
    ],
)
def test_what_is_not(line: str, invalid: Invalid) -> None:
    assert parse(line.split(" "), KINDS, LETTERS).invalid == invalid


def test_the_word_behind_an_unknown_letter_is_its_value() -> None:
    assert parse(["-x", "list_users"], KINDS, LETTERS).arguments == []
    assert parse(["--bogus", "list_users"], KINDS, LETTERS).arguments == ["list_users"]
