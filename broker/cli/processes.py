"""Processes of this machine, as pid files name them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

POLL_S = 0.05


def is_alive(pid: int) -> bool:
    """A process that its parent has not waited for yet counts as gone."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state != "Z"


def wait_until(is_so: Callable[[], bool], timeout_s: float | None) -> bool:
    """Whether it came to be in time."""
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    while not is_so():
        if deadline is not None and time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)
    return True
