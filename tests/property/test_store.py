"""Queues whose messages are kept, through crashes, against plain lists.

After every restart: what was committed and not settled is there, in order; what was settled, and
that committed, is not; what was on its way may be there or not; nothing is invented, nothing twice.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from broker.message import Envelope, Message
from broker.queues.extended import extend
from broker.queues.features import Features
from broker.queues.kept_messages import Delivery
from broker.queues.queue import Queue
from broker.seams import MAYBE_DELIVERED, VOLATILE_ID
from broker.store import commit_log, queue_log, space
from broker.store.commit_log import Batch, CommitLog
from broker.store.queue_log import QueueLog
from broker.store.store import close_log, open_log
from tests.property.conftest import examples
from tests.support.builders import header
from tests.support.consumer import FakeConsumer
from tests.support.faulty_disk import FaultyDisk
from tests.support.kept import live_in
from tests.support.seams import FakeClock

FEATURES = {
    "plain": None,
    "volatile": None,
    "priority": Features(max_priority=3),
    "quorum": Features(counts_deliveries=True),
}


@dataclass
class Known:
    """A message in one queue. The commits are numbered as the log numbers them.

    kept, settled: the commit in which it was kept or settled; None: it was not. counted: by which
    commit it had been delivered how often, where that is counted.
    """

    number: int
    priority: int
    kept: int | None
    settled: int | None = None
    deliveries: int = 0
    counted: dict[int, int] = field(default_factory=dict)

    def rank(self) -> tuple[int, int]:
        return -self.priority, self.number


class Model:
    """One queue. out: delivered and not settled. gone: settled, which may not be on disk yet."""

    def __init__(self, kind: str, queue: Queue):
        self.kind = kind
        self.queue = queue
        self.ready: list[Known] = []
        self.out: list[tuple[Known, Delivery]] = []
        self.gone: list[Known] = []

    def settle(self, known: Known, commit: int) -> None:
        known.settled = commit
        if known.kept is not None:
            self.gone.append(known)


class StoreMachine(RuleBasedStateMachine):
    @initialize(
        segment_octets=st.sampled_from([600, 2000, 10_000]),
        queue_memory=st.sampled_from([0, 500, 2000, 1 << 40]),
        block_octets=st.sampled_from([200, 1000, 65536]),
        kind=st.sampled_from(["plain", "priority", "quorum"]),
        waste=st.sampled_from([1.1, 2.0]),
    )
    def begin(
        self, segment_octets: int, queue_memory: int, block_octets: int, kind: str, waste: float
    ) -> None:
        self.patches = ExitStack()
        for module, name, value in (
            (commit_log, "BLOCK_OCTETS", block_octets),
            (commit_log, "CHECKPOINT_OCTETS", 8000),
            (queue_log, "TRIM_MIN", 2),
            (space, "SLACK_SEGMENTS", -1),
            (space, "WASTE_MAX", waste),
        ):
            self.patches.enter_context(mock.patch.object(module, name, value))
        self.how = {"segment_octets": segment_octets, "queue_memory": queue_memory}
        self.clock = FakeClock()
        self.last_number = 0  # of all messages
        self.last_id = 0
        self.batch: Batch | None = None  # begun, and perhaps written
        # A sync has failed, and what it covered was not written elsewhere yet. If the process dies
        # now, what the next one finds, and syncs, may be lost all the same: nobody was told of it.
        self.is_unsure = False
        self.has_committed = False
        self.disk = FaultyDisk()
        self.models: list[Model] = []
        self.log = self._open(set())
        for wanted in ("plain", kind, "volatile"):
            self.models.append(Model(wanted, self._declare(wanted, self._next_id(wanted))))

    def _next_id(self, kind: str) -> int:
        self.last_id += 1
        return self.last_id + (VOLATILE_ID if kind == "volatile" else 0)

    def _open(self, known: set[int]) -> CommitLog:
        log, report = open_log(self.disk, known, **self.how)
        assert report.gaps == [], self.disk.story
        assert report.lost == {}, self.disk.story
        if self.has_committed:  # else there is no checkpoint that tells a torn header from damage
            assert report.problems == [], self.disk.story
        return log

    def _declare(self, kind: str, queue_id: int) -> Queue:
        durable = kind != "volatile"
        queue = Queue("q", "/", [], durable=durable, queue_id=queue_id, store=self.log)
        features = FEATURES[kind]
        if features is not None:
            extend(queue, features, self.clock)
        return queue

    # in

    @rule(
        to=st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True),
        count=st.sampled_from([1, 1, 1, 2, 8]),
        size=st.sampled_from([6, 6, 50, 400]),
        persistent=st.sampled_from([True, True, True, False]),
        priority=st.integers(0, 4),
    )
    def publish(
        self, to: list[int], count: int, size: int, persistent: bool, priority: int
    ) -> None:
        self._publish(to, count, size, persistent=persistent, priority=priority)

    def _publish(
        self, to: list[int], count: int, size: int, *, persistent: bool, priority: int = 0
    ) -> None:
        properties = header(size, delivery_mode=2 if persistent else 1, priority=priority)
        envelope = Envelope("", "key", properties)
        numbers = range(self.last_number + 1, self.last_number + count + 1)
        self.last_number += count
        messages = [Message(envelope, b"%0*d" % (size, number)) for number in numbers]
        for index in to:
            model = self.models[index]
            queue = model.queue
            if count == 1:
                queue.push(messages[0])
            else:
                queue.push_many(messages)
            survives = model.kind != "volatile" and (persistent or model.kind == "quorum")
            kept = self.log.number if survives else None
            rank = min(priority, 3) if model.kind == "priority" else 0
            model.ready += [Known(number, rank, kept) for number in numbers]

    @rule(index=st.integers(0, 2), rounds=st.integers(1, 20), stays=st.integers(2, 6))
    def churn(self, index: int, rounds: int, stays: int) -> None:
        """Messages come and go, but for a few: what the cleaner lives on."""
        for number in range(rounds):
            self._publish([index], 1, 100, persistent=True)
            if number % stays:
                self._get(self.models[index], 1, no_ack=True)
            if self.batch is None and number % 3 == 0:
                self._commit()
                self._clean(2)

    # out

    def _handed_out(self, model: Model, delivery: Delivery, *, no_ack: bool) -> None:
        """It must have been the best one, with the right count."""
        known = min(model.ready, key=Known.rank)
        assert int(delivery.message.body) == known.number, "not the oldest, or not the best"
        assert max(0, delivery.delivery_count) == known.deliveries  # see MAYBE_DELIVERED
        model.ready.remove(known)
        known.deliveries += 1
        known.counted[self.log.number] = known.deliveries
        if no_ack:
            model.settle(known, self.log.number)
        else:
            model.out.append((known, delivery))

    @rule(
        index=st.integers(0, 2),
        credits=st.lists(st.integers(1, 30), max_size=2),
        count=st.sampled_from([1, 1, 3, 20]),
        no_ack=st.booleans(),
    )
    def take(self, index: int, credits: list[int], count: int, no_ack: bool) -> None:
        """By basic.get, or by consumers that have room for so many."""
        model = self.models[index]
        if credits:
            self._consume(model, credits, no_ack=no_ack)
        else:
            self._get(model, count, no_ack=no_ack)

    def _get(self, model: Model, count: int, *, no_ack: bool) -> None:
        for _ in range(count):
            delivery = model.queue.pop(no_ack=no_ack)
            if delivery is None:
                assert not model.ready
                return
            if not no_ack:
                model.queue.unacked_count += 1
            self._handed_out(model, delivery, no_ack=no_ack)

    def _consume(self, model: Model, credits: list[int], *, no_ack: bool) -> None:
        queue = model.queue
        consumers = [FakeConsumer(str(n), credit=n, no_ack=no_ack) for n in credits]
        for consumer in consumers:
            queue.add_consumer(consumer)
        queue.pump()
        taken = [delivery for consumer in consumers for delivery in consumer.take()]
        taken.sort(key=lambda delivery: delivery.seq)
        for delivery in taken:
            self._handed_out(model, delivery, no_ack=no_ack)
        for consumer in consumers:
            queue.remove_consumer(consumer)

    # settle

    def _some_out(self, model: Model, data: Any) -> list[tuple[Known, Delivery]]:
        if not model.out:
            return []
        if data.draw(st.booleans()):
            return model.out[: data.draw(st.integers(1, len(model.out)))]
        indexes = data.draw(st.lists(st.integers(0, len(model.out) - 1), unique=True, max_size=5))
        return [model.out[index] for index in indexes]

    @rule(
        index=st.integers(0, 2),
        data=st.data(),
        outcome=st.sampled_from(["ack", "ack", "discard", "requeue"]),
    )
    def settle(self, index: int, data: Any, outcome: str) -> None:
        model = self.models[index]
        queue = model.queue
        some = self._some_out(model, data)
        deliveries = [delivery for _, delivery in some]
        if outcome == "requeue":
            queue.requeue(deliveries)
        elif outcome == "discard":
            queue.discard(deliveries)
        else:
            queue.settle(len(some))
            if queue.log is not None:
                queue.log.settle_all([delivery.seq for delivery in deliveries])
        for known, delivery in some:
            model.out.remove((known, delivery))
            if outcome == "requeue":
                model.ready.append(known)
            else:
                model.settle(known, self.log.number)

    # memory and disk

    @rule(
        what=st.sampled_from(["page out", "page out", "clean", "purge", "delete"]),
        index=st.integers(0, 2),
        much=st.sampled_from([0, 3, 30]),
    )
    def keep_house(self, what: str, index: int, much: int) -> None:
        model = self.models[index]
        if what == "page out":
            model.queue.page_out(100 * much)
        elif what == "clean":
            self._clean(much)
        elif what == "purge":
            assert model.queue.purge() == len(model.ready)
            for known in model.ready:
                model.settle(known, self.log.number)
            model.ready.clear()
        elif much == 30:
            self._delete(index)

    def _clean(self, steps: int) -> None:
        for _ in range(steps):
            if not self.log.cleaner.step():
                return

    def _delete(self, index: int) -> None:
        """Together with its definition: nobody sees the one without the other."""
        model = self.models[index]
        assert model.queue.delete() == len(model.ready)
        if self.batch is not None:
            self._finish_commit()
        self._commit()
        self.models[index] = Model(model.kind, self._declare(model.kind, self._next_id(model.kind)))

    @rule(
        how=st.sampled_from(["whole", "whole", "whole", "unfinished", "failing"]),
        fails=st.sampled_from(["write", "sync", "create", "rename", "sync names", "remove"]),
        nth=st.integers(1, 4),
    )
    def commit(self, how: str, fails: str, nth: int) -> None:
        """One that is unfinished or failing is gone on with later."""
        if how == "whole":
            self._commit()
        elif how == "unfinished":
            self._write_commit()
        else:
            self.disk.fail(fails, nth=nth)
            try:
                self._write_commit()
            except OSError:
                self.is_unsure = self.is_unsure or fails == "sync"
            self.disk.heal()

    def _commit(self) -> None:
        self._write_commit()
        self._finish_commit()

    def _write_commit(self) -> None:
        """Everything is written, and nobody knows it yet."""
        if self.batch is None:
            self.batch = self.log.begin()
        self.batch.write(self.log.files, sync=True)

    def _finish_commit(self) -> None:
        self._write_commit()
        self.log.finish()
        self.batch = None
        self.is_unsure = False
        self.has_committed = True
        for model in self.models:
            model.gone = [known for known in model.gone if (known.settled or 0) > self.log.synced]

    # the end of a life

    @rule(
        how=st.sampled_from(
            ["stops", "is killed", "loses power", "in a commit", "in a commit", "in recovery"]
        ),
        seed=st.integers(0, 2**32),
        torn=st.none() | st.integers(0, 300),
    )
    def ends(self, how: str, seed: int, torn: int | None) -> None:
        random = Random(seed)
        if how == "stops":
            self._stop()
        elif how == "in a commit":
            self._restart(self._end_in_commit(random, torn), is_clean=False)
        elif how == "in recovery":
            self._restart(self._end_in_recovery(random), is_clean=False)
        elif how == "is killed" and not self.is_unsure:
            self._restart(self.disk.after_kill(), is_clean=False)
        else:
            self._restart(self.disk.after_power_loss(None, random), is_clean=False)

    def _end_in_commit(self, random: Random, torn: int | None) -> FaultyDisk:
        """At any of its operations, or in the middle of one."""
        before = self.disk.operations
        self._write_commit()
        point = random.randint(before, self.disk.operations)
        if random.random() < 0.5 and not self.is_unsure:
            return self.disk.after_kill(point, torn=torn if point > before else None)
        return self.disk.after_power_loss(point, random)

    def _end_in_recovery(self, random: Random) -> FaultyDisk:
        """Twice, then: while what the first end has left is put in order, or right after."""
        self.disk = self.disk.after_power_loss(None, random)
        before = self.disk.operations
        self._open(self._durable_ids()).close()
        point = random.randint(before, self.disk.operations)
        return self.disk.after_power_loss(point, random)

    def _stop(self) -> None:
        if self.batch is not None:
            self._finish_commit()
        while self.log.has_news:
            self._commit()
        close_log(self.log)
        self.log.close()
        self._restart(self.disk.after_power_loss(), is_clean=True)

    def _durable_ids(self) -> set[int]:
        return {model.queue.queue_id for model in self.models if model.kind != "volatile"}

    def _restart(self, disk: FaultyDisk, *, is_clean: bool) -> None:
        synced = self.log.synced
        self.disk = disk
        self.is_unsure = False
        self.batch = None
        self.log = self._open(self._durable_ids())
        self.models = [self._next_life(model, synced, is_clean) for model in self.models]
        live = sum(len(model.ready) for model in self.models)
        assert sum(segment.live for segment in self.log.space.segments.values()) == live

    def _next_life(self, old: Model, synced: int, is_clean: bool) -> Model:
        """Compare what is found with what may be, and go on with it."""
        volatile = old.kind == "volatile"
        new = Model(old.kind, self._declare(old.kind, 0 if volatile else old.queue.queue_id))
        if volatile:
            new.queue.queue_id = self._next_id(old.kind)
            return new
        everything = [*old.ready, *(known for known, _ in old.out), *old.gone]
        possible = {known.number: known for known in everything if known.kept is not None}
        needed = {
            number
            for number, known in possible.items()
            if known.kept is not None and known.kept <= synced and known.settled is None
        }
        kept = self.log.find_queue(old.queue.queue_id)
        found = live_in(kept) if isinstance(kept, QueueLog) else []
        numbers = [int(item.message.body) for item in found]
        assert numbers == sorted(set(numbers)), f"out of order, or twice: {self.disk.story}"
        assert set(numbers) <= set(possible), f"invented, or settled before: {self.disk.story}"
        assert needed <= set(numbers), f"lost: {self.disk.story}"
        for item, number in zip(found, numbers, strict=True):
            known = possible[number]
            count = max(0, item.delivery_count)
            if not is_clean:
                assert item.delivery_count != 0, "it may have been delivered"
            elif known.deliveries == 0:
                assert item.delivery_count in (0, MAYBE_DELIVERED)
            else:
                assert count > 0
            if old.kind == "quorum":
                committed = [count for at, count in known.counted.items() if at <= synced]
                assert max(committed, default=0) <= count <= known.deliveries
            restored = Known(number, known.priority, 0, None, count, {0: count})
            new.ready.append(restored)
        return new

    # always

    @invariant()
    def everything_is_accounted_for(self) -> None:
        if not hasattr(self, "models"):
            return
        for model in self.models:
            queue = model.queue
            queue.check_invariants()
            assert queue.ready_count == len(model.ready)
            assert queue.unacked_count == len(model.out)
        for kept in self.log.queues.values():
            kept.check_invariants()
        live = sum(kept.live_count for kept in self.log.queues.values())
        self.log.count_block()
        segments = self.log.space.segments.values()
        assert sum(segment.live for segment in segments) == live
        assert sum(segment.end for segment in segments) == self.log.space.octets

    def teardown(self) -> None:
        if hasattr(self, "patches"):
            self._stop()
            for model in self.models:
                while (delivery := model.queue.pop()) is not None:
                    self._handed_out(model, delivery, no_ack=True)
                assert not model.ready
            self.patches.close()


StoreMachine.TestCase.settings = settings(examples(150), stateful_step_count=60)
test_kept_queues_against_lists = StoreMachine.TestCase


@pytest.mark.soak
def test_kept_queues_against_lists_for_long() -> None:
    run_state_machine_as_test(
        StoreMachine,
        settings=settings(max_examples=2000, stateful_step_count=150, derandomize=False),
    )
