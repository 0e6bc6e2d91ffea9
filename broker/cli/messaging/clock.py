"""The clock of the messaging commands."""

from __future__ import annotations

import time


def now_s() -> float:
    """Seconds since some point in the past; never goes back."""
    return time.monotonic()


def now_ns() -> int:
    """The same in nanoseconds; all processes of a machine read the same."""
    return time.monotonic_ns()
