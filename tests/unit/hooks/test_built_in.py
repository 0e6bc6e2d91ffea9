"""RabbitMQ's own interceptors, by its settings."""

from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.content import Properties
from broker.amqp.wire import Field
from broker.config import Hooks
from broker.hooks.built_in import (
    SentTime,
    SetHeaderRoutingNode,
    SetHeaderTimestamp,
    built_in,
)
from broker.hooks.interceptor import InterceptedMessage
from tests.support.builders import header
from tests.support.peer import Peer, World
from tests.support.seams import BEGAN_MS

THEIRS = {"timestamp_in_ms": Field("l", 1000), "x-routed-by": Field("S", "rabbit@theirs")}
OURS = {"timestamp_in_ms": Field("l", BEGAN_MS), "x-routed-by": Field("S", "rabbit@localhost")}
INCOMING = "message_interceptors.incoming"


def published(settings: dict[str, object], **properties: Any) -> Properties:
    """What a queue has of a message that was published under these settings."""
    peer: Peer = World(settings).peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.publishes(1, "q", "body", **properties)
    content = peer.gets(1, "q")
    assert content is not None
    assert content.body == b"body"
    return content.properties


def both(overwrite: bool) -> dict[str, object]:
    return {
        f"{INCOMING}.set_header_timestamp.overwrite": overwrite,
        f"{INCOMING}.set_header_routing_node.overwrite": overwrite,
    }


@pytest.mark.parametrize("overwrite", [True, False])
def test_what_is_missing_is_set(overwrite: bool) -> None:
    found = published(both(overwrite))
    assert found == Properties(headers=OURS, timestamp=BEGAN_MS // 1000)


def test_what_the_publisher_has_set_stays() -> None:
    found = published(both(overwrite=False), headers=THEIRS, timestamp=1)
    assert found == Properties(headers=THEIRS, timestamp=1)


def test_what_the_publisher_has_set_is_overwritten() -> None:
    found = published(both(overwrite=True), headers=THEIRS, timestamp=1)
    assert found == Properties(headers=OURS, timestamp=BEGAN_MS // 1000)


def test_a_timestamp_stays_where_only_the_header_is_missing() -> None:
    settings: dict[str, object] = {f"{INCOMING}.set_header_timestamp.overwrite": "false"}
    found = published(settings, timestamp=1)
    assert found == Properties(headers={"timestamp_in_ms": OURS["timestamp_in_ms"]}, timestamp=1)


def test_the_time_of_going_out_is_that_of_each_delivery() -> None:
    world = World({"message_interceptors.outgoing.timestamp.enabled": True})
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.publishes(1, "q", "body")
    world.passes(1500)
    for later in (0, 500):
        content = peer.gets(1, "q", no_ack=False)
        assert content is not None
        assert content.properties.headers == {
            "x-opt-rabbitmq-sent-time": Field("l", BEGAN_MS + 1500 + later)
        }
        peer.drops()
        world.passes(500)
        peer = world.peer()
        peer.opens_channel(1)


def test_only_what_is_asked_for_is_there() -> None:
    assert built_in(Hooks()) == []
    found = built_in(Hooks(routing_node=False, timestamp=True, sent_time=True))
    assert [type(one) for one in found] == [SetHeaderRoutingNode, SetHeaderTimestamp, SentTime]


def test_a_message_that_has_everything_is_not_made_anew() -> None:
    came = InterceptedMessage(
        exchange="", routing_key="q", header=header(0, headers=THEIRS, timestamp=1), body=b""
    )
    assert SetHeaderTimestamp(overwrite=False).on_publish(came) is None
    assert SetHeaderRoutingNode(overwrite=False).on_publish(came) is None
