"""What stands in lines of the log, and where is told that there are none."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress


def on_one_line(text: str) -> str:
    """A peer's names stand in log lines: their line ends must not make lines of their own."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def lost_lines(count: int, created: float) -> logging.LogRecord:
    """What an output says of lines that it could not take."""
    told = logging.LogRecord(
        "broker.log", logging.WARNING, __file__, 0, "lines of the log are lost, count=%s",
        (count,), None,
    )  # fmt: skip
    told.created = created
    return told


def tell_stderr(text: str) -> None:
    """One line, when the log itself has a problem."""
    with suppress(OSError, ValueError, AttributeError):  # there may be none
        sys.stderr.write(f"leveret: {text}\n")
        sys.stderr.flush()
