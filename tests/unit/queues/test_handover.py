"""What consumers of an extended queue are given, and in how many goes. Whole conversations are in
test_extended.py; tests/property holds runs equal to messages one by one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from broker.message import Message
from broker.queues.extended import ExtendedQueue, extend
from broker.queues.features import Features
from broker.queues.queue import Queue
from tests.support.builders import message
from tests.support.consumer import FakeConsumer
from tests.support.seams import FakeClock


class Counting(FakeConsumer):
    """Counts how many goes it is served in."""

    goes = 0

    def deliver(self, messages: Sequence[Message], seq: int, stride: int, count: int) -> int:
        self.goes += 1
        return super().deliver(messages, seq, stride, count)


def queue_with(features: Features, clock: FakeClock | None = None) -> ExtendedQueue:
    return extend(Queue("q", "/", []), features, clock or FakeClock())


def run(count: int, **properties: object) -> list[Message]:
    first = message("0", **properties)
    return [first, *(Message(first.envelope, b"%d" % (number % 10)) for number in range(1, count))]


@pytest.mark.parametrize(
    "features",
    [
        Features(message_ttl_ms=1000),
        Features(max_length=100),
        Features(max_length_bytes=100),
        Features(max_priority=5),
        Features(dead_letter_exchange=""),
        Features(single_active_consumer=True),
        Features(counts_deliveries=True),
    ],
    ids=repr,
)
def test_a_run_goes_out_at_once(features: Features) -> None:
    queue = queue_with(features)
    queue.push_many(run(20))
    consumer = Counting()
    queue.add_consumer(consumer)
    queue.pump()
    assert consumer.goes == 1
    assert consumer.take_bodies() == [str(number % 10) for number in range(20)]
    queue.check_invariants()


def test_several_consumers_get_shares() -> None:
    queue = queue_with(Features(message_ttl_ms=1000))
    queue.push_many(run(9))
    consumers = [Counting(tag) for tag in "abc"]
    for consumer in consumers:
        queue.add_consumer(consumer)
    queue.pump()
    assert [consumer.goes for consumer in consumers] == [1, 1, 1]
    assert [consumer.take_bodies() for consumer in consumers] == [
        ["0", "3", "6"],
        ["1", "4", "7"],
        ["2", "5", "8"],
    ]


def test_what_expired_in_the_middle_does_not_go_out() -> None:
    """Of runs with other times to live, which are not in the order of their deadlines."""
    clock = FakeClock()
    queue = queue_with(Features(message_ttl_ms=1000), clock)
    queue.push_many(run(3))
    short = run(2)
    short[0].envelope.ttl_ms = 5
    queue.push_many(short)
    queue.push_many(run(2))
    clock.time_ms = 5
    consumer = Counting()
    queue.add_consumer(consumer)
    queue.pump()
    assert len(consumer.take()) == 5
    assert queue.ready_count == 0
    queue.check_invariants()


@pytest.mark.parametrize("no_ack", [True, False])
def test_the_best_go_first_with_their_ranks(no_ack: bool) -> None:
    queue = queue_with(Features(max_priority=5))
    for priority in (1, 5, 0):
        queue.push_many(run(2, priority=priority))
    consumer = Counting(credit=5, no_ack=no_ack)
    queue.add_consumer(consumer)
    queue.pump()
    taken = consumer.take()
    assert consumer.goes == 1
    assert [delivery.message.envelope.priority for delivery in taken] == [5, 5, 1, 1, 0]
    assert queue.unacked_count == (0 if no_ack else 5)
    assert (queue.delivered, queue.ready_count, queue.head_seq) == (5, 1, 6)
    if not no_ack:
        queue.requeue(taken[1:3])
        found = [delivery for _ in range(3) if (delivery := queue.pop()) is not None]
        assert [delivery.message.envelope.priority for delivery in found] == [5, 1, 0]
        assert [delivery.delivery_count for delivery in found] == [1, 1, 0]
    queue.check_invariants()


def test_what_is_not_taken_is_back_in_its_place() -> None:
    queue = queue_with(Features(max_priority=5, max_length_bytes=100))
    queue.push_many(run(2, priority=3))
    queue.push_many(run(3))
    consumer = Counting(takes=3)
    queue.add_consumer(consumer)
    consumer.credit = 4
    queue.pump()
    assert len(consumer.take()) == 4, "three, and the one that came back"
    queue.check_invariants()
    assert queue.ready_count == 1


def test_who_has_no_room_is_parked() -> None:
    for features in (Features(max_priority=2), Features(max_length_bytes=10)):
        queue = queue_with(features)
        queue.push_many(run(2))
        consumer = Counting(credit=0)
        queue.add_consumer(consumer)
        queue.pump()
        assert consumer.is_parked
        assert (consumer.goes, queue.ready_count) == (0, 2)
