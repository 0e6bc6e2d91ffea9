"""The file that has the number of the process in it, for scripts and `leveretctl wait`."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from broker.processes import is_alive


class PidFile:
    """Written at once, gone at the end. A second node that was given the same file, and most likely
    ends soon because the ports are taken, leaves it as it found it."""

    def __init__(self, path: Path):
        self._path = path
        self._before: int | None = None
        self._ours = f"{os.getpid()}\n"

    def write(self) -> None:
        """Raises: OSError."""
        with contextlib.suppress(OSError, ValueError):
            self._before = int(self._path.read_text())
        self._path.write_text(self._ours)

    def remove(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._path.read_text() != self._ours:
                return  # somebody else's by now
            before = self._before
            if before is not None and before > 0 and before != os.getpid() and is_alive(before):
                self._path.write_text(f"{before}\n")
            else:
                self._path.unlink()
