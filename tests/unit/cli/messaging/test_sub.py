"""sub, against a broker in this process."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from broker import Broker
from broker.amqp import methods as m
from broker.cli.messaging import consuming, executing, pub, sub
from broker.cli.messaging.connection import Connection
from tests.unit.cli.messaging.conftest import Caller

numbers = itertools.count()
Count = Callable[[str], int]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that failed is told of at once."""
    monkeypatch.setattr(executing, "FAILED_PAUSE_S", 0.0)


@pytest.fixture
def queue(call: Caller) -> Iterator[str]:
    """A queue with the messages 1 to 5."""
    name = f"sub-{next(numbers)}"
    assert call(pub, name, stdin=b"1\n2\n3\n4\n5\n", declare="transient").code == 0
    yield name
    connection = call.connect()
    connection.call(m.QueueDelete(queue=name), m.QueueDeleteOk)
    connection.close()


@pytest.fixture
def ready(call: Caller) -> Iterator[Count]:
    """How many messages are ready in a queue."""
    connection = call.connect()

    def count(name: str) -> int:
        passive = m.QueueDeclare(queue=name, passive=True)
        return connection.call(passive, m.QueueDeclareOk).message_count

    yield count
    connection.close()


def test_bodies_and_what_is_wanted_is_all_that_goes(call: Caller, queue: str, ready: Count) -> None:
    assert call(sub, queue, count=2) == (0, b"1\n2\n", "")
    said = call(sub, queue, count=2, json=True)
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert [line["body"] for line in lines] == ["3", "4"]
    assert not any(line["redelivered"] for line in lines)  # none was taken only to be put back
    assert ready(queue) == 1


@pytest.mark.parametrize("prefetch", [1, 2, 3, 100])
def test_a_count_beyond_the_prefetch(call: Caller, queue: str, prefetch: int) -> None:
    assert call(sub, queue, count=4, prefetch=prefetch).out == b"1\n2\n3\n4\n"
    said = call(sub, queue, idle="0.25", format="{redelivered} {body}")
    assert said == (0, b"false 5\n", "")


def test_looking_only(call: Caller, queue: str, ready: Count) -> None:
    assert call(sub, queue, requeue=True, idle="0.25").out == b"1\n2\n3\n4\n5\n"
    assert call(sub, queue, requeue=True, count=1).out == b"1\n"
    assert ready(queue) == 5


def test_without_acknowledgements(call: Caller, queue: str, ready: Count) -> None:
    assert call(sub, queue, no_ack=True, idle="0.25", null=True).out == b"1\x002\x003\x004\x005\0"
    assert ready(queue) == 0


def test_fewer_than_wanted(call: Caller, queue: str) -> None:
    said = call(sub, queue, count=9, idle="0.25")
    assert (said.code, said.out) == (75, b"1\n2\n3\n4\n5\n")
    assert said.err == "Error: 5 of 9 messages came in time\n"


def test_messages_are_moved_by_a_pipe(call: Caller, queue: str, ready: Count) -> None:
    lines = call(sub, queue, json=True, count=5).out
    assert call(pub, queue, json=True, stdin=lines).code == 0
    assert call(sub, queue, count=5).out == b"1\n2\n3\n4\n5\n"
    assert ready(queue) == 0


def test_a_queue_of_its_own(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = consuming.Subscription.begin

    def begin_and_publish(
        self: consuming.Subscription, connection: Connection, given: object
    ) -> None:
        begin(self, connection, given)  # type: ignore[arg-type]
        for key in ("a.x", "b.x", "c.x"):
            call(pub, key, exchange="amq.topic", routing_key=key)

    monkeypatch.setattr(consuming.Subscription, "begin", begin_and_publish)
    said = call(sub, exchange="amq.topic", routing_key=["a.*", "c.*"], count=2)
    assert said == (0, b"a.x\nc.x\n", "")


def test_a_command_for_each_message(call: Caller, queue: str, ready: Count, tmp_path: Path) -> None:
    command = f'echo "$AMQP_ROUTING_KEY $AMQP_REDELIVERED $(cat)" >> {tmp_path}/out'
    assert call(sub, queue, exec=command, count=5) == (0, b"", "")
    lines = (tmp_path / "out").read_text().splitlines()
    assert lines == [f"{queue} false {number}" for number in range(1, 6)]
    assert ready(queue) == 0


def test_commands_that_fail_put_their_messages_back(call: Caller, queue: str, ready: Count) -> None:
    said = call(sub, queue, exec="test $(cat) != 2", count=3, parallel=3)
    assert (said.code, said.err) == (75, "Error: 1 of 3 commands failed\n")
    assert ready(queue) == 3
    assert call(sub, queue, exec="exit 1", count=3, dead_letter=True).code == 75
    assert ready(queue) == 0


def test_a_command_that_takes_too_long(call: Caller, queue: str, ready: Count) -> None:
    said = call(sub, queue, exec="sleep 60", exec_timeout="0.05", count=1)
    assert (said.code, said.err) == (75, "Error: 1 of 1 commands failed\n")
    assert ready(queue) == 5


def test_a_command_that_is_none(call: Caller, queue: str, ready: Count) -> None:
    said = call(sub, queue, exec="/no/such/command 2>/dev/null")
    assert said.code == 64
    assert "the command cannot be run (exit code 127)" in said.err
    assert ready(queue) == 5


@pytest.mark.parametrize(
    ("options", "arguments", "text"),
    [
        ({}, [], "name a queue"),
        ({}, ["a", "b"], "one queue"),
        ({"exchange": "e"}, ["q"], "is not bound"),
        ({"parallel": 2}, ["q"], "--parallel goes with --exec"),
        ({"no_ack": True, "count": 1}, ["q"], "would be lost"),
        ({"no_ack": True, "requeue": True}, ["q"], "exclude"),
        ({"stream_offset": "soon"}, ["q"], "--stream-offset is"),
        ({"format": "{x}"}, ["q"], "no field 'x'"),
        ({"prefetch": 0}, ["q"], "--prefetch is at least 1"),
        ({"timeout": "-1"}, ["q"], "--timeout"),
    ],
)
def test_wrong_usage(
    call: Caller, options: dict[str, object], arguments: list[str], text: str
) -> None:
    said = call(sub, *arguments, **options)
    assert said.code == 64
    assert text in said.err


def test_a_queue_that_is_not_there(call: Caller) -> None:
    said = call(sub, "nope")
    assert (said.code, said.out) == (65, b"")
    assert "404 NOT_FOUND - no queue 'nope'" in said.err


def test_a_queue_that_is_deleted_meanwhile(
    call: Caller, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = consuming.Subscription._take_one

    def take_and_delete(self: consuming.Subscription, content: object, tag: int) -> None:
        take(self, content, tag)  # type: ignore[arg-type]
        connection = call.connect()
        connection.call(m.QueueDelete(queue=queue), m.QueueDeleteOk)
        connection.close()

    monkeypatch.setattr(consuming.Subscription, "_take_one", take_and_delete)
    said = call(sub, queue)
    assert said.code == 69
    assert f"cancelled the consumer of '{queue}'" in said.err


def test_it_connects_again(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first broker goes after two messages; the next one on that port has another."""
    monkeypatch.setattr(sub, "RETRY_MIN_S", 0.01)
    settled, brokers = [0], [Broker().__enter__()]
    port = brokers[0].port
    acknowledge = consuming.Subscription._acknowledge

    def publish(*bodies: str) -> None:
        given = Caller(brokers[0])
        assert given(pub, "again", *bodies, declare="transient").code == 0

    def acknowledge_and_restart(
        self: consuming.Subscription, connection: Connection, *, is_final: bool = False
    ) -> None:
        acknowledge(self, connection, is_final=is_final)
        settled.append(self.settled)
        if len(brokers) == 1 and self.settled == 2:
            connection.flush()
            brokers[0].__exit__(None, None, None)
            brokers.append(Broker({"listeners.tcp": [port]}).__enter__())
            brokers.reverse()
            publish("c", "d")

    monkeypatch.setattr(consuming.Subscription, "_acknowledge", acknowledge_and_restart)
    publish("a", "b")
    said = Caller(brokers[0])(sub, "again", count=4, prefetch=1, retry=True)
    brokers[0].__exit__(None, None, None)
    assert (said.code, said.out) == (0, b"a\nb\nc\nd\n")
    assert "again in 0.01 s" in said.err


def test_a_reader_that_has_gone(call: Caller, queue: str, ready: Count) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    import io

    with os.fdopen(writing, "wb") as stdout:
        given = {"host": call.address.host, "port": call.address.port}
        assert sub.run(given, [queue], io.BytesIO(), stdout, io.StringIO()) == 0
    assert ready(queue) == 5
