"""Ages of messages, by looking at queues now and then. Random queues are in tests/property."""

from __future__ import annotations

import pytest

from broker.amqp.methods import BasicAck, BasicNack, QueueDelete, QueueDeleteOk
from broker.management.statistics.ages import (
    OBSERVED_EACH,
    POINTS_MAX,
    Ages,
    Observer,
    oldest_message_age,
)
from tests.support.builders import table
from tests.support.kept import KeptWorld
from tests.support.peer import World


class Watching:
    """A world that is looked at every second."""

    def __init__(self, world: World | None = None):
        self.world = world or World()
        self.observer = Observer(self.world.node)
        self.peer = self.world.peer()
        self.peer.opens_channel(1)

    def passes(self, seconds: int) -> None:
        for _ in range(seconds):
            self.world.passes(1_000)
            for _ in self.observer.look():
                pass

    def age(self, queue: str = "q") -> float | None:
        return oldest_message_age(self.world.queue(queue), self.world.now_ms)

    def waits(self, queue: str = "q") -> tuple[int, float]:
        """How many have left a queue, and how long they were in it on average, in seconds."""
        found = self.world.queue(queue).ages.waits
        return (found.count, round(found.total / found.count, 2)) if found is not None else (0, 0.0)


@pytest.fixture
def watching() -> Watching:
    return Watching()


def test_a_message_ages_until_it_is_handed_out(watching: Watching) -> None:
    peer = watching.peer
    peer.declares(1, "q")
    assert watching.age() is None
    watching.passes(10)
    peer.publishes(1, "q", "a")
    watching.passes(30)
    assert watching.age() == pytest.approx(30, abs=1)
    peer.gets(1, "q")
    assert watching.age() is None
    watching.passes(1)
    assert watching.waits() == (1, pytest.approx(30, abs=1))


def test_a_queue_that_was_idle_does_not_make_new_messages_old(watching: Watching) -> None:
    peer = watching.peer
    peer.declares(1, "q")
    peer.publishes(1, "q", "a")
    watching.passes(1)
    peer.gets(1, "q")
    watching.passes(3600)
    peer.publishes(1, "q", "b")
    assert watching.age() == pytest.approx(0, abs=1)
    watching.passes(1)
    assert watching.age() == pytest.approx(1, abs=1)


def test_what_goes_through_at_once_has_waited_for_nothing(watching: Watching) -> None:
    peer = watching.peer
    peer.declares(1, "q")
    peer.consumes(1, "q", no_ack=True)
    for _ in range(5):
        peer.publishes(1, "q", *"abcde")
        watching.passes(1)
    assert watching.waits() == (25, 0.0)
    assert watching.observer.waits.counts[0] == 25
    assert len(watching.world.queue("q").ages.numbers) == 1, "nothing has to be remembered"


def test_what_comes_back_is_as_old_as_it_was(watching: Watching) -> None:
    peer = watching.peer
    peer.declares(1, "q")
    peer.publishes(1, "q", "a")
    watching.passes(20)
    peer.publishes(1, "q", "b")
    content = peer.gets(1, "q", no_ack=False)
    assert content is not None
    watching.passes(20)
    assert watching.age() == pytest.approx(20, abs=1), "of b"
    peer.sends(1, BasicNack(content.method.delivery_tag))  # type: ignore[union-attr]
    assert watching.age() == pytest.approx(40, abs=1), "of a again"
    watching.passes(1)
    assert watching.waits() == (1, pytest.approx(20, abs=1)), "it counts the first time only"


def test_a_priority_queue_is_as_old_as_its_oldest(watching: Watching) -> None:
    peer = watching.peer
    peer.declares(1, "q", table(x_max_priority=9))
    peer.publishes(1, "q", "low", priority=0)
    watching.passes(20)
    peer.publishes(1, "q", "high", priority=9)
    watching.passes(10)
    peer.gets(1, "q")
    assert watching.age() == pytest.approx(30, abs=1)
    high = peer.gets(1, "q", no_ack=False)
    assert high is not None
    assert watching.age() is None
    peer.sends(1, BasicNack(high.method.delivery_tag))  # type: ignore[union-attr]
    assert watching.age() == pytest.approx(30, abs=1), "under a rank, and yet known"


def test_what_a_quorum_queue_tries_again_comes_anew(watching: Watching) -> None:
    peer = watching.peer
    peer.declares(1, "q", table(x_queue_type="quorum"), durable=True)
    peer.publishes(1, "q", "a")
    watching.passes(20)
    content = peer.gets(1, "q", no_ack=False)
    assert content is not None
    peer.sends(1, BasicNack(content.method.delivery_tag))  # type: ignore[union-attr]
    watching.passes(5)
    assert watching.age() == pytest.approx(5, abs=1)


def test_expired_and_purged_messages_have_left(watching: Watching) -> None:
    peer = watching.peer
    peer.declares(1, "q", table(x_message_ttl=5_000))
    peer.publishes(1, "q", *"abc")
    watching.passes(8)
    assert watching.age() is None
    assert watching.waits() == (3, pytest.approx(5, abs=1.5))


def test_what_was_there_before_the_start_is_as_old_as_the_node() -> None:
    world = KeptWorld()
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q", durable=True)
    peer.publishes(1, "q", *"ab", delivery_mode=2)
    world.commits()
    watching = Watching(world.stops())
    watching.passes(10)
    watching.peer.publishes(1, "q", "c", delivery_mode=2)
    watching.passes(20)
    assert watching.age() == pytest.approx(30, abs=1)
    for _ in range(2):
        watching.peer.gets(1, "q")
    watching.passes(1)
    assert watching.waits() == (0, 0.0), "nobody knows when those came"
    assert watching.age() == pytest.approx(21, abs=1)
    watching.peer.gets(1, "q")
    watching.passes(1)
    assert watching.waits() == (1, pytest.approx(21, abs=1))


def test_messages_on_disk_only_have_an_age() -> None:
    world = KeptWorld(queue_memory=2_000)
    watching = Watching(world)
    peer = watching.peer
    peer.declares(1, "q", durable=True)
    for _ in range(20):
        peer.publishes(1, "q", "x" * 500, delivery_mode=2)
    world.commits()
    watching.passes(30)
    queue = watching.world.queue("q")
    assert queue.log is not None
    assert queue.log.paged_count
    for _ in range(20):
        assert watching.age() == pytest.approx(30, abs=1)
        assert peer.gets(1, "q") is not None
    watching.passes(1)
    assert watching.waits() == (20, pytest.approx(30, abs=1))


def test_deleted_queues_still_count_for_the_node(watching: Watching) -> None:
    peer = watching.peer
    for _ in range(3):
        peer.declares(1, "q")
        peer.publishes(1, "q", *"ab")
        watching.passes(2)
        peer.gets(1, "q")
        watching.passes(1)
        peer.sends(1, QueueDelete(queue="q"))
        peer.takes(1, QueueDeleteOk)
        watching.passes(1)
    assert watching.observer.waits.count == 3


def test_ages_of_queues_are_observed_now_and_then(watching: Watching) -> None:
    peer = watching.peer
    for name in ("old", "young", "empty"):
        peer.declares(1, name)
    peer.publishes(1, "old", "a")
    watching.passes(20)
    peer.publishes(1, "young", "b")
    watching.passes(OBSERVED_EACH)
    assert watching.observer.oldest_s == pytest.approx(20 + OBSERVED_EACH, abs=1)
    observed = watching.observer.ages.count
    watching.passes(OBSERVED_EACH)
    assert watching.observer.ages.count == observed + 2


def test_unacked_messages_do_not_make_a_curve_grow(watching: Watching) -> None:
    peer = watching.peer
    peer.declares(1, "q")
    peer.consumes(1, "q")
    tag = 0
    for _ in range(3 * POINTS_MAX):
        peer.publishes(1, "q", *"abc")
        watching.passes(1)
        if tag:
            peer.sends(1, BasicAck(tag, True))
        tag += 3
        peer.takes_all(1)
    assert len(watching.world.queue("q").ages.numbers) < 40


def test_however_irregular_a_curve_it_stays_bounded_and_in_order(watching: Watching) -> None:
    ages, number = Ages(watching.observer, 0, 0), 0
    for second in range(1, 5_000):
        number += second * second % 97 * (second % 7 == 0)
        ages.note(number, (second - 1) * 1_000, second * 1_000)
        assert len(ages.numbers) <= POINTS_MAX
    assert sorted(ages.numbers) == list(ages.numbers)
    assert sorted(ages.times_ms) == list(ages.times_ms)
    assert (ages.numbers[0], ages.numbers[-1]) == (0, number)


def test_a_look_that_fails_is_a_bug_and_the_next_one_comes(watching: Watching) -> None:
    peer = watching.peer
    peer.declares(1, "q")
    peer.publishes(1, "q", "a")
    watching.world.queue("q").ages = object()
    watching.observer._pass = watching.observer.look()
    watching.observer._step()
    assert watching.world.node.bug_count == 1
    watching.world.queue("q").ages = None
    watching.passes(2)
    assert watching.age() is not None
