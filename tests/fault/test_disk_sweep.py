"""Every single operation of a disk fails, one after another, under a node that goes on.

The same life is played again and again (tests/simulation/lives.py): the n-th write, sync, rename, …
fails, once or until the disk is healed a while later. Meanwhile publishers wait and consumers go
on; afterwards everything that waited is confirmed. Whenever the power fails on the way, what was
promised by then is there, and the life that follows can go on.

LEVERET_SEED=7 plays another life.
"""

from __future__ import annotations

import errno
import logging
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

import pytest

from broker.store.commit import RETRY_MS
from tests.simulation.lives import KeptDefinitions, Life, Scale, scaled
from tests.simulation.power_loss import Story
from tests.simulation.promises import Book, Ledger
from tests.support.faulty_disk import FaultyDisk

SEED = int(os.environ.get("LEVERET_SEED", "1"))
SCALE = Scale(segment_octets=2000, block_octets=500, queue_memory=500, delays=0.2)
ACTS = 60
FAILING_ACTS = 12  # before the disk is healed
POINTS, OUTCOMES = 3, 3  # of power losses on the way


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
        ("open", errno.EMFILE),
        ("read", errno.EIO),
    )
    for times in (1, 3, None)
]
each_fault = pytest.mark.parametrize(
    "fault", FAULTS, ids=[f"{fault.kind}, {fault.times or 'all'}" for fault in FAULTS]
)


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
        story.plays("stop", acts=ACTS // 3)
        return story, story.starts()

    def plays(self, fault: Fault, nth: int) -> None:
        """One life in which the nth call of a kind fails."""
        story, life = self._begins()
        disk = story.disk
        disk.fail(fault.kind, nth=nth, times=fault.times, error=fault.error)
        life.is_whole = fault.kind != "read"
        self._acts(life, lambda: bool(life.world.committer.failures))
        self._recovers(life)
        self.check(story, life)

    def fills(self, after_acts: int, octets: int) -> None:
        """One life in which the disk is full after so many acts and octets."""
        story, life = self._begins()
        for _ in range(after_acts):
            life.acts()
        story.disk.fill(octets)
        self._acts(life, lambda: bool(life.world.committer.failures))
        self._recovers(life)
        self.check(story, life)

    def is_read_only(self, after_acts: int) -> None:
        """One life in which nothing can be written after so many acts."""
        story, life = self._begins()
        for _ in range(after_acts):
            life.acts()
        story.disk.read_only = True
        self._acts(life, lambda: bool(life.world.committer.failures))
        self._recovers(life)
        self.check(story, life)

    def _acts(self, life: Life, fails: Callable[[], bool]) -> None:
        failing = 0
        for _ in range(ACTS):
            life.acts()
            if fails():
                failing += 1
                life.world.passes(RETRY_MS // 2)
                life.rests()
                if failing == FAILING_ACTS:
                    self.counts["healed"] += 1
                    life.disk.heal()
        self.counts["failed"] += failing > 0

    def _recovers(self, life: Life) -> None:
        """The disk is healed: everything that waited is confirmed, nobody is blocked any more."""
        life.disk.heal()
        committer = life.world.committer
        for _ in range(20):
            life.runner.finish()
            life.world.passes(2 * RETRY_MS)
            life.rests()
        assert committer.is_idle
        assert not committer.failures
        assert life.world.node.alarms == {}
        assert not life.is_blocked
        assert life.world.node.bug_count == 0
        assert life.unconfirmed == {}
        assert life.tx is None
        assert not life.defining
        life.ends()
        self.counts.update(life.book.counts)

    def check(self, story: Story, life: Life) -> None:
        """The power fails, now or at some points before."""
        self.counts["lives"] += 1
        disk, choose = story.disk, story.random
        points = [choose.randint(life.ledger.began, disk.operations) for _ in range(POINTS)]
        for at in [*points, disk.operations]:
            outcomes = list(disk.extremes(at))
            for found in choose.sample(outcomes, min(len(outcomes), OUTCOMES)):
                known = choose.choice(story.kept.known_at(at))
                story.looks_at(found, known, at)
                self.counts["disks"] += 1
        story.plays("drain", acts=5)


def report(sweep: Sweep, record: Callable[[str, object], None], what: str) -> None:
    print(f"\nseed {sweep.seed}, {what}: {dict(sorted(sweep.counts.items()))}")  # noqa: T201
    for name, number in sweep.counts.items():
        record(name, number)


def sweep_fault(seed: int, fault: Fault, record: Callable[[str, object], None]) -> Sweep:
    sweep = Sweep(seed)
    for nth in range(1, sweep.calls_of(fault.kind) + 1):
        try:
            sweep.plays(fault, nth)
        except BaseException as error:
            error.add_note(f"LEVERET_SEED={seed}, {fault}, nth={nth}")
            raise
    report(sweep, record, str(fault))
    return sweep


@each_fault
def test_any_operation_may_fail(
    fault: Fault, record_property: Callable[[str, object], None]
) -> None:
    sweep = sweep_fault(SEED, fault, record_property)
    assert sweep.counts["lives"] > 3


def test_the_disk_is_full_at_any_time(record_property: Callable[[str, object], None]) -> None:
    sweep = Sweep(SEED)
    for acts in range(ACTS):
        sweep.fills(acts, 37 * acts)
    report(sweep, record_property, "full")
    assert sweep.counts["failed"] > ACTS // 2


def test_the_disk_is_read_only_at_any_time(record_property: Callable[[str, object], None]) -> None:
    sweep = Sweep(SEED)
    for acts in range(ACTS):
        sweep.is_read_only(acts)
    report(sweep, record_property, "read-only")
    assert sweep.counts["failed"] > ACTS // 2


@pytest.mark.soak
@each_fault
def test_any_operation_of_many_lives_may_fail(
    fault: Fault, record_property: Callable[[str, object], None]
) -> None:
    seeds = random.SystemRandom()
    for _ in range(int(os.environ.get("LEVERET_RUNS", "10"))):
        sweep_fault(seeds.randrange(10**9), fault, record_property)
