"""Breakdowns of rates, seen from the channel, the queue and the exchange."""

from __future__ import annotations

import pytest

from tests.support.api import Api
from tests.support.peer import Peer, World


@pytest.fixture
def api() -> Api:
    return Api(World({"management.rates_mode": "detailed"}))


@pytest.fixture
def peer(api: Api) -> Peer:
    peer = api.world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.consumes(1, "q")
    peer.publishes(1, "q", *"abc")
    return peer


def test_all_four_sides(api: Api, peer: Peer) -> None:
    channel = api.gets("/channels")[0]["name"].replace(" ", "%20").replace(">", "%3E")
    of_channel = api.gets(f"/channels/{channel}")
    of_queue = api.gets("/queues/%2f/q")
    of_exchange = api.gets("/exchanges/%2f/amq.default")
    assert [one["exchange"]["name"] for one in of_channel["publishes"]] == [""]
    assert of_channel["publishes"][0]["stats"]["publish"] == 3
    assert of_channel["deliveries"][0]["queue"] == {"name": "q", "vhost": "/"}
    stats = of_channel["deliveries"][0]["stats"]
    assert (stats["deliver"], stats["deliver_get"], stats["ack"]) == (3, 3, 0)
    assert of_queue["incoming"][0]["exchange"] == {"name": "", "vhost": "/"}
    assert of_queue["incoming"][0]["stats"]["publish"] == 3
    assert of_queue["deliveries"][0]["channel_details"]["number"] == 1
    assert of_exchange["incoming"][0]["stats"]["publish"] == 3
    assert of_exchange["outgoing"][0]["queue"] == {"name": "q", "vhost": "/"}


def test_what_is_gone_is_forgotten(api: Api, peer: Peer) -> None:
    api.asks("DELETE", "/queues/%2f/q")
    for _ in api.management.collector.look(1):
        pass
    assert api.gets("/exchanges/%2f/amq.default")["outgoing"] == []
    assert peer.connection.channels[1].pairs is not None
    assert peer.connection.channels[1].pairs.taken == {}


def test_by_default_there_are_none(world: World) -> None:
    api = Api(world)
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.publishes(1, "q", "a")
    shown = api.gets("/queues/%2f/q")
    assert (shown["incoming"], shown["deliveries"]) == ([], [])
