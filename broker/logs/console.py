"""Lines to standard output or error, which may be a file, a terminal, or a pipe to anybody.

Whoever reads a pipe may stop, and the node has one thread: it writes only where there is room. What
is asked is poll(2), and no flag is set: others write to the same pipe.
"""

from __future__ import annotations

import logging
import os
import select
import stat
from contextlib import suppress
from typing import TextIO

from broker.log_lines import lost_lines
from broker.log_settings import ConsoleOutput
from broker.logs.formats import formatter_of

STUCK_MS = 20  # for a reader to make room
PIPE_PIECE = 4096  # octets for which there is room where there is any: Linux's PIPE_BUF


class Console(logging.StreamHandler[TextIO]):
    """Standard output or error. What it does not take is lost without a word: where to?

    A pipe that is not read must not hold the broker: after STUCK_MS lines are lost, and counted,
    until there is room again.
    """

    def __init__(self, settings: ConsoleOutput, stream: TextIO):
        with suppress(AttributeError):  # what a terminal cannot show is written out
            stream.reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]
        super().__init__(stream)
        self.terminator = ""
        has_colors = settings.use_colors and stream.isatty()
        self.setFormatter(formatter_of(settings, has_colors=has_colors))
        self.lost = 0
        self._fd = pipe_of(stream)
        self._is_stuck = False
        self._room = select.poll()
        if self._fd >= 0:
            self._room.register(self._fd, select.POLLOUT)

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging, in any thread, under the handler's lock. Never raises."""
        if self._fd < 0:
            super().emit(record)
            return
        with suppress(Exception):
            if not self._has_room():
                self.lost += 1
                return
            if self.lost:
                lost, self.lost = self.lost, 0
                self._write(lost_lines(lost, record.created))
            self._write(record)

    def _has_room(self) -> bool:
        self._is_stuck = not self._room.poll(0 if self._is_stuck else STUCK_MS)
        return not self._is_stuck

    def _write(self, record: logging.LogRecord) -> None:
        """Raises: OSError, and what a record does whose arguments do not fit its sentence."""
        data = self.format(record).encode(errors="backslashreplace")
        for at in range(0, len(data), PIPE_PIECE):
            if not self._has_room():
                self.lost += 1
                return
            os.write(self._fd, data[at : at + PIPE_PIECE])

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        pass


def pipe_of(stream: TextIO) -> int:
    """The descriptor of a pipe or a socket; -1: it is neither."""
    with suppress(OSError, ValueError, AttributeError):
        number = stream.fileno()
        mode = os.fstat(number).st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            return number
    return -1
