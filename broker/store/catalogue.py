"""The durable definitions on disk: an SQLite database, `catalogue.db` in the data directory.

A row per thing, a transaction per commit. WAL and synchronous=FULL: when `commit` returns, it is on
the medium; whatever interrupts it, the last transaction is there whole or not at all. The tables
are those of `broker.changes`; rows keep the order in which the things were made. Names and other
texts are octets (BLOB), because SQLite's TEXT cannot hold what is not UTF-8: whoever looks into it
by hand writes `CAST(name AS TEXT)`. Arguments are tables in wire format, tags a JSON list.

What cannot be made any more, an exchange whose type is not installed for instance and its bindings,
is left out at the start and stays in the database: it is there again with the package. Who declares
another thing by that name begins without them.

`sqlite3` is imported when a catalogue is opened: 10 ms that a node in memory does not pay.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from broker.changes import Change
from broker.commands import Command
from broker.store.catalogue_tables import DROP, FORMAT, KEPT, PUT, SCHEMA, UPGRADES
from broker.store.errors import StoreDamaged, StoreTooNew, StoreUnavailable

if TYPE_CHECKING:
    import sqlite3

log = logging.getLogger("broker.store")

FILE_NAME = "catalogue.db"
BUSY_TIMEOUT_S = 2.0  # somebody looks into the database, or copies it
WAL_OCTETS = 4 * 1024 * 1024  # what is left of the write-ahead log after a large transaction
NAMED_MAX = 20  # definitions that are left out and named in the log

_LAST_ID = (
    "INSERT INTO meta VALUES ('last_queue_id', ?)"
    " ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)"
)


class Catalogue:
    """The open database. Used by one thread at a time, whichever that is."""

    def __init__(self, directory: Path, *, read_only: bool = False):
        """Open it, or make a new one. read_only: touch nothing. Raises: StoreError."""
        self._path = directory / FILE_NAME
        with self._faults():
            self._database = self._connect_to_read() if read_only else self._connect()
            try:
                self._check_format(read_only)
                if read_only:
                    return
                self._database.execute("PRAGMA journal_mode = WAL")
                self._database.execute("PRAGMA synchronous = FULL")
                self._database.execute(f"PRAGMA journal_size_limit = {WAL_OCTETS}")
            except BaseException:
                self._database.close()
                raise

    def _connect(self) -> sqlite3.Connection:
        import sqlite3

        self._path.touch(0o640)  # SQLite's own files take the mode over
        return sqlite3.connect(
            self._path,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,  # transactions are begun where we say so
            check_same_thread=False,
        )

    def _connect_to_read(self) -> sqlite3.Connection:
        """Without a write-ahead log nobody is writing, and nothing need be put beside the file."""
        import sqlite3

        has_log = self._path.with_name(f"{FILE_NAME}-wal").exists()
        uri = f"{self._path.absolute().as_uri()}?mode=ro{'' if has_log else '&immutable=1'}"
        return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)

    def _check_format(self, read_only: bool) -> None:
        """Make the tables where there are none, or of an older format. Raises: StoreTooNew,
        StoreDamaged."""
        database = self._database
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        if not tables:
            self._make_tables()
            return
        found = None
        if "meta" in tables:
            found = self._number("format")
        if not isinstance(found, int):
            raise StoreDamaged(f"{self._path} is not a catalogue: move it away")
        if found > FORMAT:
            raise StoreTooNew(
                f"{self._path} was written by a later release (format {found}, this one knows "
                f"{FORMAT}): start that one"
            )
        if found < FORMAT and not read_only:
            self._upgrade(found)

    def _make_tables(self) -> None:
        with self._transaction():
            for statement in SCHEMA.split(";"):
                self._database.execute(statement)
            self._database.execute("INSERT INTO meta VALUES ('format', ?)", (FORMAT,))

    def _upgrade(self, found: int) -> None:
        """Step by step to the present format: all of them, or none."""
        with self._transaction():
            for step in range(found, FORMAT):
                for statement in UPGRADES[step].split(";"):
                    self._database.execute(statement)
            self._database.execute("UPDATE meta SET value = ? WHERE key = 'format'", (FORMAT,))
        log.info("the catalogue was brought to format %s from %s", FORMAT, found)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it, or nothing."""
        database = self._database
        if database.in_transaction:  # a rollback failed as well
            database.execute("ROLLBACK")
        database.execute("BEGIN IMMEDIATE")
        try:
            yield
            database.execute("COMMIT")
        except BaseException:
            with suppress(Exception):
                if database.in_transaction:
                    database.execute("ROLLBACK")
            raise

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Errors of SQLite are raised as StoreErrors that say what to do."""
        import sqlite3

        try:
            yield
        except OSError as error:
            raise StoreUnavailable(f"{self._path}: {error}") from error
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", type(error).__name__)
            if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
                raise StoreDamaged(
                    f"the catalogue is damaged, {self._path}: {error} ({name}); put a backup in "
                    'its place, or what "sqlite3 catalogue.db .recover" makes of it'
                ) from error
            raise StoreUnavailable(f"{self._path}: {error} ({name})") from error

    def _number(self, key: str) -> int | None:
        row = self._database.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    @property
    def is_empty(self) -> bool:
        """Nobody has defined anything: the first start, or one that did not get far."""
        with self._faults():
            (found,) = self._database.execute(
                "SELECT EXISTS (SELECT 1 FROM vhosts) OR EXISTS (SELECT 1 FROM users)"
            ).fetchone()
        return not found

    @property
    def last_queue_id(self) -> int:
        """The highest id that a durable queue has ever had; it may be gone by now."""
        with self._faults():
            return self._number("last_queue_id") or 0

    def queue_ids(self) -> set[int]:
        """Of all queues in it. Raises: StoreError."""
        with self._faults():
            return {row[0] for row in self._database.execute("SELECT queue_id FROM queues")}

    # at the start

    def restore(self, apply: Callable[[Command], object]) -> None:
        """Make everything again by the commands that `apply` carries out.

        What cannot be made is left out and named in the log. Raises: StoreError.
        """
        left_out = 0
        for command in self.load():
            try:
                apply(command)
            except Exception as problem:  # of any kind: a bad row must not cost the others
                left_out += 1
                if left_out <= NAMED_MAX:
                    log.warning("a definition is left out, problem=%r: %s", problem, command)
        if left_out > NAMED_MAX:
            log.warning("and more definitions are left out, count=%s", left_out - NAMED_MAX)

    def load(self) -> Iterator[Command]:
        """What makes everything again, in an order in which that is possible. Raises: StoreError.

        A row that cannot be read is left out and named in the log.
        """
        with self._faults():
            for kept in KEPT.values():
                for row in self._database.execute(kept.select):
                    try:
                        command = kept.command(*row)
                    except Exception as problem:  # somebody has been in here by hand
                        key = row[: len(kept.key)]
                        log.warning("unreadable in %s, problem=%r: %r", kept.table, problem, key)
                        continue
                    yield command

    # while the node runs

    def commit(self, changes: Sequence[Change]) -> None:
        """Carry out the changes, in order, in one transaction. Raises: StoreError; then none is.

        May be repeated with the same changes whatever became of them.
        """
        last_id = 0
        with self._faults(), self._transaction():
            execute = self._database.execute
            for kind, key, values in changes:
                if values is None:
                    execute(DROP[kind], key)
                    continue
                for statement in KEPT[kind].clean:
                    execute(statement, key)
                execute(PUT[kind], key + values)
                if kind == "queue":
                    last_id = max(last_id, int(values[0]))
            if last_id:
                execute(_LAST_ID, (last_id,))

    def close(self) -> None:
        """Everything committed is in the one file then. Raises: StoreError."""
        with self._faults():
            self._database.close()
