from __future__ import annotations

from broker.management.statistics.counted import (
    CHANNEL,
    QUEUE,
    TAKEN_PAIR,
    counts_of_channel,
    counts_of_queue,
    counts_taken,
)
from broker.session.pairs import ACK, DELIVER, DELIVER_NO_ACK, GET, GET_NO_ACK, REDELIVER, Counted
from tests.support.peer import Peer


def test_what_counts_of_a_queue_and_of_a_channel(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *"abcd")
    peer.publishes(1, "nowhere", "e")
    peer.gets(1, "q", no_ack=True)
    peer.gets(1, "q", no_ack=False)
    queue, channel = peer.world.queue("q"), peer.connection.channels[1]
    counts = dict(zip(QUEUE.names, counts_of_queue(queue), strict=True))
    assert {name: count for name, count in counts.items() if count} == {
        "publish": 4,
        "get": 1,
        "get_no_ack": 1,
        "deliver_get": 2,
        "messages": 3,
        "messages_ready": 2,
        "messages_unacknowledged": 1,
    }
    counts = dict(zip(CHANNEL.names, counts_of_channel(channel), strict=True))
    assert {name: count for name, count in counts.items() if count} == {
        "publish": 5,
        "drop_unroutable": 1,
        "get": 1,
        "get_no_ack": 1,
        "deliver_get": 2,
    }


def test_deliveries_to_consumers_are_told_apart(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q", "acks", no_ack=False)
    peer.consumes(1, "q", "does not", no_ack=True)
    peer.publishes(1, "q", *"abcdef")
    counts = dict(zip(QUEUE.names, counts_of_queue(peer.world.queue("q")), strict=True))
    assert (counts["deliver"], counts["deliver_no_ack"], counts["deliver_get"]) == (3, 3, 6)


def test_deliveries_of_a_pair_add_up() -> None:
    pair = Counted(6)
    for what, count in ((ACK, 1), (DELIVER, 2), (DELIVER_NO_ACK, 4), (GET, 8), (GET_NO_ACK, 16)):
        pair.counts[what] = count
    pair.counts[REDELIVER] = 32
    counts = dict(zip(TAKEN_PAIR.names, counts_taken(pair), strict=True))
    assert counts == {
        "ack": 1,
        "deliver": 2,
        "deliver_no_ack": 4,
        "get": 8,
        "get_no_ack": 16,
        "redeliver": 32,
        "deliver_get": 2 + 4 + 8 + 16,
    }
