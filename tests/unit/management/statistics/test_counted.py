"""Counts as RabbitMQ names them, in the order of their kinds."""

from __future__ import annotations

from broker.amqp.methods import BasicAck
from broker.management.statistics.counted import (
    CHANNEL,
    QUEUE,
    TAKEN_PAIR,
    counts_of_channel,
    counts_of_queue,
    counts_taken,
)
from broker.session.pairs import ACK, DELIVER, GET, GET_NO_ACK, Counted
from tests.support.peer import Peer


def named(names: tuple[str, ...], counts: tuple[int, ...]) -> dict[str, int]:
    """Those that are not 0."""
    return {name: count for name, count in zip(names, counts, strict=True) if count}


def test_a_queue_and_its_channel(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *"abcd")
    peer.gets(1, "q")
    peer.gets(1, "q", no_ack=False)
    peer.gets(1, "q", no_ack=False)
    peer.sends(1, BasicAck(2))
    assert named(QUEUE.names, counts_of_queue(peer.world.queue("q"))) == {
        "publish": 4,
        "get": 2,
        "get_no_ack": 1,
        "deliver_get": 3,
        "ack": 1,
        "messages": 2,
        "messages_ready": 1,
        "messages_unacknowledged": 1,
    }
    channel = peer.connection.channels[1]
    assert named(CHANNEL.names, counts_of_channel(channel)) == {
        "publish": 4,
        "get": 2,
        "get_no_ack": 1,
        "deliver_get": 3,
        "ack": 1,
    }


def test_a_pair() -> None:
    pair = Counted(6)
    for what, count in ((ACK, 2), (DELIVER, 3), (GET, 4), (GET_NO_ACK, 5)):
        pair.counts[what] = count
    assert named(TAKEN_PAIR.names, counts_taken(pair)) == {
        "ack": 2,
        "deliver": 3,
        "get": 4,
        "get_no_ack": 5,
        "deliver_get": 12,
    }
