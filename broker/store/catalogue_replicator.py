"""Definitions change in memory at once, and are answered for when they are on the disk.

    propose ──▶ pending ──begin──▶ writing ──finish──▶ answers
                   ▲                  │
                   └── finish(error) ─┘

What is proposed while a commit is under way waits for the next one, so that one transaction serves
everybody who asked meanwhile. An answer rests on what the command has changed. Where nothing had to
be changed (it was declared already, deleted already) it rests on what somebody else has asked for,
which may not be on the disk yet. What ends with the process, an exclusive queue for instance, waits
for nothing.

`request_commit` is called when there is something to write; whoever drives the commits then calls
`begin`, has the changes written in any thread, calls `finish` in the node's thread, and looks at
`is_dirty` again.
"""

from __future__ import annotations

from collections.abc import Callable

from broker.changes import Change, Changes
from broker.commands import Command


class CatalogueReplicator:
    """Seam `Replicator` for a single node with a disk. changes: where `apply` puts them down;
    they are recorded from now on. on_bug: told of answers that raised, while they are handled."""

    def __init__(
        self,
        apply: Callable[[Command], object],
        changes: Changes,
        request_commit: Callable[[], None],
        on_bug: Callable[[str], None],
    ):
        self._apply = apply
        self._changes = changes
        self._request_commit = request_commit
        self._on_bug = on_bug
        self._pending: list[Change] = []
        self._waiting: list[Callable[[], None]] = []  # for what is pending
        self._writing: list[Change] = []
        self._waiting_for_write: list[Callable[[], None]] = []
        changes.is_recording = True
        changes.take()

    # seam Replicator

    def propose(self, command: Command, done: Callable[[object], None]) -> None:
        """Apply now; tell the result when what it rests on is durable.

        A refusal rests on nothing: it is told at once.
        """
        try:
            result = self._apply(command)
        except Exception as error:
            result = error
        recorded, has_changed = self._changes.take()
        if recorded:
            was_dirty = self.is_dirty
            self._pending += recorded
            self._waiting.append(lambda: done(result))
            if not was_dirty:
                self._request_commit()
        elif has_changed or isinstance(result, Exception):
            done(result)
        else:
            self.barrier(lambda: done(result))

    def barrier(self, done: Callable[[], None]) -> None:
        if self._pending:
            self._waiting.append(done)
        elif self._writing:
            self._waiting_for_write.append(done)
        else:
            done()

    # for whoever drives the commits

    @property
    def is_dirty(self) -> bool:
        """There is something to write; `begin` gives it."""
        return bool(self._pending)

    def begin(self) -> list[Change]:
        """What is to be written now, in one transaction; empty: nothing. Then call `finish`."""
        assert not self._writing, "the last commit is not finished"
        self._writing, self._pending = self._pending, []
        self._waiting_for_write, self._waiting = self._waiting, []
        return self._writing

    def finish(self, error: Exception | None = None) -> None:
        """What `begin` gave is durable, or could not be written: then it goes first next time.

        After an error nobody is asked for a commit: try again when there is hope.
        """
        written, self._writing = self._writing, []
        answers, self._waiting_for_write = self._waiting_for_write, []
        if error is not None:
            self._pending = written + self._pending
            self._waiting = answers + self._waiting
            return
        for answer in answers:
            try:
                answer()
            except Exception:  # it must not cost the others theirs
                self._on_bug("an answer to a change raised")
