"""Every single operation of a disk fails, one after another, under a node that goes on.

The same life is played again and again (tests/simulation/lives.py): the n-th write, sync, rename, …
fails, once or until the disk is healed a while later; or it is full, or read-only, from some moment
on. Meanwhile publishers wait and consumers go on; afterwards everything that waited is confirmed.
Whenever the power fails on the way, what was promised by then is there, and the next life goes on.

LEVERET_SEED=7 plays another life.
"""

from __future__ import annotations

import errno
import logging
import os
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random

import pytest

from broker.store.commit import RETRY_MS
from tests.simulation.lives import KeptDefinitions, Life, Scale, scaled
from tests.simulation.power_loss import Story, opened
from tests.simulation.promises import Book, Ledger
from tests.support.faulty_disk import FaultyDisk

SEED = int(os.environ.get("LEVERET_SEED", "4"))
SCALE = Scale(segment_octets=1500, block_octets=400, queue_memory=500, delays=0.2)
ACTS = 150
FAILING_ACTS = 12  # before the disk is healed
POINTS, OUTCOMES = 3, 3  # of power losses on the way
STORMS = 25  # lives with several faults
STARTS = 12  # points at which the power fails before a start that fails too


@dataclass(frozen=True)
class Fault:
    """kind: of the calls that fail, see `FaultyDisk.fail`. times: None: until it is healed."""

    kind: str
    error: int
    times: int | None


FAULTS = [
    Fault(kind, error, times)
    for kind, error in (
        ("write", errno.ENOSPC),
        ("sync", errno.EIO),
        ("create", errno.ENOSPC),
        ("sync names", errno.EIO),
        ("rename", errno.EIO),
        ("remove", errno.EIO),
        ("names", errno.EIO),
        ("read", errno.EIO),
    )
    for times in (1, 3, None)
]
each_fault = pytest.mark.parametrize(
    "fault", FAULTS, ids=[f"{fault.kind}, {fault.times or 'all'}" for fault in FAULTS]
)
Record = Callable[[str, object], None]


@pytest.fixture(autouse=True)
def _small(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.CRITICAL, logger="broker")
    with scaled(SCALE):
        yield


class Sweep:
    """The same life again and again. counts: what happened in all of them."""

    def __init__(self, seed: int):
        self.seed = seed
        self.counts: Counter[str] = Counter()

    def calls_of(self, kind: str) -> int:
        """How many calls of a kind there are in the life, without faults."""
        story, life = self._begins()
        before = story.disk.counts[kind]
        for _ in range(ACTS):
            life.acts()
        return story.disk.counts[kind] - before

    def _begins(self) -> tuple[Story, Life]:
        """A life that has something to read back from the one before."""
        choose = Random(self.seed)
        story = Story(FaultyDisk(), KeptDefinitions(), Book(), SCALE, choose, Ledger(0))
        story.plays("stop", acts=ACTS)
        return story, story.starts()

    def plays(self, fault: Fault, nth: int) -> None:
        """One life in which the nth call of a kind fails."""
        story, life = self._begins()
        story.disk.fail(fault.kind, nth=nth, times=fault.times, error=fault.error)
        life.is_whole = fault.kind != "read"
        self._acts(life)
        self._ends(story, life)

    def breaks(self, after_acts: int, break_: Callable[[FaultyDisk], None]) -> None:
        """One life in which something happens to the disk after so many acts."""
        story, life = self._begins()
        for _ in range(after_acts):
            life.acts()
        break_(story.disk)
        self._acts(life)
        self._ends(story, life)

    def storms(self, number: int) -> None:
        """One life in which this and that fails, healed now and then."""
        story, life = self._begins()
        choose = Random(f"{self.seed} {number}")
        life.is_whole = False
        for _ in range(ACTS // 10):
            for _ in range(choose.randrange(3)):
                fault = choose.choice(FAULTS)
                story.disk.fail(
                    fault.kind, nth=choose.randint(1, 8), times=fault.times, error=fault.error
                )
            if choose.random() < 0.3:
                story.disk.fill(choose.randrange(3000))
            self._acts(life, 10)
            if choose.random() < 0.5:
                story.disk.heal()
        self._ends(story, life)

    def _acts(self, life: Life, count: int = ACTS) -> None:
        failing = 0
        for _ in range(count):
            life.acts()
            if life.world.committer.failures:
                failing += 1
                life.world.passes(RETRY_MS // 2)
                life.rests()
                if failing == FAILING_ACTS:
                    self.counts["healed in its life"] += 1
                    life.disk.heal()
        self.counts["failed"] += failing > 0

    def _ends(self, story: Story, life: Life) -> None:
        """The disk is healed: everything that waited is confirmed, nobody is blocked any more."""
        life.disk.heal()
        for _ in range(20):
            life.runner.finish()
            life.world.passes(2 * RETRY_MS)
            life.rests()
        assert life.world.committer.is_idle
        assert not life.world.committer.failures
        assert life.world.node.alarms == {}
        assert life.world.node.bug_count == 0
        assert not life.is_blocked
        assert life.unconfirmed == {}
        assert life.tx is None
        assert not life.defining
        life.ends()
        self.counts.update(life.book.counts)
        self.counts["runs"] += 1
        self._loses_power(story, life)
        story.plays("drain", acts=5)

    def _loses_power(self, story: Story, life: Life) -> None:
        """Now, and at some points before."""
        disk, choose = story.disk, story.random
        points = [choose.randint(life.ledger.began, disk.operations) for _ in range(POINTS)]
        for at in [*points, disk.operations]:
            outcomes = list(disk.extremes(at))
            for found in choose.sample(outcomes, min(len(outcomes), OUTCOMES)):
                known = choose.choice(story.kept.known_at(at))
                story.looks_at(found, known, at)
                self.counts["disks"] += 1

    def starts(self, kind: str, error: int) -> None:
        """Any call of a kind fails in a start: it says so, and another start finds the same."""
        story, life = self._begins()
        for _ in range(ACTS // 3):
            life.acts()
        life.ends()
        began, ended = life.ledger.began, story.disk.operations
        for at in range(began, ended + 1, max(1, (ended - began) // STARTS)):
            for disk in self._sample(story.disk.extremes(at)):
                self._fails_to_start(story, disk, at, kind, error)
        story.plays("stop")
        self._fails_to_start(story, story.disk, story.disk.operations, kind, error)

    def _fails_to_start(
        self, story: Story, disk: FaultyDisk, at: int, kind: str, error: int
    ) -> None:
        (*_, known) = story.kept.known_at(at)
        for nth in range(1, 1000):
            failing = disk.after_kill()
            failing.fail(kind, nth=nth, error=error)
            try:
                opened(failing, known, SCALE)
            except OSError:
                self.counts["failed starts"] += 1
            else:
                return
            assert failing.open_files == []
            story.looks_at(failing.after_kill(), known, at)
            for found in self._sample(failing.extremes()):
                story.looks_at(found, known, at)

    def _sample(self, disks: Iterable[FaultyDisk]) -> list[FaultyDisk]:
        several = list(disks)
        return Random(self.seed).sample(several, min(len(several), OUTCOMES))


def report(sweep: Sweep, record: Record, what: object) -> None:
    print(f"\nseed {sweep.seed}, {what}: {dict(sorted(sweep.counts.items()))}")  # noqa: T201
    for name, number in sweep.counts.items():
        record(name, number)


def sweep_fault(seed: int, fault: Fault, record: Record) -> Sweep:
    sweep = Sweep(seed)
    for nth in range(1, sweep.calls_of(fault.kind) + 1):
        try:
            sweep.plays(fault, nth)
        except BaseException as error:
            error.add_note(f"LEVERET_SEED={seed}, {fault}, nth={nth}")
            raise
    report(sweep, record, fault)
    return sweep


def sweep_storms(seed: int, count: int, record: Record) -> Sweep:
    sweep = Sweep(seed)
    for number in range(count):
        try:
            sweep.storms(number)
        except BaseException as error:
            error.add_note(f"LEVERET_SEED={seed}, storm {number}")
            raise
    report(sweep, record, "storms")
    return sweep


def make_read_only(disk: FaultyDisk) -> None:
    disk.read_only = True


@each_fault
def test_any_operation_may_fail(fault: Fault, record_property: Record) -> None:
    assert sweep_fault(SEED, fault, record_property).counts["runs"] >= 3


def test_the_disk_may_fill_up_at_any_time(record_property: Record) -> None:
    sweep = Sweep(SEED)
    for acts in range(0, ACTS, 3):
        sweep.breaks(acts, lambda disk, room=37 * acts: disk.fill(room))  # type: ignore[misc]
    report(sweep, record_property, "full")
    assert sweep.counts["failed"] > ACTS // 6


def test_the_disk_may_become_read_only_at_any_time(record_property: Record) -> None:
    sweep = Sweep(SEED)
    for acts in range(1, ACTS, 3):
        sweep.breaks(acts, make_read_only)
    report(sweep, record_property, "read-only")
    assert sweep.counts["failed"] > ACTS // 6


def test_several_things_may_fail(record_property: Record) -> None:
    assert sweep_storms(SEED, STORMS, record_property).counts["failed"] > STORMS


@pytest.mark.parametrize(
    "kind", ["read", "open", "names", "sync", "sync names", "truncate", "remove"]
)
def test_a_start_may_fail_anywhere(kind: str, record_property: Record) -> None:
    sweep = Sweep(SEED)
    sweep.starts(kind, errno.EIO)
    report(sweep, record_property, f"starts, {kind}")
    assert sweep.counts["failed starts"] >= 3


@pytest.mark.soak
@each_fault
def test_any_operation_of_many_lives_may_fail(fault: Fault, record_property: Record) -> None:
    seeds = random.SystemRandom()
    for _ in range(int(os.environ.get("LEVERET_RUNS", "10"))):
        sweep_fault(seeds.randrange(10**9), fault, record_property)


@pytest.mark.soak
def test_several_things_may_fail_in_many_lives(record_property: Record) -> None:
    seeds = random.SystemRandom()
    for _ in range(int(os.environ.get("LEVERET_RUNS", "10"))):
        sweep_storms(seeds.randrange(10**9), 10 * STORMS, record_property)
