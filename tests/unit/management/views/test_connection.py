from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.methods import BasicQos, BasicQosOk, TxSelect, TxSelectOk
from broker.amqp.wire import Field
from broker.management.request import encoded
from broker.management.views.common import Lens
from broker.management.views.connection import (
    list_channels,
    list_connections,
    name_of,
    show_channel,
    show_channel_whole,
    show_connection,
)
from broker.session.connection import Connection
from tests.support.api import Api
from tests.support.peer import Peer, World

NAME = "127.0.0.1:50000 -> 127.0.0.1:5672"


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


def lens(api: Api, **query: str) -> Lens:
    return Lens(api.node, api.management.collector, query)


def of_connection(api: Api, peer: Peer, **query: str) -> dict[str, Any]:
    found = show_connection(peer.connection, lens(api, **query))
    encoded(found)
    return found


def of_channel(api: Api, peer: Peer, **query: str) -> dict[str, Any]:
    found = show_channel(peer.connection.channels[1], lens(api, **query))
    encoded(found)
    return found


def test_a_connection_is_what_was_agreed_on(api: Api, world: World) -> None:
    peer = world.peer(frame_max=8192, channel_max=7, heartbeat=20)
    found = of_connection(api, peer, disable_stats="true")
    assert found.pop("client_properties")["capabilities"]["basic.nack"] is True
    assert {name: value for name, value in found.items() if value is not None} == {
        "name": NAME,
        "node": "rabbit@localhost",
        "type": "network",
        "protocol": "AMQP 0-9-1",
        "user": "guest",
        "user_who_performed_action": "guest",
        "vhost": "/",
        "host": "127.0.0.1",
        "port": 5672,
        "peer_host": "127.0.0.1",
        "peer_port": 50000,
        "ssl": False,
        "auth_mechanism": "PLAIN",
        "channel_max": 7,
        "frame_max": 8192,
        "timeout": 20,
        "connected_at": world.clock.epoch_ms(),
    }
    assert {name for name, value in found.items() if value is None} == {
        "ssl_protocol",
        "ssl_key_exchange",
        "ssl_cipher",
        "ssl_hash",
        "peer_cert_subject",
        "peer_cert_issuer",
        "peer_cert_validity",
    }


def test_a_name_that_the_client_gave(api: Api, peer: Peer) -> None:
    assert "user_provided_name" not in of_connection(api, peer)
    peer.connection.client_properties = {"connection_name": Field("S", "mine")}
    assert of_connection(api, peer)["user_provided_name"] == "mine"


def test_what_a_connection_has_done(api: Api, peer: Peer) -> None:
    api.looks()
    received = peer.connection.received_octets
    peer.publishes(1, "nowhere", "x" * 1000)
    api.passes_slots()
    found = of_connection(api, peer)
    assert found["recv_oct"] == peer.connection.received_octets
    rate = round((peer.connection.received_octets - received) / 5, 1)
    assert found["recv_oct_details"] == {"rate": rate}
    assert found["send_oct_details"] == {"rate": 0.0}
    assert (found["channels"], found["state"], found["send_pend"]) == (1, "running", 0)
    assert (found["recv_cnt"], found["send_cnt"]) == (
        peer.connection.received_count,
        peer.connection.sent_count,
    )


def test_a_connection_may_be_blocked(api: Api, peer: Peer, other: Peer) -> None:
    peer.publishes(1, "nowhere", "x")
    api.node.set_alarm("memory")
    peer.publishes(1, "nowhere", "x")
    assert of_connection(api, peer)["state"] == "blocked"
    assert of_connection(api, other)["state"] == "blocking"


def test_a_channel_is_of_its_connection(api: Api, peer: Peer) -> None:
    assert name_of(peer.connection.channels[1]) == f"{NAME} (1)"
    assert of_channel(api, peer, disable_stats="true") == {
        "name": f"{NAME} (1)",
        "node": "rabbit@localhost",
        "number": 1,
        "user": "guest",
        "user_who_performed_action": "guest",
        "vhost": "/",
        "connection_details": {"name": NAME, "peer_host": "127.0.0.1", "peer_port": 50000},
    }


def test_what_a_channel_is_doing(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *"abc")
    for count, is_global in ((5, False), (7, True)):
        peer.sends(1, BasicQos(prefetch_count=count, is_global=is_global))
        peer.receives(1, BasicQosOk())
    peer.wants_confirms(1)
    peer.consumes(1, "q", "t")
    found = of_channel(api, peer)
    assert {
        name: found[name]
        for name in (
            "state",
            "confirm",
            "transactional",
            "prefetch_count",
            "global_prefetch_count",
            "consumer_count",
            "messages_unacknowledged",
            "messages_unconfirmed",
        )
    } == {
        "state": "running",
        "confirm": True,
        "transactional": False,
        "prefetch_count": 5,
        "global_prefetch_count": 7,
        "consumer_count": 1,
        "messages_unacknowledged": 3,
        "messages_unconfirmed": 0,
    }
    stats = found["message_stats"]
    assert (stats["publish"], stats["deliver"], stats["deliver_get"]) == (3, 3, 3)


def test_what_a_transaction_has_put_off(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *"ab")
    peer.sends(1, TxSelect())
    peer.receives(1, TxSelectOk())
    peer.publishes(1, "q", *"cde")
    found = of_channel(api, peer)
    assert (found["transactional"], found["messages_uncommitted"], found["acks_uncommitted"]) == (
        True,
        3,
        0,
    )


def test_a_channel_that_does_nothing_is_idle(api: Api, peer: Peer) -> None:
    api.looks()
    api.passes_slots(2)
    assert of_channel(api, peer)["idle_since"].endswith("+00:00")


def test_its_own_page_has_its_consumers(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q", "t")
    found = show_channel_whole(peer.connection.channels[1], lens(api))
    assert [one["consumer_tag"] for one in found["consumer_details"]] == ["t"]
    assert (found["publishes"], found["deliveries"]) == ([], [])


def test_what_is_lost_while_a_list_is_put_together(api: Api, peer: Peer) -> None:
    channel = peer.connection.channels[1]
    peer.declares(1, "q")
    peer.consumes(1, "q")
    peer.drops()
    assert show_connection(peer.connection, lens(api))["channels"] == 0
    assert show_channel_whole(channel, lens(api))["consumer_count"] == 0


@pytest.mark.parametrize("query", [{}, {"disable_stats": "true"}])
def test_cheap_columns_are_those_of_the_entry(api: Api, peer: Peer, query: dict[str, str]) -> None:
    peer.declares(1, "q")
    peer.wants_confirms(1)
    peer.publishes(1, "q", "a")
    connection: Connection = peer.connection
    for listed, one in (
        (list_connections(lens(api, **query)), connection),
        (list_channels(lens(api, **query)), connection.channels[1]),
    ):
        entry = listed.show(one)  # type: ignore[arg-type]
        assert listed.cheap
        for name, find in listed.cheap.items():
            assert (name, find(one)) == (name, entry[name])  # type: ignore[arg-type]
