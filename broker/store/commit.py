"""Group commit: many changes, one sync, one callback.

    turn → `on_turn` → begin: catalogue's changes, log's batch → runner: write, sync → `_on_done`

One commit is under way at a time; what comes meanwhile waits for the next. The catalogue is written
first, so that a message can be confirmed only when its queue is on the medium. Somebody waiting
(a confirm, tx.commit, a declaration) makes a commit begin with the turn; otherwise it may wait
`COMMIT_AFTER_MS` for more.

A commit that fails is tried again, whole, until it succeeds: it stays in memory, publishers are
blocked by the disk alarm, nothing that waits for it is answered.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from time import perf_counter_ns
from typing import Protocol

from broker.changes import Change
from broker.seams import Clock
from broker.store.catalogue import Catalogue
from broker.store.catalogue_replicator import CatalogueReplicator
from broker.store.commit_log import Batch, CommitLog
from broker.store.errors import StoreError

log = logging.getLogger("broker.store")

COMMIT_AFTER_MS = 10  # that nobody waits for
COMMIT_OCTETS = 1024 * 1024  # uncommitted, from which on it does not wait
RETRY_MS = 1000

Job = Callable[[], None]
Done = Callable[[Exception | None], None]


class Runner(Protocol):
    """Runs a job that may block and tells `done` in the node's thread, later or at once."""

    def run(self, job: Job, done: Done, octets: int) -> None: ...
    def stop(self) -> None: ...


class Definitions:
    """The catalogue's half of a commit."""

    def __init__(self, replicator: CatalogueReplicator, catalogue: Catalogue):
        self._replicator = replicator
        self._catalogue = catalogue

    @property
    def is_dirty(self) -> bool:
        return self._replicator.is_dirty

    def begin(self) -> list[Change]:
        return self._replicator.begin()

    def write(self, changes: list[Change]) -> None:
        """Called in the commit thread. Raises: StoreError."""
        self._catalogue.commit(changes)

    def finish(self) -> None:
        """They are on the medium: whoever waits for them is answered."""
        self._replicator.finish()


class Owner(Protocol):
    """The node, as far as it is told of commits."""

    clock: Clock

    def on_log_synced(self) -> None: ...
    def set_alarm(self, resource: str, reason: str) -> None: ...
    def clear_alarm(self, resource: str, reason: str) -> None: ...
    def request_turn(self) -> None: ...
    def on_bug(self, sentence: str, *values: object) -> None: ...


class Committer:
    """See the module. definitions: None in tests of the log alone. sync: "commit", "interval" or
    "never"; interval_ms: between two syncs of "interval"."""

    name = vhost = ""  # seam `Sleeper`
    queue_id = 0

    def __init__(
        self,
        commit_log: CommitLog,
        definitions: Definitions | None,
        runner: Runner,
        *,
        owner: Owner,
        sync: str = "commit",
        interval_ms: int = 200,
    ):
        self.log = commit_log
        self.definitions = definitions
        self._owner = owner
        self.failures = 0  # in a row
        self._runner = runner
        self._sync = sync
        self._interval_ms = interval_ms
        self._synced_ms = 0
        self._cleans = True
        self._due_ms: int | None = None  # when what is uncommitted has waited long enough
        self._job: Job | None = None  # under way, or to be tried again
        self._is_running = False
        self._retry_ms = 0
        self._octets = 0
        self._has_changes = False
        self._is_synced = True  # with the job under way everything is on the medium
        self._unsynced: set[int] = set()  # segments written to without a sync
        self.is_stopping = False
        self.is_closed = False  # the store has let go of the directory
        commit_log.committer = self

    def on_wake_up(self) -> bool:
        """Seam `Sleeper`: the node's next turn will see what is due."""
        return False

    @property
    def is_idle(self) -> bool:
        """Whether everything is committed."""
        definitions = self.definitions
        return (
            self._job is None
            and not self.log.has_news
            and not self._unsynced
            and not (definitions is not None and definitions.is_dirty)
        )

    def on_turn(self, now_ms: int) -> None:
        """Begin a commit if it is time for one. Called by every turn, after the queues' pump."""
        if self.is_closed:
            return
        commit_log = self.log
        if not self.is_stopping and self._cleans:  # at the end each commit would make one more
            self._clean()
        if self._job is not None:
            if not self._is_running and now_ms >= self._retry_ms:
                self._run()
            return
        is_dirty = self.definitions is not None and self.definitions.is_dirty
        sync_ms = self._synced_ms + self._interval_ms
        if not is_dirty and not commit_log.has_news:
            self._due_ms = None
            if not self._unsynced or (self._sync == "never" and not self.is_stopping):
                return
            if now_ms < sync_ms and not self.is_stopping:
                self._owner.clock.wake_at(sync_ms, self)
                return
        if (
            (self._unsynced and self._sync == "interval" and now_ms >= sync_ms)
            or is_dirty
            or commit_log.is_urgent
            or self.is_stopping
            or commit_log.uncommitted_octets > COMMIT_OCTETS
            or (self._due_ms is not None and now_ms >= self._due_ms)
        ):
            self._begin(now_ms)
        elif self._due_ms is None:
            self._due_ms = now_ms + COMMIT_AFTER_MS
            self._owner.clock.wake_at(self._due_ms, self)

    def _clean(self) -> None:
        """The one part that can be left out: whatever is wrong, commits go on."""
        try:
            self.log.cleaner.work()
        except Exception:
            self._cleans = False
            self._owner.on_bug("the log could not be cleaned, it is not any more")

    def _begin(self, now_ms: int) -> None:
        self._due_ms = None
        definitions = self.definitions
        changes: list[Change] = []
        self._has_changes = False
        if definitions is not None and definitions.is_dirty:
            changes = definitions.begin()
            self._has_changes = True
        batch = self.log.begin()
        unsynced = self._to_sync(batch, now_ms)
        self._octets = batch.octets
        has_changes = self._has_changes
        files, sync = self.log.files, self._sync == "commit"

        def job() -> None:
            nonlocal has_changes
            if has_changes:
                assert definitions is not None
                definitions.write(changes)
                has_changes = False  # not again, if the log's part has to be
            if batch.checkpoint:  # it speaks of them
                files.sync(unsynced)
            batch.write(files, sync=sync)
            if unsynced and not batch.checkpoint:
                files.sync(unsynced)

        self._job = job
        self._run()

    def _to_sync(self, batch: Batch, now_ms: int) -> list[int]:
        """Segments written to without a sync that are to be synced with this commit."""
        self._is_synced = True
        if self._sync == "commit":
            return []
        known = self.log.space.segments
        unsynced = [number for number in sorted(self._unsynced) if number in known]
        self._unsynced.update(number for number, _, _ in batch.blocks)
        is_time = self._sync == "interval" and now_ms >= self._synced_ms + self._interval_ms
        self._is_synced = is_time or self.is_stopping or bool(batch.checkpoint)
        if not self._is_synced:
            return []
        self._synced_ms = now_ms
        if not batch.checkpoint:
            unsynced = [number for number in sorted(self._unsynced) if number in known]
        self._unsynced.clear()
        return unsynced

    def _run(self) -> None:
        assert self._job is not None
        self._is_running = True
        self._runner.run(self._job, self._on_done, self._octets)

    def _on_done(self, error: Exception | None) -> None:
        """The job has ended. Called in the node's thread."""
        self._is_running = False
        if error is not None:
            self._on_failure(error)
            return
        self._job = None
        if self.failures:
            log.warning("the disk takes writes again, failures=%s", self.failures)
            self.failures = 0
            self._owner.clear_alarm("disk", "write")
        self.log.finish(is_synced=self._is_synced)
        if self._has_changes and self.definitions is not None:
            self.definitions.finish()
        self._owner.on_log_synced()
        if not self.is_idle or self.is_stopping:
            self._owner.request_turn()

    def _on_failure(self, error: Exception) -> None:
        if not isinstance(error, OSError | StoreError):
            log.error("bug: a commit failed", exc_info=error)
        self.failures += 1
        if self.failures == 1 or self.failures % 60 == 0:
            log.error("a commit failed, it is tried again, failures=%s: %s", self.failures, error)
        owner = self._owner
        owner.set_alarm("disk", "write")
        self._retry_ms = owner.clock.now_ms() + RETRY_MS
        owner.clock.wake_at(self._retry_ms, self)


class InlineRunner:
    """Runs jobs where it stands: for tests, and for the last commit."""

    def run(self, job: Job, done: Done, octets: int) -> None:
        try:
            job()
        except Exception as error:
            done(error)
        else:
            done(None)

    def stop(self) -> None:
        return None


INLINE_US = 400  # a commit that takes less is waited for
INLINE_OCTETS = 256 * 1024


class ThreadRunner:
    """Runs jobs in one thread of its own, or in place as long as the disk is faster than a thread.

    post: hands a callable to the node's thread. Most solid-state disks sync in a tenth of a
    millisecond, less than it takes to wake a thread and be woken by it; an SD card takes ten. So
    what syncs took lately decides; a single slow one sends the next to the thread.
    """

    def __init__(self, post: Callable[[Callable[[], None]], object]):
        self._post = post
        self._jobs: SimpleQueue[tuple[Job, Done] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._recent_us = 0.0  # smoothed; high after one slow sync

    def run(self, job: Job, done: Done, octets: int) -> None:
        if self._recent_us < INLINE_US and octets <= INLINE_OCTETS:
            done(self._timed(job))
            return
        if self._thread is None:
            thread = threading.Thread(target=self._work, name="leveret-commit", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # there is none to be had: in place then, however slow
                done(self._timed(job))
                return
            self._thread = thread
        self._jobs.put((job, done))

    def _timed(self, job: Job) -> Exception | None:
        began = perf_counter_ns()
        try:
            job()
        except Exception as error:
            return error
        finally:
            took_us = (perf_counter_ns() - began) / 1000
            if took_us > self._recent_us:
                self._recent_us = took_us
            else:
                self._recent_us += (took_us - self._recent_us) * 0.2
        return None

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            job, done = item
            error = self._timed(job)
            try:
                self._post(lambda done=done, error=error: done(error))  # type: ignore[misc]
            except RuntimeError:  # the loop is closed: the node has stopped without us
                return

    def stop(self) -> None:
        """End the thread after the job at hand."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None
