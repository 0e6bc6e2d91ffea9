"""Messaging commands as commands of leveretctl."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import pytest

from broker.cli import command
from broker.cli.command import Call, Exit, Streams
from broker.cli.messaging.entering import enter
from broker.cli.messaging.options import Option
from broker.cli.options import TEXTS

TABLE = (
    Option("one", "text", "the first", "o"),
    Option("many", "text", "some", repeats=True),
    Option("flag", "switch", "or not"),
)


@pytest.fixture
def heard() -> list[Any]:
    return []


@pytest.fixture
def entered(heard: list[Any]) -> Iterator[Any]:
    def run(options: Mapping[str, Any], arguments: Sequence[str], *streams: IO[str]) -> int:
        heard.extend((options, arguments, streams))
        return 7

    yield enter("try-it [X]", "tries it", TABLE, run)
    del command._COMMANDS["try-it"]


def test_what_a_command_is(entered: Any) -> None:
    assert (entered.name, entered.usage) == ("try-it", "try-it [X]")
    assert entered.description == "Tries it"
    assert entered.switches == {"one": "text", "many": TEXTS, "flag": "switch"}
    assert entered.letters == {"o": "one"}
    assert [topic for topic, _ in entered.topics] == ["--one, -o <one>", "--many <many>", "--flag"]


def test_it_is_given_what_stood_there_and_nothing_else(entered: Any, heard: list[Any]) -> None:
    streams = Streams(io.StringIO(), io.StringIO(), io.StringIO())
    call = Call(entered, "leveretctl", ["x"], {"node": "n", "one": "1"}, {}, streams)
    call.given = {"one": "1", "many": ["a", "b"], "quiet": True}
    assert entered.run(call) == Exit(7)
    assert heard == [{"one": "1", "many": ["a", "b"]}, ["x"], tuple(streams)]
