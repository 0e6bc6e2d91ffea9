from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import cast

import pytest

from broker.changes import Change
from broker.seams import Clock
from broker.store import commit
from broker.store.catalogue import Catalogue
from broker.store.catalogue_replicator import CatalogueReplicator
from broker.store.commit import (
    COMMIT_AFTER_MS,
    COMMIT_OCTETS,
    INLINE_OCTETS,
    RETRY_MS,
    Committer,
    Definitions,
    Done,
    InlineRunner,
    Job,
    Runner,
    ThreadRunner,
)
from broker.store.errors import StoreUnavailable
from broker.store.queue_log import QueueLog
from tests.support.faulty_disk import FaultyDisk
from tests.support.kept import bodies_of, keep, reopened
from tests.support.kept import commit as commit_now
from tests.support.seams import FakeClock

SYNC_MODES = ("commit", "interval", "never")


class DeferringRunner:
    """Runs a job when the test says so, and reports later still."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Job, Done]] = []

    def run(self, job: Job, done: Done, octets: int) -> None:
        self.jobs.append((job, done))

    def stop(self) -> None:
        return None

    def finishes(self) -> None:
        job, done = self.jobs.pop()
        InlineRunner().run(job, done, 0)


class FakeReplicator:
    def __init__(self, story: list[str]) -> None:
        self.is_dirty = False
        self.story = story

    def begin(self) -> list[Change]:
        self.is_dirty = False
        self.story.append("begin")
        return []

    def finish(self) -> None:
        self.story.append("answered")


class FakeCatalogue:
    def __init__(self, story: list[str]) -> None:
        self.story = story
        self.fails = False

    def commit(self, changes: list[Change]) -> None:
        if self.fails:
            raise StoreUnavailable("no room")
        self.story.append("definitions")


class Node:
    """Owner of a committer, with a log of one queue; writes down in order what happens."""

    def __init__(
        self,
        runner: Runner | None = None,
        *,
        sync: str = "commit",
        interval_ms: int = 200,
        segment_octets: int = 1 << 20,
    ) -> None:
        self.time = FakeClock()
        self.clock: Clock = self.time
        self.story: list[str] = []
        self.alarms: set[tuple[str, str]] = set()
        self.turns_wanted = 0
        self.disk = FaultyDisk()
        self.log = reopened(self.disk, segment_octets=segment_octets)
        commit_now(self.log)  # the checkpoint that the first commit brings
        self.disk.counts.clear()
        self.queue: QueueLog = self.log.open_queue(1, 1, is_durable=True)
        self.replicator = FakeReplicator(self.story)
        self.catalogue = FakeCatalogue(self.story)
        self.committer = Committer(
            self.log,
            Definitions(
                cast(CatalogueReplicator, self.replicator), cast(Catalogue, self.catalogue)
            ),
            runner or InlineRunner(),
            owner=self,
            sync=sync,
            interval_ms=interval_ms,
        )

    def on_log_synced(self) -> None:
        self.story.append(f"synced {self.log.synced - 1}")  # the first has been before

    def set_alarm(self, resource: str, reason: str) -> None:
        self.alarms.add((resource, reason))

    def clear_alarm(self, resource: str, reason: str) -> None:
        self.alarms.discard((resource, reason))

    def request_turn(self) -> None:
        self.turns_wanted += 1

    def turn(self, after_ms: int = 0) -> None:
        """A turn, after a while."""
        self.time.time_ms += after_ms
        for sleeper in self.time.take_due():
            assert sleeper.on_wake_up() is False
        self.log.on_turn(self.time.time_ms)

    def publishes(self, *bodies: str) -> None:
        """Somebody waits for it."""
        keep(self.queue, *bodies)
        self.log.is_urgent = True

    def tells(self) -> list[str]:
        story = self.story[:]
        self.story.clear()
        return story

    @property
    def sync_count(self) -> int:
        return self.disk.counts["sync"]


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
def deferring() -> tuple[Node, DeferringRunner]:
    runner = DeferringRunner()
    return Node(runner), runner


# when a commit begins


def test_nothing_to_commit_is_no_commit(node: Node) -> None:
    node.turn()
    node.turn(10_000)
    assert node.tells() == []
    assert node.committer.is_idle
    assert node.time.sleepers == {}


def test_what_somebody_waits_for_is_committed_in_the_same_turn(node: Node) -> None:
    node.publishes("a", "b")
    assert not node.committer.is_idle
    node.turn()
    assert node.tells() == ["synced 1"]
    assert node.committer.is_idle
    assert bodies_of(reopened(node.disk.after_power_loss()), 1) == ["a", "b"]


def test_what_nobody_waits_for_may_wait_for_more(node: Node) -> None:
    keep(node.queue, "a")
    node.turn()
    assert node.tells() == []
    assert list(node.time.sleepers.values()) == [COMMIT_AFTER_MS]
    keep(node.queue, "b")
    node.turn(COMMIT_AFTER_MS - 1)
    assert node.tells() == []
    node.turn(1)
    assert node.tells() == ["synced 1"]
    assert node.sync_count == 1
    keep(node.queue, "c")
    node.turn(1)
    assert node.time.sleepers != {}, "the wait begins anew"


def test_settlements_are_news(node: Node) -> None:
    (seq,) = keep(node.queue, "a")
    node.turn()
    node.turn(COMMIT_AFTER_MS)
    node.queue.settle(seq)
    node.turn()
    node.turn(COMMIT_AFTER_MS)
    assert node.tells() == ["synced 1", "synced 2"]
    assert bodies_of(reopened(node.disk.after_power_loss()), 1) == []


def test_a_lot_does_not_wait(node: Node) -> None:
    keep(node.queue, "x" * COMMIT_OCTETS)
    node.turn()
    assert node.tells() == ["synced 1"]


def test_who_is_about_to_stop_does_not_wait(node: Node) -> None:
    node.committer.is_stopping = True
    keep(node.queue, "a")
    node.turn()
    assert node.tells() == ["synced 1"]


# one at a time


def test_what_comes_meanwhile_waits_for_the_next(
    deferring: tuple[Node, DeferringRunner],
) -> None:
    node, runner = deferring
    node.publishes("a")
    node.turn()
    assert len(runner.jobs) == 1
    node.publishes("b")
    for _ in range(3):
        node.turn(1000)
    assert len(runner.jobs) == 1
    assert node.tells() == []
    runner.finishes()
    assert node.tells() == ["synced 1"]
    assert bodies_of(reopened(node.disk.after_power_loss()), 1) == ["a"]
    assert node.turns_wanted == 1, "there is news"
    node.turn()
    runner.finishes()
    assert node.tells() == ["synced 2"]
    assert node.turns_wanted == 1
    assert node.committer.is_idle


def test_a_thousand_publishers_share_a_sync(deferring: tuple[Node, DeferringRunner]) -> None:
    node, runner = deferring
    for _ in range(1000):
        node.publishes("x")
    node.turn()
    runner.finishes()
    assert node.sync_count == 1
    assert node.queue.live_count == 1000


# definitions


def test_definitions_are_written_before_messages_and_answered_after(node: Node) -> None:
    node.replicator.is_dirty = True
    node.publishes("a")
    node.disk.during_sync = lambda path: node.story.append(f"sync {path.partition('/')[0]}")
    node.turn()
    assert node.tells() == ["begin", "definitions", "sync log", "sync log", "answered", "synced 1"]


def test_a_declaration_does_not_wait(node: Node) -> None:
    node.replicator.is_dirty = True
    assert not node.committer.is_idle
    node.turn()
    assert node.tells() == ["begin", "definitions", "answered", "synced 1"]
    assert node.committer.is_idle


def test_definitions_are_not_written_again_when_only_the_log_failed(node: Node) -> None:
    node.replicator.is_dirty = True
    node.publishes("a")
    node.disk.fail("sync", times=2)
    node.turn()
    node.turn(RETRY_MS)
    assert node.tells() == ["begin", "definitions"]
    node.turn(RETRY_MS)
    assert node.tells() == ["answered", "synced 1"]


def test_no_message_is_safe_before_its_queue_is(node: Node) -> None:
    node.replicator.is_dirty = True
    node.catalogue.fails = True
    node.publishes("a")
    node.turn()
    assert node.tells() == ["begin"]
    assert bodies_of(reopened(node.disk.after_kill()), 1) == []
    node.catalogue.fails = False
    node.turn(RETRY_MS)
    assert node.tells() == ["definitions", "answered", "synced 1"]


# failures


@pytest.mark.parametrize("kind", ["create", "write", "sync", "sync names"])
def test_a_commit_that_fails_is_tried_again_until_it_succeeds(node: Node, kind: str) -> None:
    node.disk.fail(kind, times=3)
    node.publishes("a")
    node.turn()
    assert node.alarms == {("disk", "write")}
    for _ in range(2):
        node.turn(RETRY_MS - 1)
        failures = node.committer.failures
        node.turn(1)
        assert node.committer.failures == failures + 1
    assert node.tells() == []
    assert not node.committer.is_idle
    node.publishes("b")
    node.turn(RETRY_MS)
    assert node.tells() == ["synced 1"]
    assert node.alarms == set()
    node.turn()
    assert node.tells() == ["synced 2"]
    assert bodies_of(reopened(node.disk.after_power_loss()), 1) == ["a", "b"]


def test_somebody_calls_when_it_is_time_to_try_again(node: Node) -> None:
    node.disk.fail("sync")
    node.publishes("a")
    node.turn(5)
    assert node.time.sleepers == {node.committer: 5 + RETRY_MS}


def test_a_full_disk_blocks_publishers_until_there_is_room(node: Node) -> None:
    node.publishes("a")
    node.turn()
    node.disk.fill(after=10)
    node.publishes("b" * 100)
    node.turn()
    node.turn(RETRY_MS)
    assert node.alarms == {("disk", "write")}
    assert bodies_of(reopened(node.disk.after_kill()), 1) == ["a"]
    node.disk.heal()
    node.turn(RETRY_MS)
    assert node.alarms == set()
    assert bodies_of(reopened(node.disk.after_power_loss()), 1) == ["a", "b" * 100]


def test_failures_are_said_once_a_minute(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    node.disk.fail("write", times=None)
    node.publishes("a")
    for _ in range(130):
        node.turn(RETRY_MS)
    said = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert len(said) == 3  # the first, the 60th, the 120th
    assert "failures=120" in said[-1]
    node.disk.heal()
    node.turn(RETRY_MS)
    assert caplog.records[-1].getMessage() == ("the disk takes writes again, failures=130")


def test_a_bug_is_told_from_a_fault(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    def broken(changes: list[Change]) -> None:
        raise ZeroDivisionError

    node.catalogue.commit = broken  # type: ignore[method-assign]
    node.replicator.is_dirty = True
    node.turn()
    assert caplog.records[0].exc_info is not None
    assert node.alarms == {("disk", "write")}


# sync


def test_without_sync_nothing_is_synced_but_safe_from_a_kill() -> None:
    node = Node(sync="never")
    for body in "abc":
        node.publishes(body)
        node.turn(10_000)
    assert node.tells() == ["synced 1", "synced 2", "synced 3"]
    assert node.sync_count == 0
    assert bodies_of(reopened(node.disk.after_kill()), 1) == ["a", "b", "c"]


def test_syncs_now_and_then() -> None:
    node = Node(sync="interval", interval_ms=200)
    node.turn(1000)
    for body in "abcde":
        node.publishes(body)
        node.turn(100)
    assert len(node.tells()) == 5
    assert node.sync_count == 3  # after 1100, 1300, 1500 ms
    assert bodies_of(reopened(node.disk.after_power_loss()), 1) == list("abcde")


def test_all_that_was_written_since_is_synced() -> None:
    """Segments that are not written to any more as well."""
    node = Node(sync="interval", interval_ms=1000, segment_octets=2000)
    node.turn(1000)
    for body in "abcde":
        node.publishes(body * 2000)
        node.turn(1)
    assert bodies_of(reopened(node.disk.after_power_loss()), 1) == ["a" * 2000]
    node.publishes("f" * 2000)
    node.turn(1000)
    wanted = [letter * 2000 for letter in "abcdef"]
    assert bodies_of(reopened(node.disk.after_power_loss()), 1) == wanted


def test_what_is_written_before_a_pause_is_synced_in_it() -> None:
    node = Node(sync="interval", interval_ms=200)
    node.turn(1000)
    for body in "ab":
        node.publishes(body)
        node.turn(10)
    assert bodies_of(reopened(node.disk.after_power_loss()), 1) == ["a"]
    assert not node.committer.is_idle
    node.turn()
    assert node.time.sleepers != {}
    node.turn(200)
    assert bodies_of(reopened(node.disk.after_power_loss()), 1) == ["a", "b"]
    assert node.committer.is_idle


def test_the_last_commit_of_all_is_synced() -> None:
    node = Node(sync="interval", interval_ms=10_000)
    node.turn(10_000)
    node.publishes("a")
    node.turn()
    node.committer.is_stopping = True
    node.publishes("b")
    node.turn()
    assert bodies_of(reopened(node.disk.after_power_loss()), 1) == ["a", "b"]


@pytest.mark.parametrize("sync", SYNC_MODES)
def test_what_is_written_is_the_same_with_any_sync(sync: str) -> None:
    node = Node(sync=sync, segment_octets=300)
    seqs: list[int] = []
    for number in range(30):
        seqs += keep(node.queue, f"{number:04}" * 10)
        if number % 3 == 2:
            node.queue.settle_all([seqs.pop(0), seqs.pop(0)])
        node.log.is_urgent = True
        node.turn(50)
    wanted = [f"{number:04}" * 10 for number in range(20, 30)]
    assert bodies_of(node.log, 1) == wanted
    assert bodies_of(reopened(node.disk.after_kill()), 1) == wanted


# runners


class Outcomes:
    """What a runner reports, in the node's thread."""

    def __init__(self) -> None:
        self.posted: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.errors: list[Exception | None] = []
        self.threads: list[str] = []

    def job(self) -> None:
        self.threads.append(threading.current_thread().name)

    def failing(self) -> None:
        self.job()
        raise OSError("no")

    def done(self, error: Exception | None) -> None:
        assert threading.current_thread() is threading.main_thread()
        self.errors.append(error)

    def takes_one(self) -> None:
        self.posted.get(timeout=20)()


@pytest.fixture
def outcomes() -> Outcomes:
    return Outcomes()


@pytest.fixture
def runner(outcomes: Outcomes) -> Iterator[ThreadRunner]:
    runner = ThreadRunner(outcomes.posted.put)
    yield runner
    runner.stop()


def test_a_runner_that_runs_in_place(outcomes: Outcomes) -> None:
    runner = InlineRunner()
    runner.run(outcomes.job, outcomes.done, 0)
    runner.run(outcomes.failing, outcomes.done, 0)
    runner.stop()
    assert [str(error) for error in outcomes.errors] == ["None", "no"]


def test_a_fast_disk_needs_no_thread(
    runner: ThreadRunner, outcomes: Outcomes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "INLINE_US", 1e9)
    runner.run(outcomes.job, outcomes.done, 100)
    runner.run(outcomes.failing, outcomes.done, 100)
    assert outcomes.threads == ["MainThread", "MainThread"]
    assert [str(error) for error in outcomes.errors] == ["None", "no"]


def test_a_slow_disk_gets_a_thread_until_it_is_fast_again(
    runner: ThreadRunner, outcomes: Outcomes, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_ns = 0

    def takes(microseconds: int) -> str:
        """Returns: the thread that the job ran in."""

        def job() -> None:
            nonlocal now_ns
            now_ns += microseconds * 1000
            outcomes.job()

        done = len(outcomes.errors)
        runner.run(job, outcomes.done, 100)
        if len(outcomes.errors) == done:
            outcomes.takes_one()
        return outcomes.threads[-1]

    monkeypatch.setattr(commit, "perf_counter_ns", lambda: now_ns)
    assert takes(100) == "MainThread"
    assert takes(10_000) == "MainThread"
    assert takes(100) == "leveret-commit", "one slow sync is enough"
    threads = [takes(100) for _ in range(30)]
    assert threads[0] == "leveret-commit"
    assert threads[-1] == "MainThread"
    assert threads == sorted(threads, key="MainThread".__eq__), "it changes once"


def test_a_lot_to_write_goes_to_the_thread(runner: ThreadRunner, outcomes: Outcomes) -> None:
    runner.run(outcomes.job, outcomes.done, INLINE_OCTETS + 1)
    outcomes.takes_one()
    runner.run(outcomes.failing, outcomes.done, INLINE_OCTETS + 1)
    outcomes.takes_one()
    assert outcomes.threads == ["leveret-commit", "leveret-commit"]
    assert [str(error) for error in outcomes.errors] == ["None", "no"]


def test_stopping_waits_for_the_job_at_hand(runner: ThreadRunner, outcomes: Outcomes) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def job() -> None:
        begun.set()
        go_on.wait(20)
        outcomes.job()

    runner.run(job, outcomes.done, INLINE_OCTETS + 1)
    begun.wait(20)
    go_on.set()
    runner.stop()
    assert outcomes.threads == ["leveret-commit"]
    runner.stop()  # there is none any more


def test_a_loop_that_is_closed_hears_nothing(outcomes: Outcomes) -> None:
    def post(callback: Callable[[], None]) -> None:
        raise RuntimeError("Event loop is closed")

    runner = ThreadRunner(post)
    runner.run(outcomes.job, outcomes.done, INLINE_OCTETS + 1)
    runner.stop()
    assert outcomes.threads == ["leveret-commit"]
    assert outcomes.errors == []


def test_a_committer_with_a_thread() -> None:
    """The two together, on a disk whose syncs hold up the thread."""
    posted: SimpleQueue[Callable[[], None]] = SimpleQueue()
    runner = ThreadRunner(posted.put)
    node = Node(runner)
    go_on = threading.Event()
    node.disk.during_sync = lambda path: (go_on.wait(20), None)[1]
    node.publishes("x" * (INLINE_OCTETS + 1))
    node.turn()
    node.publishes("b")
    node.turn()
    assert node.tells() == []
    assert len(bodies_of(node.log, 1)) == 2, "the node goes on meanwhile"
    go_on.set()
    posted.get(timeout=20)()
    assert node.tells() == ["synced 1"]
    runner.stop()
