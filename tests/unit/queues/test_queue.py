"""One rule a test; `tests/property/test_queue.py` holds all of them against a model."""

from __future__ import annotations

import pytest

from broker.queues.kept_messages import Delivery
from broker.queues.queue import PUMP_MAX, Queue
from tests.support.builders import message, table
from tests.support.consumer import FakeConsumer


@pytest.fixture
def changed() -> list[Queue]:
    return []


@pytest.fixture
def queue(changed: list[Queue]) -> Queue:
    return Queue("q", "/", changed)


def fill(queue: Queue, count: int) -> None:
    """Messages "1", "2", …"""
    for number in range(1, count + 1):
        queue.push(message(str(number)))


def pump(queue: Queue) -> None:
    """Every turn until the queue asks for no more."""
    queue.pump()
    while queue.is_changed:
        queue.pump()
    queue.check_invariants()


def numbers(first: int, final: int, step: int = 1) -> list[str]:
    return [str(number) for number in range(first, final + 1, step)]


def test_what_a_queue_is(queue: Queue) -> None:
    assert queue.resource == "queue 'q' in vhost '/'"
    assert queue.type_name == "classic"
    assert Queue("q", "/", [], arguments=table(x_queue_type="quorum")).type_name == "quorum"
    assert queue.incoming is None
    assert queue.ready_count == 0


def test_messages_come_out_in_the_order_they_went_in(queue: Queue) -> None:
    fill(queue, 3)
    queue.push_many([message("4"), message("5")])
    popped = [queue.pop() for _ in range(6)]
    assert [d.message.body.decode() for d in popped if d] == numbers(1, 5)
    assert [d.seq for d in popped if d] == [1, 2, 3, 4, 5]
    assert popped[-1] is None
    assert (queue.published, queue.delivered) == (5, 5)


def test_a_queue_without_consumers_does_not_ask_to_be_pumped(
    queue: Queue, changed: list[Queue]
) -> None:
    fill(queue, 3)
    assert changed == []


def test_a_queue_asks_once_a_turn(queue: Queue, changed: list[Queue]) -> None:
    queue.add_consumer(FakeConsumer())
    assert changed == []  # nothing to hand out yet
    fill(queue, 3)
    queue.push_many([message("4")])
    assert changed == [queue]


def test_a_new_consumer_is_given_what_waits(queue: Queue, changed: list[Queue]) -> None:
    fill(queue, 3)
    consumer = FakeConsumer()
    queue.add_consumer(consumer)
    assert changed == [queue]
    pump(queue)
    assert consumer.take_bodies() == numbers(1, 3)
    assert (queue.ready_count, queue.unacked_count, queue.delivered) == (0, 3, 3)


def test_without_acks_nothing_is_unacked(queue: Queue) -> None:
    fill(queue, 3)
    queue.add_consumer(FakeConsumer(no_ack=True))
    pump(queue)
    assert queue.unacked_count == 0


def test_two_consumers_take_turns(queue: Queue) -> None:
    one, two = FakeConsumer("1"), FakeConsumer("2")
    queue.add_consumer(one)
    queue.add_consumer(two)
    fill(queue, 5)
    pump(queue)
    assert (one.take_bodies(), two.take_bodies()) == (["1", "3", "5"], ["2", "4"])
    queue.push(message("6"))
    pump(queue)
    assert (one.take_bodies(), two.take_bodies()) == ([], ["6"])


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("consumer_count", [1, 2, 3, 5])
def test_batches_share_out_like_single_messages(count: int, consumer_count: int) -> None:
    def shares(at_once: bool) -> list[list[str]]:
        queue = Queue("q", "/", [])
        consumers = [FakeConsumer(str(number)) for number in range(consumer_count)]
        for consumer in consumers:
            queue.add_consumer(consumer)
        for number in range(count):
            queue.push(message(str(number)))
            if not at_once:
                pump(queue)
        pump(queue)
        return [consumer.take_bodies() for consumer in consumers]

    assert shares(at_once=True) == shares(at_once=False)


def test_a_consumer_gets_no_more_than_it_has_room_for(queue: Queue) -> None:
    fill(queue, 5)
    one, two = FakeConsumer("1", credit=2), FakeConsumer("2", credit=1)
    queue.add_consumer(one)
    queue.add_consumer(two)
    pump(queue)
    assert (one.take_bodies(), two.take_bodies()) == (["1", "3"], ["2"])
    assert queue.ready_count == 2
    assert (one.is_parked, two.is_parked) == (True, True)
    assert (one.parked, two.parked) == (1, 1)


def test_a_parked_consumer_is_left_alone_until_it_has_room(queue: Queue) -> None:
    fill(queue, 2)
    consumer = FakeConsumer(credit=0)
    queue.add_consumer(consumer)
    pump(queue)
    consumer.credit = 5
    queue.push(message("3"))
    pump(queue)
    assert consumer.take_bodies() == []
    queue.unpark(consumer)
    pump(queue)
    assert consumer.take_bodies() == numbers(1, 3)
    assert not consumer.is_parked


def test_unparking_who_is_not_parked_changes_nothing(queue: Queue, changed: list[Queue]) -> None:
    consumer = FakeConsumer()
    queue.add_consumer(consumer)
    queue.unpark(consumer)
    queue.check_invariants()
    assert changed == []


def test_a_message_given_back_regains_its_place(queue: Queue) -> None:
    fill(queue, 4)
    deliveries = [queue.pop() for _ in range(3)]
    queue.unacked_count = 3
    queue.requeue([d for d in reversed(deliveries) if d is not None and d.seq != 2])
    popped = [queue.pop() for _ in range(3)]
    assert [d and (d.seq, d.delivery_count) for d in popped] == [(1, 1), (3, 1), (4, 0)]
    assert queue.redelivered == 2
    assert queue.unacked_count == 1


def test_returned_messages_are_delivered_first_and_marked(queue: Queue) -> None:
    fill(queue, 3)
    first = queue.pop()
    assert first is not None
    queue.unacked_count = 1
    queue.requeue([first])
    consumer = FakeConsumer()
    queue.add_consumer(consumer)
    pump(queue)
    taken = consumer.take()
    assert [(d.seq, d.delivery_count) for d in taken] == [(1, 1), (2, 0), (3, 0)]


def test_what_a_consumer_did_not_take_goes_back_unmarked(queue: Queue) -> None:
    fill(queue, 5)
    consumer = FakeConsumer(takes=2)
    queue.add_consumer(consumer)
    queue.pump()
    queue.check_invariants()
    taken = consumer.take()
    assert [(d.seq, d.delivery_count) for d in taken] == [(n, 0) for n in range(1, 6)]
    assert queue.redelivered == 0


def test_higher_priorities_are_served_first_while_they_have_room(queue: Queue) -> None:
    low, high = FakeConsumer("low"), FakeConsumer("high", priority=10, credit=2)
    queue.add_consumer(low)
    queue.add_consumer(high)
    fill(queue, 5)
    pump(queue)
    assert high.take_bodies() == ["1", "2"]
    assert low.take_bodies() == ["3", "4", "5"]


def test_consumers_of_one_peer_see_the_order_across_them(queue: Queue) -> None:
    """One message at a time, so that what the peer reads is in order whatever the tags."""
    peer = object()
    order: list[str] = []

    class Recording(FakeConsumer):
        def deliver(self, messages, seq, stride, count):  # type: ignore[no-untyped-def]
            order.extend(m.body.decode() for m in messages)
            return super().deliver(messages, seq, stride, count)

    for tag in ("1", "2"):
        queue.add_consumer(Recording(tag, peer=peer))
    fill(queue, 6)
    pump(queue)
    assert order == numbers(1, 6)


def test_one_turn_has_a_ceiling(queue: Queue, changed: list[Queue]) -> None:
    consumer = FakeConsumer(credit=PUMP_MAX // 2)
    queue.add_consumer(consumer)
    fill(queue, 3 * PUMP_MAX)
    changed.clear()
    queue.is_changed = False
    consumer.credit = 10 * PUMP_MAX
    # a consumer takes in parts, as a channel does
    consumer.takes = PUMP_MAX // 4
    queue.pump()
    assert PUMP_MAX <= queue.delivered < 2 * PUMP_MAX
    assert changed == [queue]


def test_purging_drops_what_is_ready_and_leaves_what_is_unacked(queue: Queue) -> None:
    fill(queue, 4)
    first = queue.pop()
    second = queue.pop()
    assert first is not None
    assert second is not None
    queue.unacked_count = 2
    queue.requeue([first])
    assert queue.purge() == 3
    assert (queue.ready_count, queue.unacked_count) == (0, 1)
    queue.requeue([second])
    queue.push(message("5"))
    queue.check_invariants()
    assert [d and d.message.body for d in (queue.pop(), queue.pop())] == [b"2", b"5"]


def test_the_numbers_of_purged_messages_are_not_used_again(queue: Queue) -> None:
    fill(queue, 3)
    queue.purge()
    queue.push(message("4"))
    following = queue.pop()
    assert following is not None
    assert following.seq == 4


def test_settling(queue: Queue) -> None:
    queue.unacked_count = 3
    queue.settle(2)
    assert (queue.unacked_count, queue.acked) == (1, 2)


def test_an_auto_delete_queue_goes_with_its_last_consumer() -> None:
    queue = Queue("q", "/", [], auto_delete=True)
    one, two = FakeConsumer("1"), FakeConsumer("2")
    queue.add_consumer(one)
    queue.add_consumer(two)
    assert queue.remove_consumer(one) is False
    assert queue.remove_consumer(two) is True


def test_a_queue_that_is_not_auto_delete_stays(queue: Queue) -> None:
    consumer = FakeConsumer()
    queue.add_consumer(consumer)
    assert queue.remove_consumer(consumer) is False


def test_removing_a_parked_consumer(queue: Queue) -> None:
    consumer = FakeConsumer(credit=0)
    queue.add_consumer(consumer)
    fill(queue, 1)
    pump(queue)
    queue.remove_consumer(consumer)
    queue.unpark(consumer)
    pump(queue)
    assert consumer.take() == []
    assert len(queue.consumers) == 0


def test_a_consumer_that_is_about_to_go_gets_nothing(queue: Queue) -> None:
    consumer = FakeConsumer()
    queue.add_consumer(consumer)
    queue.take_back(consumer)
    fill(queue, 1)
    pump(queue)
    assert consumer.take() == []
    queue.remove_consumer(consumer)


def test_an_exclusive_consumer_is_known_while_it_is_there(queue: Queue) -> None:
    consumer = FakeConsumer(exclusive=True)
    queue.add_consumer(consumer)
    assert queue.exclusive_consumer is consumer
    queue.remove_consumer(consumer)
    assert queue.exclusive_consumer is None


def test_deleting_tells_the_consumers_and_counts_the_messages(queue: Queue) -> None:
    one, parked = FakeConsumer("1", credit=0), FakeConsumer("2", credit=0)
    queue.add_consumer(one)
    queue.add_consumer(parked)
    fill(queue, 3)
    pump(queue)
    assert queue.delete() == 3
    assert queue.is_deleted
    assert (one.queue_deleted, parked.queue_deleted) == (1, 1)
    queue.unpark(one)
    queue.mark_changed()
    queue.pump()
    assert one.take() == []


def test_deliveries_sort_by_place() -> None:
    """The heap of returned messages compares nothing else: messages have no order."""
    deliveries = [Delivery(3, message("c"), 1), Delivery(1, message("a"), 5)]
    assert [delivery.seq for delivery in sorted(deliveries)] == [1, 3]


@pytest.mark.parametrize("damage", ["unacked", "parked", "returned", "heap"])
def test_the_invariants_notice_damage(queue: Queue, damage: str) -> None:
    consumer = FakeConsumer()
    queue.add_consumer(consumer)
    queue.check_invariants()
    if damage == "unacked":
        queue.unacked_count = -1
    elif damage == "parked":
        consumer.is_parked = True
    elif damage == "returned":
        queue.returned.append(Delivery(99, message(), 1))
    else:
        queue.head_seq = 10
        queue.returned += [Delivery(5, message(), 1), Delivery(2, message(), 1)]
    with pytest.raises(AssertionError):
        queue.check_invariants()
