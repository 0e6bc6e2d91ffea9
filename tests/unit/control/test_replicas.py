"""Messages are looked at in the order of their queue; the rest is in the tests of the commands."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from broker.amqp.wire import Field
from broker.commands import DeclareQueue
from broker.control import replicas
from broker.control.host import Failure
from broker.message import Envelope, Message
from broker.node import Node
from tests.support.asked import asked_of, bare_node
from tests.support.builders import message


@pytest.fixture
def node() -> Node:
    node = bare_node()
    quorum = {"x-queue-type": Field("S", "quorum")}
    node.execute(DeclareQueue("/", "blue", durable=True, arguments=quorum))
    return node


def peeked(node: Node, position: int) -> dict[str, Any]:
    return dict(asyncio.run(replicas.peek(asked_of(node), "/", "blue", position)))


def test_each_has_its_position(node: Node) -> None:
    queue = node.vhosts["/"].queues["blue"]
    for number in range(600):
        queue.push(message(str(number)))
    for position in (1, 2, 600):
        assert peeked(node, position)["payload (max 64 bytes)"] == str(position - 1)
    with pytest.raises(Failure) as caught:
        peeked(node, 601)
    assert caught.value.reason == "no_message_at_pos"


def test_properties_stand_the_other_way_round(node: Node) -> None:
    facts = {"app_id": "a", "type": "t", "timestamp": 7, "priority": 3, "content_type": "c"}
    node.vhosts["/"].queues["blue"].push(message(b"\xff", **facts))
    found = peeked(node, 1)
    assert list(found)[:5] == ["app_id", "type", "timestamp", "priority", "content_type"]
    assert found["payload (max 64 bytes)"] == "\udcff"
    assert found["header.x-delivery-count"] == 0


def test_a_header_that_makes_no_sense(node: Node) -> None:
    good = message(b"", headers={"h": Field("S", "v")})
    header = good.envelope.header[:14] + b"\xff" * (len(good.envelope.header) - 14)
    node.vhosts["/"].queues["blue"].push(Message(Envelope("", "key", header), b""))
    with pytest.raises(Failure) as caught:
        peeked(node, 1)
    assert "cannot be read" in caught.value.text


def test_a_pattern_has_to_be_safe(node: Node) -> None:
    for pattern in ("(", "x" * 5000):
        with pytest.raises(Failure):
            asyncio.run(replicas.rebalance(asked_of(node), "all", ".*", pattern))
