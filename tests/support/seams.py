"""Stand-ins for the other seams: a clock that stands still, a log and a replicator that wait."""

from __future__ import annotations

from collections.abc import Callable

from broker.commands import Command
from broker.seams import Sleeper
from broker.store.commit_log import Batch, CommitLog
from broker.store.files import Disk
from broker.store.segment_files import DIRECTORY, SegmentFiles
from tests.support.faulty_disk import FaultyDisk

BEGAN_MS = 1_700_000_000_000  # since the epoch, when a clock shows 0


class FakeClock:
    """Seam `Clock`: remembers that a turn was asked for; `World.turn` makes it."""

    def __init__(self) -> None:
        self.is_due = False
        self.requests = 0
        self.time_ms = 0
        self.began_ms = BEGAN_MS
        self.sleepers: dict[Sleeper, int] = {}

    def now_ms(self) -> int:
        return self.time_ms

    def epoch_ms(self) -> int:
        return self.began_ms + self.time_ms

    def wake_at(self, when_ms: int, sleeper: Sleeper) -> None:
        self.sleepers[sleeper] = when_ms

    def forget(self, sleeper: Sleeper) -> None:
        self.sleepers.pop(sleeper, None)

    def take_due(self) -> list[Sleeper]:
        """Those whose time has come, the earliest first."""
        due = [sleeper for sleeper, when_ms in self.sleepers.items() if when_ms <= self.time_ms]
        due.sort(key=self.sleepers.__getitem__)
        for sleeper in due:
            del self.sleepers[sleeper]
        return due

    def request_turn(self) -> None:
        self.is_due = True
        self.requests += 1


class DelayedReplicator:
    """Seam `Replicator`: keeps proposals until the test lets them through, in order.

    `is_immediate` is True at first, so that a node can make its defaults.
    """

    def __init__(self) -> None:
        self.apply: Callable[[Command], object] | None = None  # set to the node's
        self.is_immediate = True
        self.pending: list[tuple[Command | None, Callable[[object], None]]] = []

    def propose(self, command: Command, done: Callable[[object], None]) -> None:
        self.pending.append((command, done))
        if self.is_immediate:
            self.decide()

    def barrier(self, done: Callable[[], None]) -> None:
        if self.pending:
            self.pending.append((None, lambda _result: done()))
        else:
            done()

    def decide(self, count: int | None = None) -> None:
        """Apply the oldest `count` proposals (None: all there are now) and report their results."""
        taken = len(self.pending) if count is None else count
        decided, self.pending[:taken] = self.pending[:taken], []
        assert self.apply is not None
        for command, done in decided:
            try:
                result = None if command is None else self.apply(command)
            except Exception as error:
                result = error
            done(result)


class DelayedLog(CommitLog):
    """Seam `MessageLog`: the real one on a disk in memory, committed only when the test says so."""

    def __init__(self, disk: Disk | None = None) -> None:
        self.disk = disk or FaultyDisk()
        self.disk.make_directory(DIRECTORY)
        super().__init__(SegmentFiles(self.disk, salt=1), 1 << 20, 1 << 62)
        self.on_synced: Callable[[], None] | None = None  # set to the node's

    def sync(self) -> None:
        """Commit everything there is."""
        self.complete(self.begin())

    def complete(self, batch: Batch) -> None:
        """The commit that was begun is on the disk."""
        batch.write(self.files, sync=True)
        self.finish()
        assert self.on_synced is not None
        self.on_synced()
