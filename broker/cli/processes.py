"""Waiting for processes of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable

POLL_S = 0.05


def wait_until(is_so: Callable[[], bool], timeout_s: float | None) -> bool:
    """Whether it came to be in time."""
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    while not is_so():
        if deadline is not None and time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)
    return True
