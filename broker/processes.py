"""Processes of this machine, as pid files name them."""

from __future__ import annotations

import os
from pathlib import Path


def is_alive(pid: int) -> bool:
    """A process that its parent has not waited for yet counts as gone."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):  # there can be no such number
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state != "Z"
