"""TTL, limits, dead letters, priorities, single active consumer: talking to a whole node."""

from __future__ import annotations

import pytest

from broker.amqp.methods import (
    BasicAck,
    BasicCancel,
    BasicCancelOk,
    BasicConsume,
    BasicCredit,
    BasicCreditOk,
    BasicGet,
    BasicGetEmpty,
    BasicGetOk,
    BasicNack,
    BasicQos,
    BasicQosOk,
    BasicReject,
    ChannelClose,
    ChannelCloseOk,
    QueueDeclare,
    QueueDeclareOk,
    QueueDelete,
    QueueDeleteOk,
    QueuePurge,
    QueuePurgeOk,
    TxCommit,
    TxSelect,
    TxSelectOk,
)
from broker.amqp.wire import Field, plain
from broker.queues.extended import ExtendedQueue, extend
from broker.queues.features import REJECT_PUBLISH, Features
from broker.queues.queue import Queue
from tests.support.builders import message, table
from tests.support.consumer import FakeConsumer
from tests.support.peer import Peer, World
from tests.support.seams import FakeClock
from tests.support.wire import Content


@pytest.fixture
def graves(peer: Peer) -> Peer:
    """Peer with a queue "dead" behind the exchange "amq.fanout"."""
    peer.declares(1, "dead")
    peer.binds(1, "dead", "amq.fanout")
    return peer


def deaths(peer: Peer) -> list[tuple[str, str]]:
    """Body and reason of everything in "dead"."""
    found = []
    while (content := peer.gets(1, "dead")) is not None:
        headers = plain(Field("F", content.properties.header_table))
        assert isinstance(headers, dict)
        found.append((content.body.decode(), headers["x-death"][0]["reason"]))
    return found


def bodies(peer: Peer, queue: str = "q") -> list[str]:
    """Everything ready in a queue, taken."""
    found = []
    while (content := peer.gets(1, queue)) is not None:
        found.append(content.body.decode())
    return found


def count(peer: Peer, queue: str = "q") -> int:
    return peer.world.queue(queue).ready_count


# becoming one


def test_only_queues_that_ask_for_it_are_extended(peer: Peer) -> None:
    peer.declares(1, "plain")
    peer.declares(1, "limited", table(x_max_length=1))
    assert type(peer.world.queue("plain")) is Queue
    assert type(peer.world.queue("limited")) is ExtendedQueue


def test_a_message_with_an_expiration_makes_its_queue_one(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "a", "b", "c")
    peer.publishes(1, "q", "d", "e", expiration="1000")
    peer.publishes(1, "q", "f", "g")
    assert type(peer.world.queue("q")) is ExtendedQueue
    peer.world.passes(2000)
    assert count(peer) == 7  # d and e wait for those before them
    assert bodies(peer) == ["a", "b", "c", "f", "g"]


def test_extending_keeps_what_is_there() -> None:
    queue = Queue("q", "/", [])
    for body in "abc":
        queue.push(message(body))
    first = queue.pop()
    assert first is not None
    queue.unacked_count += 1
    extended = extend(queue, Features(message_ttl_ms=1000), FakeClock())
    assert extended is queue
    extended.check_invariants()
    extended.requeue([first])
    extended.check_invariants()
    popped = [extended.pop() for _ in range(3)]
    assert [d.message.body for d in popped if d] == [b"a", b"b", b"c"]


# time to live


def test_messages_of_a_queue_with_a_ttl_expire_at_its_head(graves: Peer) -> None:
    arguments = table(x_message_ttl=1000, x_dead_letter_exchange="amq.fanout")
    graves.declares(1, "q", arguments)
    graves.publishes(1, "q", "a", "b")
    graves.world.passes(500)
    graves.publishes(1, "q", "c")
    assert count(graves) == 3
    graves.world.passes(500)
    assert count(graves) == 1
    assert deaths(graves) == [("a", "expired"), ("b", "expired")]
    graves.world.passes(500)
    assert count(graves) == 0
    assert deaths(graves) == [("c", "expired")]


def test_the_shorter_of_two_times_counts(peer: Peer) -> None:
    peer.declares(1, "q", table(x_message_ttl=1000))
    peer.publishes(1, "q", "a", expiration="500")
    peer.publishes(1, "q", "b", expiration="5000")
    peer.world.passes(500)
    assert count(peer) == 1
    peer.world.passes(500)
    assert count(peer) == 0


def test_a_message_behind_one_that_lives_longer_waits(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "long", expiration="5000")
    peer.publishes(1, "q", "short", expiration="500")
    peer.world.passes(1000)
    assert count(peer) == 2
    peer.world.passes(4500)
    assert count(peer) == 0


def test_what_lives_for_no_time_goes_to_who_can_take_it_now(graves: Peer) -> None:
    graves.declares(1, "q", table(x_message_ttl=0, x_dead_letter_exchange="amq.fanout"))
    graves.publishes(1, "q", "a")
    assert deaths(graves) == [("a", "expired")]
    graves.consumes(1, "q")
    graves.publishes(1, "q", "b", "c")
    graves.receives_bodies(1, "b", "c")
    assert deaths(graves) == []


def test_an_expired_message_is_never_delivered(peer: Peer) -> None:
    peer.declares(1, "q", table(x_message_ttl=1000))
    peer.publishes(1, "q", "a")
    peer.world.clock.time_ms += 1000  # nobody has noticed yet
    peer.consumes(1, "q")
    peer.receives_nothing()
    assert count(peer) == 0


def test_a_requeued_message_keeps_its_deadline(graves: Peer) -> None:
    graves.declares(1, "q", table(x_message_ttl=1000, x_dead_letter_exchange="amq.fanout"))
    graves.publishes(1, "q", "a")
    graves.gets(1, "q", no_ack=False)
    graves.world.passes(2000)
    assert graves.world.queue("q").unacked_count == 1
    graves.sends(1, BasicNack(0, multiple=True))
    assert deaths(graves) == [("a", "expired")]


# a queue's own time


def test_an_unused_queue_expires(peer: Peer) -> None:
    peer.declares(1, "q", table(x_expires=2000))
    peer.publishes(1, "q", "publishing is no use")
    peer.world.passes(1500)
    peer.declares(1, "q", table(x_expires=2000))  # declaring is
    peer.world.passes(1500)
    assert "q" in peer.world.vhost.queues
    peer.world.passes(1000)
    assert "q" not in peer.world.vhost.queues


@pytest.mark.parametrize("use", ["get", "passive"])
def test_using_a_queue_gives_it_more_time(peer: Peer, use: str) -> None:
    peer.declares(1, "q", table(x_expires=2000))
    for _ in range(5):
        peer.world.passes(1500)
        if use == "get":
            peer.sends(1, BasicGet(queue="q"))
            peer.receives(1, BasicGetEmpty())
        else:
            peer.sends(1, QueueDeclare(queue="q", passive=True))
            peer.receives(1, QueueDeclareOk("q", 0, 0))
    peer.world.passes(2500)
    assert "q" not in peer.world.vhost.queues


def test_a_queue_with_a_consumer_is_in_use(peer: Peer) -> None:
    peer.declares(1, "q", table(x_expires=2000))
    peer.consumes(1, "q")
    peer.world.passes(10_000)
    assert "q" in peer.world.vhost.queues
    peer.sends(1, BasicCancel("tag"))
    peer.world.passes(1500)
    assert "q" in peer.world.vhost.queues
    peer.world.passes(1000)
    assert "q" not in peer.world.vhost.queues


# limits


def test_the_oldest_make_room(graves: Peer) -> None:
    graves.declares(1, "q", table(x_max_length=2, x_dead_letter_exchange="amq.fanout"))
    graves.publishes(1, "q", *"abcd")
    assert deaths(graves) == [("a", "maxlen"), ("b", "maxlen")]
    assert bodies(graves) == ["c", "d"]


def test_a_limit_in_octets(graves: Peer) -> None:
    graves.declares(1, "q", table(x_max_length_bytes=10, x_dead_letter_exchange="amq.fanout"))
    graves.publishes(1, "q", "aaaa", "bbbb", "cc", "dddddd")
    assert [body for body, _ in deaths(graves)] == ["aaaa", "bbbb"]
    graves.publishes(1, "q", "e" * 11)
    assert [body for body, _ in deaths(graves)] == ["cc", "dddddd", "e" * 11]


def test_what_a_consumer_takes_does_not_count(peer: Peer) -> None:
    peer.declares(1, "q", table(x_max_length=1))
    peer.consumes(1, "q")
    peer.publishes(1, "q", *"abc")
    peer.receives_bodies(1, *"abc")


def test_what_comes_back_counts_again(graves: Peer) -> None:
    graves.declares(1, "q", table(x_max_length=2, x_dead_letter_exchange="amq.fanout"))
    graves.publishes(1, "q", "a")
    graves.gets(1, "q", no_ack=False)
    graves.publishes(1, "q", "b", "c")
    graves.sends(1, BasicNack(0, multiple=True))
    assert deaths(graves) == [("a", "maxlen")]
    assert bodies(graves) == ["b", "c"]


def test_limits_and_expiry_at_once(graves: Peer) -> None:
    """The limit comes first, as in RabbitMQ; then what has expired, whoever waits for it."""
    arguments = table(x_max_length=1, x_message_ttl=10, x_dead_letter_exchange="amq.fanout")
    graves.declares(1, "q", arguments)
    graves.sends(1, BasicQos(prefetch_count=2))
    graves.receives(1, BasicQosOk())
    graves.consumes(1, "q")
    graves.publishes(1, "q", "a", "b")
    graves.receives_bodies(1, "a", "b")
    graves.world.clock.time_ms += 20
    graves.sends(1, BasicNack(0, multiple=True))
    graves.receives_nothing(1)
    assert graves.world.node.bug_count == 0
    assert deaths(graves) == [("a", "maxlen"), ("b", "expired")]


@pytest.mark.parametrize("overflow", ["reject-publish", "reject-publish-dlx"])
def test_a_full_queue_may_refuse_instead(graves: Peer, overflow: str) -> None:
    arguments = table(x_max_length=2, x_overflow=overflow, x_dead_letter_exchange="amq.fanout")
    graves.declares(1, "q", arguments)
    graves.opens_channel(2)
    graves.wants_confirms(2)
    graves.publishes(2, "q", *"abcd")
    assert confirmed(graves, 2) == {1: "ack", 2: "ack", 3: "nack", 4: "nack"}
    assert bodies(graves) == ["a", "b"]
    buried = [("c", "maxlen"), ("d", "maxlen")] if overflow == "reject-publish-dlx" else []
    assert deaths(graves) == buried


def confirmed(peer: Peer, channel: int) -> dict[int, str]:
    """Publish seqno → what the broker said of it."""
    said: dict[int, str] = {}
    for received in peer.takes_all(channel):
        assert isinstance(received, (BasicAck, BasicNack))
        tags = range(len(said) + 1, received.delivery_tag + 1)
        if not received.multiple:
            tags = range(received.delivery_tag, received.delivery_tag + 1)
        for tag in tags:
            assert tag not in said
            said[tag] = "ack" if isinstance(received, BasicAck) else "nack"
    return said


def test_acks_and_nacks_alternate_as_the_queue_does(peer: Peer) -> None:
    peer.declares(1, "q", table(x_max_length=1, x_overflow="reject-publish"))
    peer.declares(1, "free")
    peer.opens_channel(2)
    peer.wants_confirms(2)
    for key in ("free", "q", "q", "free", "q", "free"):
        peer.publishes(2, key, "x", settle=False)
    peer.world.settle()
    assert confirmed(peer, 2) == dict(
        enumerate(("ack", "ack", "nack", "ack", "nack", "ack"), start=1)
    )


def test_a_transaction_that_fills_a_queue_fails(peer: Peer) -> None:
    peer.declares(1, "q", table(x_max_length=1, x_overflow="reject-publish"))
    peer.sends(1, TxSelect())
    peer.receives(1, TxSelectOk())
    peer.publishes(1, "q", "a", "b")
    peer.sends(1, TxCommit())
    assert peer.takes(1, ChannelClose).reply_code == 406


# dead letters


def test_the_rejected_are_sent_on_with_their_history(graves: Peer) -> None:
    graves.declares(1, "q", table(x_dead_letter_exchange="amq.fanout"))
    graves.publishes(1, "q", *"abc")
    for _ in range(3):
        graves.gets(1, "q", no_ack=False)
    graves.sends(1, BasicReject(1, requeue=False), BasicNack(3, multiple=True, requeue=False))
    assert graves.world.queue("q").unacked_count == 0
    assert deaths(graves) == [("a", "rejected"), ("b", "rejected"), ("c", "rejected")]


def test_a_dead_letter_may_get_another_key(peer: Peer) -> None:
    arguments = table(x_dead_letter_exchange="", x_dead_letter_routing_key="other")
    peer.declares(1, "q", arguments | table(x_max_length=0))
    peer.declares(1, "other")
    peer.publishes(1, "q", "a")
    content = peer.gets(1, "other")
    assert content is not None
    assert content.method == BasicGetOk(1, False, "", "other", 0)


def test_without_its_exchange_a_dead_letter_is_gone(peer: Peer) -> None:
    peer.declares(1, "q", table(x_dead_letter_exchange="nowhere", x_max_length=0))
    peer.publishes(1, "q", "a")
    peer.receives_nothing()
    assert count(peer) == 0


def test_a_circle_without_a_decision_ends(peer: Peer) -> None:
    arguments = table(x_dead_letter_exchange="", x_message_ttl=500)
    peer.declares(1, "q", arguments)
    peer.publishes(1, "q", "a")
    peer.world.passes(1000)
    assert count(peer) == 0
    to_each_other = (("one", "two"), ("two", "one"))
    for name, following in to_each_other:
        key = table(x_dead_letter_routing_key=following)
        peer.declares(1, name, arguments | key)
    peer.publishes(1, "one", "b")
    for where in ("two", None):
        peer.world.passes(500)
        assert [n for n in ("one", "two") if count(peer, n)] == ([where] if where else [])


def test_a_rejection_may_go_round(peer: Peer) -> None:
    peer.declares(1, "q", table(x_dead_letter_exchange=""))
    peer.publishes(1, "q", "a")
    for expected in (1, 2, 3):
        content = peer.gets(1, "q", no_ack=False)
        assert content is not None
        tag = content.method.delivery_tag  # type: ignore[attr-defined]
        peer.sends(1, BasicReject(tag, requeue=False))
        (entry,) = _deaths_of(peer.world.queue("q"))
        assert entry["count"] == expected


def _deaths_of(queue: Queue) -> list[dict[str, int]]:
    (waiting,) = queue.ready
    found = plain(waiting.envelope.properties.header_table["x-death"])
    assert isinstance(found, list)
    return found


def test_dead_letters_reach_a_consumer_in_the_same_conversation(graves: Peer) -> None:
    graves.consumes(1, "dead", "mourner", no_ack=True)
    graves.declares(1, "q", table(x_max_length=0, x_dead_letter_exchange="amq.fanout"))
    graves.publishes(1, "q", *"abc")
    graves.receives_bodies(1, *"abc", consumer_tag="mourner", exchange="amq.fanout")


def test_deleting_a_queue_buries_nobody(graves: Peer) -> None:
    graves.declares(1, "q", table(x_dead_letter_exchange="amq.fanout", x_max_length=5))
    graves.publishes(1, "q", "a")
    graves.world.vhost.delete_queue("q")
    graves.world.settle()
    assert deaths(graves) == []


# priorities


def test_higher_priorities_are_delivered_first(peer: Peer) -> None:
    peer.declares(1, "q", table(x_max_priority=5))
    for body, priority in (("a", None), ("b", 5), ("c", 1), ("d", 9), ("e", 0)):
        peer.publishes(1, "q", body, priority=priority)
    assert bodies(peer) == ["b", "d", "c", "a", "e"]


def test_a_returned_message_waits_for_higher_ones_and_goes_before_its_own(peer: Peer) -> None:
    peer.declares(1, "q", table(x_max_priority=5))
    peer.publishes(1, "q", "low1", "low2")
    peer.gets(1, "q", no_ack=False)
    peer.publishes(1, "q", "high", priority=3)
    peer.sends(1, BasicNack(1))
    assert bodies(peer) == ["high", "low1", "low2"]


def test_a_full_queue_drops_from_its_head_whatever_the_priority(peer: Peer) -> None:
    """RabbitMQ: higher priorities may be dropped to make way for lower ones."""
    peer.declares(1, "q", table(x_max_priority=5, x_max_length=2))
    for body, priority in (("a", 0), ("b", 5), ("c", 0)):
        peer.publishes(1, "q", body, priority=priority)
    assert bodies(peer) == ["a", "c"]


# single active consumer


def test_one_consumer_has_it_all_until_it_goes(peer: Peer, other: Peer) -> None:
    peer.declares(1, "q", table(x_single_active_consumer=True))
    peer.consumes(1, "q", "first")
    other.consumes(1, "q", "second")
    peer.publishes(1, "q", "a", "b")
    peer.receives_bodies(1, "a", "b")
    other.receives_nothing()
    peer.sends(1, BasicCancel("first"))
    peer.receives(1, BasicCancelOk("first"))
    peer.publishes(1, "q", "c")
    other.receives_bodies(1, "c")
    peer.drops()
    other.receives_bodies(1, "a", "b", redelivered=True)


def test_the_one_after_has_credit_of_its_own(peer: Peer, other: Peer) -> None:
    peer.declares(1, "q", table(x_single_active_consumer=True))
    for client in (peer, other):
        client.sends(1, BasicQos(prefetch_count=1))
        client.receives(1, BasicQosOk())
        client.consumes(1, "q")
    peer.publishes(1, "q", "a", "b")
    peer.receives_bodies(1, "a")
    other.receives_nothing()
    peer.sends(1, BasicAck(1))
    peer.receives_bodies(1, "b")
    peer.drops()
    other.receives_bodies(1, "b", redelivered=True)


# quorum queues' limits


def test_a_message_delivered_too_often_is_dead(graves: Peer) -> None:
    arguments = table(
        x_queue_type="quorum", x_delivery_limit=1, x_dead_letter_exchange="amq.fanout"
    )
    graves.declares(1, "q", arguments, durable=True)
    graves.publishes(1, "q", "a")
    counts = []
    for tag in (1, 2):
        content = graves.gets(1, "q", no_ack=False)
        assert isinstance(content, Content)
        counts.append(content.properties.header_table["x-delivery-count"].value)
        graves.sends(1, BasicNack(tag))
    assert counts == [0, 1]
    assert count(graves) == 0
    assert deaths(graves) == [("a", "delivery_limit")]


def test_a_quorum_queue_shows_how_often_it_tried(peer: Peer) -> None:
    peer.declares(1, "q", table(x_queue_type="quorum"), durable=True)
    peer.consumes(1, "q")
    peer.publishes(1, "q", "a", headers=table(n=1))
    content = peer.takes_content(1)
    assert content.properties.header_table == table(n=1)
    peer.sends(1, BasicNack(1))
    content = peer.takes_content(1)
    assert content.properties.header_table["x-delivery-count"].value == 1
    peer.sends(1, BasicNack(2))
    assert peer.takes_content(1).properties.header_table["x-delivery-count"].value == 2


# more of becoming one


def test_a_plain_queue_keeps_its_deliveries_when_it_is_extended(peer: Peer) -> None:
    """Messages ready, returned and unacked, and a consumer that holds one of them."""
    peer.declares(1, "q")
    peer.publishes(1, "q", *"abcd")
    peer.sends(1, BasicQos(prefetch_count=1))
    peer.receives(1, BasicQosOk())
    peer.consumes(1, "q")
    peer.receives_bodies(1, "a")
    assert peer.gets(1, "q", no_ack=False) is not None  # b
    assert peer.gets(1, "q", no_ack=False) is not None  # c
    peer.sends(1, BasicNack(2, requeue=True))
    peer.publishes(1, "q", "e", expiration="1000")
    queue = peer.world.queue("q")
    assert type(queue) is ExtendedQueue
    assert (queue.ready_count, queue.unacked_count) == (3, 2)
    peer.sends(1, BasicNack(3, requeue=True))
    peer.sends(1, BasicAck(1))
    peer.receives_bodies(1, "b", redelivered=True)
    peer.sends(1, BasicAck(4))
    peer.receives_bodies(1, "c", redelivered=True)
    peer.sends(1, BasicAck(5))
    peer.receives_bodies(1, "d", redelivered=False)
    peer.world.passes(1000, step_ms=1000)
    peer.sends(1, BasicAck(6))
    peer.receives_nothing()
    assert (queue.ready_count, queue.unacked_count) == (0, 0)


@pytest.mark.parametrize("fast_path", ["on", "off"])
def test_who_remembers_a_route_to_a_queue_learns_that_it_is_another(fast_path: str) -> None:
    world = World({"fast_path": fast_path})
    peer, other = world.peer(), world.peer()
    for client in (peer, other):
        client.opens_channel(1)
    peer.declares(1, "q")
    peer.publishes(1, "q", *["run"] * 10)
    other.publishes(1, "q", "first", expiration="1000")
    peer.publishes(1, "q", *["run"] * 10)
    other.publishes(1, "q", *["alike"] * 5, expiration="1000")
    queue = world.queue("q")
    assert (queue.ready_count, queue.published) == (26, 26)
    queue.check_invariants()


def test_extending_twice_changes_the_features_only() -> None:
    queue = extend(Queue("q", "/", []), Features(), FakeClock())
    extras = queue.extras
    assert extend(queue, Features(max_length=1), FakeClock()) is queue
    assert queue.extras is extras
    assert extras.features.max_length == 1


# more time to live


@pytest.mark.parametrize("expiration", ["-1", "", "1.5", "abc", "315360000001", " 5", "5 ", "0x10"])
def test_an_expiration_that_is_none_is_refused(peer: Peer, expiration: str) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "a", expiration=expiration)
    close = peer.takes(1, ChannelClose)
    assert close.reply_code == 406
    assert close.reply_text.startswith(f"PRECONDITION_FAILED - invalid expiration '{expiration}': ")
    assert type(peer.world.queue("q")) is Queue


@pytest.mark.parametrize("expiration", ["315360000000", "+5", "0005"])
def test_expirations_that_rabbitmq_takes(peer: Peer, expiration: str) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "a", expiration=expiration)
    content = peer.gets(1, "q")
    assert content is not None
    assert content.properties.expiration == expiration


def test_a_message_lives_to_its_last_millisecond(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "a", expiration="7")
    peer.world.passes(6, step_ms=1)
    assert count(peer) == 1
    peer.world.passes(1, step_ms=1)
    assert count(peer) == 0


def test_zero_with_a_consumer_that_has_no_room(graves: Peer) -> None:
    graves.declares(1, "q", table(x_dead_letter_exchange="amq.fanout"))
    graves.sends(1, BasicQos(prefetch_count=1))
    graves.receives(1, BasicQosOk())
    graves.consumes(1, "q")
    graves.publishes(1, "q", "a", "b", expiration="0")
    graves.receives_bodies(1, "a")
    assert deaths(graves) == [("b", "expired")]


def test_zero_behind_others(graves: Peer) -> None:
    """It is not at the head: it has to wait for its end like everybody."""
    graves.declares(1, "q", table(x_dead_letter_exchange="amq.fanout"))
    graves.publishes(1, "q", "a")
    graves.publishes(1, "q", "b", expiration="0")
    assert count(graves) == 2
    graves.gets(1, "q")
    assert deaths(graves) == [("b", "expired")]


def test_what_is_unacked_does_not_expire(peer: Peer) -> None:
    peer.declares(1, "q", table(x_message_ttl=100))
    peer.consumes(1, "q")
    peer.publishes(1, "q", "a")
    peer.receives_bodies(1, "a")
    peer.world.passes(1000, step_ms=100)
    peer.sends(1, BasicAck(1))
    peer.receives_nothing()
    assert peer.world.queue("q").acked == 1


def test_a_returned_message_expires_without_anybody_there(graves: Peer) -> None:
    graves.declares(1, "q", table(x_dead_letter_exchange="amq.fanout"))
    graves.publishes(1, "q", "a")
    graves.publishes(1, "q", "b", expiration="1000")
    graves.consumes(1, "q")
    graves.receives_bodies(1, "a", "b")
    graves.sends(1, BasicCancel("tag"))
    graves.receives(1, BasicCancelOk("tag"))
    graves.sends(1, BasicNack(2, requeue=True))
    graves.world.passes(1000, step_ms=100)
    assert deaths(graves) == [("b", "expired")]


def test_an_uncovered_message_expires_without_anybody_there(peer: Peer) -> None:
    """What was before it has been dropped, taken or purged away."""
    peer.declares(1, "q", table(x_max_length=2))
    peer.publishes(1, "q", "a")
    peer.publishes(1, "q", "b", expiration="1000")
    peer.publishes(1, "q", "c")
    peer.world.passes(1000, step_ms=100)
    assert count(peer) == 1
    assert bodies(peer) == ["c"]


def test_there_is_no_timer_per_message(peer: Peer) -> None:
    peer.declares(1, "q")
    for _ in range(10):
        peer.publishes(1, "q", *"abcdefghij", expiration="1000")
    assert len(peer.world.clock.sleepers) == 1
    peer.world.passes(1000, step_ms=100)
    assert count(peer) == 0
    assert not peer.world.clock.sleepers


def test_timers_do_not_pile_up_while_heads_come_and_go(peer: Peer) -> None:
    peer.declares(1, "q", table(x_expires=60_000))
    peer.consumes(1, "q", no_ack=True)
    for _ in range(20):
        peer.publishes(1, "q", "long", expiration="50000")
        peer.publishes(1, "q", "short", expiration="100")
        peer.world.passes(200, step_ms=100)
    assert len(peer.world.clock.sleepers) <= 3


# more of a queue's own time


def test_a_queue_that_expires_is_gone_with_all_it_had(graves: Peer) -> None:
    graves.declares(1, "q", table(x_expires=1000, x_dead_letter_exchange="amq.fanout"))
    graves.binds(1, "q", "amq.direct", "key")
    graves.publishes(1, "q", "a", "b")
    graves.gets(1, "q", no_ack=False)
    graves.world.passes(1500, step_ms=100)
    assert "q" not in graves.world.vhost.queues
    assert not graves.world.vhost.exchanges["amq.direct"].bindings
    assert deaths(graves) == []
    graves.sends(1, BasicNack(1, requeue=True))  # of a queue that is no more
    graves.receives_nothing()


def test_a_queue_of_the_same_name_does_not_inherit_the_timers(peer: Peer) -> None:
    peer.declares(1, "q", table(x_expires=1000))
    peer.world.passes(900, step_ms=100)
    peer.sends(1, QueueDelete(queue="q"))
    peer.receives(1, QueueDeleteOk(0))
    peer.declares(1, "q", table(x_expires=1000))
    peer.world.passes(900, step_ms=100)
    assert "q" in peer.world.vhost.queues
    peer.world.passes(100, step_ms=100)
    assert "q" not in peer.world.vhost.queues


def test_publishing_and_purging_are_no_use(peer: Peer) -> None:
    peer.declares(1, "q", table(x_expires=1000))
    peer.world.passes(600, step_ms=100)
    peer.publishes(1, "q", "a")
    peer.sends(1, QueuePurge(queue="q"))
    peer.receives(1, QueuePurgeOk(1))
    peer.world.passes(400, step_ms=100)
    assert "q" not in peer.world.vhost.queues


def test_a_lost_connection_is_the_end_of_its_use(peer: Peer, other: Peer) -> None:
    peer.declares(1, "q", table(x_expires=1000))
    other.consumes(1, "q")
    peer.world.passes(5000, step_ms=100)
    other.drops()
    peer.world.passes(900, step_ms=100)
    assert "q" in peer.world.vhost.queues
    peer.world.passes(200, step_ms=100)
    assert "q" not in peer.world.vhost.queues


# more limits


def test_a_limit_of_nothing_lets_through_what_is_taken_at_once(peer: Peer) -> None:
    peer.declares(1, "q", table(x_max_length=0))
    peer.publishes(1, "q", "a")
    assert count(peer) == 0
    peer.consumes(1, "q")
    peer.publishes(1, "q", "b", "c")
    peer.receives_bodies(1, "b", "c")


def test_what_comes_back_is_dropped_before_a_consumer_gets_it(peer: Peer) -> None:
    """RabbitMQ keeps the limit first, and only then hands out."""
    peer.declares(1, "q", table(x_max_length=0))
    peer.consumes(1, "q")
    peer.publishes(1, "q", "a")
    peer.receives_bodies(1, "a")
    peer.sends(1, BasicNack(1, requeue=True))
    peer.receives_nothing()
    assert peer.world.queue("q").unacked_count == 0


def test_expiry_makes_room_before_a_limit_does(peer: Peer) -> None:
    """A consumer stands in the ring, but has no room; what is first expires meanwhile."""
    peer.declares(1, "q", table(x_max_length=1))
    peer.sends(1, BasicQos(prefetch_count=1))
    peer.receives(1, BasicQosOk())
    peer.consumes(1, "q")
    peer.publishes(1, "q", "x")
    peer.receives_bodies(1, "x")
    peer.publishes(1, "q", "a", expiration="10", settle=False)
    peer.world.clock.time_ms += 20
    peer.publishes(1, "q", "b")
    peer.sends(1, BasicAck(1))
    peer.receives_bodies(1, "b")


@pytest.mark.parametrize("arguments", [{"x_max_length": 1}, {"x_max_length_bytes": 1}])
def test_a_queue_is_not_full_of_what_consumers_take(
    peer: Peer, arguments: dict[str, object]
) -> None:
    peer.declares(1, "q", table(x_overflow="reject-publish", **arguments))
    peer.consumes(1, "q", no_ack=True)
    peer.publishes(1, "q", *"abcde")
    peer.receives_bodies(1, *"abcde")


def test_a_limit_of_nothing_refuses_even_with_a_consumer(peer: Peer) -> None:
    """RabbitMQ asks whether it fits before it looks for somebody to take it."""
    peer.declares(1, "q", table(x_max_length=0, x_overflow="reject-publish"))
    peer.consumes(1, "q", no_ack=True)
    peer.wants_confirms(1)
    peer.publishes(1, "q", "a")
    peer.receives(1, BasicNack(1, multiple=True))
    peer.receives_nothing()


def test_octets_are_refused_one_by_one(peer: Peer) -> None:
    peer.declares(1, "q", table(x_max_length_bytes=5, x_overflow="reject-publish"))
    peer.publishes(1, "q", "aaaa", "bb", "c", "", "d")
    assert bodies(peer) == ["aaaa", "c", ""]


def test_what_came_back_may_be_more_than_the_limit_where_it_refuses(peer: Peer) -> None:
    peer.declares(1, "q", table(x_max_length=1, x_overflow="reject-publish"))
    peer.publishes(1, "q", "a")
    peer.gets(1, "q", no_ack=False)
    peer.publishes(1, "q", "b")
    peer.sends(1, BasicNack(1, requeue=True))
    peer.publishes(1, "q", "c")
    assert bodies(peer) == ["a", "b"]


def test_one_full_queue_of_two_is_a_nack(peer: Peer) -> None:
    peer.declares(1, "full", table(x_max_length=0, x_overflow="reject-publish"))
    peer.declares(1, "free")
    for queue in ("full", "free"):
        peer.binds(1, queue, "amq.fanout")
    peer.wants_confirms(1)
    peer.publishes(1, "", "a", exchange="amq.fanout")
    peer.receives(1, BasicNack(1, multiple=True))
    assert bodies(peer, "free") == ["a"]


def test_what_a_refused_message_left_at_the_head_expires_in_time() -> None:
    """Before it was refused, the consumer took all but the last one."""
    clock = FakeClock()
    queue = extend(Queue("q", "/", []), Features(), clock)
    queue.add_consumer(FakeConsumer(credit=1))
    queue.push(message("taken"))
    late = message("late", expiration="5")
    late.envelope.ttl_ms = 5
    queue.push(late)
    extend(queue, Features(max_length=0, overflow=REJECT_PUBLISH), clock)
    assert queue.push(message("refused")) is False
    assert queue.ready_count == 1
    clock.time_ms += 5
    (sleeper,) = clock.take_due()
    sleeper.on_wake_up()
    assert queue.ready_count == 0


def test_accepted_ones_before_a_refused_one_are_acked_before_it(peer: Peer) -> None:
    peer.declares(1, "q", table(x_max_length=3, x_overflow="reject-publish"))
    peer.wants_confirms(1)
    peer.publishes(1, "q", *"abcde")
    peer.receives(
        1,
        BasicAck(3, multiple=True),
        BasicNack(5, multiple=True),
    )
    peer.publishes(1, "nowhere", *"fg")
    peer.publishes(1, "q", "h")
    peer.receives(1, BasicAck(7, multiple=True), BasicNack(8, multiple=True))
    assert bodies(peer) == ["a", "b", "c"]
    peer.receives_nothing()


def test_without_confirms_a_refusal_is_silent(peer: Peer) -> None:
    peer.declares(1, "q", table(x_max_length=1, x_overflow="reject-publish"))
    peer.publishes(1, "q", "a", "b", mandatory=True)
    peer.receives_nothing()
    assert count(peer) == 1


def test_a_transaction_that_was_carried_out_in_part(graves: Peer) -> None:
    """What fitted is there, what was settled is settled; the next commit knows nothing of it."""
    graves.declares(1, "q", table(x_max_length=1, x_overflow="reject-publish"))
    graves.declares(1, "other")
    graves.publishes(1, "other", "settled")
    graves.gets(1, "other", no_ack=False)
    graves.sends(1, TxSelect())
    graves.receives(1, TxSelectOk())
    graves.publishes(1, "q", "a", "b")
    graves.publishes(1, "other", "c")
    graves.sends(1, BasicAck(1), TxCommit())
    text = "PRECONDITION_FAILED - partial tx completion"
    graves.is_closed_with(1, 406, text, TxCommit.ids)
    graves.reopens(1)
    assert bodies(graves) == ["a"]
    assert bodies(graves, "other") == ["c"]
    assert graves.world.queue("other").unacked_count == 0


# more priorities


def test_requeued_messages_of_all_priorities_regain_their_places(peer: Peer) -> None:
    peer.declares(1, "q", table(x_max_priority=5))
    for body, priority in (("a", 1), ("b", 5), ("c", 1), ("d", 9), ("e", None)):
        peer.publishes(1, "q", body, priority=priority)
    for _ in range(5):
        peer.gets(1, "q", no_ack=False)
    for body, priority in (("f", 5), ("g", 1), ("h", None)):
        peer.publishes(1, "q", body, priority=priority)
    for tag in (4, 2, 5, 1, 3):
        peer.sends(1, BasicNack(tag, requeue=True))
    assert bodies(peer) == ["b", "d", "f", "a", "c", "g", "e", "h"]


def test_higher_ones_overtake_between_two_deliveries(peer: Peer) -> None:
    peer.declares(1, "q", table(x_max_priority=5))
    peer.sends(1, BasicQos(prefetch_count=1))
    peer.receives(1, BasicQosOk())
    peer.consumes(1, "q")
    peer.publishes(1, "q", "a", "b")
    peer.publishes(1, "q", "c", priority=1)
    peer.receives_bodies(1, "a")
    peer.sends(1, BasicReject(1, requeue=True))
    peer.receives_bodies(1, "c", redelivered=False)
    peer.sends(1, BasicAck(2))
    peer.receives_bodies(1, "a", redelivered=True)
    peer.sends(1, BasicAck(3))
    peer.receives_bodies(1, "b", redelivered=False)


def test_only_the_head_of_a_priority_queue_expires(graves: Peer) -> None:
    graves.declares(1, "q", table(x_max_priority=5, x_dead_letter_exchange="amq.fanout"))
    for body, priority, expiration in (("1", 1, "50"), ("5", 5, "60000"), ("3", 3, "50")):
        graves.publishes(1, "q", body, priority=priority, expiration=expiration)
    graves.world.passes(500, step_ms=50)
    assert count(graves) == 3
    assert graves.gets(1, "q") is not None
    assert deaths(graves) == [("3", "expired"), ("1", "expired")]


# more of the single active consumer


def test_hand_over_goes_by_priority_then_by_age(peer: Peer) -> None:
    """An active one is not pushed aside by a higher one; it is asked when the active one goes."""
    peer.declares(1, "q", table(x_single_active_consumer=True))
    for tag, priority in (("a", 0), ("b", 0), ("c", 5), ("d", 5), ("e", 0)):
        peer.consumes(1, "q", tag, arguments=table(x_priority=priority), no_ack=True)
    for tag in "acdbe":
        peer.publishes(1, "q", tag)
        peer.receives_bodies(1, tag, consumer_tag=tag)
        peer.sends(1, BasicCancel(tag))
        peer.receives(1, BasicCancelOk(tag))
    assert peer.world.queue("q").extras.active is None
    peer.publishes(1, "q", "late")
    peer.consumes(1, "q", "f")
    peer.receives_bodies(1, "late", consumer_tag="f")


@pytest.mark.parametrize("end", ["channel", "connection"])
def test_the_next_one_goes_on_where_the_last_one_stopped(peer: Peer, other: Peer, end: str) -> None:
    """Even if the one that goes held several, and had a second consumer waiting as well."""
    peer.declares(1, "q", table(x_single_active_consumer=True))
    peer.sends(1, BasicQos(prefetch_count=2))
    peer.receives(1, BasicQosOk())
    peer.consumes(1, "q", "active")
    peer.consumes(1, "q", "waiting")
    other.consumes(1, "q", "heir", no_ack=True)
    peer.publishes(1, "q", *"abcde")
    peer.receives_bodies(1, "a", "b", consumer_tag="active")
    peer.sends(1, BasicAck(1))
    peer.receives_bodies(1, "c", consumer_tag="active")
    peer.receives_nothing()
    if end == "channel":
        peer.sends(1, ChannelClose(200, "bye", 0, 0))
        peer.receives(1, ChannelCloseOk())
    else:
        peer.drops()
    other.receives_bodies(1, *"bcde", consumer_tag="heir")
    other.receives_nothing()


def test_those_who_wait_are_not_woken_by_credit(peer: Peer, other: Peer) -> None:
    peer.declares(1, "q", table(x_single_active_consumer=True))
    peer.sends(1, BasicQos(prefetch_count=1))
    peer.receives(1, BasicQosOk())
    peer.consumes(1, "q", "active")
    other.consumes(1, "q", "waiting")
    peer.publishes(1, "q", "a", "b")
    peer.receives_bodies(1, "a")
    other.sends(1, BasicQos(prefetch_count=10, is_global=True))
    other.receives(1, BasicQosOk())
    other.sends(1, BasicCredit("waiting", 10, False))
    other.receives(1, BasicCreditOk(1))
    other.receives_nothing()
    peer.sends(1, BasicCancel("active"))
    peer.receives(1, BasicCancelOk("active"))
    other.receives_bodies(1, "b")


def test_nobody_may_have_it_exclusively(peer: Peer) -> None:
    peer.declares(1, "q", table(x_single_active_consumer=True))
    peer.sends(1, BasicConsume(queue="q", consumer_tag="t", exclusive=True))
    text = "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"
    peer.is_closed_with(1, 403, text, BasicConsume.ids)


def test_others_may_still_get(peer: Peer, other: Peer) -> None:
    peer.declares(1, "q", table(x_single_active_consumer=True))
    peer.sends(1, BasicQos(prefetch_count=1))
    peer.receives(1, BasicQosOk())
    peer.consumes(1, "q")
    peer.publishes(1, "q", "a", "b")
    peer.receives_bodies(1, "a")
    assert bodies(other) == ["b"]


# what is counted


def test_octets_are_counted_through_everything() -> None:
    clock = FakeClock()
    limited = Features(max_priority=3, max_length_bytes=1000)
    queue = extend(Queue("q", "/", []), limited, clock)
    for size in (1, 20, 300):
        queue.push(message("x" * size, priority=size % 3))
    assert queue.extras.ready_bytes == 321
    taken = [queue.pop(), queue.pop()]
    queue.unacked_count += 2
    queue.check_invariants()
    queue.requeue([delivery for delivery in taken if delivery])
    assert queue.extras.ready_bytes == 321
    consumer = FakeConsumer(credit=1)
    queue.add_consumer(consumer)
    queue.pump()
    (delivery,) = consumer.take()
    assert queue.extras.ready_bytes == 321 - len(delivery.message.body)
    queue.requeue([delivery])
    queue.check_invariants()
    assert queue.purge() == 3
    assert queue.extras.ready_bytes == 0
    queue.push(message("last"))
    queue.check_invariants()
    assert queue.delete() == 1
    assert queue.extras.ready_bytes == 0
    queue.check_invariants()


def test_a_purge_leaves_what_is_unacked(peer: Peer) -> None:
    peer.declares(1, "q", table(x_max_priority=5, x_message_ttl=60_000))
    peer.publishes(1, "q", "a")
    peer.publishes(1, "q", "b", priority=5)
    peer.gets(1, "q", no_ack=False)
    peer.sends(1, QueuePurge(queue="q"))
    peer.receives(1, QueuePurgeOk(1))
    peer.publishes(1, "q", "c", priority=5)
    peer.sends(1, BasicNack(1, requeue=True))
    assert bodies(peer) == ["b", "c"]


# more of quorum queues


def test_a_lost_channel_counts_as_a_delivery(graves: Peer) -> None:
    arguments = table(x_queue_type="quorum", x_delivery_limit=0)
    arguments |= table(x_dead_letter_exchange="amq.fanout")
    graves.declares(1, "q", arguments, durable=True)
    graves.opens_channel(2)
    graves.consumes(2, "q")
    graves.publishes(1, "q", "a")
    graves.receives_bodies(2, "a")
    graves.sends(2, ChannelClose(200, "bye", 0, 0))
    graves.receives(2, ChannelCloseOk())
    assert deaths(graves) == [("a", "delivery_limit")]


def test_a_classic_queue_does_not_count(peer: Peer) -> None:
    peer.declares(1, "q", table(x_max_length=5))
    peer.consumes(1, "q")
    peer.publishes(1, "q", "a")
    for tag in range(1, 5):
        content = peer.takes_content(1)
        assert content.properties.headers is None
        peer.sends(1, BasicNack(tag, requeue=True))


# the order of things at a requeue, each of them tried on RabbitMQ 3.10.8


@pytest.mark.parametrize("prefetch_count", [0, 1])
def test_what_has_expired_is_given_back_to_nobody(graves: Peer, prefetch_count: int) -> None:
    graves.declares(1, "q", table(x_message_ttl=100, x_dead_letter_exchange="amq.fanout"))
    graves.sends(1, BasicQos(prefetch_count=prefetch_count))
    graves.receives(1, BasicQosOk())
    graves.consumes(1, "q")
    graves.publishes(1, "q", "a")
    graves.receives_bodies(1, "a")
    graves.world.passes(500, step_ms=50)
    graves.sends(1, BasicNack(1, requeue=True))
    graves.receives_nothing(1)
    assert deaths(graves) == [("a", "expired")]


def test_what_was_fetched_comes_back_one_by_one(graves: Peer) -> None:
    """So the first has expired before the second could make it one too many."""
    arguments = table(x_message_ttl=100, x_max_length=1, x_dead_letter_exchange="amq.fanout")
    graves.declares(1, "q", arguments)
    for body in "ab":
        graves.publishes(1, "q", body)
        graves.gets(1, "q", no_ack=False)
    graves.world.passes(500, step_ms=50)
    graves.sends(1, BasicNack(0, multiple=True, requeue=True))
    assert deaths(graves) == [("a", "expired"), ("b", "expired")]


def test_what_a_lost_channel_held_expires_before_others_get_it(graves: Peer, other: Peer) -> None:
    graves.declares(1, "q", table(x_message_ttl=100, x_dead_letter_exchange="amq.fanout"))
    graves.opens_channel(2)
    graves.consumes(2, "q")
    graves.publishes(1, "q", "a")
    graves.receives_bodies(2, "a")
    other.consumes(1, "q")
    graves.world.passes(500, step_ms=50)
    graves.sends(2, ChannelClose(200, "bye", 0, 0))
    graves.receives(2, ChannelCloseOk())
    other.receives_nothing()
    assert deaths(graves) == [("a", "expired")]
