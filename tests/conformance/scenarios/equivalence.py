"""Declaring again with other arguments: every argument, every way of being different.

One scenario per argument. Each starts from a declared queue and then declares it differently, every
time on a new channel: without the argument, with another value, with the same number in another
integer type, as a string, as void, as a table.
"""

from __future__ import annotations

from typing import Any

from tests.conformance.registry import scenario
from tests.conformance.wire_client import Connection, Play
from tests.conformance.wire_codec import Tagged

ABSENT = object()


def _redeclare(connection: Connection, queue: str, name: str, values: list[Any]) -> None:
    for value in values:
        arguments = {} if value is ABSENT else {name: value}
        connection.channel().call("Queue.Declare", queue=queue, arguments=arguments)


def _register() -> None:
    numbers = {
        "x-expires": 600000,
        "x-message-ttl": 5000,
        "x-max-length": 100,
        "x-max-length-bytes": 1000,
        "x-max-priority": 10,
    }
    strings = {
        "x-dead-letter-exchange": ("here", "there"),
        "x-overflow": ("reject-publish", "drop-head"),
        "x-queue-mode": ("lazy", "default"),
    }
    for name, number in numbers.items():
        variants = [
            number,
            Tagged("l", number),
            Tagged("i", number),
            Tagged("d", float(number)),
            number + 1,
            str(number),
            True,
            None,
            {"n": number},
            [number],
            ABSENT,
        ]
        _register_one(name, number, variants)
    for name, (value, other) in strings.items():
        variants = [
            value,
            other,
            value.upper(),
            "",
            5,
            False,
            None,
            value.encode(),
            [value],
            ABSENT,
        ]
        _register_one(name, value, variants)
    _register_one("x-single-active-consumer", True, [True, False, "true", 1, None, ABSENT])
    _register_one("x-queue-version", 1, [1, 2, Tagged("l", 1), "1", ABSENT])
    _register_one("x-queue-type", "classic", ["classic", "quorum", "stream", "other", 5, ABSENT])


def _register_one(name: str, first: Any, variants: list[Any]) -> None:
    def declared_with(play: Play) -> None:
        connection = play.connection()
        queue = connection.channel().queue(play.name("q"), arguments={name: first})
        _redeclare(connection, queue, name, variants)

    def declared_without(play: Play) -> None:
        connection = play.connection()
        queue = connection.channel().queue(play.name("q"))
        _redeclare(connection, queue, name, variants)

    label = name.removeprefix("x-").replace("-", "_")
    declared_with.__name__ = f"equivalence_{label}"
    declared_without.__name__ = f"equivalence_{label}_added"
    scenario(declared_with)
    scenario(declared_without)


_register()


@scenario
def equivalence_exchange_flags(play: Play) -> None:
    """Each flag alone, from set to unset and from unset to set."""
    connection = play.connection()
    plain = connection.channel().exchange(play.name("plain"))
    for flag in ("durable", "auto_delete", "internal"):
        marked = connection.channel().exchange(play.name(flag), **{flag: True})
        for exchange, value in ((plain, True), (marked, False), (marked, True)):
            connection.channel().call(
                "Exchange.Declare", exchange=exchange, type="direct", **{flag: value}
            )


@scenario
def equivalence_queue_flags(play: Play) -> None:
    connection = play.connection()
    plain = connection.channel().queue(play.name("plain"))
    for flag in ("durable", "auto_delete", "exclusive"):
        marked = connection.channel().queue(play.name(flag), **{flag: True})
        for queue, value in ((plain, True), (marked, False), (marked, True)):
            connection.channel().call("Queue.Declare", queue=queue, **{flag: value})


@scenario
def equivalence_exchange_alternate(play: Play) -> None:
    connection = play.connection()
    exchange = play.name("x")
    connection.channel().exchange(exchange, arguments={"alternate-exchange": "ae"})
    for value in ("ae", "other", b"ae", 5, None, ["ae"]):
        connection.channel().call(
            "Exchange.Declare",
            exchange=exchange,
            type="direct",
            arguments={"alternate-exchange": value},
        )
    connection.channel().call("Exchange.Declare", exchange=exchange, type="direct")


@scenario
def equivalence_order_of_arguments(play: Play) -> None:
    """With several differences, which one is reported."""
    connection = play.connection()
    first = {
        "x-queue-mode": "lazy",
        "x-single-active-consumer": True,
        "x-overflow": "drop-head",
        "x-max-priority": 1,
        "x-max-length-bytes": 1,
        "x-max-length": 1,
        "x-dead-letter-routing-key": "a",
        "x-dead-letter-exchange": "a",
        "x-message-ttl": 1000000,
        "x-expires": 1000000,
    }
    second = {
        "x-queue-mode": "default",
        "x-single-active-consumer": False,
        "x-overflow": "reject-publish",
        "x-max-priority": 2,
        "x-max-length-bytes": 2,
        "x-max-length": 2,
        "x-dead-letter-routing-key": "b",
        "x-dead-letter-exchange": "b",
        "x-message-ttl": 2000000,
        "x-expires": 2000000,
    }
    queue = connection.channel().queue(play.name("q"), arguments=first)
    names = list(first)
    while names:
        arguments = {name: (second if name in names else first)[name] for name in first}
        reply = connection.channel().call("Queue.Declare", queue=queue, arguments=arguments)
        reported = reply["reply_text"].split("'")[1]
        names.remove(reported)


@scenario
def equivalence_order_of_wrong_arguments(play: Play) -> None:
    """With several invalid values in a new queue, which one is reported."""
    connection = play.connection()
    wrong = {
        "x-queue-mode": 1,
        "x-single-active-consumer": 1,
        "x-overflow": 1,
        "x-max-priority": -1,
        "x-max-length-bytes": -1,
        "x-max-length": -1,
        "x-dead-letter-routing-key": 1,
        "x-message-ttl": -1,
        "x-expires": -1,
        "x-delivery-limit": 1,
        "x-max-age": "1D",
        "x-queue-version": -1,
    }
    while wrong:
        reply = connection.channel().call(
            "Queue.Declare", queue=play.name("q"), arguments={**wrong}
        )
        if reply.name != "Channel.Close":
            break
        del wrong[reply["reply_text"].split("'")[1]]
