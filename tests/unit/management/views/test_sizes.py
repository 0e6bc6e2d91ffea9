from __future__ import annotations

import pytest

from broker.amqp.methods import BasicAck, BasicNack
from broker.management.views.sizes import EXACT_MAX, Sizes, sizes_of
from tests.support.builders import table
from tests.support.kept import KeptPeer, KeptWorld
from tests.support.peer import Peer


@pytest.fixture
def peer(peer: Peer) -> Peer:
    peer.declares(1, "q")
    return peer


def sizes(peer: Peer) -> Sizes:
    return sizes_of(peer.world.queue("q"))


def test_an_empty_queue(peer: Peer) -> None:
    assert sizes(peer) == (0, 0, 0)


def test_few_messages_are_counted_one_by_one(peer: Peer) -> None:
    peer.publishes(1, "q", *["x" * size for size in range(100)])
    assert sizes(peer) == Sizes(sum(range(100)), 0, 0)
    assert sizes(peer).total == 4950


def test_many_are_what_they_take_without_what_is_beside_their_bodies(peer: Peer) -> None:
    peer.publishes(1, "q", *["x" * 300] * (EXACT_MAX + 1), *["y" * 1000] * 99)
    assert sizes(peer).total == pytest.approx((EXACT_MAX + 1) * 300 + 99 * 1000, rel=0.01)


def test_messages_that_all_differ_are_no_larger_for_it(peer: Peer) -> None:
    for number in range(EXACT_MAX + 100):
        peer.publishes(1, "q", "x" * 20, message_id=f"{number:06}", settle=False)
    peer.world.settle()
    assert sizes(peer).total == pytest.approx((EXACT_MAX + 100) * 20, rel=0.05)


def test_what_consumers_hold_is_unacked(peer: Peer, other: Peer) -> None:
    peer.consumes(1, "q", no_ack=False)
    other.consumes(1, "q", no_ack=False)
    other.declares(1, "another")
    other.consumes(1, "another", "b", no_ack=False)
    peer.publishes(1, "another", "y" * 1000)
    peer.publishes(1, "q", *["x" * 10] * 7)
    assert sizes(peer) == Sizes(0, 70, 0)
    peer.sends(1, BasicAck(1))
    assert sizes(peer) == Sizes(0, 60, 0)


def test_what_was_got_is_as_large_as_the_others(peer: Peer) -> None:
    """It belongs to no consumer: nobody knows whose it is."""
    peer.publishes(1, "q", *["x" * 10] * 6)
    peer.gets(1, "q", no_ack=False)
    peer.gets(1, "q", no_ack=False)
    assert sizes(peer) == Sizes(40, 20, 0)


def test_what_came_back_is_ready(peer: Peer) -> None:
    peer.publishes(1, "q", *["x" * 10] * 3)
    peer.gets(1, "q", no_ack=False)
    peer.gets(1, "q", no_ack=False)
    peer.sends(1, BasicNack(0, multiple=True))
    assert sizes(peer) == Sizes(30, 0, 0)


def test_messages_of_all_priorities_count(peer: Peer) -> None:
    peer.declares(1, "ranked", table(x_max_priority=5))
    for priority in range(4):
        peer.publishes(1, "ranked", "x" * 10, priority=priority)
    assert sizes_of(peer.world.queue("ranked")) == Sizes(40, 0, 0)


def test_what_is_only_on_disk_is_as_large_as_the_others() -> None:
    peer = KeptPeer(KeptWorld())
    peer.declares()
    peer.publishes(*["x" * 100] * 1000)
    peer.commits()
    queue = peer.world.queue("q")
    assert queue.log is not None
    queue.page_out(queue.ready_bytes // 2)
    paged = queue.log.paged_count
    assert 0 < paged < 1000
    found = sizes_of(queue)
    assert found.paged == pytest.approx(100 * paged, rel=0.02)
    assert found.total == pytest.approx(100_000, rel=0.02)
