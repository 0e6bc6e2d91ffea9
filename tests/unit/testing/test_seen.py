"""What is seen of a queue, and that looking leaves no trace."""

from __future__ import annotations

from broker.amqp.methods import (
    BasicAck,
    BasicNack,
    BasicQos,
    BasicQosOk,
    TxCommit,
    TxCommitOk,
    TxSelect,
    TxSelectOk,
)
from broker.amqp.wire import table_of
from broker.testing.seen import READY, UNACKED, SeenMessage, messages_of
from tests.support.peer import Peer, World


def seen(world: World, queue: str = "q") -> list[SeenMessage]:
    found = messages_of(world.node, world.queue(queue))
    world.node.check_invariants()
    return found


def bodies(world: World, state: str) -> list[bytes]:
    return [message.body for message in seen(world) if message.state == state]


def test_a_message_is_seen_with_what_it_came_with(world: World, peer: Peer) -> None:
    peer.declares(1, "q")
    headers = table_of({"n": 1, "deep": {"list": [1, "two"]}})
    peer.publishes(1, "q", b"\x00x", headers=headers, delivery_mode=2, content_type="a/b")
    assert seen(world) == [
        SeenMessage(
            b"\x00x",
            exchange="",
            routing_key="q",
            properties={"delivery_mode": 2, "content_type": "a/b"},
            headers={"n": 1, "deep": {"list": [1, "two"]}},
            redelivered=False,
            state="ready",
        )
    ]


def test_looking_changes_nothing(world: World, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "1", "2")
    assert seen(world) == seen(world)
    for body in (b"1", b"2"):
        content = peer.gets(1, "q")
        assert content is not None
        assert content.body == body
        assert not content.method.redelivered  # type: ignore[attr-defined]


def test_what_is_not_acked_comes_first_and_says_who_has_it(world: World, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.sends(1, BasicQos(prefetch_count=1))
    peer.receives(1, BasicQosOk())
    peer.consumes(1, "q", "reader")
    peer.publishes(1, "q", "1", "2")
    found = seen(world)
    assert [(one.body, one.state, one.consumer_tag) for one in found] == [
        (b"1", UNACKED, "reader"),
        (b"2", READY, None),
    ]
    peer.takes_all(1)
    peer.gets(1, "q", no_ack=False)
    assert [(one.state, one.consumer_tag) for one in seen(world)] == [
        (UNACKED, "reader"),
        (UNACKED, None),
    ]


def test_what_came_back_is_in_its_place_and_redelivered(world: World, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "1", "2", "3")
    for _ in range(2):
        peer.gets(1, "q", no_ack=False)
    peer.sends(1, BasicNack(1, requeue=True))
    found = seen(world)
    assert [(one.body, one.state, one.redelivered) for one in found] == [
        (b"2", UNACKED, False),
        (b"1", READY, True),
        (b"3", READY, False),
    ]


def test_priorities_are_seen_in_the_order_of_delivery(world: World, peer: Peer) -> None:
    peer.declares(1, "q", table_of({"x-max-priority": 5}))
    for priority in (0, 5, 3):
        peer.publishes(1, "q", str(priority), priority=priority)
    assert bodies(world, READY) == [b"5", b"3", b"0"]


def test_an_ack_that_is_not_committed_is_none(world: World, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "1")
    peer.sends(1, TxSelect())
    peer.receives(1, TxSelectOk())
    peer.gets(1, "q", no_ack=False)
    peer.sends(1, BasicAck(1))
    assert bodies(world, UNACKED) == [b"1"]
    peer.sends(1, TxCommit())
    peer.receives(1, TxCommitOk())
    assert seen(world) == []
