from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from broker.amqp.wire import Field, Table
from broker.commands import Bind
from broker.management.views.binding import (
    CHEAP,
    Bound,
    bindings_between,
    bindings_from,
    bindings_of_vhost,
    bindings_to,
    hash_of,
    implicit,
    named,
    properties_key,
)
from broker.management.views.tables import table_of
from tests import support
from tests.support.api import Api
from tests.support.builders import table
from tests.support.peer import Peer, World

# [routing key, arguments, properties_key] of bindings that RabbitMQ 3.10.8 was given over HTTP.
RECORDED = json.loads((Path(support.__path__[0]) / "properties_keys.json").read_text("utf-8"))


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


# properties_key


@pytest.mark.parametrize(("routing_key", "arguments", "key"), RECORDED)
def test_keys_are_rabbitmqs(routing_key: str, arguments: dict[str, Any], key: str) -> None:
    assert properties_key(routing_key, table_of(arguments)) == key


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"z": Field("I", 1), "a": Field("I", 2)}, "~MytU2A"),
        ({"a": Field("I", 2), "z": Field("I", 1)}, "~MytU2A"),
        (
            {"x": Field("I", 1), "y": Field("F", {"z": Field("I", 1), "a": Field("I", 2)})},
            "~_wv34Q",
        ),
        (
            {
                "v": Field("V", None),
                "d": Field("D", (2, 150)),
                "t": Field("T", 5),
                "b": Field("x", b"\xff"),
                "f": Field("f", 1.5),
                "S": Field("S", "\udcff"),
            },
            "~-alK_w",
        ),
        ({"k": Field("b", -3)}, "~JPDo4A"),
        ({"k": Field("B", 3)}, "~n0QbJA"),
        ({"k": Field("s", -3)}, "~1qMyhQ"),
        ({"k": Field("u", 3)}, "~sXyrKw"),
        ({"k": Field("I", 3)}, "~80ciuw"),
        ({"k": Field("i", 3)}, "~iTrbYw"),
        ({"k": Field("l", 3)}, "~raIDuA"),
        ({"k": Field("d", 3.0)}, "~Lbb6jQ"),
    ],
)
def test_arguments_are_hashed_with_their_types_by_their_names(arguments: Table, key: str) -> None:
    """As RabbitMQ 3.10.8 shows bindings that were made over AMQP."""
    assert properties_key("", arguments) == key


def test_a_tilde_is_encoded_where_it_would_be_taken_for_the_one_in_between() -> None:
    assert properties_key("a~b", {}) == "a%7Eb"
    assert properties_key("", {}) == "~"
    assert properties_key("~", {}) == "%7E"


def test_the_order_that_arguments_came_in_does_not_matter() -> None:
    arguments = table_of({"b": 1, "a": {"d": 1, "c": 2}})
    backwards: Table = dict(reversed(arguments.items()))
    assert list(backwards) != list(arguments)
    assert hash_of(backwards) == hash_of(arguments)


# what a key names


def a_bound(routing_key: str, **arguments: object) -> Bound:
    return Bound("/", "x", "queue", "q", routing_key, table_of(arguments))


BOUND = [
    a_bound(""),
    a_bound("k"),
    a_bound("a b/c"),
    a_bound("a~b"),
    a_bound("", a=1),
    a_bound("k", a=1),
    a_bound("k", a=2),
    a_bound("\udcff"),
]


@pytest.mark.parametrize("wanted", BOUND, ids=lambda one: one.properties_key)
def test_a_binding_is_found_by_its_key(wanted: Bound) -> None:
    assert named(wanted.properties_key, BOUND) is wanted


@pytest.mark.parametrize(
    ("key", "at"),
    [("", 0), ("k~", 1), ("%6b", 1), ("a+b/c", 2), ("a b%2fc", 2), ("a%7eb", 3)],
)
def test_the_parts_of_a_key_count_not_how_they_are_written(key: str, at: int) -> None:
    assert named(key, BOUND) is BOUND[at]


@pytest.mark.parametrize(
    "key", ["x", "a~b", "k~wrong", "~~", "k~a~b", f"{BOUND[5].properties_key}~"]
)
def test_keys_that_name_nothing(key: str) -> None:
    assert named(key, BOUND) is None


# which there are


@pytest.fixture
def bound(api: Api, peer: Peer) -> Api:
    """q is bound to amq.topic in two ways, amq.topic to amq.fanout."""
    peer.declares(1, "q")
    peer.binds(1, "q", "amq.topic", "a.#")
    peer.binds(1, "q", "amq.topic", "b", table(n=1))
    api.node.execute(Bind("/", "amq.fanout", "exchange", "amq.topic", "k", {}))
    return api


def test_a_binding_has_both_ends_and_what_tells_it_apart(bound: Api) -> None:
    vhost = bound.world.vhost
    _, second = bindings_from(vhost, vhost.exchanges["amq.topic"])
    assert second.show() == {
        "source": "amq.topic",
        "vhost": "/",
        "destination": "q",
        "destination_type": "queue",
        "routing_key": "b",
        "arguments": {"n": 1},
        "properties_key": properties_key("b", table(n=1)),
    }


def test_every_queue_is_bound_by_its_name(bound: Api) -> None:
    assert implicit("/", "q").show() == {
        "source": "",
        "vhost": "/",
        "destination": "q",
        "destination_type": "queue",
        "routing_key": "q",
        "arguments": {},
        "properties_key": "q",
    }


def test_bindings_are_found_from_both_ends(bound: Api) -> None:
    vhost = bound.world.vhost

    def ends(found: Any) -> list[tuple[str, str, str]]:
        return [(one.source, one.destination, one.routing_key) for one in found]

    topic, fanout = vhost.exchanges["amq.topic"], vhost.exchanges["amq.fanout"]
    of_queue = [("amq.topic", "q", "a.#"), ("amq.topic", "q", "b")]
    assert ends(bindings_from(vhost, topic)) == of_queue
    assert ends(bindings_to(vhost, vhost.queues["q"])) == of_queue
    assert ends(bindings_from(vhost, fanout)) == ends(bindings_to(vhost, topic))
    assert ends(bindings_to(vhost, fanout)) == []
    assert ends(bindings_between(vhost, topic, vhost.queues["q"])) == of_queue
    assert ends(bindings_between(vhost, fanout, vhost.queues["q"])) == []
    assert sorted(ends(bindings_of_vhost(vhost))) == [
        ("", "q", "q"),
        ("amq.fanout", "amq.topic", "k"),
        *of_queue,
    ]


def test_cheap_columns_are_those_of_the_binding(bound: Api) -> None:
    for one in bindings_of_vhost(bound.world.vhost):
        found = {name: find(one) for name, find in CHEAP.items()}
        assert found == {name: value for name, value in one.show().items() if name != "arguments"}
