"""qos, consume, cancel, get, recover, credit, direct reply-to."""

from __future__ import annotations

import pytest

from broker.amqp.methods import (
    BasicAck,
    BasicCancel,
    BasicCancelOk,
    BasicConsume,
    BasicConsumeOk,
    BasicCredit,
    BasicCreditDrained,
    BasicCreditOk,
    BasicDeliver,
    BasicGet,
    BasicGetEmpty,
    BasicGetOk,
    BasicQos,
    BasicQosOk,
    BasicRecover,
    BasicRecoverAsync,
    BasicRecoverOk,
    BasicReturn,
    ChannelClose,
    ChannelCloseOk,
    ConnectionClose,
    QueueDeclare,
    QueueDeclareOk,
)
from broker.session.channel import REPLY_TO
from tests.support.builders import table
from tests.support.peer import Peer

# qos


def test_a_prefetch_size_is_not_implemented(peer: Peer) -> None:
    peer.sends(1, BasicQos(prefetch_size=5))
    peer.is_closed_with(0, 540, "NOT_IMPLEMENTED - prefetch_size!=0 (5)", BasicQos.ids)


# consume and cancel


def test_consuming_from_an_unknown_queue_closes_the_channel(peer: Peer) -> None:
    peer.sends(1, BasicConsume(queue="nope"))
    text = "NOT_FOUND - no queue 'nope' in vhost '/'"
    peer.receives(1, ChannelClose(404, text, *BasicConsume.ids))


def test_a_tag_is_made_up_where_none_is_given(peer: Peer) -> None:
    peer.declares(1, "q")
    tags = {peer.consumes(1, "q", "") for _ in range(3)}
    assert len(tags) == 3
    assert all(tag.startswith("amq.ctag-") for tag in tags)


def test_a_tag_is_used_once_in_a_channel(peer: Peer) -> None:
    peer.opens_channel(2)
    peer.declares(1, "q")
    peer.consumes(1, "q", "t")
    peer.consumes(2, "q", "t")
    peer.sends(1, BasicConsume(queue="q", consumer_tag="t"))
    text = "NOT_ALLOWED - attempt to reuse consumer tag 't'"
    peer.is_closed_with(0, 530, text, BasicConsume.ids)


def test_the_consume_ok_comes_before_the_first_delivery(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "x")
    peer.sends(1, BasicConsume(queue="q", consumer_tag="t"))
    peer.receives(1, BasicConsumeOk("t"))
    peer.receives_bodies(1, "x", consumer_tag="t")


def test_nowait_has_no_answer(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.sends(1, BasicConsume(queue="q", consumer_tag="t", nowait=True))
    peer.publishes(1, "q", "x")
    peer.receives_bodies(1, "x")
    peer.sends(1, BasicCancel("t", nowait=True))
    peer.publishes(1, "q", "y")
    peer.receives_nothing()


def test_an_exclusive_consumer_is_alone(peer: Peer, other: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q", exclusive=True)
    text = "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"
    other.sends(1, BasicConsume(queue="q"))
    other.is_closed_with(1, 403, text, BasicConsume.ids)
    other.reopens(1)
    peer.sends(1, BasicCancel("tag"))
    peer.receives(1, BasicCancelOk("tag"))
    other.consumes(1, "q")
    peer.sends(1, BasicConsume(queue="q", exclusive=True))
    peer.is_closed_with(1, 403, text, BasicConsume.ids)


def test_no_delivery_follows_a_cancel_ok(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q")
    peer.publishes(1, "q", "a", settle=False)
    peer.sends(1, BasicCancel("tag"))
    peer.publishes(1, "q", "b")
    peer.receives_bodies(1, "a")
    peer.receives(1, BasicCancelOk("tag"))
    peer.receives_nothing()
    assert peer.world.queue("q").ready_count == 1


def test_what_a_cancelled_consumer_holds_stays_unacked(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q")
    peer.publishes(1, "q", "a", "b")
    peer.receives_bodies(1, "a", "b")
    peer.sends(1, BasicCancel("tag"))
    peer.receives(1, BasicCancelOk("tag"))
    assert peer.world.queue("q").unacked_count == 2
    peer.sends(1, BasicAck(2, multiple=True))
    assert peer.world.queue("q").unacked_count == 0
    peer.receives_nothing()


def test_cancelling_who_is_not_there_is_fine(peer: Peer) -> None:
    peer.sends(1, BasicCancel("nobody"))
    peer.receives(1, BasicCancelOk("nobody"))


def test_an_auto_delete_queue_goes_with_its_last_consumer(peer: Peer, other: Peer) -> None:
    peer.declares(1, "q", auto_delete=True)
    peer.consumes(1, "q")
    other.consumes(1, "q")
    peer.sends(1, BasicCancel("tag"))
    assert "q" in peer.world.vhost.queues
    other.sends(1, ChannelClose())
    assert "q" not in peer.world.vhost.queues


# get


def test_get(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.sends(1, BasicGet(queue="q"))
    peer.receives(1, BasicGetEmpty())
    peer.publishes(1, "q", "a", "b")
    content = peer.gets(1, "q", no_ack=False)
    assert content is not None
    assert content.method == BasicGetOk(1, False, "", "q", 1)
    content = peer.gets(1, "q", no_ack=True)
    assert content is not None
    assert content.method == BasicGetOk(2, False, "", "q", 0)
    assert list(peer.connection.channels[1].unacked) == [1]


def test_consumers_come_before_a_get(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q")
    peer.publishes(1, "q", "a", settle=False)
    peer.sends(1, BasicGet(queue="q"))
    peer.receives_bodies(1, "a")
    peer.receives(1, BasicGetEmpty())


def test_an_empty_name_is_the_queue_declared_last(peer: Peer) -> None:
    peer.sends(1, BasicGet())
    assert peer.takes(1, ChannelClose).reply_text == "NOT_FOUND - no previously declared queue"
    peer.reopens(1)
    peer.declares(1, "q")
    peer.sends(1, BasicGet())
    peer.receives(1, BasicGetEmpty())


# recover


@pytest.mark.parametrize("is_async", [False, True])
def test_recover_gives_everything_back(peer: Peer, is_async: bool) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "a", "b")
    peer.consumes(1, "q")
    peer.receives_bodies(1, "a", "b")
    peer.sends(1, BasicRecoverAsync(True) if is_async else BasicRecover(True))
    if not is_async:
        peer.receives(1, BasicRecoverOk())
    assert peer.receives_bodies(1, "a", "b", redelivered=True) == [3, 4]


def test_recover_without_requeue_is_not_implemented(peer: Peer) -> None:
    peer.sends(1, BasicRecover(False))
    peer.is_closed_with(0, 540, "NOT_IMPLEMENTED - requeue=false", BasicRecover.ids)


@pytest.mark.parametrize(("queue_type", "is_refused"), [("quorum", True), ("classic", False)])
def test_getting_from_a_single_active_consumers_queue(
    peer: Peer, queue_type: str, is_refused: bool
) -> None:
    arguments = table(x_queue_type=queue_type, x_single_active_consumer=True)
    peer.declares(1, "q", arguments, durable=True)
    peer.publishes(1, "q", "x")
    peer.sends(1, BasicGet(queue="q"))
    if is_refused:
        assert peer.takes(1, ChannelClose).reply_code == 405
    else:
        assert peer.takes_content(1).body == b"x"


# credit


def test_credit_is_used_up_and_drained(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "a", "b", "c")
    peer.consumes(1, "q", "t", arguments=table(x_priority=0))
    peer.receives_bodies(1, "a", "b", "c")
    peer.sends(1, BasicCredit("t", 2, False))
    peer.receives(1, BasicCreditOk(0))
    peer.publishes(1, "q", "d", "e", "f")
    peer.receives_bodies(1, "d", "e")
    peer.receives_nothing()
    peer.sends(1, BasicCredit("t", 5, True))
    peer.receives(1, BasicCreditOk(1))
    peer.receives_bodies(1, "f")
    peer.receives(1, BasicCreditDrained("t", 4))
    peer.publishes(1, "q", "g")
    peer.receives_nothing()


def test_credit_for_nobody(peer: Peer) -> None:
    peer.sends(1, BasicCredit("t", 2, False))
    assert peer.takes(1, ChannelClose).reply_text.endswith("unknown consumer tag 't'")


# direct reply-to


def asks(peer: Peer, body: str = "question") -> str:
    """Publishes a request to q with the pseudo queue as reply-to. Returns: what it became."""
    peer.publishes(1, "q", body, reply_to=REPLY_TO)
    content = peer.gets(1, "q")
    assert content is not None
    reply_to = content.properties.reply_to
    assert reply_to is not None
    return reply_to


def test_an_answer_goes_straight_to_who_asked(peer: Peer, other: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, REPLY_TO, "replies", no_ack=True)
    reply_to = asks(peer)
    assert reply_to.startswith(f"{REPLY_TO}.")
    assert asks(peer) == reply_to
    other.publishes(1, reply_to, "answer", "again", correlation_id="7")
    for body in (b"answer", b"again"):
        content = peer.takes_content(1)
        # the tag is the channel's next one, after the two deliveries of `asks`, and not used up
        assert content.method == BasicDeliver("replies", 3, False, "", reply_to)
        assert content.body == body
        assert content.properties.correlation_id == "7"
    assert set(peer.world.vhost.queues) == {"q"}


def test_whether_somebody_still_waits_can_be_asked(peer: Peer, other: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, REPLY_TO, "replies", no_ack=True)
    reply_to = asks(peer)
    other.sends(1, QueueDeclare(queue=reply_to, passive=True))
    other.receives(1, QueueDeclareOk(reply_to, 0, 1))
    peer.sends(1, BasicCancel("replies"))
    peer.receives(1, BasicCancelOk("replies"))
    other.sends(1, QueueDeclare(queue=reply_to, passive=True))
    assert other.takes(1, ChannelClose).reply_code == 404


@pytest.mark.parametrize("end", ["cancel", "close", "drop"])
def test_an_answer_that_comes_too_late_leads_nowhere(peer: Peer, other: Peer, end: str) -> None:
    peer.declares(1, "q")
    peer.consumes(1, REPLY_TO, "replies", no_ack=True)
    reply_to = asks(peer)
    if end == "cancel":
        peer.sends(1, BasicCancel("replies"))
    elif end == "close":
        peer.sends(1, ChannelClose())
        peer.receives(1, ChannelCloseOk())
    else:
        peer.drops()
    peer.takes_all(1)
    other.publishes(1, reply_to, "answer", mandatory=True)
    assert isinstance(other.takes_content(1).method, BasicReturn)
    peer.receives_nothing()
    assert peer.world.node.reply_consumers == {}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"no_ack": False}, "reply consumer cannot acknowledge"),
        ({"no_ack": True}, "reply consumer already set"),
    ],
)
def test_reply_consumers_that_are_refused(peer: Peer, fields: dict[str, bool], text: str) -> None:
    if fields["no_ack"]:
        peer.consumes(1, REPLY_TO, "first", no_ack=True)
    peer.sends(1, BasicConsume(queue=REPLY_TO, consumer_tag="second", **fields))
    peer.is_closed_with(1, 406, f"PRECONDITION_FAILED - {text}", BasicConsume.ids)


def test_a_published_request_keeps_its_other_properties(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, REPLY_TO, "replies", no_ack=True)
    for number in range(3):
        peer.publishes(
            1, "q", "x", reply_to=REPLY_TO, correlation_id=str(number), headers=table(n=number)
        )
    for number in range(3):
        content = peer.gets(1, "q")
        assert content is not None
        assert content.properties.correlation_id == str(number)
        assert content.properties.header_table == table(n=number)
    assert not any(isinstance(received, ConnectionClose) for received in peer.takes_all(0))
    peer.sends(1, BasicQos())
    peer.receives(1, BasicQosOk())
