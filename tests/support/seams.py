"""Stand-ins for the other seams: a clock that stands still, a log and a replicator that wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from broker.commands import Command
from broker.message import Message
from broker.seams import QueueView, Sleeper


class FakeClock:
    """Seam `Clock`: remembers that a turn was asked for; `World.turn` makes it."""

    def __init__(self) -> None:
        self.is_due = False
        self.requests = 0
        self.time_ms = 0
        self.sleepers: dict[Sleeper, int] = {}

    def now_ms(self) -> int:
        return self.time_ms

    def now_s(self) -> int:
        return 1_700_000_000 + self.time_ms // 1000

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
        self.pending: list[tuple[Command, Callable[[object], None]]] = []

    def propose(self, command: Command, done: Callable[[object], None]) -> None:
        self.pending.append((command, done))
        if self.is_immediate:
            self.decide()

    def decide(self, count: int | None = None) -> None:
        """Apply the oldest `count` proposals (None: all there are now) and report their results."""
        taken = len(self.pending) if count is None else count
        decided, self.pending[:taken] = self.pending[:taken], []
        assert self.apply is not None
        for command, done in decided:
            try:
                result = self.apply(command)
            except Exception as error:
                result = error
            done(result)


class DelayedLog:
    """Seam `MessageLog`: an append is safe only after `sync`."""

    def __init__(self) -> None:
        self.synced = 0
        self.on_synced: Callable[[], None] | None = None  # set to the node's
        self.appended: list[tuple[Message, list[str]]] = []
        self.settled: list[tuple[str, list[int]]] = []

    def append(self, message: Message, queues: Sequence[QueueView]) -> int:
        self.appended.append((message, [queue.name for queue in queues]))
        return len(self.appended)

    def settle(self, queue: QueueView, seqs: Iterable[int]) -> None:
        self.settled.append((queue.name, list(seqs)))

    def sync(self, position: int | None = None) -> None:
        """Everything up to a position (None: all of it) is on the disk."""
        self.synced = len(self.appended) if position is None else position
        assert self.on_synced is not None
        self.on_synced()
