"""Log files that were put aside, compressed: .0 → .0.gz.

One thread takes one file at a time, the oldest first, writes what comes of it beside it, and gives
it its name when it is whole; by then the file may have moved on to another number, or be gone.
Lines are written meanwhile. What a stop or a full disk leaves behind is begun again after the next
rotation.
"""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

PIECE = 256 * 1024
ENDING = ".gz"
END_S = 2.0


class Compressor:
    """path: of the log file. hold: whoever is in it has the names for himself."""

    def __init__(
        self,
        path: str,
        hold: Callable[[], AbstractContextManager[None]],
        complain: Callable[[str], None],
    ):
        self._path = path
        self._temporary = f"{path}{ENDING}-new"
        self._hold = hold
        self._complain = complain
        self._thread: threading.Thread | None = None
        self._is_due = False
        self._is_ending = False

    def wake(self) -> None:
        """A file was put aside. Called while the names are held."""
        self._is_due = True
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="leveret-log", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Called while the names are not held."""
        self._is_ending = True
        thread = self._thread
        if thread is not None:
            thread.join(END_S)

    def _run(self) -> None:
        while True:
            with self._hold():
                oldest = None if self._is_ending or not self._is_due else self._oldest()
                if oldest is None:
                    self._thread = None
                    self._is_due = False
                    return
            try:
                self._compress(oldest)
            except OSError as error:
                self._complain(f"the log {oldest} cannot be compressed: {error.strerror}")
                self._is_due = False
            finally:
                with suppress(OSError):
                    os.unlink(self._temporary)

    def _oldest(self) -> str | None:
        """The last of those in a row that are not compressed."""
        number, found = 0, None
        while True:
            plain = f"{self._path}.{number}"
            if os.path.isfile(plain):
                found = plain
            elif not os.path.lexists(plain + ENDING):
                return found
            number += 1

    def _compress(self, name: str) -> None:
        """Raises: OSError."""
        with open(name, "rb") as source:
            status = os.fstat(source.fileno())
            fd = os.open(
                self._temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640
            )
            with (
                open(fd, "wb") as made,
                gzip.GzipFile(name, "wb", 6, made, status.st_mtime) as target,
            ):
                while piece := source.read(PIECE):
                    if self._is_ending:
                        return
                    target.write(piece)
        with self._hold():
            number = 0
            while os.path.lexists(plain := f"{self._path}.{number}") or os.path.lexists(
                plain + ENDING
            ):
                with suppress(FileNotFoundError):
                    if os.path.samestat(os.stat(plain), status):
                        os.replace(self._temporary, plain + ENDING)
                        os.unlink(plain)
                        return
                number += 1
