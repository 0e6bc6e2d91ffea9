"""Ages and times in queues, read from curves, against messages whose times are known.

A message's time is taken from between the looks that it came between, and so is the time when it
left: neither is wrong by more than the second between two looks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.commands import DeclareQueue
from broker.management.statistics.ages import (
    BOUNDS_S,
    POINTS_MAX,
    Observer,
    oldest_message_age,
)
from broker.queues.kept_messages import Delivery
from broker.queues.queue import Queue
from tests.support.builders import message
from tests.support.peer import World

LOOK_MS = 1_000
NOTHING, PUSH, TAKE, GIVE_BACK, PURGE = range(5)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([NOTHING, PUSH, PUSH, TAKE, TAKE, GIVE_BACK, PURGE]),
        st.integers(1, 40),
        st.integers(0, 2_500),
    ),
    max_size=60,
)


@dataclass
class Model:
    """A queue, and when each of its messages came and left, by number."""

    world: World = field(default_factory=World)
    came_ms: dict[int, int] = field(default_factory=dict)
    waits_ms: list[int] = field(default_factory=list)
    taken: list[Delivery] = field(default_factory=list)
    waiting: set[int] = field(default_factory=set)
    left: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        node = self.world.node
        self.observer = Observer(node)
        node.execute(DeclareQueue("/", "q"))
        self.queue: Queue = self.world.queue("q")
        self.now_ms = 0

    def passes(self, milliseconds: int) -> None:
        """Time goes by, with a look every second."""
        end_ms = self.now_ms + milliseconds
        while (due_ms := self.now_ms - self.now_ms % LOOK_MS + LOOK_MS) <= end_ms:
            self.now_ms = self.world.clock.time_ms = due_ms
            self.observer.sample([self.queue], due_ms)
        self.now_ms = self.world.clock.time_ms = end_ms

    def does(self, what: int, count: int) -> None:
        queue = self.queue
        if what == PUSH:
            first = queue.next_seq
            queue.push_many([message(b"x")] * count)
            self.came_ms |= dict.fromkeys(range(first, first + count), self.now_ms)
            self.waiting |= set(range(first, first + count))
        elif what == TAKE:
            for _ in range(count):
                delivery = queue.pop(no_ack=False)
                if delivery is None:
                    return
                queue.unacked_count += 1
                self.taken.append(delivery)
                self.leaves(delivery.seq)
        elif what == GIVE_BACK and self.taken:
            queue.requeue(self.taken)
            self.waiting |= {delivery.seq for delivery in self.taken}
            self.taken.clear()
        elif what == PURGE:
            queue.purge()
            for seq in list(self.waiting):
                self.leaves(seq)

    def leaves(self, seq: int) -> None:
        self.waiting.discard(seq)
        if seq not in self.left:
            self.left.add(seq)
            self.waits_ms.append(self.now_ms - self.came_ms[seq])

    @property
    def oldest_ms(self) -> int | None:
        """The true age."""
        return self.now_ms - self.came_ms[min(self.waiting)] if self.waiting else None


@given(steps=STEPS)
@settings(max_examples=300, deadline=None)
def test_the_age_of_the_oldest_message_is_right_to_a_second(
    steps: list[tuple[int, int, int]],
) -> None:
    model = Model()
    for what, count, later_ms in steps:
        model.does(what, count)
        model.passes(later_ms)
        found = oldest_message_age(model.queue, model.now_ms)
        if model.oldest_ms is None:
            assert found is None
        elif found is None:
            assert model.oldest_ms < LOOK_MS, "not looked at yet"
        else:
            assert abs(found * 1000 - model.oldest_ms) <= LOOK_MS


@given(steps=STEPS)
@settings(max_examples=300, deadline=None)
def test_times_in_the_queue_are_right_to_a_second_at_each_end(
    steps: list[tuple[int, int, int]],
) -> None:
    model = Model()
    for what, count, later_ms in steps:
        model.does(what, count)
        model.passes(later_ms)
    model.passes(LOOK_MS)
    found = model.observer.waits
    assert found.count == len(model.waits_ms)
    assert abs(found.total * 1000 - sum(model.waits_ms)) <= 2 * LOOK_MS * found.count
    for at, bound_s in enumerate(BOUNDS_S):
        below = sum(found.counts[: at + 1])
        bound_ms = bound_s * 1000
        assert below >= sum(wait <= bound_ms - 2 * LOOK_MS - 1 for wait in model.waits_ms)
        assert below <= sum(wait <= bound_ms + 2 * LOOK_MS + 1 for wait in model.waits_ms)
    own = model.queue.ages.waits if model.queue.ages is not None else None
    assert (own.counts if own is not None else [0] * len(found.counts)) == found.counts


@given(
    rates=st.lists(st.tuples(st.integers(0, 50), st.integers(1, 40)), min_size=3, max_size=12),
    taken=st.integers(0, 10),
)
@settings(max_examples=60, deadline=None)
def test_thinned_out_curves_stay_near(rates: list[tuple[int, int]], taken: int) -> None:
    """Hours of traffic in a hundred points: an age is wrong by a tenth of it at most."""
    model = Model()
    for rate, seconds in rates * 6:
        for _ in range(seconds):
            if rate:
                model.does(PUSH, rate)
            if taken:
                model.does(TAKE, taken)
            model.taken.clear()  # acked
            model.queue.unacked_count = 0
            model.passes(LOOK_MS)
            if model.queue.ages is not None:
                assert len(model.queue.ages.numbers) <= POINTS_MAX
    found = oldest_message_age(model.queue, model.now_ms)
    if model.oldest_ms is not None:
        assert found is not None
        assert abs(found * 1000 - model.oldest_ms) <= LOOK_MS + model.oldest_ms / 10
