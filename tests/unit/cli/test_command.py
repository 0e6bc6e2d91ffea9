"""What a command is, and one call of it."""

from __future__ import annotations

import io

import pytest

from broker.cli import command as commands
from broker.cli.command import Call, Command, Rows, Streams, listed
from broker.cli.errors import InvalidError, TimedOutError


def a_command(**facts: object) -> Command:
    given = {"usage": "x", "description": "Does", "section": commands.HELP, **facts}
    return Command(name="x", run=lambda _: None, **given)  # type: ignore[arg-type]


def a_call(command: Command, *arguments: str, **options: object) -> Call:
    streams = Streams(io.StringIO(), io.StringIO(), io.StringIO())
    return Call(command, "leveretctl", list(arguments), {"node": "n@h", **options}, {}, streams)


@pytest.mark.parametrize(
    ("arity", "count", "problem"),
    [
        *(((0, 0), 0, ""), ((0, 0), 1, "too many"), ((1, 1), 0, "not enough"), ((1, 2), 2, "")),
        *(((1, 2), 3, "too many"), ((0, None), 99, ""), ((2, None), 1, "not enough")),
    ],
)
def test_how_many_arguments_there_may_be(
    arity: tuple[int, int | None], count: int, problem: str
) -> None:
    command = a_command(arity=arity)
    if not problem:
        command.check(a_call(command, *["a"] * count))
        return
    with pytest.raises(InvalidError, match=f"{problem} arguments"):
        command.check(a_call(command, *["a"] * count))


def test_what_is_said_before_it_begins() -> None:
    call = a_call(a_command(), "first", vhost="/")
    assert a_command().greeting(call) is None
    assert a_command(banner="Doing {0} on {vhost} of {node} ...").greeting(call) == (
        "Doing first on / of n@h ..."
    )
    assert a_command(banner=lambda call: call.vhost * 2).greeting(call) == "//"


def test_braces_in_arguments_stay_as_they_are() -> None:
    command = a_command(banner='Setting "{0}" ...')
    assert command.greeting(a_call(command, '{"a": {0}}')) == 'Setting "{"a": {0}}" ...'


def test_how_quiet_it_is() -> None:
    assert not a_call(a_command()).is_quiet
    assert a_call(a_command(), quiet=True).is_quiet
    assert a_call(a_command(), silent=True).is_quiet


class Terminal(io.StringIO):
    flush_count = 0

    def flush(self) -> None:
        self.flush_count += 1


def test_what_comes_in_time_is_written_in_time() -> None:
    terminal = Terminal()
    call = a_call(a_command())
    call.streams = call.streams._replace(stdout=terminal)
    for number, _ in enumerate(call.flushed("abc")):
        assert terminal.flush_count == number  # of those before
    assert terminal.flush_count == 3


def test_timeouts() -> None:
    assert a_call(a_command(), timeout=5000).timeout_ms == 5000
    assert a_call(a_command(), timeout=None).timeout_ms is None
    error = a_call(a_command(), timeout=5000).timed_out()
    assert isinstance(error, TimedOutError)
    assert str(error.text).endswith("Timeout value used: 5000")
    call = a_call(a_command(shows_seconds=True), timeout=5000)
    assert str(call.timed_out().text).endswith("Timeout value used: 5.0")


def test_none_of_what_comes_at_once_is_a_value() -> None:
    assert listed(iter([])) == []
    assert listed(iter([1])) == Rows([1])
