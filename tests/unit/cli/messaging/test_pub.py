"""pub, against a broker in this process."""

from __future__ import annotations

import itertools
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broker import Broker
from broker.amqp import methods as m
from broker.amqp.content import Properties
from broker.amqp.wire import Field
from broker.cli.messaging import pub
from broker.cli.messaging.connection import Connection, Content
from tests.unit.cli.messaging.conftest import Caller

numbers = itertools.count()


class Queue:
    """A queue of its own, and what is in it."""

    def __init__(self, connection: Connection, name: str):
        self.name = name
        self._connection = connection

    def messages(self) -> list[tuple[str, Properties, bytes]]:
        """Routing key, properties, body of each; they are gone then."""
        found = []
        while True:
            self._connection.send(m.BasicGet(queue=self.name, no_ack=True))
            while not self._connection.inbox:
                self._connection.turn(5)
            got = self._connection.inbox.popleft()
            if not isinstance(got, Content):
                return found
            assert isinstance(got.method, m.BasicGetOk)
            found.append((got.method.routing_key, Properties.decode(got.header), got.body))

    def bodies(self) -> list[bytes]:
        return [body for _, _, body in self.messages()]


@pytest.fixture
def queue(call: Caller) -> Iterator[Queue]:
    connection = call.connect()
    name = f"pub-{next(numbers)}"
    connection.call(m.QueueDeclare(queue=name, auto_delete=True), m.QueueDeclareOk)
    yield Queue(connection, name)
    connection.call(m.QueueDelete(queue=name), m.QueueDeleteOk)
    connection.close()


@pytest.mark.parametrize(
    ("options", "arguments", "stdin", "bodies"),
    [
        ({}, [], b"one\n\nthree", [b"one", b"", b"three"]),
        ({}, [], b"", []),
        ({"null": True}, [], b"a\nb\0c\0", [b"a\nb", b"c"]),
        ({"whole": True}, [], b"a\nb\n", [b"a\nb\n"]),
        ({}, ["x", "y"], b"not read", [b"x", b"y"]),
        ({"count": 3}, ["x"], b"", [b"x"] * 3),
        ({"no_confirm": True}, [], b"a\nb", [b"a", b"b"]),
        ({"window": 1}, [], b"a\nb\nc", [b"a", b"b", b"c"]),
        ({"rate": "1000"}, [], b"a\nb\nc", [b"a", b"b", b"c"]),
    ],
)
def test_what_is_published(
    call: Caller,
    queue: Queue,
    options: dict[str, Any],
    arguments: list[str],
    stdin: bytes,
    bodies: list[bytes],
) -> None:
    assert call(pub, queue.name, *arguments, stdin=stdin, **options) == (0, b"", "")
    assert queue.bodies() == bodies


def test_files(call: Caller, queue: Queue, tmp_path: Path) -> None:
    big = os.urandom(400_000)
    (tmp_path / "a").write_bytes(big)
    (tmp_path / "b").write_bytes(b"")
    files = [str(tmp_path / "a"), str(tmp_path / "b")]
    assert call(pub, queue.name, file=files).code == 0
    assert queue.bodies() == [big, b""]
    said = call(pub, queue.name, file=[*files, str(tmp_path / "none")])
    assert said.code == 66
    assert "No such file or directory; 2 of 2 messages were confirmed" in said.err


def test_properties_and_an_exchange(call: Caller, queue: Queue) -> None:
    connection = call.connect()
    bind = m.QueueBind(queue=queue.name, exchange="amq.topic", routing_key="a.*")
    connection.call(bind, m.QueueBindOk)
    connection.close()
    options = {"exchange": "amq.topic", "routing_key": "a.b", "persistent": True}
    assert call(pub, "text", header=["n:int=1"], property=["type=t"], **options).code == 0
    headers = {"n": Field("I", 1)}
    expected = Properties(delivery_mode=2, type="t", headers=headers)
    assert queue.messages() == [("a.b", expected, b"text")]


def test_lines_of_json(call: Caller, queue: Queue) -> None:
    lines = [
        {
            "routing_key": queue.name,
            "body": "a",
            "headers": {"x": {"@type": "timestamp", "value": 1}},
        },
        {"exchange": "", "routing_key": queue.name, "body": "/w==", "body_encoding": "base64"},
    ]
    stdin = b"\n\n".join(json.dumps(line).encode() for line in lines)
    assert call(pub, json=True, stdin=stdin).code == 0
    first, second = queue.messages()
    assert first == (queue.name, Properties(headers={"x": Field("T", 1)}), b"a")
    assert second == (queue.name, Properties(), b"\xff")


def test_the_command_line_counts_more_than_a_line(call: Caller, queue: Queue) -> None:
    line = b'{"exchange": "nope", "routing_key": "x", "body": "a", "properties": {"type": "t"}}'
    assert call(pub, queue.name, json=True, property=["type=u"], stdin=line).code == 0
    assert queue.messages() == [(queue.name, Properties(type="u"), b"a")]


def test_a_line_that_is_no_message_ends_it(call: Caller, queue: Queue) -> None:
    said = call(pub, queue.name, json=True, stdin=b'{"body": "a"}\n{"body"\n{"body": "c"}\n')
    assert said.code == 65
    assert said.err.startswith("Error: line 2 is no JSON")
    assert queue.bodies() == [b"a"]
    said = call(pub, json=True, stdin=b'{"body": "a"}')
    assert "no routing_key, and no queue is given" in said.err


def test_what_no_queue_takes(call: Caller) -> None:
    said = call(pub, "no-such-queue", mandatory=True, stdin=b"x\n" * 12)
    assert said.code == 65
    *told, last = said.err.splitlines()
    assert told == ["returned: 312 NO_ROUTE, exchange '', routing key 'no-such-queue'"] * 10
    assert last == "Error: 12 of 12 were returned: no route"
    assert call(pub, "no-such-queue", "x").code == 0


def test_an_exchange_that_is_not_there(call: Caller) -> None:
    said = call(pub, "x", exchange="nope")
    assert said.code == 65
    assert "404 NOT_FOUND - no exchange 'nope' in vhost '/'; 0 of 1 messages" in said.err
    said = call(pub, "x", exchange="nope", no_confirm=True)
    assert said.code == 65
    assert "1 messages were sent" in said.err


def test_messages_that_are_refused(call: Caller, queue: Queue) -> None:
    connection = call.connect()
    arguments = {"x-max-length": Field("I", 2), "x-overflow": Field("S", "reject-publish")}
    declare = m.QueueDeclare(queue="full", exclusive=False, arguments=arguments)
    connection.call(declare, m.QueueDeclareOk)
    said = call(pub, "full", stdin=b"x\n" * 5)
    assert (said.code, said.err) == (75, "Error: 3 of 5 were refused by the broker\n")
    connection.call(m.QueueDelete(queue="full"), m.QueueDeleteOk)
    connection.close()


@pytest.mark.parametrize(
    ("options", "arguments", "text"),
    [
        ({}, [], "name a queue"),
        ({"null": True, "whole": True}, ["q"], "exclude"),
        ({"json": True}, ["q", "text"], "no room"),
        ({"declare": "classic", "exchange": "e"}, [], "--declare needs a queue"),
        ({"declare": "nope"}, ["q", "x"], "one of classic, quorum"),
        ({"rate": "x"}, ["q"], "--rate"),
        ({"window": 0}, ["q"], "--window is at least 1"),
        ({"property": ["x"]}, ["q"], "name=value"),
        ({"nope": 1}, ["q"], "--nope"),
        ({}, ["q" * 256], "255 octets"),
    ],
)
def test_wrong_usage(
    call: Caller, options: dict[str, Any], arguments: list[str], text: str
) -> None:
    said = call(pub, *arguments, **options)
    assert said.code == 64
    assert said.err.startswith("Error: ")
    assert text in said.err


def test_nobody_is_there(call: Caller) -> None:
    said = call(pub, "q", "x", port=1)
    assert (said.code, said.err) == (
        69,
        "Error: no connection to 127.0.0.1:1: connection refused\n",
    )


def test_a_signal_ends_it_with_what_was_read_confirmed(call: Caller, queue: Queue) -> None:
    reading, writing = os.pipe()

    class Asking(pub.Publisher):
        def _publish(self, message: pub.Outgoing) -> None:
            super()._publish(message)
            if self.published == 2:
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch, os.fdopen(reading, "rb") as stdin:
        patch.setattr(pub, "Publisher", Asking)
        os.write(writing, b"a\nb\nhalf")
        import io

        err = io.StringIO()
        given = {"host": call.address.host, "port": call.address.port}
        code = pub.run(given, [queue.name], stdin, io.BytesIO(), err)
    os.close(writing)
    assert code == 130
    assert err.getvalue() == "2 messages were published before the end was asked\n"
    assert queue.bodies() == [b"a", b"b"]


def test_a_broker_that_goes_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known of the messages is told; the code says that there is no broker."""
    broker = Broker().__enter__()
    publish = pub.Publisher._publish

    def publish_and_stop(self: pub.Publisher, message: pub.Outgoing) -> None:
        publish(self, message)
        if self.published == 3:
            broker.__exit__(None, None, None)

    monkeypatch.setattr(pub.Publisher, "_publish", publish_and_stop)
    said = Caller(broker)(pub, "lost", stdin=b"1\n2\n3\n", window=1, declare="transient")
    assert said.code == 69
    assert said.err.startswith("Error: ")
    assert said.err.endswith("; 2 of 3 messages were confirmed\n")
