"""What dies in an extended queue, in runs. Whole conversations are in test_extended.py."""

from __future__ import annotations

import json

import pytest

from broker.commands import SetPolicy
from broker.message import Message
from broker.queues.dead_letter import EXPIRED, MAXLEN
from broker.queues.extended import ExtendedQueue, extend
from broker.queues.features import REJECT_PUBLISH, REJECT_PUBLISH_DLX, Features
from broker.queues.queue import PUMP_MAX, Queue
from tests.support.builders import message
from tests.support.consumer import FakeConsumer
from tests.support.kept import KeptPeer, KeptWorld
from tests.support.seams import FakeClock


def queue_with(features: Features, clock: FakeClock | None = None) -> ExtendedQueue:
    return extend(Queue("q", "/", []), features, clock or FakeClock())


def run(count: int, size: int = 3, **properties: object) -> list[Message]:
    first = message(b"%0*d" % (size, 0), **properties)
    return [
        first,
        *(Message(first.envelope, b"%0*d" % (size, number)) for number in range(1, count)),
    ]


def dead(queue: ExtendedQueue) -> list[tuple[int, str, int | None]]:
    """Number, reason and sequence number of each."""
    return [(int(item.body), reason, seq) for item, reason, seq in queue.extras.dead]


def test_what_is_too_much_goes_from_the_head() -> None:
    queue = queue_with(Features(max_length=3, dead_letter_exchange=""))
    assert list(queue.push_many(run(5))) == []
    assert dead(queue) == [(0, MAXLEN, 1), (1, MAXLEN, 2)]
    assert [int(item.body) for item in queue.ready] == [2, 3, 4]
    queue.check_invariants()


@pytest.mark.parametrize("size", [1, 3, 10, 11])
def test_octets_are_a_limit_as_well(size: int) -> None:
    queue = queue_with(Features(max_length_bytes=10))
    queue.push_many(run(7, size))
    assert queue.ready_count == min(7, 10 // size)
    assert queue.extras.ready_bytes == queue.ready_count * size
    queue.check_invariants()


def test_of_two_limits_both_are_kept() -> None:
    queue = queue_with(Features(max_length=4, max_length_bytes=10))
    queue.push_many(run(6, 3))
    assert queue.ready_count == 3
    queue.push_many(run(6, 1))
    assert queue.ready_count == 4
    queue.check_invariants()


def test_the_best_are_the_head_of_a_priority_queue() -> None:
    queue = queue_with(Features(max_length=2, max_priority=5, dead_letter_exchange=""))
    queue.push_many(run(2))
    queue.push_many(run(3, priority=4))
    assert [queue_number for queue_number, _, _ in dead(queue)] == [0, 1, 2]
    assert [item.envelope.priority for item in queue.ready] == [0, 0]
    queue.check_invariants()


@pytest.mark.parametrize(("overflow", "buried"), [(REJECT_PUBLISH, 0), (REJECT_PUBLISH_DLX, 4)])
def test_the_rest_of_a_run_is_turned_away(overflow: str, buried: int) -> None:
    queue = queue_with(Features(max_length=3, overflow=overflow, dead_letter_exchange=""))
    assert list(queue.push_many(run(7))) == [3, 4, 5, 6]
    assert (queue.published, queue.ready_count) == (3, 3)
    assert dead(queue) == [(number, MAXLEN, None) for number in (3, 4, 5, 6)][:buried]


def test_who_consumes_makes_room_for_the_rest_of_a_run() -> None:
    queue = queue_with(Features(max_length=3, overflow=REJECT_PUBLISH))
    consumer = FakeConsumer(credit=5)
    queue.add_consumer(consumer)
    assert list(queue.push_many(run(10))) == [8, 9]
    assert len(consumer.take()) == 5
    queue.check_invariants()


def test_a_run_expires_at_once() -> None:
    clock = FakeClock()
    queue = queue_with(Features(message_ttl_ms=5, dead_letter_exchange=""), clock)
    queue.push_many(run(3))
    clock.time_ms = 4
    queue.push_many(run(1))
    clock.time_ms = 5
    assert queue.on_wake_up() is False
    assert dead(queue) == [(0, EXPIRED, 1), (1, EXPIRED, 2), (2, EXPIRED, 3)]
    assert queue.ready_count == 1
    assert clock.sleepers[queue] == 9
    queue.check_invariants()


@pytest.mark.parametrize("exchange", [None, ""])
def test_a_backlog_expires_by_and_by(exchange: str | None) -> None:
    clock = FakeClock()
    queue = queue_with(Features(message_ttl_ms=5, dead_letter_exchange=exchange), clock)
    queue.push_many(run(PUMP_MAX + 10, 4))
    clock.time_ms = 5
    queue.on_wake_up()
    assert queue.ready_count == 10
    assert clock.sleepers[queue] == 5, "at once"
    queue.extras.dead.clear()
    queue.on_wake_up()
    assert queue.ready_count == 0


def test_a_message_that_lives_longer_keeps_those_behind_it() -> None:
    clock = FakeClock()
    queue = queue_with(Features(), clock)
    queue.push_many(run(2))
    short = run(2)
    short[0].envelope.ttl_ms = 5
    queue.push_many(short)
    clock.time_ms = 10
    assert queue.ready_count == 4
    for left in (3, 0):
        assert queue.pop() is not None
        assert queue.ready_count == left
    queue.check_invariants()


@pytest.mark.parametrize("exchange", [None, "", "nowhere"])
def test_a_backlog_on_disk_that_is_too_much_goes_turn_by_turn(exchange: str | None) -> None:
    """A policy comes over it: neither does the node stand still, nor does it come into memory."""
    world = KeptWorld(queue_memory=4_000)
    kept = KeptPeer(world)
    kept.declares()
    kept.declares("dead")
    for _ in range(6):
        kept.publishes(*["m" * 50] * PUMP_MAX)
        kept.commits()
    queue = world.queue("q")
    definition: dict[str, object] = {"max-length": 3}
    if exchange is not None:
        definition |= {"dead-letter-exchange": exchange, "dead-letter-routing-key": "dead"}
    world.node.execute(SetPolicy("/", "p", "^q$", json.dumps(definition)))
    assert queue.ready_count > 3 * PUMP_MAX, "in one go"
    most = 0
    while queue.ready_count > 3:
        before = queue.ready_count, len(queue.extras.dead)
        most = max(most, len(queue.extras.dead))
        queue.check_invariants()
        assert queue in world.node.changed_queues
        world.node.turn(world.clock.now_ms())
        assert (queue.ready_count, len(queue.extras.dead)) < before
    assert most < 2 * PUMP_MAX
    world.settle()
    assert not queue.extras.is_too_long
    assert kept.has("dead") == (6 * PUMP_MAX - 3 if exchange == "" else 0)
    assert kept.takes() == ["m" * 50] * 3


def test_nobody_gets_what_is_too_much_meanwhile() -> None:
    world = KeptWorld(queue_memory=4_000)
    kept = KeptPeer(world)
    kept.declares()
    for first in range(0, 3 * PUMP_MAX, PUMP_MAX):
        kept.publishes(*[str(number) for number in range(first, first + PUMP_MAX)])
        kept.commits()
    world.node.execute(SetPolicy("/", "p", "^q$", '{"max-length":2}'))
    assert world.queue("q").extras.is_too_long
    kept.peer.consumes(1, "q")
    bodies = [int(content.body) for content in kept.peer.takes_all(1)]
    assert bodies == [3 * PUMP_MAX - 2, 3 * PUMP_MAX - 1]
