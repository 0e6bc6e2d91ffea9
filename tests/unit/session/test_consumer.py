"""Deliveries: what they look like, and how many a consumer has room for."""

from __future__ import annotations

import pytest

from broker.amqp.methods import (
    BasicAck,
    BasicCancel,
    BasicDeliver,
    BasicNack,
    BasicQos,
    BasicQosOk,
    QueueDelete,
    QueueDeleteOk,
)
from broker.session.consumer import BATCH_MAX
from tests.support.builders import header, table
from tests.support.peer import CAPABILITIES, Peer, World


def qos(peer: Peer, count: int, *, is_global: bool = False, channel: int = 1) -> None:
    peer.sends(channel, BasicQos(prefetch_count=count, is_global=is_global))
    peer.receives(channel, BasicQosOk())


@pytest.mark.parametrize("body", [b"", b"x", b"y" * 4088, b"y" * 4089, b"z" * 100_000])
def test_what_a_delivery_is(body: bytes) -> None:
    peer = World().peer(frame_max=4096)
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.binds(1, "q", "amq.topic", "a.*")
    peer.consumes(1, "q", "the-tag")
    peer.publishes(1, "a.b", body, body, exchange="amq.topic", priority=1, headers=table(n=1))
    for tag in (1, 2):
        content = peer.takes_content(1)
        assert content.method == BasicDeliver("the-tag", tag, False, "amq.topic", "a.b")
        assert content.header == header(len(body), priority=1, headers=table(n=1))
        assert content.body == body
        assert all(size <= 4088 for size in content.frame_sizes)
    peer.receives_nothing()


def test_deliveries_in_changing_envelopes(peer: Peer) -> None:
    """The octets around a body are remembered for the last envelope only."""
    peer.declares(1, "q")
    peer.binds(1, "q", "amq.fanout")
    peer.consumes(1, "q")
    for number in range(12):
        key, kind = f"k{number % 2}", f"t{number % 3}"
        peer.publishes(1, key, "x" * (number % 4), exchange="amq.fanout", type=kind, settle=False)
    peer.world.settle()
    for number in range(12):
        content = peer.takes_content(1)
        assert content.method == BasicDeliver(
            "tag", number + 1, False, "amq.fanout", f"k{number % 2}"
        )
        assert content.properties.type == f"t{number % 3}"
        assert content.body == b"x" * (number % 4)


def test_redelivered_and_fresh_messages_in_the_same_envelope(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q")
    peer.publishes(1, "q", "aa", "bb")
    peer.receives_bodies(1, "aa", "bb", redelivered=False)
    peer.sends(1, BasicNack(2))
    peer.receives_bodies(1, "bb", redelivered=True)
    peer.publishes(1, "q", "cc")
    peer.receives_bodies(1, "cc", redelivered=False)
    peer.sends(1, BasicNack(0, multiple=True))
    peer.receives_bodies(1, "aa", "bb", "cc", redelivered=True)


def test_delivery_tags_count_by_channel(peer: Peer) -> None:
    peer.opens_channel(2)
    peer.declares(1, "q")
    peer.consumes(1, "q", "a", no_ack=True)
    peer.consumes(2, "q", "b")
    peer.publishes(1, "q", *"123456")
    tags = [c.method.delivery_tag for c in peer.takes_all(1)]  # type: ignore[union-attr]
    assert tags == [1, 2, 3]
    tags = [c.method.delivery_tag for c in peer.takes_all(2)]  # type: ignore[union-attr]
    assert tags == [1, 2, 3]


def test_a_consumer_has_as_many_unacked_as_its_prefetch(peer: Peer) -> None:
    peer.declares(1, "q")
    qos(peer, 2)
    peer.consumes(1, "q")
    peer.publishes(1, "q", *"12345")
    peer.receives_bodies(1, "1", "2")
    peer.receives_nothing()
    peer.sends(1, BasicAck(1))
    peer.receives_bodies(1, "3")
    peer.sends(1, BasicAck(3, multiple=True))
    peer.receives_bodies(1, "4", "5")
    peer.sends(1, BasicNack(5, requeue=False))
    peer.publishes(1, "q", "6")
    peer.receives_bodies(1, "6")


def test_the_prefetch_is_of_each_consumer_made_after_it(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q", "unlimited")
    qos(peer, 1)
    peer.consumes(1, "q", "one")
    qos(peer, 2)
    peer.consumes(1, "q", "two")
    peer.publishes(1, "q", *"123456789")
    consumers = peer.connection.channels[1].consumers
    assert {tag: consumer.unacked_count for tag, consumer in consumers.items()} == {
        "unlimited": 6,
        "one": 1,
        "two": 2,
    }


def test_without_acks_the_prefetch_does_not_count(peer: Peer) -> None:
    peer.declares(1, "q")
    qos(peer, 1)
    peer.consumes(1, "q", no_ack=True)
    peer.publishes(1, "q", *"1234")
    peer.receives_bodies(1, *"1234")
    assert peer.connection.channels[1].unacked == {}


def test_a_global_prefetch_is_shared_by_the_channel(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.declares(1, "r")
    qos(peer, 3, is_global=True)
    peer.consumes(1, "q", "a")
    peer.consumes(1, "r", "b")
    peer.publishes(1, "q", *"12")
    peer.publishes(1, "r", *"34")
    peer.receives_bodies(1, *"123")
    peer.receives_nothing()
    peer.sends(1, BasicAck(1))
    peer.receives_bodies(1, "4")


def test_a_global_prefetch_that_grows_or_goes_wakes_consumers(peer: Peer) -> None:
    peer.declares(1, "q")
    qos(peer, 1, is_global=True)
    peer.consumes(1, "q")
    peer.publishes(1, "q", *"1234")
    peer.receives_bodies(1, "1")
    qos_and_deliveries = [("2",), ("3", "4")]
    for count, bodies in zip((2, 0), qos_and_deliveries, strict=True):
        peer.sends(1, BasicQos(prefetch_count=count, is_global=True))
        peer.receives(1, BasicQosOk())
        peer.receives_bodies(1, *bodies)


def test_messages_of_basic_get_do_not_use_up_a_global_prefetch(peer: Peer) -> None:
    """Seen at RabbitMQ 3.10.8."""
    peer.declares(1, "q")
    peer.publishes(1, "q", "1", "2")
    qos(peer, 1, is_global=True)
    peer.gets(1, "q", no_ack=False)
    peer.consumes(1, "q")
    peer.receives_bodies(1, "2")


def test_two_channels_share_a_queue_by_turns_and_credit(peer: Peer, other: Peer) -> None:
    peer.declares(1, "q")
    qos(peer, 1)
    peer.consumes(1, "q")
    other.consumes(1, "q")
    peer.publishes(1, "q", *"123456")
    peer.receives_bodies(1, "1")
    other.receives_bodies(1, *"23456")


def test_a_backlog_larger_than_a_batch_is_delivered_in_order(peer: Peer) -> None:
    peer.declares(1, "q")
    bodies = [f"{number:05}" for number in range(3 * BATCH_MAX)]
    peer.publishes(1, "q", *bodies)
    peer.consumes(1, "q", no_ack=True)
    peer.receives_bodies(1, *bodies)


def test_priorities(peer: Peer, other: Peer) -> None:
    peer.declares(1, "q")
    qos(peer, 2)
    other.consumes(1, "q", "low")
    peer.consumes(1, "q", "high", arguments=table(x_priority=10))
    peer.publishes(1, "q", *"1234")
    peer.receives_bodies(1, "1", "2")
    other.receives_bodies(1, "3", "4")


def test_a_consumer_whose_queue_is_deleted_is_told(peer: Peer, other: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q")
    other.sends(1, QueueDelete(queue="q"))
    other.receives(1, QueueDeleteOk(0))
    peer.receives(1, BasicCancel("tag", nowait=True))
    assert peer.connection.channels[1].consumers == {}
    peer.declares(1, "q")
    peer.consumes(1, "q", "tag")  # the tag is free again
    peer.publishes(1, "q", "x")
    peer.receives_bodies(1, "x")


def test_it_is_told_only_if_it_wants_to_be(other: Peer) -> None:
    capabilities = tuple(name for name in CAPABILITIES if name != "consumer_cancel_notify")
    peer = other.world.peer(capabilities=capabilities)
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.consumes(1, "q")
    other.sends(1, QueueDelete(queue="q"))
    peer.receives_nothing()


def test_a_parked_consumer_is_told_as_well(peer: Peer, other: Peer) -> None:
    peer.declares(1, "q")
    qos(peer, 1)
    peer.consumes(1, "q")
    peer.publishes(1, "q", "1", "2")
    peer.receives_bodies(1, "1")
    other.sends(1, QueueDelete(queue="q"))
    peer.receives(1, BasicCancel("tag", nowait=True))
    peer.sends(1, BasicAck(1))
    peer.receives_nothing()
    assert peer.connection.channels[1].parked == {}


def test_deliveries_of_a_priority_queue_lead_back_to_their_places(peer: Peer) -> None:
    """In runs; what does not fit waits, and keeps its place as well."""
    peer.declares(1, "q", table(x_max_priority=5))
    for body, priority in zip("abcdef", (0, 5, 1, 5, 0, 1), strict=True):
        peer.publishes(1, "q", body, priority=priority)
    qos(peer, 5)
    peer.consumes(1, "q", "c")
    peer.receives_bodies(1, *"bdcfa")
    peer.sends(1, BasicNack(4, multiple=False, requeue=True), BasicNack(2, requeue=True))
    peer.receives_bodies(1, *"fd", redelivered=True)
    peer.sends(1, BasicAck(0, multiple=True))
    peer.receives_bodies(1, "e", redelivered=False)
    peer.world.queue("q").check_invariants()


def test_a_priority_queue_without_acks(peer: Peer) -> None:
    peer.declares(1, "q", table(x_max_priority=5))
    for priority in (0, 5):
        peer.publishes(1, "q", f"{priority}", priority=priority)
    peer.consumes(1, "q", no_ack=True)
    peer.receives_bodies(1, "5", "0")
    assert peer.connection.channels[1].unacked == {}
    assert peer.world.queue("q").unacked_count == 0
