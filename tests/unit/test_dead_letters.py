"""How dead letters are sent on: what they share, how many go in a turn. What they look like is in
queues/test_dead_letter.py."""

from __future__ import annotations

import pytest

from broker.dead_letters import DEAD_MAX, DEAD_SHARE, send_on
from broker.message import Envelope, Message
from broker.queues.dead_letter import EXPIRED, MAXLEN, REJECTED
from broker.queues.extended import ExtendedQueue
from tests.support.builders import header, table
from tests.support.peer import Peer

NOW_S = 1_700_000_000


@pytest.fixture
def queue(peer: Peer) -> ExtendedQueue:
    """A queue whose dead go to "dead"."""
    peer.declares(1, "dead")
    peer.declares(1, "q", table(x_dead_letter_exchange="", x_dead_letter_routing_key="dead"))
    found = peer.world.queue("q")
    assert isinstance(found, ExtendedQueue)
    return found


def dies(queue: ExtendedQueue, *envelopes: Envelope, reason: str = REJECTED) -> None:
    queue.extras.dead.extend((Message(envelope, b"x"), reason, None) for envelope in envelopes)


def sends_on(peer: Peer, queue: ExtendedQueue, now_s: int = NOW_S) -> list[Envelope]:
    """The envelopes in which they arrive."""
    send_on(queue, peer.world.vhost, now_s, peer.world.node.version.number)
    arrived = [message.envelope for message in peer.world.queue("dead").ready]
    peer.world.queue("dead").purge()
    return arrived


def envelope(**properties: object) -> Envelope:
    return Envelope("", "q", header(1, **properties))


def test_what_died_alike_shares_an_envelope(peer: Peer, queue: ExtendedQueue) -> None:
    one, other = envelope(), envelope()
    dies(queue, one, one, other, one)
    arrived = sends_on(peer, queue)
    assert arrived[0] is arrived[1]
    assert arrived[1] is not arrived[2]
    assert [found.header for found in arrived] == [arrived[0].header] * 4
    dies(queue, one)
    assert sends_on(peer, queue)[0] is arrived[3], "in a later turn of the same second"


def test_another_reason_or_second_is_another_letter(peer: Peer, queue: ExtendedQueue) -> None:
    shared = envelope()
    dies(queue, shared)
    dies(queue, shared, reason=MAXLEN)
    first, second = sends_on(peer, queue)
    dies(queue, shared, reason=MAXLEN)
    (third,) = sends_on(peer, queue, NOW_S + 1)
    tables = [found.properties.header_table for found in (first, second, third)]
    assert [found["x-first-death-reason"].value for found in tables] == [
        REJECTED,
        MAXLEN,
        MAXLEN,
    ]
    times = [found["x-death"].value[0].value["time"].value for found in tables]  # type: ignore[index, union-attr]
    assert times == [NOW_S, NOW_S, NOW_S + 1]


def test_properties_stay_when_the_table_is_put_in(peer: Peer, queue: ExtendedQueue) -> None:
    kinds = [
        {"message_id": "a", "delivery_mode": 2},
        {"content_type": "text/plain", "content_encoding": "none", "priority": 3},
        {"message_id": "b"},
        {},
    ]
    dies(queue, *(envelope(**kind) for kind in kinds))
    for kind, found in zip(kinds, sends_on(peer, queue), strict=True):
        properties = found.properties
        assert {name: getattr(properties, name) for name in kind} == kind
        assert "x-death" in properties.header_table
        assert found.is_persistent is (kind.get("delivery_mode") == 2)
        assert found.priority == kind.get("priority", 0)
        assert found.body_size == 1


def test_the_way_follows_the_topology(peer: Peer, queue: ExtendedQueue) -> None:
    shared = envelope()
    dies(queue, shared)
    assert len(sends_on(peer, queue)) == 1
    peer.world.vhost.delete_queue("dead")
    dies(queue, shared, envelope())
    send_on(queue, peer.world.vhost, NOW_S, peer.world.node.version.number)
    peer.declares(1, "dead")
    dies(queue, shared, envelope(message_id="m"))
    assert len(sends_on(peer, queue)) == 2


def test_the_way_follows_the_features(peer: Peer, queue: ExtendedQueue) -> None:
    shared = envelope()
    dies(queue, shared)
    sends_on(peer, queue)
    peer.declares(1, "other")
    features = queue.extras.features
    features.dead_letter_routing_key = "other"
    queue.reconfigure(features)
    dies(queue, shared)
    assert sends_on(peer, queue) == []
    assert peer.world.queue("other").ready_count == 1


def test_a_circle_without_a_decision_is_broken(peer: Peer) -> None:
    """Into the queue itself: only what was rejected may go round."""
    peer.declares(1, "q", table(x_dead_letter_exchange="", x_dead_letter_routing_key="q"))
    queue = peer.world.queue("q")
    assert isinstance(queue, ExtendedQueue)
    for reason, count in ((EXPIRED, 0), (MAXLEN, 0), (REJECTED, 2)):
        dies(queue, envelope(), envelope(message_id="m"), reason=reason)
        send_on(queue, peer.world.vhost, NOW_S, peer.world.node.version.number)
        assert queue.ready_count == count


@pytest.mark.parametrize(
    ("waiting", "sent"), [(10, 10), (DEAD_MAX + 1, DEAD_MAX), (DEAD_MAX * 16, DEAD_MAX * 2)]
)
def test_a_turn_has_a_ceiling_that_keeps_up(
    peer: Peer, queue: ExtendedQueue, waiting: int, sent: int
) -> None:
    assert DEAD_SHARE == 8
    dies(queue, *[envelope()] * waiting)
    assert len(sends_on(peer, queue)) == sent
    assert len(queue.extras.dead) == waiting - sent


def test_what_is_sent_on_to_several_queues_is_in_each(peer: Peer) -> None:
    for name, arguments in (("a", {}), ("b", {"x_max_length": 2}), ("c", {"x_message_ttl": 5})):
        peer.declares(1, name, table(**arguments))
        peer.binds(1, name, "amq.fanout")
    peer.declares(1, "q", table(x_dead_letter_exchange="amq.fanout"))
    queue = peer.world.queue("q")
    assert isinstance(queue, ExtendedQueue)
    dies(queue, *[envelope()] * 5)
    send_on(queue, peer.world.vhost, NOW_S, peer.world.node.version.number)
    assert [peer.world.queue(name).ready_count for name in "abc"] == [5, 2, 5]


def test_without_a_vhost_or_an_exchange_they_are_gone(peer: Peer, queue: ExtendedQueue) -> None:
    dies(queue, envelope())
    send_on(queue, None, NOW_S, 0)
    assert not queue.extras.dead
    features = queue.extras.features
    features.dead_letter_exchange = "nowhere"
    queue.reconfigure(features)
    dies(queue, envelope())
    assert sends_on(peer, queue) == []
    assert not queue.extras.dead
