"""What keeps a node from starting, as one line for whoever started it, and an exit code.

Of RabbitMQ 3.10 each of them ends with exit code 1, after BOOT FAILED and a page of Erlang terms. A
service manager and a script want the code, a reader wants the reason: docs/troubleshooting.md has
every line and what to do. A traceback is for bugs, and goes to the log.
"""

from __future__ import annotations

import logging
import sqlite3
import sys

from broker.config import ConfigError
from broker.control.server import ControlError
from broker.cookie import CookieError
from broker.log_lines import on_one_line, tell_stderr
from broker.plugins import PluginsError
from broker.store.errors import StoreError

log = logging.getLogger("broker")

FAILED = 1  # RabbitMQ's, whatever it is
OF_CALLER = (
    ConfigError,
    ControlError,
    CookieError,
    PluginsError,
    StoreError,
)  # their text is the line


def explain(error: BaseException) -> tuple[str, int]:
    """Returns: one line without the program's name, and the exit code."""
    return on_one_line(_reason(error)), FAILED


def _reason(error: BaseException) -> str:
    if isinstance(error, OF_CALLER):
        return str(error)
    if isinstance(error, OSError):
        return _system_reason(error)
    if isinstance(error, MemoryError):
        return "there is not enough memory to start"
    if isinstance(error, ModuleNotFoundError):
        return f"the installation is not whole: {error}"
    if isinstance(error, sqlite3.Error):
        return f"the data directory's catalogue cannot be used: {error}"
    return f"bug: {type(error).__name__}: {error}"


def _system_reason(error: OSError) -> str:
    """A ListenError has a text of its own; others are the system's: which file, and why."""
    if error.strerror is None:
        return str(error)
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    return ": ".join([*names, error.strerror])


def is_bug(error: BaseException) -> bool:
    """Whether nobody outside can be to blame, so that a traceback helps."""
    known = (*OF_CALLER, OSError, MemoryError, ModuleNotFoundError, sqlite3.Error)
    return not isinstance(error, known)


def tell(error: BaseException) -> int:
    """Say it on the error output, and to the log where that is somewhere else.

    Called while the exception is handled. Returns: the exit code.
    """
    line, code = explain(error)
    if is_bug(error):
        log.error("the start failed", exc_info=error)
    for handler in logging.getLogger().handlers:
        if getattr(handler, "stream", None) is not sys.stderr and log.isEnabledFor(logging.ERROR):
            record = log.makeRecord(
                log.name, logging.ERROR, __file__, 0, "BOOT FAILED, reason=%s", (line,), None
            )
            handler.handle(record)
    tell_stderr(line)
    return code
