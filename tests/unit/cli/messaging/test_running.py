"""What all commands share."""

from __future__ import annotations

import io

import pytest

from broker.amqp.methods import QueueDeclare, QueueDeclareOk, QueueDelete, QueueDeleteOk
from broker.cli.messaging.exits import Failure
from broker.cli.messaging.options import Given
from broker.cli.messaging.running import (
    DECLARE,
    declare_queue,
    on_blocked,
    say,
    short_name,
    told,
)
from tests.unit.cli.messaging.conftest import Caller


def test_a_failure_is_one_line_and_a_code() -> None:
    def fails() -> int:
        raise Failure("no\nway", 69)

    def is_interrupted() -> int:
        raise KeyboardInterrupt

    err = io.StringIO()
    assert told(err, fails) == 69
    assert err.getvalue() == "Error: no?way\n"
    assert told(err, is_interrupted) == 130
    assert told(err, lambda: 5) == 5


def test_what_cannot_be_said_is_not() -> None:
    err = io.StringIO()
    say(err, "a \udcff b")
    assert err.getvalue() == "a ? b\n"
    err.close()
    say(err, "nobody listens")


def test_blocked_and_not() -> None:
    err = io.StringIO()
    tell = on_blocked(err)
    tell("low on memory")
    tell(None)
    assert err.getvalue() == "blocked: low on memory\nthe broker takes messages again\n"


def test_a_name_that_is_too_long() -> None:
    assert short_name("x" * 255, "a queue") == "x" * 255
    with pytest.raises(Failure, match="the name of a queue has at most 255 octets"):
        short_name("ä" * 128, "a queue")


@pytest.mark.parametrize(("kind", "durable"), [("classic", True), ("transient", False)])
def test_a_queue_is_declared(call: Caller, kind: str, durable: bool) -> None:
    connection = call.connect()
    declare_queue(connection, "declared", Given({"declare": kind}, (DECLARE,)))
    same = QueueDeclare(queue="declared", durable=durable)
    assert connection.call(same, QueueDeclareOk).queue == "declared"
    connection.call(QueueDelete(queue="declared"), QueueDeleteOk)
    declare_queue(connection, "declared", Given({}, (DECLARE,)))
    with pytest.raises(Failure, match="NOT_FOUND"):
        connection.call(QueueDeclare(queue="declared", passive=True), QueueDeclareOk)
    connection.close()
