"""What is found after a power loss at every operation of a node's disk, and whether that is right.

    Story     lives on one disk, clean stops and kills between them
    Inspector what a start finds after a power loss at each point of a story, judged by its ledgers

A recovery is tried in turn: what it has found is there to stay, wherever it is interrupted and
however often; and a node can go on with it, and lose power again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b
from random import Random
from typing import NamedTuple

from broker.store.commit_log import CommitLog
from broker.store.findings import Report
from broker.store.segment_files import DIRECTORY
from broker.store.store import open_log
from tests.simulation.lives import KeptDefinitions, Life, Scale
from tests.simulation.promises import Book, Ledger, Row, State
from tests.support.faulty_disk import FaultyDisk
from tests.support.kept import live_in

ENDS = ("stop", "kill", "stop", "drain")  # of the lives of a story
REPAIRS_MAX = 3  # a recovery is interrupted, the one after that, …
FUTURE_ACTS, FUTURE_POINTS, FUTURE_OUTCOMES = 14, 4, 4


class Thoroughness(NamedTuple):
    """Of so many disks one is looked at more closely; 0: none is."""

    repairs: int  # its recovery is interrupted everywhere
    futures: int  # a node goes on with it, and loses power again
    kills: int  # (of points) the process is killed there, and the power goes while the next starts


class Story:
    """Lives on one disk. ledger: of what was there before."""

    def __init__(
        self,
        disk: FaultyDisk,
        kept: KeptDefinitions,
        book: Book,
        scale: Scale,
        choose: Random,
        ledger: Ledger,
    ):
        self.disk, self.kept, self.book, self.scale = disk, kept, book, scale
        self.random = choose
        self.ledgers = [ledger]

    @classmethod
    def of_seed(cls, seed: int, scale: Scale, operations: int) -> Story:
        """On a new disk. operations: of the disk, about."""
        story = cls(FaultyDisk(), KeptDefinitions(), Book(), scale, Random(seed), Ledger(0))
        for part, end in enumerate(ENDS, start=1):
            story.plays(end, operations=operations * part // len(ENDS))
        return story

    def plays(self, end: str, *, operations: int = 0, acts: int = 0) -> None:
        """One more life: until there were so many operations of the disk, or for so many acts.

        end: "stop", "kill", "drain", or "": the power will be lost.
        """
        life = self.starts()
        while acts > 0 or self.disk.operations < operations:
            life.acts()
            acts -= 1
        match end:
            case "stop":
                life.stops()
            case "drain":
                life.drains()
        life.ends()
        if end == "kill":
            is_torn = self.is_safe and self.random.random() < 0.5
            self.disk = self.disk.after_kill(torn=100 if is_torn else None)

    def starts(self) -> Life:
        """The next life. Whoever asks for it has to end it."""
        stopped = self.disk.operations
        (*_, known) = self.kept.known_at(stopped)
        log, report = opened(self.disk, known, self.scale)
        check_log(self.disk, log, report, is_safe=self.is_safe)
        state = state_of(log, report, self.book, self.kept.counting)
        verdict = self.ledgers[-1].judge(state, stopped, known, is_safe=True)
        assert not verdict, verdict
        self.ledgers.append(Ledger.after(state, self.disk.operations))
        self.book.counts["lives"] += 1
        return Life(self.disk, log, self.kept, self.ledgers[-1], self.book, self.scale, self.random)

    def looks_at(self, disk: FaultyDisk, known: frozenset[int], at: int) -> State:
        """What a start finds on a disk that was found at a point; it must be right."""
        try:
            log, report = opened(disk, known, self.scale)
            check_log(disk, log, report, is_safe=self.is_safe)
            state = state_of(log, report, self.book, self.kept.counting)
            verdict = self.judge(state, at, known)
            assert not verdict, verdict
        except Exception as error:
            error.add_note(disk.story)
            raise
        return state

    @property
    def is_safe(self) -> bool:
        """Whether the node promises anything for a power loss; for a kill it always does."""
        return self.scale.sync == "commit"

    def ledger_at(self, at: int) -> Ledger:
        """The one of the life in which a point lies; a start belongs to the life before it."""
        return [ledger for ledger in self.ledgers if ledger.began <= at][-1]

    def judge(self, state: State, at: int, known: frozenset[int]) -> str:
        """See `Ledger.judge`. known: the queues that the catalogue has at that point, or had just
        before."""
        (*_, newest) = self.kept.known_at(at)
        return self.ledger_at(at).judge(state, at, known & newest, is_safe=self.is_safe)


class Inspector:
    """Loses power at every point of a story, and looks at what is found.

    What was found on a disk is remembered: many points and many outcomes leave the same octets.
    """

    def __init__(self, story: Story, thoroughness: Thoroughness):
        self.story, self.thoroughness = story, thoroughness
        self.book, self.scale = story.book, story.scale
        self.random = Random(story.random.random())
        self.counts: Counter[str] = Counter()
        self._found: dict[tuple[bytes, frozenset[int]], State] = {}

    def inspects_everything(self) -> None:
        points = range(self.story.disk.operations + 1)
        for at in points:
            self.inspects(at)
            if self.thoroughness.kills and at % self.thoroughness.kills == 0:
                self.kills(at)
        self.counts["points"] = len(points)
        self.counts["different disks"] = len(self._found)

    def inspects(self, at: int) -> None:
        """Everything that may be found after a power loss at a point."""
        disk = self.story.disk
        for known in self.story.kept.known_at(at):
            judged: set[State] = set()
            for found in (*disk.extremes(at), disk.after_power_loss(at, self.random)):
                self.counts["disks"] += 1
                state = self._state(found, known)
                if state not in judged:
                    judged.add(state)
                    verdict = self.story.judge(state, at, known)
                    assert not verdict, f"{verdict}\n{found.story}"

    def kills(self, at: int) -> None:
        """The process is killed at a point, and the power fails while the next one starts."""
        disk = self.story.disk.after_kill(at)
        (*_, known) = self.story.kept.known_at(at)
        state = self._recovered(disk, known, self.story)
        verdict = self.story.ledger_at(at).judge(state, at, known, is_safe=True)
        assert not verdict, f"{verdict}\n{disk.story}"
        self.counts["kills"] += 1
        for point in range(at, disk.operations + 1):
            found = disk.after_power_loss(point, self.random)
            verdict = self.story.judge(self._state(found, known), at, known)
            assert not verdict, f"{verdict}\n{found.story}"
        found = disk.after_power_loss()
        assert_same(self._state(found, known), state)

    def _state(self, disk: FaultyDisk, known: frozenset[int], depth: int = 0) -> State:
        """What a start finds on a disk, and will find whatever becomes of it.

        depth: so many starts before it were interrupted.
        """
        key = _digest(disk), known
        state = self._found.get(key)
        if state is not None:
            return state
        try:
            state = self._found[key] = self._recovered(disk, known, self.story)
            self._recovers_again(disk, known, state)
            if depth < REPAIRS_MAX and self._one_of(self.thoroughness.repairs):
                self._interrupts(disk, known, state, depth)
            if self._one_of(self.thoroughness.futures):
                self._goes_on(disk, known, state)
        except Exception as error:
            error.add_note(disk.story)
            raise
        return state

    def _recovered(self, disk: FaultyDisk, known: frozenset[int], story: Story) -> State:
        self.counts["recoveries"] += 1
        log, report = opened(disk, known, self.scale)
        check_log(disk, log, report, is_safe=story.is_safe)
        return state_of(log, report, self.book, story.kept.counting)

    def _one_of(self, count: int) -> bool:
        return count > 0 and not self.random.randrange(count)

    def _recovers_again(self, disk: FaultyDisk, known: frozenset[int], state: State) -> None:
        """The power fails right after a start: all that it has found is there to stay."""
        self.counts["recoveries"] += 1
        again = disk.after_power_loss()
        log, report = opened(again, known, self.scale)
        check_log(again, log, report, is_safe=self.story.is_safe)
        assert_same(paged_state_of(log, report, self.book, self.story.kept.counting), state)

    def _interrupts(
        self, disk: FaultyDisk, known: frozenset[int], state: State, depth: int
    ) -> None:
        """The power fails during a start, anywhere: the next one finds the same."""
        for at in range(disk.operations + 1):
            for interrupted in disk.extremes(at):
                self.counts["interrupted recoveries"] += 1
                assert_same(self._state(interrupted, known, depth + 1), state)

    def _goes_on(self, disk: FaultyDisk, known: frozenset[int], state: State) -> None:
        """A node goes on with what was found, and loses power again."""
        self.counts["futures"] += 1
        future = self._future(disk, self.story.kept.copy_with(known), state)
        choose = self.random
        if choose.random() < 0.3:
            future.plays("stop", acts=choose.randrange(FUTURE_ACTS))
        future.plays(choose.choice(("", "drain")), acts=choose.randrange(1, FUTURE_ACTS))
        disk = future.disk
        points = range(future.ledgers[0].began, disk.operations + 1)
        for at in choose.sample(points, min(len(points), FUTURE_POINTS)):
            outcomes = list(disk.extremes(at))
            for found in choose.sample(outcomes, min(len(outcomes), FUTURE_OUTCOMES)):
                version = choose.choice(future.kept.known_at(at))
                later = future.looks_at(found, version, at)
                self.counts["recoveries"] += 1
                if self._one_of(FUTURE_OUTCOMES):
                    last = self._future(found, future.kept.copy_with(version), later)
                    last.plays("drain")

    def _future(self, disk: FaultyDisk, kept: KeptDefinitions, state: State) -> Story:
        ledger = Ledger.after(state, disk.operations)
        return Story(disk, kept, self.book, self.scale, self.random, ledger)


# --- what is on a disk


def opened(disk: FaultyDisk, known: frozenset[int], scale: Scale) -> tuple[CommitLog, Report]:
    """The log of a node that has just started."""
    return open_log(
        disk, known, segment_octets=scale.segment_octets, queue_memory=scale.queue_memory
    )


def state_of(log: CommitLog, report: Report, book: Book, counting: frozenset[int]) -> State:
    """What a log has, and will have afterwards. counting: ids of queues that count deliveries."""
    queues = []
    for queue_id, queue in sorted(log.queues.items()):
        queue.is_counting = queue_id in counting  # as the node will say
        queue.check_invariants()
        rows = tuple(
            Row(kept.seq, book.number_of(kept.message), kept.delivery_count)
            for kept in live_in(queue)
        )
        if rows:
            queues.append((queue_id, rows))
    return State(tuple(queues), report.is_clean, counting)


def paged_state_of(log: CommitLog, report: Report, book: Book, counting: frozenset[int]) -> State:
    """The same, read as the queues read it."""
    queues = []
    for queue_id, queue in sorted(log.queues.items()):
        queue.is_counting = queue_id in counting
        rows: list[Row] = []
        while found := queue.page_in():
            rows += [
                Row(kept.seq, book.number_of(kept.message), kept.delivery_count) for kept in found
            ]
        assert not queue.paged_count
        if rows:
            queues.append((queue_id, tuple(rows)))
    return State(tuple(queues), report.is_clean, counting)


def check_log(disk: FaultyDisk, log: CommitLog, report: Report, *, is_safe: bool) -> None:
    """What holds after any start: a power loss damages nothing, and nothing is left over."""
    if is_safe:
        assert not report.problems, report.problems
        assert not report.gaps, report.gaps
        assert not report.lost, report.lost
    names = [name for name in disk.names(DIRECTORY) if name.endswith(".seg")]
    assert [int(name[:10]) for name in names] == sorted(log.space.segments), names
    live: Counter[int] = Counter()
    for queue in log.queues.values():
        for first, last, block in zip(queue.firsts, queue.lasts, queue.blocks, strict=True):
            low = max(first, queue.floor)
            if low <= last:
                live[block >> 32] += last - low + 1 - queue.settled.count(low, last)
    for number, segment in log.space.segments.items():
        assert segment.live == live[number], segment
        assert segment.end == len(disk.contents(log.files.path(number))), segment


def assert_same(later: State, earlier: State) -> None:
    """The same messages; what was flagged is flagged, and perhaps more."""
    found = {(queue_id, *row[:2]): row for queue_id, rows in later.queues for row in rows}
    wanted = {(queue_id, *row[:2]): row for queue_id, rows in earlier.queues for row in rows}
    assert list(found) == list(wanted), _difference(found, wanted)
    for key, row in wanted.items():
        assert found[key].delivery_count or not row.delivery_count, (key, found[key], row)


def _difference(found: Iterable[object], wanted: Iterable[object]) -> str:
    lost, come = (
        [key for key in wanted if key not in found],
        [key for key in found if key not in wanted],
    )
    return f"(queue, seq, number) lost since: {lost}, come since: {come}"


def _digest(disk: FaultyDisk) -> bytes:
    digest = blake2b(digest_size=16)
    for path, data in disk.files().items():
        digest.update(f"{path} {len(data)} ".encode())
        digest.update(data)
    return digest.digest()
