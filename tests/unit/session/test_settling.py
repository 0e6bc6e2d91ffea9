"""Acks, nacks and rejects, and whom they give credit again. What a channel's end settles, too."""

from __future__ import annotations

import pytest

from broker.amqp.methods import (
    BasicAck,
    BasicCancel,
    BasicCancelOk,
    BasicCredit,
    BasicCreditDrained,
    BasicCreditOk,
    BasicNack,
    BasicQos,
    BasicQosOk,
    BasicRecover,
    BasicRecoverOk,
    BasicReject,
    ChannelClose,
    ChannelCloseOk,
    TxCommit,
    TxCommitOk,
    TxRollback,
    TxRollbackOk,
    TxSelect,
    TxSelectOk,
)
from broker.amqp.wire import Field, Table
from broker.session.channel import Channel
from broker.session.settling import GAPS_MAX
from tests.support.builders import table
from tests.support.peer import Peer, World


@pytest.fixture
def holding(peer: Peer) -> Peer:
    """Holds deliveries 1 to 5 of q, bodies "1" to "5"."""
    peer.declares(1, "q")
    peer.publishes(1, "q", *"12345")
    for _ in range(5):
        peer.gets(1, "q", no_ack=False)
    return peer


def unacked(peer: Peer) -> list[int]:
    tags = list(peer.connection.channels[1].unacked)
    assert peer.world.queue("q").unacked_count == len(tags)
    return tags


def test_acks(holding: Peer) -> None:
    holding.sends(1, BasicAck(2))
    assert unacked(holding) == [1, 3, 4, 5]
    holding.sends(1, BasicAck(4, multiple=True))
    assert unacked(holding) == [5]
    holding.sends(1, BasicAck(0, multiple=True))
    assert unacked(holding) == []
    holding.sends(1, BasicAck(0, multiple=True))  # all of nothing
    holding.receives_nothing()
    assert holding.world.queue("q").acked == 5


@pytest.mark.parametrize(
    "command",
    [
        BasicAck(6),
        BasicAck(0),
        BasicAck(6, multiple=True),
        BasicAck(2**63),
        BasicNack(9, multiple=True),
        BasicNack(9),
        BasicReject(0),
    ],
    ids=repr,
)
def test_an_unknown_tag_closes_the_channel_and_requeues(holding: Peer, command: BasicAck) -> None:
    holding.sends(1, command)
    text = f"PRECONDITION_FAILED - unknown delivery tag {command.delivery_tag}"
    holding.is_closed_with(1, 406, text, command.ids)
    queue = holding.world.queue("q")
    assert (queue.ready_count, queue.unacked_count) == (5, 0)


def test_a_tag_can_be_settled_once(holding: Peer) -> None:
    holding.sends(1, BasicAck(3, multiple=True), BasicAck(2))
    assert holding.takes(1, ChannelClose).reply_text.endswith("unknown delivery tag 2")


def test_tags_after_a_multiple_ack_go_on(holding: Peer) -> None:
    holding.sends(1, BasicAck(5, multiple=True))
    holding.publishes(1, "q", "6", "7")
    for _ in range(2):
        holding.gets(1, "q", no_ack=False)
    holding.sends(1, BasicAck(7, multiple=True))
    assert unacked(holding) == []
    holding.receives_nothing()


def test_requeued_messages_regain_their_places(holding: Peer) -> None:
    holding.sends(1, BasicNack(4, multiple=False), BasicNack(2, multiple=True))
    got = [holding.gets(1, "q") for _ in range(4)]
    assert [c and (c.body, c.method.redelivered) for c in got] == [  # type: ignore[attr-defined]
        (b"1", True),
        (b"2", True),
        (b"4", True),
        None,
    ]
    assert unacked(holding) == [3, 5]


def test_rejected_messages_are_gone(holding: Peer) -> None:
    holding.sends(1, BasicReject(1, requeue=False), BasicNack(3, multiple=True, requeue=False))
    assert unacked(holding) == [4, 5]
    assert holding.world.queue("q").ready_count == 0


def test_settling_what_came_from_a_deleted_queue_is_fine(holding: Peer) -> None:
    holding.world.vhost.delete_queue("q")
    holding.sends(1, BasicAck(1), BasicNack(3, multiple=True), BasicReject(4), BasicAck(0, True))
    holding.receives_nothing()
    holding.declares(1, "q")
    assert holding.world.queue("q").ready_count == 0


def test_a_close_requeues_what_was_not_settled(holding: Peer) -> None:
    holding.sends(1, BasicAck(2), ChannelClose())
    holding.receives(1, ChannelCloseOk())
    queue = holding.world.queue("q")
    assert (queue.ready_count, queue.unacked_count) == (4, 0)
    holding.opens_channel(1)
    content = holding.gets(1, "q")
    assert content is not None
    assert (content.body, content.method.redelivered) == (b"1", True)  # type: ignore[attr-defined]


# tags


def test_tags_far_apart_are_found_whatever_lies_between(peer: Peer) -> None:
    """A range that is mostly gaps is not walked."""
    peer.declares(1, "q")
    peer.declares(1, "auto")
    peer.consumes(1, "auto", no_ack=True)
    kept = []
    for number in range(3):
        peer.publishes(1, "q", f"kept {number}")
        content = peer.gets(1, "q", no_ack=False)
        assert content is not None
        kept.append(content.method.delivery_tag)  # type: ignore[attr-defined]
        peer.publishes(1, "auto", *["x"] * (GAPS_MAX + 10))
        peer.takes_all(1)
    assert kept[2] - kept[0] > 2 * GAPS_MAX
    peer.sends(1, BasicAck(kept[1], multiple=True))
    assert unacked(peer) == [kept[2]]
    peer.sends(1, BasicNack(kept[2], multiple=True, requeue=False))
    assert unacked(peer) == []


@pytest.mark.parametrize("command", [BasicAck, BasicNack])
def test_each_tag_is_walked_once(peer: Peer, command: type[BasicAck | BasicNack]) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *["x"] * 100)
    for first in range(0, 100, 10):
        for _ in range(10):
            peer.gets(1, "q", no_ack=False)
        channel = peer.connection.channels[1]
        assert channel.lowest_tag == first + 1
        options = {} if command is BasicAck else {"requeue": False}
        peer.sends(1, command(first + 10, multiple=True, **options))
    assert peer.connection.channels[1].lowest_tag == 101


def test_a_transaction_settles_at_its_commit(holding: Peer) -> None:
    holding.sends(1, TxSelect())
    holding.receives(1, TxSelectOk())
    holding.sends(1, BasicAck(2), BasicNack(4, requeue=True))
    assert list(holding.connection.channels[1].unacked) == [1, 3, 5]
    queue = holding.world.queue("q")
    assert (queue.ready_count, queue.unacked_count, queue.acked) == (0, 5, 0)
    holding.sends(1, BasicAck(2))
    text = "PRECONDITION_FAILED - unknown delivery tag 2"
    holding.is_closed_with(1, 406, text, BasicAck.ids)
    assert (queue.ready_count, queue.unacked_count, queue.acked) == (5, 0, 0)


def test_a_rollback_makes_settled_deliveries_unacked_again_in_order(holding: Peer) -> None:
    holding.sends(1, TxSelect())
    holding.receives(1, TxSelectOk())
    holding.sends(1, BasicAck(4), BasicAck(2, multiple=True), TxRollback())
    holding.receives(1, TxRollbackOk())
    assert unacked(holding) == [1, 2, 3, 4, 5]
    holding.sends(1, BasicAck(3, multiple=True), TxCommit())
    holding.receives(1, TxCommitOk())
    assert unacked(holding) == [4, 5]


# credit


def credit(count: int, *, drain: bool = False) -> Table:
    """The x-credit of a basic.consume."""
    return table(x_credit={"credit": Field("l", count), "drain": drain})


def prefetches(peer: Peer, count: int, *, is_global: bool) -> None:
    peer.sends(1, BasicQos(prefetch_count=count, is_global=is_global))
    peer.receives(1, BasicQosOk())


@pytest.mark.parametrize("is_global", [True, False])
@pytest.mark.parametrize(
    ("settlement", "following"),
    [
        (BasicAck(1), ["4"]),
        (BasicAck(2), ["4"]),
        (BasicAck(2, multiple=True), ["4", "5"]),
        (BasicAck(0, multiple=True), ["4", "5", "6"]),
        (BasicReject(3, requeue=False), ["4"]),
        (BasicNack(3, multiple=True, requeue=False), ["4", "5", "6"]),
        (BasicReject(1, requeue=True), ["1"]),
        (BasicNack(2, multiple=True, requeue=True), ["1", "2"]),
        (BasicNack(0, multiple=True, requeue=True), ["1", "2", "3"]),
    ],
    ids=repr,
)
def test_every_settlement_makes_room(
    peer: Peer, is_global: bool, settlement: BasicAck, following: list[str]
) -> None:
    peer.declares(1, "q")
    prefetches(peer, 3, is_global=is_global)
    peer.consumes(1, "q")
    peer.publishes(1, "q", *"123456789")
    peer.receives_bodies(1, *"123")
    peer.sends(1, settlement)
    peer.receives_bodies(1, *following)
    peer.receives_nothing()


@pytest.mark.parametrize("is_global", [True, False])
def test_a_recover_delivers_again(peer: Peer, is_global: bool) -> None:
    peer.declares(1, "q")
    prefetches(peer, 2, is_global=is_global)
    peer.consumes(1, "q")
    peer.publishes(1, "q", *"1234")
    peer.receives_bodies(1, "1", "2", redelivered=False)
    peer.sends(1, BasicRecover(requeue=True))
    peer.receives(1, BasicRecoverOk())
    peer.receives_bodies(1, "1", "2", redelivered=True)
    peer.receives_nothing()


def test_a_global_prefetch_is_shared(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.declares(1, "r")
    prefetches(peer, 3, is_global=True)
    peer.consumes(1, "q", "one")
    peer.consumes(1, "r", "two")
    peer.publishes(1, "q", "1", "2")
    peer.publishes(1, "r", "3", "4")
    peer.receives_bodies(1, "1", "2", "3")
    peer.receives_nothing()
    peer.sends(1, BasicAck(1))
    peer.receives_bodies(1, "4")


def test_what_a_cancelled_consumer_had_goes_on_counting(peer: Peer) -> None:
    """As long as it is not settled, for the channel; not for a consumer that comes after it."""
    peer.declares(1, "q")
    prefetches(peer, 2, is_global=True)
    peer.consumes(1, "q", "one")
    peer.publishes(1, "q", *"123")
    peer.receives_bodies(1, "1", "2")
    peer.sends(1, BasicCancel("one"))
    peer.receives(1, BasicCancelOk("one"))
    peer.consumes(1, "q", "two")
    peer.receives_nothing()
    peer.sends(1, BasicAck(1))
    peer.receives_bodies(1, "3")
    assert peer.connection.channels[1].global_used == 2


def test_settling_what_came_from_a_deleted_queue_makes_room(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.declares(1, "r")
    prefetches(peer, 2, is_global=True)
    peer.consumes(1, "q", "one")
    peer.consumes(1, "r", "two")
    peer.publishes(1, "q", "1", "2")
    peer.receives_bodies(1, "1", "2")
    peer.publishes(1, "r", "3", "4")
    peer.world.vhost.delete_queue("q")
    peer.world.settle()
    peer.takes_all(1)  # basic.cancel
    peer.sends(1, BasicNack(1))
    peer.receives_bodies(1, "3")
    peer.sends(1, BasicAck(2))
    peer.receives_bodies(1, "4")


def test_a_consumer_without_room_at_its_connection_waits_for_that(peer: Peer) -> None:
    """Its credit comes back while the outbox is full: it must not be lost."""
    peer.declares(1, "q")
    prefetches(peer, 1, is_global=False)
    peer.consumes(1, "q")
    peer.publishes(1, "q", "1", "2")
    peer.receives_bodies(1, "1")
    peer.connection.on_transport_paused()
    peer.sends(1, BasicAck(1))
    (consumer,) = peer.connection.channels[1].consumers.values()
    assert consumer in peer.connection.parked
    assert consumer not in peer.connection.channels[1].parked
    peer.connection.on_transport_resumed()
    peer.world.settle()
    peer.receives_bodies(1, "2")


def crowd(peer: Peer, *names: str, prefetch: int, messages: int = 5) -> Channel:
    """A consumer on each of these queues, all with messages, on one channel with a global prefetch.

    The bodies begin with the queue's name: "a0", "a1", …
    """
    prefetches(peer, prefetch, is_global=True)
    for name in names:
        peer.declares(1, name)
        peer.consumes(1, name, name)
    for name in names:
        peer.publishes(1, name, *(f"{name}{number}" for number in range(messages)))
    return peer.connection.channels[1]


def test_a_global_prefetch_goes_round(peer: Peer) -> None:
    """To whoever has waited longest for it."""
    channel = crowd(peer, *"abc", prefetch=1)
    peer.receives_bodies(1, "a0")
    for tag, body in enumerate(("a1", "b0", "c0", "a2", "b1", "c1"), 1):
        assert len(channel.crowded_out) == 3
        peer.sends(1, BasicAck(tag))
        peer.receives_bodies(1, body)
    peer.receives_nothing()


def test_an_ack_wakes_as_many_as_it_makes_room_for(peer: Peer) -> None:
    """And not the other hundred."""
    channel = crowd(peer, *(f"q{number}." for number in range(100)), prefetch=2)
    peer.receives_bodies(1, "q0.0", "q0.1")
    assert len(channel.crowded_out) == 100
    peer.sends(1, BasicAck(1), settle=False)
    assert len(channel.crowded_out) == 99
    peer.world.settle()
    peer.receives_bodies(1, "q0.2")
    assert len(channel.crowded_out) == 100
    assert peer.world.node.bug_count == 0


def test_room_that_the_first_in_line_cannot_use_is_the_next_ones(peer: Peer, other: Peer) -> None:
    """Its queue has another consumer, who takes all there is; no other ack may ever come."""
    channel = crowd(peer, "a", prefetch=1, messages=2)
    peer.receives_bodies(1, "a0")
    peer.declares(1, "b")
    peer.publishes(1, "b", "b0")
    peer.consumes(1, "b", "b")
    assert [consumer.tag for consumer in channel.crowded_out] == ["a", "b"]
    peer.sends(1, BasicAck(1), settle=False)  # a is to go on,
    other.consumes(1, "a", "first", arguments=table(x_priority=1))  # but is not first in its queue
    other.receives_bodies(1, "a1")
    peer.receives_bodies(1, "b0")
    assert channel.global_used == 1


def test_who_lacks_credit_of_its_own_does_not_wait_for_the_channels(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.declares(1, "r")
    prefetches(peer, 1, is_global=False)
    prefetches(peer, 3, is_global=True)
    peer.consumes(1, "q", "one")
    peer.consumes(1, "r", "two")
    peer.publishes(1, "q", "q0", "q1")
    peer.publishes(1, "r", "r0", "r1")
    peer.receives_bodies(1, "q0", "r0")
    channel = peer.connection.channels[1]
    assert [consumer.tag for consumer in channel.parked] == ["one", "two"]
    assert channel.crowded_out == {}
    peer.sends(1, BasicAck(2))
    peer.receives_bodies(1, "r1")
    peer.sends(1, BasicNack(1, requeue=False))
    peer.receives_bodies(1, "q1")
    peer.receives_nothing()


def test_own_credit_that_comes_back_does_not_pass_the_channels(peer: Peer) -> None:
    peer.declares(1, "q")
    prefetches(peer, 1, is_global=False)
    prefetches(peer, 5, is_global=True)
    peer.consumes(1, "q", "one")
    peer.publishes(1, "q", *"123")
    peer.receives_bodies(1, "1")
    channel = peer.connection.channels[1]
    channel.global_prefetch = 1
    channel.global_used += 1  # somebody else's
    peer.sends(1, BasicAck(1))
    assert [consumer.tag for consumer in channel.crowded_out] == ["one"]
    peer.receives_nothing()


@pytest.mark.parametrize("qos", [BasicQos(0, 0, True), BasicQos(0, 0, False)], ids=repr)
def test_a_lifted_global_prefetch_lets_everybody_in(peer: Peer, qos: BasicQos) -> None:
    channel = crowd(peer, *"abc", prefetch=1, messages=2)
    peer.receives_bodies(1, "a0")
    peer.sends(1, qos)
    peer.receives(1, BasicQosOk())
    assert sorted(str(peer.takes_content(1).body) for _ in range(5)) == sorted(
        str(body.encode()) for body in ("a1", "b0", "b1", "c0", "c1")
    )
    assert channel.crowded_out == {}


def test_who_is_gone_waits_for_nothing(peer: Peer) -> None:
    channel = crowd(peer, *"abc", prefetch=1)
    peer.receives_bodies(1, "a0")
    peer.sends(1, BasicCancel("b"))
    peer.receives(1, BasicCancelOk("b"))
    peer.world.vhost.delete_queue("c")
    peer.world.settle()
    peer.takes_all(1)
    assert [consumer.tag for consumer in channel.crowded_out] == ["a"]
    peer.sends(1, BasicAck(1))
    peer.receives_bodies(1, "a1")


# credit of basic.credit, which RabbitMQ calls link credit


def test_a_drain_waits_for_a_connection_that_is_full(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "1", "2")
    peer.consumes(1, "q", arguments=credit(0))
    peer.connection.on_transport_paused()
    peer.sends(1, BasicCredit("tag", 5, drain=True))
    assert peer.connection.channels[1].draining
    peer.connection.on_transport_resumed()
    peer.world.settle()
    peer.receives(1, BasicCreditOk(2))
    peer.receives_bodies(1, "1", "2")
    peer.receives(1, BasicCreditDrained("tag", 3))
    assert not peer.connection.channels[1].draining
    assert not peer.world.node.when_pumped


def test_a_drain_that_is_all_used_gives_nothing_back(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "1", "2")
    peer.consumes(1, "q", arguments=credit(0))
    peer.sends(1, BasicCredit("tag", 2, drain=True))
    peer.receives(1, BasicCreditOk(2))
    peer.receives_bodies(1, "1", "2")
    peer.receives_nothing()
    assert not peer.connection.channels[1].draining


def test_a_drain_ends_when_others_empty_the_queue(peer: Peer, other: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q", arguments=credit(0))
    peer.connection.on_transport_paused()
    other.publishes(1, "q", "1")
    peer.sends(1, BasicCredit("tag", 5, drain=True))
    other.gets(1, "q")
    peer.connection.on_transport_resumed()
    peer.world.settle()
    peer.receives(1, BasicCreditOk(1), BasicCreditDrained("tag", 5))


def test_another_credit_takes_a_drain_back(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "1")
    peer.consumes(1, "q", arguments=credit(0))
    peer.connection.on_transport_paused()
    peer.sends(1, BasicCredit("tag", 5, drain=True), BasicCredit("tag", 2, drain=False))
    peer.connection.on_transport_resumed()
    peer.world.settle()
    peer.receives(1, BasicCreditOk(1), BasicCreditOk(1))
    peer.receives_bodies(1, "1")
    peer.publishes(1, "q", "2", "3")
    peer.receives_bodies(1, "2")
    peer.receives_nothing()


def test_who_is_cancelled_drains_nothing(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "1")
    peer.consumes(1, "q", arguments=credit(0))
    peer.connection.on_transport_paused()
    peer.sends(1, BasicCredit("tag", 5, drain=True), BasicCancel("tag"))
    peer.connection.on_transport_resumed()
    peer.world.settle()
    peer.receives(1, BasicCreditOk(1), BasicCancelOk("tag"))
    assert not peer.connection.channels[1].draining


def test_credit_replaces_the_prefetch(peer: Peer) -> None:
    """As RabbitMQ does: tests/conformance/scenarios/credit.py."""
    peer.declares(1, "q")
    peer.publishes(1, "q", *"12345")
    prefetches(peer, 1, is_global=False)
    peer.consumes(1, "q", arguments=credit(3))
    peer.receives_bodies(1, *"123")
    peer.sends(1, BasicAck(0, multiple=True))
    peer.receives_nothing()


# what basic.get has fetched, and a global prefetch


def getting(peer: Peer, count: int, *, prefetch: int) -> Channel:
    """Deliveries 1 to count are got from q, then a global prefetch begins and a consumer comes.

    In the queue: "1", "2", …, "9".
    """
    peer.declares(1, "q")
    peer.publishes(1, "q", *"123456789")
    for _ in range(count):
        peer.gets(1, "q", no_ack=False)
    prefetches(peer, prefetch, is_global=True)
    peer.consumes(1, "q")
    return peer.connection.channels[1]


def test_what_was_got_before_a_global_prefetch_counts_into_it(peer: Peer) -> None:
    """As with RabbitMQ; what is got afterwards does not."""
    channel = getting(peer, 2, prefetch=3)
    peer.receives_bodies(1, "3")
    peer.receives_nothing()
    peer.gets(1, "q", no_ack=False)
    assert (channel.global_used, channel.counted_gets) == (3, {1, 2})
    peer.sends(1, BasicAck(4))
    peer.receives_nothing()
    assert channel.global_used == 3


@pytest.mark.parametrize(
    ("settlements", "following"),
    [
        ([BasicAck(1)], ["4"]),
        ([BasicAck(3)], ["4"]),
        ([BasicAck(2), BasicAck(1)], ["4", "5"]),
        ([BasicAck(2, multiple=True)], ["4", "5"]),
        ([BasicAck(0, multiple=True)], ["4", "5", "6"]),
        ([BasicAck(1), BasicAck(3, multiple=True)], ["4", "5", "6"]),
        ([BasicReject(1, requeue=False)], ["4"]),
        ([BasicNack(3, multiple=True, requeue=False)], ["4", "5", "6"]),
        ([BasicReject(3, requeue=True)], ["3"]),
        ([BasicNack(3, multiple=True, requeue=True)], ["1", "2", "3"]),
    ],
    ids=repr,
)
def test_what_was_got_is_taken_out_again_when_it_is_settled(
    peer: Peer, settlements: list[BasicAck], following: list[str]
) -> None:
    """RabbitMQ forgets to, so that a consumer starves there."""
    channel = getting(peer, 3, prefetch=3)
    peer.receives_nothing()
    peer.sends(1, *settlements)
    peer.receives_bodies(1, *following)
    peer.receives_nothing()
    assert channel.global_used == 3
    assert channel.counted_gets == {1, 2, 3} & set(channel.unacked)


def test_a_recover_takes_them_out_as_well(peer: Peer) -> None:
    channel = getting(peer, 2, prefetch=2)
    peer.sends(1, BasicRecover(requeue=True))
    peer.receives(1, BasicRecoverOk())
    peer.receives_bodies(1, "1", "2", redelivered=True)
    assert (channel.global_used, channel.counted_gets) == (2, set())


def test_a_prefetch_of_one_never_starves(peer: Peer) -> None:
    """However often it is done."""
    peer.declares(1, "q")
    for _ in range(5):
        peer.publishes(1, "q", "got", "consumed")
        content = peer.gets(1, "q", no_ack=False)
        assert content is not None
        prefetches(peer, 1, is_global=True)
        peer.consumes(1, "q", "c")
        peer.receives_nothing()
        peer.sends(1, BasicAck(content.method.delivery_tag))  # type: ignore[attr-defined]
        (tag,) = peer.receives_bodies(1, "consumed")
        peer.sends(1, BasicAck(tag), BasicCancel("c"))
        peer.receives(1, BasicCancelOk("c"))
        prefetches(peer, 0, is_global=True)
    assert peer.connection.channels[1].global_used == 0


def test_another_prefetch_while_one_stands_does_not_count_again(peer: Peer) -> None:
    channel = getting(peer, 2, prefetch=2)
    peer.gets(1, "q", no_ack=False)
    prefetches(peer, 3, is_global=True)
    assert (channel.global_used, channel.counted_gets) == (3, {1, 2})
    peer.receives_bodies(1, "4")


def test_a_prefetch_that_begins_anew_counts_what_there_is_then(peer: Peer) -> None:
    channel = getting(peer, 2, prefetch=2)
    prefetches(peer, 0, is_global=False)  # lifts it
    peer.receives_bodies(1, *"3456789")
    peer.sends(1, BasicAck(1), BasicNack(9, multiple=True, requeue=True))
    redelivered = peer.receives_bodies(1, *"23456789")
    peer.sends(1, BasicAck(redelivered[-1], multiple=True), BasicCancel("tag"))
    peer.receives(1, BasicCancelOk("tag"))
    assert (channel.global_used, channel.counted_gets) == (0, set())
    peer.publishes(1, "q", "a", "b", "c")
    peer.gets(1, "q", no_ack=False)
    prefetches(peer, 2, is_global=True)
    assert channel.global_used == 1
    peer.consumes(1, "q")
    peer.receives_bodies(1, "b")
    peer.receives_nothing()


def test_in_a_transaction_they_count_until_its_commit(peer: Peer) -> None:
    peer.sends(1, TxSelect())
    peer.receives(1, TxSelectOk())
    peer.declares(1, "q")
    peer.opens_channel(2)
    peer.publishes(2, "q", *"1234")
    for _ in range(2):
        peer.gets(1, "q", no_ack=False)
    prefetches(peer, 2, is_global=True)
    peer.consumes(1, "q")
    peer.sends(1, BasicAck(1))
    peer.receives_nothing()
    peer.sends(1, TxRollback())
    peer.receives(1, TxRollbackOk())
    assert peer.connection.channels[1].counted_gets == {1, 2}
    peer.sends(1, BasicAck(2, multiple=True), TxCommit())
    peer.receives(1, TxCommitOk())
    peer.receives_bodies(1, "3", "4")
    assert peer.connection.channels[1].counted_gets == set()


def test_a_queue_that_is_gone_gives_its_share_back(peer: Peer) -> None:
    channel = getting(peer, 2, prefetch=2)
    peer.declares(1, "r")
    peer.consumes(1, "r", "other")
    peer.publishes(1, "r", "x", "y")
    peer.world.vhost.delete_queue("q")
    peer.world.settle()
    peer.takes_all(1)
    peer.sends(1, BasicAck(1), BasicNack(2, requeue=True))
    peer.receives_bodies(1, "x", "y")
    assert channel.global_used == 2


@pytest.mark.parametrize("how", ["channel", "refusal", "socket"])
def test_a_channel_that_ends_gives_everything_back(peer: Peer, other: Peer, how: str) -> None:
    getting(peer, 2, prefetch=3)
    peer.receives_bodies(1, "3")
    if how == "channel":
        peer.sends(1, ChannelClose())
        peer.receives(1, ChannelCloseOk())
    elif how == "refusal":
        peer.sends(1, BasicAck(77))
        peer.takes(1, ChannelClose)
        peer.reopens(1)
    else:
        peer.drops()
    queue = peer.world.queue("q")
    assert (queue.ready_count, queue.unacked_count) == (9, 0)
    if how == "channel":
        peer.opens_channel(1)
    if how != "socket":
        channel = peer.connection.channels[1]
        assert (channel.global_used, channel.counted_gets) == (0, set())
        prefetches(peer, 2, is_global=True)
        peer.consumes(1, "q")
        peer.receives_bodies(1, "1", "2", redelivered=True)
    else:
        other.consumes(1, "q")
        other.receives_bodies(1, *"123", redelivered=True)


# basic.reject, which has a way of its own


@pytest.mark.parametrize("fast_path", ["on", "off"])
def test_single_rejects_in_any_order(fast_path: str) -> None:
    peer = World({"fast_path": fast_path}).peer()
    peer.opens_channel(1)
    peer.declares(1, "dead")
    peer.declares(1, "q", table(x_dead_letter_exchange="", x_dead_letter_routing_key="dead"))
    prefetches(peer, 3, is_global=False)
    peer.consumes(1, "q")
    assert peer.gets(1, "q") is None
    peer.publishes(1, "q", *"12345")
    peer.receives_bodies(1, *"123")
    peer.sends(1, BasicReject(2, requeue=False))
    peer.receives_bodies(1, "4")
    peer.sends(1, BasicReject(1, requeue=False), BasicReject(3, requeue=True))
    peer.receives_bodies(1, "5", redelivered=False)
    peer.receives_bodies(1, "3", redelivered=True)
    queue = peer.world.queue("q")
    assert (queue.unacked_count, queue.acked) == (3, 0)
    dead = [message.body for message in peer.world.queue("dead").ready]
    assert dead == [b"2", b"1"]
    peer.sends(1, BasicAck(0, multiple=True))
    peer.sends(1, BasicReject(1, requeue=False))
    assert peer.takes(1, ChannelClose).reply_code == 406


def test_a_reject_after_its_queue_is_gone(peer: Peer) -> None:
    peer.declares(1, "q")
    prefetches(peer, 1, is_global=True)
    peer.publishes(1, "q", "1")
    peer.consumes(1, "q")
    peer.receives_bodies(1, "1")
    peer.world.vhost.delete_queue("q")
    peer.sends(1, BasicReject(1, requeue=False))
    assert peer.connection.channels[1].unacked == {}
    assert peer.connection.channels[1].global_used == 0
