"""The file that has the number of the process in it, for scripts and `leveretctl wait`."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


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
            if self._before is not None and _lives(self._before):
                self._path.write_text(f"{self._before}\n")
            else:
                self._path.unlink()


def _lives(pid: int) -> bool:
    if pid <= 0 or pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True
