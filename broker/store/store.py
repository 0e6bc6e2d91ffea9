"""A node's data directory: who may use it, whose it is, and everything that is in it.

lock            held by the process that uses the directory
identity.json   the format's version and the node's name: a host may change its own
catalogue.db    definitions (store/catalogue.py)
log/            messages (store/format.py)
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import secrets
from collections.abc import Callable, Container
from pathlib import Path
from time import monotonic
from typing import Protocol

from broker.changes import Changes
from broker.commands import Command
from broker.config import Storage
from broker.seams import Replicator
from broker.store import checkpoint
from broker.store.catalogue import FILE_NAME as CATALOGUE
from broker.store.catalogue import Catalogue
from broker.store.catalogue_replicator import CatalogueReplicator
from broker.store.commit import Committer, Definitions, Owner, ThreadRunner
from broker.store.commit_log import CommitLog
from broker.store.errors import StoreError, StoreInUse, StoreTooNew
from broker.store.files import Disk, LocalDisk, put_file
from broker.store.findings import Report
from broker.store.format import segment_number
from broker.store.recovery import Recovery
from broker.store.segment_files import DIRECTORY, STOPPED, SegmentFiles

log = logging.getLogger("broker.store")

FORMAT = 1


class Keeper(Owner, Protocol):
    """The node, as far as its store is concerned."""

    changes: Changes
    replicator: Replicator
    last_queue_id: int

    def apply(self, command: Command) -> object: ...


IDENTITY = "identity.json"


def claim(directory: Path) -> LocalDisk:
    """The directory, made if need be, for this process alone until `unlock`.

    Raises: StoreInUse, StoreError (it cannot be used).
    """
    disk = LocalDisk(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        is_free = disk.lock()
    except OSError as error:
        is_taken = isinstance(error, FileExistsError)  # by a file: "exists" would say nothing
        reason = os.strerror(errno.ENOTDIR) if is_taken else error.strerror
        raise StoreError(f"cannot use the data directory {directory}: {reason}") from None
    if not is_free:
        holder = f" (pid {pid})" if (pid := disk.holder()) else ""
        raise StoreInUse(f"the data directory {directory} is in use by another process{holder}")
    return disk


def identify(disk: Disk, wanted: str, default: str) -> str:
    """The name of the node whose directory it is. wanted: asked for by the user, or empty; default:
    of a node that is new. Raises: StoreError, StoreTooNew."""
    if IDENTITY in disk.names("."):
        name = read_identity(disk)
        if wanted and wanted != name:
            raise StoreError(
                f"the data directory belongs to node {name}, not to {wanted}:"
                " use that name or another directory"
            )
        return name
    name = wanted or default
    document = json.dumps({"format": FORMAT, "node": name}) + "\n"
    put_file(disk, ".", IDENTITY, document.encode())
    return name


def read_identity(disk: Disk) -> str:
    file = disk.open(IDENTITY)
    try:
        document = json.loads(file.read(file.size(), 0))
        found, name = int(document["format"]), str(document["node"])
    except (ValueError, KeyError, TypeError):
        raise StoreError(f"{IDENTITY} in the data directory is damaged") from None
    finally:
        file.close()
    if found > FORMAT:
        raise StoreTooNew(
            f"the data directory has format {found}, this release knows {FORMAT}:"
            " it was used by a later one"
        )
    return name


def open_log(
    disk: Disk, known: Container[int], *, segment_octets: int, queue_memory: int
) -> tuple[CommitLog, Report]:
    """The log, ready to go on. known: ids of the queues that the catalogue has.

    Returns: the log, and what was found. Raises: StoreError, OSError.
    """
    disk.make_directory(DIRECTORY)
    files = SegmentFiles(disk, salt=secrets.randbits(32))
    try:
        recovery = Recovery(files, known)
        began = monotonic()

        def progress(done: int, total: int) -> None:
            rate = done / max(monotonic() - began, 0.001)
            log.info(
                "recovering, percent=%.0f read_mb=%.0f rate_mb_s=%.0f",
                100 * done / total,
                done / 1e6,
                rate / 1e6,
            )

        report = recovery.run(progress)
        recovery.repair()
        target = CommitLog(files, segment_octets, queue_memory)
        recovery.fill(target)
        if report.was_stopped:
            disk.remove(f"{DIRECTORY}/{STOPPED}")
            disk.sync_names(DIRECTORY)
    except BaseException:
        files.close()
        raise
    if not report.is_clean and report.last_block:
        log.info(
            "recovered, messages=%s queues=%s blocks=%s read_mb=%.1f seconds=%.2f",
            sum(queue.live_count for queue in target.queues.values()),
            len(target.queues),
            report.blocks,
            report.octets / 1e6,
            monotonic() - began,
        )
    tell(report)
    return target, report


def close_log(target: CommitLog) -> None:
    """The log has nothing more to commit: leave it so that the next start has nothing to read.

    Raises: OSError.
    """
    target.files.put(checkpoint.NAME, checkpoint.of(target))
    target.files.put(STOPPED, b"")


def tell(report: Report) -> None:
    """Log what was not as it should be."""
    if report.cut:
        log.info("an unfinished commit was cut off, octets=%s", sum(report.cut.values()))
    for problem in report.problems:
        log.error("damaged: %s", problem)
    for gap in report.gaps:
        log.error("a part of the log is damaged, blocks=%s-%s", gap.first, gap.last)
    for queue_id, ranges in report.lost.items():
        log.error(
            "messages are lost, queue_id=%s count=%s numbers=%s",
            queue_id,
            sum(last - first + 1 for first, last in ranges),
            ",".join(f"{first}-{last}" for first, last in ranges),
        )


class Store:
    """Everything in a data directory, open. Make one, make a node with its `log`, `attach` that.

    wanted_name, default_name: see `identify`. post: hands a callable to the node's thread.
    Raises: StoreError, OSError.
    """

    def __init__(
        self,
        directory: Path,
        settings: Storage,
        *,
        wanted_name: str,
        default_name: str,
        post: Callable[[Callable[[], None]], object],
    ):
        self._settings = settings
        self._open = contextlib.ExitStack()
        with contextlib.ExitStack() as opened:
            self.disk = claim(directory)
            opened.callback(self.disk.unlock)
            self.name = identify(self.disk, wanted_name, default_name)
            self._check_catalogue()
            self.catalogue = Catalogue(directory)
            opened.callback(self.catalogue.close)
            self._check_contents()
            self.log, self.report = open_log(
                self.disk,
                self.catalogue.queue_ids(),
                segment_octets=settings.segment_octets,
                queue_memory=settings.queue_memory,
            )
            self._runner = ThreadRunner(post)
            self._open = opened.pop_all()
        self.committer: Committer | None = None

    def _check_catalogue(self) -> None:
        """A log without a catalogue would be taken for that of deleted queues.

        Raises: StoreError.
        """
        if CATALOGUE not in self.disk.names(".") and checkpoint.NAME in self.disk.names(DIRECTORY):
            raise StoreError(
                f"{CATALOGUE} is missing from the data directory, and with it the queues whose"
                f" messages are in {DIRECTORY}/: put it back, or move {DIRECTORY}/ away"
            )

    def _check_contents(self) -> None:
        """The same of one that has never held anything. Raises: StoreError."""
        names = self.disk.names(DIRECTORY)
        has_segments = any(segment_number(name) is not None for name in names)
        if has_segments and self.catalogue.is_empty and not self.catalogue.last_queue_id:
            raise StoreError(
                f"{CATALOGUE} in the data directory is a new one, and {DIRECTORY}/ is of another:"
                f" put the right one in its place, or move {DIRECTORY}/ away"
            )

    @property
    def is_new(self) -> bool:
        """Whether nothing has been defined yet."""
        return self.catalogue.is_empty

    def attach(self, node: Keeper) -> None:
        """Make the node what it was, and keep what becomes of it from now on."""
        self.catalogue.restore(node.apply)
        node.last_queue_id = self.catalogue.last_queue_id
        replicator = CatalogueReplicator(node.apply, node.changes, node.request_turn, node.on_bug)
        node.replicator = replicator
        self.committer = Committer(
            self.log,
            Definitions(replicator, self.catalogue),
            self._runner,
            owner=node,
            sync=self._settings.sync,
            interval_ms=self._settings.sync_interval_ms,
        )

    def close(self, *, is_clean: bool) -> None:
        """Let go of the directory. is_clean: everything is committed."""
        self._runner.stop()
        if self.committer is not None:
            self.committer.is_closed = True
        if is_clean:
            try:
                close_log(self.log)
            except OSError as error:
                log.warning("no checkpoint, the next start has to read the log: %s", error)
        self.log.close()
        with contextlib.suppress(StoreError):
            self._open.close()
