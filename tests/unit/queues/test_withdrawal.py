"""Messages go out of a queue from anywhere; tests/property/test_moving.py does it at random."""

from __future__ import annotations

import pytest

from broker.message import Message
from broker.queues import withdrawal
from broker.queues.extended import extend
from broker.queues.features import Features
from broker.queues.kept_messages import Delivery
from broker.queues.priority_lanes import LANE
from broker.queues.queue import Queue
from tests.support.builders import header, message
from tests.support.consumer import FakeConsumer
from tests.support.faulty_disk import FaultyDisk
from tests.support.kept import bodies_of, commit, messages, reopened
from tests.support.seams import FakeClock


def filled(*bodies: str, features: Features | None = None, **properties: object) -> Queue:
    queue = Queue("q", "/", [])
    if features is not None:
        extend(queue, features, FakeClock())
    for body in bodies:
        queue.push(message(body, **properties))
    return queue


def bodies(deliveries: list[Delivery]) -> list[str]:
    return [delivery.message.body.decode() for delivery in deliveries]


def consumed(queue: Queue) -> list[str]:
    """Everything, in the order in which consumers get it."""
    queue.check_invariants()
    found = []
    while (delivery := queue.pop()) is not None:
        found.append(delivery.message.body.decode())
        queue.check_invariants()
    return found


def test_what_is_ready_is_looked_at_from_a_rank_on() -> None:
    queue = filled("a", "b", "c", "d")
    queue.pop()
    assert withdrawal.ready_behind(queue, None, 2)[0].seq == 2
    assert bodies(withdrawal.ready_behind(queue, None, 9)) == ["b", "c", "d"]
    assert bodies(withdrawal.ready_behind(queue, 2, 1)) == ["c"]
    assert bodies(withdrawal.ready_behind(queue, 0, 9)) == ["b", "c", "d"]
    assert withdrawal.ready_behind(queue, 4, 9) == []
    assert [withdrawal.count_behind(queue, rank) for rank in (None, 0, 2, 4, 9)] == [3, 3, 2, 0, 0]


def test_what_is_in_front_of_one_that_goes_keeps_its_place() -> None:
    queue = filled("a", "b", "c", "d", "e")
    withdrawal.withdraw_ready(queue, {2, 4})
    assert [delivery.seq for delivery in queue.returned] == [1, 3]
    assert all(not delivery.delivery_count for delivery in queue.returned)
    assert consumed(queue) == ["a", "c", "e"]
    queue.push(message("f"))
    assert consumed(queue) == ["f"]


def test_nobody_can_tell_what_was_spilled() -> None:
    queue = filled("a", "b", "c")
    withdrawal.spill(queue, 2)
    withdrawal.spill(queue, 0)
    consumer = FakeConsumer()
    queue.add_consumer(consumer)
    queue.pump()
    taken = consumer.take()
    assert [(one.seq, one.delivery_count) for one in taken] == [(1, 0), (2, 0), (3, 0)]
    assert queue.redelivered == 0


def test_those_that_came_back_go_from_the_root_and_from_the_midst() -> None:
    queue = filled("a", "b", "c", "d", "e")
    queue.unacked_count = 4
    taken = [queue.pop() for _ in range(4)]
    queue.requeue([delivery for delivery in taken if delivery is not None])
    withdrawal.withdraw_returned(queue, {1})
    withdrawal.withdraw_returned(queue, {2, 4})
    assert withdrawal.count_behind(queue, 2) == 2
    assert consumed(queue) == ["c", "e"]


def test_octets_that_count_are_counted_out() -> None:
    queue = filled("aa", "bbb", "c", features=Features(max_length_bytes=100))
    first = queue.pop()
    assert first is not None
    queue.unacked_count += 1
    queue.requeue([first])
    withdrawal.withdraw_returned(queue, {1})
    withdrawal.withdraw_ready(queue, {3})
    assert queue.extras.ready_bytes == 3
    assert consumed(queue) == ["bbb"]


def test_of_a_priority_queue_any_may_go() -> None:
    queue = Queue("q", "/", [])
    extend(queue, Features(max_priority=5), FakeClock())
    for body, priority in (("a", 0), ("b", 5), ("c", 0), ("d", 5)):
        queue.push(message(body, priority=priority))
    withdrawal.withdraw_ready(queue, {1, 4 - 5 * LANE})
    assert queue.next_seq == 5
    assert consumed(queue) == ["b", "c"]


class Kept:
    """A queue in a log. in_memory: how many of its messages are; the others are on disk only."""

    def __init__(self, in_memory: int, *contents: str):
        self.log = reopened(FaultyDisk())
        self.queue = Queue("q", "/", [], durable=True, queue_id=1, store=self.log)
        for number, body in enumerate(contents):
            self.log.queue_memory = 1 << 40 if number < in_memory else -1
            self.queue.push(*messages(body))
        assert len(self.queue.ready) == in_memory

    def left(self) -> list[str]:
        """What a restart would find; it is what can be consumed."""
        commit(self.log)
        found = bodies_of(self.log, 1)
        assert consumed(self.queue) == found
        self.log.queues[1].check_invariants()
        return found


def test_what_is_on_disk_leaves_a_hole() -> None:
    kept = Kept(1, "a", "b", "c", "d")
    withdrawal.withdraw_paged(kept.queue, [3], 1)
    assert kept.queue.ready_count == 3
    assert kept.left() == ["a", "b", "d"]


def test_the_log_hears_of_what_was_in_memory() -> None:
    kept = Kept(3, "a", "b", "c", "d")
    withdrawal.withdraw_ready(kept.queue, {2})
    assert kept.left() == ["a", "c", "d"]


@pytest.mark.parametrize("in_memory", [0, 1, 3])
def test_when_nothing_is_paged_any_more_the_next_one_follows(in_memory: int) -> None:
    kept = Kept(in_memory, *"abcd")
    paged = range(in_memory + 1, 5)
    withdrawal.withdraw_paged(kept.queue, list(paged), len(paged))
    kept.log.queue_memory = 1 << 40
    kept.queue.push(*messages("e"))
    assert kept.left() == [*"abcd"[:in_memory], "e"]


def test_what_was_never_written_down_cannot_be_paged() -> None:
    kept = Kept(0)
    transient = messages("a", "b")[0].envelope.redirected("", "key", b"\0\3key", header(1))
    transient.is_persistent = False
    kept.log.queue_memory = 1 << 40
    kept.queue.push_many([Message(transient, b"a"), Message(transient, b"b")])
    kept.log.queue_memory = -1
    kept.queue.push(*messages("c"))
    assert len(kept.queue.ready) == 2
    withdrawal.withdraw_paged(kept.queue, [3], 1)
    kept.log.queue_memory = 1 << 40
    kept.queue.push(*messages("d"))
    assert consumed(kept.queue) == ["a", "b", "d"]
