"""Events: what facts become on the wire, and what it costs when nobody hears."""

from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.content import Properties
from broker.amqp.wire import Field
from broker.commands import Bind, DeclareExchange, DeclareQueue
from broker.hooks.events import (
    EXCHANGE,
    Events,
    Resource,
    arguments_of,
    as_field,
    as_headers,
    ordered,
    parameter,
)
from tests.support.builders import table
from tests.support.peer import World
from tests.support.seams import BEGAN_MS


def text(value: str) -> Field:
    return Field("S", value)


@pytest.fixture
def events(world: World) -> Events:
    world.node.execute(DeclareExchange("/", EXCHANGE, "topic", durable=True, internal=True))
    world.node.execute(DeclareQueue("/", "q"))
    made = Events(world.node.outlet, world.clock, vhost="/", node="rabbit@here")
    made.is_published = True
    return made


def test_an_event_is_an_empty_persistent_message(world: World, events: Events) -> None:
    world.node.execute(Bind("/", EXCHANGE, "queue", "q", "queue.*"))
    events.emit("queue.created", [("name", Resource("a queue", "a vhost")), ("durable", True)])
    events.emit("exchange.created", [])
    world.settle()
    (message,) = world.queue("q").ready
    assert message.envelope.routing_key == "queue.created"
    assert message.body == b""
    assert message.envelope.is_persistent
    assert message.envelope.properties == Properties(
        delivery_mode=2,
        timestamp=BEGAN_MS // 1000,
        headers={
            "durable": Field("t", True),
            "name": text("a queue"),
            "vhost": text("a vhost"),
            "timestamp_in_ms": Field("l", BEGAN_MS),
        },
    )


def test_nobody_hears_until_somebody_is_bound(world: World, events: Events) -> None:
    assert not events.is_heard
    events.emit("queue.created", [("name", pytest.fail)])
    assert not world.node.outlet.is_due
    world.node.execute(Bind("/", EXCHANGE, "queue", "q", "#"))
    assert events.is_heard


def test_pids_are_told_apart(events: Events) -> None:
    assert events.pid(7) == f"<rabbit@here.{BEGAN_MS // 1000}.7.0>"
    assert events.pid(7, 3) == f"<rabbit@here.{BEGAN_MS // 1000}.7.3>"


@pytest.mark.parametrize(
    ("fact", "field"),
    [
        (True, Field("t", True)),
        (5, Field("l", 5)),
        (2**64, text(str(2**64))),
        (1.5, Field("f", 1.5)),
        (1e300, Field("d", 1e300)),
        ("text", text("text")),
        (None, text("null")),
        ([1, "a"], Field("A", [Field("l", 1), text("a")])),
        ({}, Field("A", [])),
        (
            {"a": 1, "b": {"c": False}},
            Field("F", {"b": Field("F", table(c=False)), "a": Field("l", 1)}),
        ),
    ],
)
def test_a_fact_has_the_type_that_rabbitmq_gives_it(fact: object, field: Field) -> None:
    made = as_field(fact)
    assert made == field
    if isinstance(made.value, dict):
        assert list(made.value) == list(field.value)  # type: ignore[call-overload]


def test_facts_stand_the_other_way_round(events: Events) -> None:
    headers = as_headers([("first", 1), ("queue", Resource("q", "v")), ("last", 2)])
    assert list(headers) == ["last", "queue", "vhost", "first"]


def test_a_name_that_cannot_be_written_down_is_left_out() -> None:
    assert as_headers([("n" * 256, 1), ("a", 2)]) == {"a": Field("l", 2)}


def test_names_of_an_object_are_sorted() -> None:
    value: Any = ordered({"b": 1, "a": [{"d": 1, "c": 2}]})
    assert list(value) == ["a", "b"]
    assert list(value["a"][0]) == ["c", "d"]


def test_arguments_are_printed_as_erlang_does() -> None:
    assert arguments_of({}) == []
    fields = {"n": Field("I", 5), "t": Field("F", {"b": Field("t", True)}), "s": text("x" * 90)}
    assert arguments_of(fields) == [
        '{<<"n">>,signedint,5}',
        '{<<"t">>,table,[{<<"b">>,bool,true}]}',
        '{<<"s">>,longstr,<<"' + "x" * 90 + '">>}',
    ]


def test_what_names_a_parameter() -> None:
    assert parameter("/", "c", "n") == [("vhost", "/"), ("component", "c"), ("name", "n")]
