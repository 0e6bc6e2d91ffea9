from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.methods import BasicQos, BasicQosOk
from broker.management.views.consumer import channel_details, consumer_details
from broker.session.consumer import ChannelConsumer
from tests.support.builders import table
from tests.support.peer import Peer

DETAILS = {
    "connection_name": "127.0.0.1:50000 -> 127.0.0.1:5672",
    "name": "127.0.0.1:50000 -> 127.0.0.1:5672 (1)",
    "node": "rabbit@localhost",
    "number": 1,
    "peer_host": "127.0.0.1",
    "peer_port": 50000,
    "user": "guest",
}


def shown(peer: Peer, queue: str = "q") -> list[dict[str, Any]]:
    return [
        consumer_details(consumer)
        for consumer in peer.world.queue(queue).consumers
        if isinstance(consumer, ChannelConsumer)
    ]


def test_whose_a_channel_is(peer: Peer) -> None:
    assert channel_details(peer.connection.channels[1]) == DETAILS


def test_a_consumer_is_what_was_asked_for(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q", "t", no_ack=True, arguments=table(x_priority=5), exclusive=True)
    assert shown(peer) == [
        {
            "arguments": {"x-priority": 5},
            "channel_details": DETAILS,
            "ack_required": False,
            "active": True,
            "activity_status": "up",
            "consumer_tag": "t",
            "exclusive": True,
            "prefetch_count": 0,
            "queue": {"name": "q", "vhost": "/"},
        }
    ]


@pytest.mark.parametrize("no_ack", [True, False])
def test_whether_it_acks(peer: Peer, no_ack: bool) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q", no_ack=no_ack)
    assert [one["ack_required"] for one in shown(peer)] == [not no_ack]


def test_the_prefetch_is_that_of_when_it_came(peer: Peer) -> None:
    peer.declares(1, "q")
    for count in (10, 20):
        peer.sends(1, BasicQos(prefetch_count=count))
        peer.receives(1, BasicQosOk())
        peer.consumes(1, "q", f"t{count}")
    assert [one["prefetch_count"] for one in shown(peer)] == [10, 20]


def test_of_a_single_active_consumer_the_others_wait(peer: Peer) -> None:
    peer.declares(1, "q", table(x_single_active_consumer=True))
    for tag in ("first", "second"):
        peer.consumes(1, "q", tag)
    found = {one["consumer_tag"]: (one["active"], one["activity_status"]) for one in shown(peer)}
    assert found == {"first": (True, "single_active"), "second": (False, "waiting")}
