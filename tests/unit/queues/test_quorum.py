"""Where rejected messages of a quorum queue go. Each of it was tried on RabbitMQ 3.10.8."""

from __future__ import annotations

import pytest

from broker.amqp.methods import BasicNack, BasicQos, BasicQosOk, BasicReject, ChannelClose
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
