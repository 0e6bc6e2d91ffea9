"""Where rejected messages of a quorum queue go. Each of it was tried on RabbitMQ 3.10.8."""

from __future__ import annotations

import pytest

from broker.amqp.methods import (
    BasicAck,
    BasicNack,
    BasicQos,
    BasicQosOk,
    BasicReject,
    ChannelClose,
)
from broker.amqp.wire import Table
from broker.queues.quorum import QuorumQueue
from tests.support.builders import table
from tests.support.peer import Peer

QUORUM = table(x_queue_type="quorum")


def declares(peer: Peer, **arguments: object) -> QuorumQueue:
    declared: Table = {**QUORUM, **table(**arguments)}
    peer.declares(1, "q", declared, durable=True)
    queue = peer.world.vhost.queues["q"]
    assert isinstance(queue, QuorumQueue)
    return queue


def gets(peer: Peer, *, no_ack: bool = False) -> tuple[str, int]:
    """Returns: body and x-delivery-count."""
    content = peer.gets(1, "q", no_ack=no_ack)
    assert content is not None
    count = content.properties.header_table["x-delivery-count"].value
    assert isinstance(count, int)
    assert content.method.redelivered == (count > 0)  # type: ignore[union-attr]
    return content.body.decode(), count


def drained(peer: Peer) -> list[tuple[str, int]]:
    queue = peer.world.vhost.queues["q"]
    return [gets(peer, no_ack=True) for _ in range(queue.ready_count)]


def test_what_is_rejected_goes_to_the_end(peer: Peer) -> None:
    declares(peer)
    peer.publishes(1, "q", *"abc")
    gets(peer)
    peer.sends(1, BasicReject(1, requeue=True))
    assert drained(peer) == [("b", 0), ("c", 0), ("a", 1)]


def test_it_is_counted_on(peer: Peer) -> None:
    declares(peer)
    peer.publishes(1, "q", *"ab")
    for tag in range(1, 5):
        gets(peer)
        peer.sends(1, BasicNack(tag, requeue=True))
    assert drained(peer) == [("a", 2), ("b", 2)]


def test_with_a_limit_it_keeps_its_place(peer: Peer) -> None:
    declares(peer, x_delivery_limit=5)
    peer.publishes(1, "q", *"abc")
    gets(peer)
    peer.sends(1, BasicReject(1, requeue=True))
    assert drained(peer) == [("a", 1), ("b", 0), ("c", 0)]


def test_what_a_channel_leaves_behind_keeps_its_place(peer: Peer) -> None:
    declares(peer)
    peer.opens_channel(2)
    peer.publishes(1, "q", *"abc")
    peer.gets(2, "q", no_ack=False)
    peer.sends(2, ChannelClose(200, "bye", 0, 0))
    assert drained(peer) == [("a", 1), ("b", 0), ("c", 0)]


def test_what_comes_back_first_goes_first(peer: Peer) -> None:
    declares(peer, x_delivery_limit=5)
    peer.publishes(1, "q", *"abc")
    for _ in range(2):
        gets(peer)
    peer.sends(1, BasicReject(2, requeue=True))
    peer.sends(1, BasicReject(1, requeue=True))
    assert drained(peer) == [("b", 1), ("a", 1), ("c", 0)]


def test_a_channel_gives_back_by_the_tags_of_its_consumers(peer: Peer) -> None:
    declares(peer)
    peer.opens_channel(2)
    peer.sends(2, BasicQos(prefetch_count=1))
    peer.receives(2, BasicQosOk())
    peer.publishes(1, "q", "a")
    peer.gets(2, "q", no_ack=False)
    for tag in ("y", "x"):
        peer.consumes(2, "q", tag)
    peer.publishes(1, "q", *"bc")
    peer.receives_bodies(2, *"bc")
    peer.sends(2, ChannelClose(200, "bye", 0, 0))
    assert drained(peer) == [("a", 1), ("c", 1), ("b", 1)]


@pytest.mark.parametrize("prefetch_count", [0, 2])
def test_consumers_get_each_with_its_own_count(peer: Peer, prefetch_count: int) -> None:
    declares(peer)
    peer.publishes(1, "q", *"abc")
    for _ in range(2):
        gets(peer)
    peer.sends(1, BasicNack(1, requeue=True))
    peer.sends(1, BasicQos(prefetch_count=prefetch_count))
    peer.receives(1, BasicQosOk())
    peer.consumes(1, "q")
    found = list(peer.takes_all(1))
    flags = [(content.body, content.method.redelivered) for content in found]  # type: ignore
    assert flags == [(b"c", False), (b"a", True)]


def test_consumers_take_what_would_be_too_much(peer: Peer) -> None:
    declares(peer, x_max_length=1)
    peer.sends(1, BasicQos(prefetch_count=3))
    peer.receives(1, BasicQosOk())
    peer.consumes(1, "q")
    peer.publishes(1, "q", *"abc")
    peer.receives_bodies(1, *"abc")
    peer.sends(1, BasicNack(0, multiple=True, requeue=True))
    peer.receives_bodies(1, *"abc", redelivered=True)


def test_octets_stay_counted(peer: Peer) -> None:
    queue = declares(peer, x_max_length_bytes=100)
    peer.publishes(1, "q", "a" * 40, "b" * 40)
    gets(peer)
    peer.sends(1, BasicNack(1, requeue=True))
    assert queue.extras.ready_bytes == 80
    peer.publishes(1, "q", "c" * 40)  # one has to go: the first
    assert [body[0] for body, _ in drained(peer)] == ["a", "c"]


def test_who_has_used_up_his_credit_comes_to_the_end_when_he_settles(peer: Peer) -> None:
    """RabbitMQ: a consumer leaves the round with the message that uses up its prefetch."""
    declares(peer)
    peer.sends(1, BasicQos(prefetch_count=1))
    peer.receives(1, BasicQosOk())
    for tag in ("A", "B"):
        peer.consumes(1, "q", tag)
    peer.publishes(1, "q", *"123")
    assert _takers(peer) == ["A", "B"]
    peer.sends(1, BasicAck(2))
    assert _takers(peer) == ["B"]
    peer.sends(1, BasicAck(3))
    peer.sends(1, BasicAck(1))
    peer.publishes(1, "q", *"45")
    assert _takers(peer) == ["B", "A"]


def test_who_settles_before_the_next_message_comes_behind_those_that_came_meanwhile(
    peer: Peer,
) -> None:
    declares(peer)
    peer.sends(1, BasicQos(prefetch_count=1))
    peer.receives(1, BasicQosOk())
    peer.consumes(1, "q", "A")
    peer.publishes(1, "q", "1")
    assert _takers(peer) == ["A"]
    peer.consumes(1, "q", "B")
    peer.sends(1, BasicAck(1))
    peer.publishes(1, "q", *"23")
    assert _takers(peer) == ["B", "A"]


def _takers(peer: Peer) -> list[str]:
    """The tags of the consumers, in the order in which they got what there is."""
    return [content.method.consumer_tag for content in peer.takes_all(1)]  # type: ignore[union-attr]


def test_what_has_expired_behind_a_get_counts_until_that_is_settled(peer: Peer) -> None:
    declares(peer)
    for no_ack, left in ((False, 3), (True, 1)):
        for body, expiration in (("1", None), ("2", "100"), ("3", "100"), ("4", None)):
            peer.publishes(1, "q", body, expiration=expiration)
        queue = peer.world.queue("q")
        queue.extras.clock.time_ms += 200
        content = peer.gets(1, "q", no_ack=no_ack)
        assert content is not None
        assert (content.body, content.method.message_count) == (b"1", left)  # type: ignore[union-attr]
        assert gets(peer, no_ack=True) == ("4", 0)
        assert queue.ready_count == 0


def test_what_is_stuck_counts_by_its_octets_as_long_as_it_is(peer: Peer) -> None:
    queue = declares(
        peer,
        x_overflow="reject-publish",
        x_max_length_bytes=100,
        x_dead_letter_exchange="",
        x_dead_letter_routing_key="dead",
        x_dead_letter_strategy="at-least-once",
    )
    peer.publishes(1, "q", "a" * 40, "b" * 40)
    for tag in (1, 2):
        gets(peer)
        peer.sends(1, BasicReject(tag, requeue=False))
    peer.world.settle()
    assert (len(queue.extras.stuck), queue.extras.stuck_octets) == (2, 80)
    peer.world.passes(600)
    assert (len(queue.extras.stuck), queue.extras.stuck_octets) == (2, 80), "tried in vain"
    peer.declares(1, "dead")
    peer.world.passes(600)
    assert (queue.extras.stuck, queue.extras.stuck_octets) == (None, 0)
