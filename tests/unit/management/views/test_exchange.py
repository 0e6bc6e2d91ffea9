from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.methods import ExchangeDeclare, ExchangeDeclareOk
from broker.commands import SetPolicy
from broker.management.views.common import Lens
from broker.management.views.exchange import (
    CHEAP,
    show_exchange,
    show_exchange_whole,
)
from tests.support.api import Api
from tests.support.builders import table
from tests.support.peer import Peer, World


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


def lens(api: Api, **query: str) -> Lens:
    return Lens(api.node, api.management.collector, query)


def shown(api: Api, name: str, **query: str) -> dict[str, Any]:
    return show_exchange(api.world.vhost.exchanges[name], lens(api, **query))


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
