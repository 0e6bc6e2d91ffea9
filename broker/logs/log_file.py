"""A log file: a handler of logging that never raises, loses little and splits no line.

Each line is one write to a file that is open for appending, so what others append stays whole too.
Before it, the file is looked at by its name (1.5 µs): whoever has renamed, removed or replaced it,
as logrotate does, finds the next line in a new file, and a file that is cut is cut. Nobody has to
send a signal.

While the file cannot be written, lines wait, up to WAITING_MAX octets of them, standard error is
told once, and every second the next line tries again. Of a line for which a full disk has no room
nothing stays. When it goes on, the lines that were too many are counted in the log.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from broker.log_lines import lost_lines, tell_stderr
from broker.logs.rotation import NEVER_S, Plan, put_aside

if TYPE_CHECKING:
    from broker.logs.compressing import Compressor

WAITING_MAX = 256 * 1024
TRY_AGAIN_S = 1.0
ROTATE_AGAIN_S = 60.0  # after that was not possible
FILE_MODE, DIRECTORY_MODE = 0o640, 0o750
# A pipe that nobody reads must not hold the broker; to a file the flag means nothing.
FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class LogFile(logging.Handler):
    """See the module. complain: told of a problem, by one line, when it comes up."""

    def __init__(self, path: str, plan: Plan, complain: Callable[[str], None] = tell_stderr):
        super().__init__()
        self.path = path
        self.lost = 0
        self._plan = plan
        self._complain = complain
        self._fd = -1
        self._identity = (-1, -1)  # device and inode of what is open
        self._is_regular = False
        self._rotates_s = NEVER_S
        self._not_before_s = 0.0
        self._waiting: deque[bytes] = deque()
        self._waiting_octets = 0
        self._problem: int | None = None  # the last error's number
        self._tried_s = 0.0
        self._compressor: Compressor | None = None

    def open(self) -> None:
        """Raises: OSError."""
        self._open()
        if self._plan.compresses:
            from broker.logs.compressing import Compressor  # a thread

            self._compressor = Compressor(self.path, self._hold, self._complain)
            with self._hold():
                self._compressor.wake()

    def close(self) -> None:
        """What waits is tried once more."""
        with self._hold():
            if self._waiting:
                with suppress(OSError):
                    self._write_waiting(self._tried_s)
            if self._fd >= 0:
                with suppress(OSError):
                    os.close(self._fd)
                self._fd = -1
        if self._compressor is not None:
            self._compressor.close()
        super().close()

    def rotate(self) -> None:
        """Put the file aside now, whatever its size, if there is something in it. Raises: OSError.

        A file that somebody else has just put aside is only opened again.
        """
        with self._hold():
            if self._waiting:
                self._write_waiting(self._tried_s)
            if self._fd >= 0 and not self._is_at_its_place():
                self._open()
            elif self._is_regular and self._look().st_size:
                self._rotate()

    def reopen(self) -> None:
        """Open the file again by its name. Raises: OSError."""
        with self._hold():
            self._open()

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging, in any thread, under the handler's lock. Never raises."""
        try:
            data = self.format(record).encode("utf-8", "backslashreplace")
        except Exception:  # a record whose arguments do not fit its sentence
            self.lost += 1
            return
        if self._problem is not None and 0 <= record.created - self._tried_s < TRY_AGAIN_S:
            self._wait(data)
            return
        try:
            if self._waiting:
                self._write_waiting(record.created)
            self._write(data, record.created)
        except OSError as error:
            self._tried_s = record.created
            self._wait(data)
            if error.errno != self._problem:
                self._complain(
                    f"the log {self.path} cannot be written: {error.strerror}; lines wait for it"
                )
            self._problem = error.errno
            return
        if self._problem is not None:
            self._problem = None
            self._tell_of_the_lost(record)

    # where lines go

    @contextmanager
    def _hold(self) -> Iterator[None]:
        """Nothing is logged meanwhile."""
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def _open(self, now_s: float = 0.0) -> None:
        try:
            fd = os.open(self.path, FLAGS, FILE_MODE)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(self.path) or ".", DIRECTORY_MODE, exist_ok=True)
            fd = os.open(self.path, FLAGS, FILE_MODE)
        if self._fd >= 0:
            with suppress(OSError):
                os.close(self._fd)
        status = os.fstat(fd)
        self._fd, self._identity = fd, (status.st_dev, status.st_ino)
        self._is_regular = stat.S_ISREG(status.st_mode)
        # What is in it may be of yesterday: then it goes aside before the first line of today.
        self._rotates_s = self._plan.next_s(max(status.st_mtime, now_s))

    def _is_at_its_place(self) -> bool:
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            return False
        return (status.st_dev, status.st_ino) == self._identity

    def _look(self) -> os.stat_result:
        """Of the file that has the name, which is open then."""
        try:
            status = os.stat(self.path)
            if self._fd >= 0 and (status.st_dev, status.st_ino) == self._identity:
                return status
        except FileNotFoundError:
            pass
        self._open()
        return os.fstat(self._fd)

    def _write(self, data: bytes, now_s: float) -> None:
        """To the file that has the name, or the next one. Raises: OSError."""
        status = self._look()
        if self._is_regular and self._is_due(status, len(data), now_s):
            self._try_to_rotate(now_s)
        self._append(data)

    def _append(self, data: bytes) -> None:
        """All of it or nothing. Raises: OSError."""
        written = os.write(self._fd, data)
        while written < len(data):
            try:
                more = os.write(self._fd, data[written:])
                if not more:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                if self._is_regular:
                    with suppress(OSError):
                        os.ftruncate(self._fd, os.fstat(self._fd).st_size - written)
                raise
            written += more

    # what waits

    def _wait(self, data: bytes) -> None:
        self._waiting.append(data)
        self._waiting_octets += len(data)
        while self._waiting_octets > WAITING_MAX:
            self._waiting_octets -= len(self._waiting.popleft())
            self.lost += 1

    def _write_waiting(self, now_s: float) -> None:
        """Raises: OSError."""
        while self._waiting:
            self._write(self._waiting[0], now_s)
            self._waiting_octets -= len(self._waiting.popleft())

    def _tell_of_the_lost(self, record: logging.LogRecord) -> None:
        lost, self.lost = self.lost, 0
        if not lost:
            return
        with suppress(OSError):
            self._append(self.format(lost_lines(lost, record.created)).encode())

    # putting it aside

    def _is_due(self, status: os.stat_result, length: int, now_s: float) -> bool:
        if not status.st_size:
            if now_s >= self._rotates_s:  # there is nothing to put aside
                self._rotates_s = self._plan.next_s(now_s)
            return False
        if now_s < self._not_before_s:
            return False
        limit = self._plan.size_max
        return now_s >= self._rotates_s or bool(limit and status.st_size + length > limit)

    def _try_to_rotate(self, now_s: float) -> None:
        """Lines go on into the same file where it cannot be put aside."""
        try:
            self._rotate(now_s)
        except OSError as error:
            self._not_before_s = now_s + ROTATE_AGAIN_S
            self._complain(f"the log {self.path} cannot be put aside: {error.strerror}")
            self._look()

    def _rotate(self, now_s: float = 0.0) -> None:
        put_aside(self.path, self._plan.count)
        self._open(now_s)
        if self._compressor is not None:
            self._compressor.wake()
