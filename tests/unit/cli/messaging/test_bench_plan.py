"""What a load test is made of."""

from __future__ import annotations

import os
from typing import Any

import pytest

from broker.amqp import methods as m
from broker.cli.messaging.bench_plan import OPTIONS, Plan, Stage, check, plan_of, shares
from broker.cli.messaging.exits import Failure
from broker.cli.messaging.options import Given
from tests.unit.cli.messaging.conftest import Caller


def plan(**options: Any) -> Plan:
    return plan_of(Given(options, OPTIONS))


def test_what_is_usual() -> None:
    usual = plan()
    assert (usual.producers, usual.consumers, usual.seconds, usual.messages) == (1, 1, 10.0, None)
    assert usual.queues == (f"leveretctl-bench-{os.getpid()}-0000",)
    assert plan(messages=5).seconds is None
    assert plan(messages=5, seconds="2").seconds == 2
    assert plan(prefetch=10).ack_every == 10


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 100),
        ({"consumers": 0}, 0),
        ({"consumers": 2}, 100),
        ({"queue_count": 2, "producers": 2}, 50),
        ({"queue_count": 2, "producers": 2, "consumers": 2}, 100),
        ({"queue_count": 2, "consumers": 2, "exchange_type": "fanout"}, 200),
        ({"consumers": 3, "queue_type": "stream"}, 300),
    ],
)
def test_how_many_deliveries_come_of_a_hundred(options: dict[str, Any], expected: int) -> None:
    assert plan(**options).expected(100) == expected


def test_producers_and_consumers_are_shared_out(call: Caller) -> None:
    made = plan(producers=3, consumers=1, queue_count=2, processes=2)
    told = shares(made, call.address)
    first, second = made.queues
    assert [one["consumers"] for one in told] == [[first], [], []]
    assert [one["producers"] for one in told] == [[], [first, first], [second]]
    assert all(one["address"]["heartbeat_s"] == 0 for one in told)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"producers": 0, "consumers": 0}, "nothing to do"),
        ({"producers": 0, "messages": 5}, "there are none"),
        ({"queue": "q", "queue_type": "quorum"}, "--queue is used as it is"),
        ({"queue_type": "lazy"}, "one of classic, quorum, stream"),
        ({"rate": "fast"}, "--rate"),
        ({"confirm": 0}, "--confirm is at least 1"),
    ],
)
def test_what_makes_no_test(options: dict[str, Any], text: str) -> None:
    with pytest.raises(Failure, match=text) as caught:
        check(plan(**options))
    assert caught.value.code == 64


@pytest.mark.parametrize("exchange_type", ["", "fanout", "x-consistent-hash", "headers"])
def test_what_is_declared_is_deleted(call: Caller, exchange_type: str) -> None:
    made = plan(queue_count=2, **({"exchange_type": exchange_type} if exchange_type else {}))
    connection = call.connect()
    stage = Stage(connection, made)
    stage.set_up()
    for queue in made.queues:
        connection.call(m.QueueDeclare(queue=queue, passive=True), m.QueueDeclareOk)
    assert len(stage.left) == 2 + bool(exchange_type)
    stage.clear(connection)
    for queue in made.queues:
        with pytest.raises(Failure, match="NOT_FOUND"):
            connection.call(m.QueueDeclare(queue=queue, passive=True), m.QueueDeclareOk)
        connection.close()
        connection = call.connect()
    connection.close()


def test_a_queue_that_is_there_stays(call: Caller) -> None:
    connection = call.connect()
    queue = connection.call(m.QueueDeclare(exclusive=True), m.QueueDeclareOk).queue
    stage = Stage(connection, plan(queue=queue))
    stage.set_up()
    stage.clear(connection)
    connection.call(m.QueueDeclare(queue=queue, passive=True), m.QueueDeclareOk)
    with pytest.raises(Failure, match="NOT_FOUND"):
        Stage(connection, plan(queue="nope")).set_up()
    connection.close()
