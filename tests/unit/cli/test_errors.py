"""How a tool ends when it does not do what it was asked to."""

from __future__ import annotations

import pytest

from broker.amqp.erlang import Atom
from broker.cli import errors
from broker.cli.errors import FailedError, ReasonError, TimedOutError, ToolError


@pytest.mark.parametrize(
    ("error", "text", "code"),
    [
        (ToolError("as it is"), "as it is", 69),
        (FailedError("what", 65), "Error:\nwhat", 65),
        (errors.CheckError(None), None, 69),
        (errors.InvalidError("wrong"), "wrong", 64),
        (errors.bad_argument("x"), "Bad argument: x", 65),
        (errors.bad_argument(), "Bad argument.", 65),
        (errors.not_enough(), "not enough arguments.", 64),
        (errors.too_many(), "too many arguments.", 64),
        (errors.StateError("stopped"), "stopped", 64),
        (errors.NodeDownError("gone"), "gone", 69),
        (ReasonError(Atom("not_found")), "Error:\n:not_found", 69),
        (ReasonError((Atom("no_such_user"), "a")), 'Error:\n{:no_such_user, "a"}', 69),
        (ReasonError((Atom("no_such_vhost"), "v")), "Virtual host 'v' does not exist", 65),
    ],
)
def test_texts_and_exit_codes(error: ToolError, text: str | None, code: int) -> None:
    assert (error.text, error.code) == (text, code)


def test_what_a_reason_is_about() -> None:
    assert (ReasonError((Atom("a"), "b")).word, ReasonError((Atom("a"), "b")).about) == ("a", "b")
    assert (ReasonError(Atom("a")).word, ReasonError(Atom("a")).about) == ("a", None)


def test_a_timeout_names_what_and_where() -> None:
    error = TimedOutError("status", "rabbit@here", 5, "Try more")
    assert error.code == 75
    assert error.text == (
        "Error: operation status on node rabbit@here timed out. Timeout value used: 5. Try more"
    )
