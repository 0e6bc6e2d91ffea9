from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from broker.amqp.methods import ExchangeDeclare, ExchangeDeclareOk
from broker.amqp.wire import Field, Table
from broker.commands import Bind, SetPolicy
from broker.management.views.common import Lens
from broker.management.views.exchange import (
    CHEAP,
    CHEAP_BINDING,
    bindings_from,
    bindings_of_vhost,
    bindings_to,
    implicit,
    properties_key,
    show_exchange,
    show_exchange_whole,
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


def lens(api: Api, **query: str) -> Lens:
    return Lens(api.node, api.management.collector, query)


def shown(api: Api, name: str, **query: str) -> dict[str, Any]:
    return show_exchange(api.world.vhost.exchanges[name], lens(api, **query))


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


# exchanges


def test_an_exchange_is_what_it_was_declared_as(api: Api, peer: Peer) -> None:
    declare = ExchangeDeclare(
        exchange="x", type="topic", durable=True, auto_delete=True, arguments=table(n=1)
    )
    peer.sends(1, declare)
    peer.receives(1, ExchangeDeclareOk())
    assert shown(api, "x") == {
        "name": "x",
        "vhost": "/",
        "type": "topic",
        "durable": True,
        "auto_delete": True,
        "internal": False,
        "arguments": {"n": 1},
        "user_who_performed_action": "guest",
    }


def test_its_policy_is_shown_if_it_has_one(api: Api) -> None:
    api.node.execute(SetPolicy("/", "p", "^amq", '{"alternate-exchange": "x"}'))
    assert shown(api, "amq.topic")["policy"] == "p"
    assert "policy" not in shown(api, "")


def test_what_went_through_is_shown_where_anything_did(api: Api, peer: Peer) -> None:
    assert "message_stats" not in shown(api, "")
    peer.declares(1, "q")
    peer.publishes(1, "q", *"abcde")
    peer.publishes(1, "nowhere", "f")
    api.looks()
    assert shown(api, "")["message_stats"] == {
        "publish_in": 6,
        "publish_in_details": {"rate": 1.2},
        "publish_out": 5,
        "publish_out_details": {"rate": 1.0},
    }
    assert "message_stats" not in shown(api, "", disable_stats="true")


def test_its_own_page_has_its_pairs(api: Api) -> None:
    exchange = api.world.vhost.exchanges["amq.topic"]
    found = show_exchange_whole(exchange, lens(api))
    assert (found["incoming"], found["outgoing"]) == ([], [])
    assert "incoming" not in show_exchange_whole(exchange, lens(api, disable_stats="true"))


def test_cheap_columns_are_those_of_the_entry(api: Api) -> None:
    for exchange in api.world.vhost.exchanges.values():
        entry = show_exchange(exchange, lens(api))
        assert {name: find(exchange) for name, find in CHEAP.items()}.items() <= entry.items()


# bindings


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
    _, second = bindings_from(vhost.exchanges["amq.topic"])
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
    assert implicit(bound.world.queue("q")).show() == {
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
        return [(one.source, one.destination.name, one.routing_key) for one in found]

    topic, fanout = vhost.exchanges["amq.topic"], vhost.exchanges["amq.fanout"]
    of_queue = [("amq.topic", "q", "a.#"), ("amq.topic", "q", "b")]
    assert ends(bindings_from(topic)) == of_queue
    assert ends(bindings_to(vhost.queues["q"])) == of_queue
    assert ends(bindings_from(fanout)) == ends(bindings_to(topic))
    assert ends(bindings_to(fanout)) == []
    assert sorted(ends(bindings_of_vhost(vhost))) == [
        ("", "q", "q"),
        ("amq.fanout", "amq.topic", "k"),
        *of_queue,
    ]


def test_cheap_columns_are_those_of_the_binding(bound: Api) -> None:
    for one in bindings_of_vhost(bound.world.vhost):
        found = {name: find(one) for name, find in CHEAP_BINDING.items()}
        assert found == {name: value for name, value in one.show().items() if name != "arguments"}
