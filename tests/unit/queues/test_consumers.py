"""Whose turn it is."""

from __future__ import annotations

from broker.queues.consumers import ConsumerRing
from tests.support.consumer import FakeConsumer


def test_the_highest_priority_comes_first_then_the_order_of_turns() -> None:
    ring = ConsumerRing()
    low, first, second = (
        FakeConsumer("low", priority=-1),
        FakeConsumer("first", priority=5),
        FakeConsumer("second", priority=5),
    )
    for consumer in (low, first, second):
        ring.add(consumer)
    assert [consumer.tag for consumer in ring] == ["first", "second", "low"]
    assert ring.top is not None
    assert list(ring.top) == [first, second]
    assert len(ring) == 3


def test_the_next_priority_is_served_when_the_highest_is_gone() -> None:
    ring = ConsumerRing()
    low, high = FakeConsumer("low"), FakeConsumer("high", priority=1)
    ring.add(high)
    ring.add(low)
    ring.discard(high)
    assert ring.top is not None
    assert list(ring.top) == [low]
    assert high not in ring
    ring.discard(low)
    assert ring.top is None
    assert len(ring) == 0


def test_leaving_without_being_there_is_fine() -> None:
    ring = ConsumerRing()
    consumer = FakeConsumer()
    ring.discard(consumer)
    ring.add(consumer)
    ring.discard(FakeConsumer("other"))
    assert list(ring) == [consumer]
