"""The last lines of a log file, and those that come.

A file is read from its end, in blocks, and never further back than READ_MAX octets: it may be of
any size. What is followed is followed over a rotation: the rest of the old file, then the new one.
Nothing here waits: whoever follows asks again, some times a second.
"""

from __future__ import annotations

import os
from contextlib import suppress

BLOCK = 64 * 1024
READ_MAX = 8 * 1024 * 1024
FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe would hold whoever opens it


def last_lines(path: str, count: int) -> list[str]:
    """The last lines of a file, the oldest first, without their ends. Raises: OSError."""
    fd = os.open(path, FLAGS)
    try:
        position = os.fstat(fd).st_size
        least = max(0, position - READ_MAX)
        blocks: list[bytes] = []
        ends = 0
        while position > least and ends <= count:  # one more: the end before the first of them
            start = max(least, position - BLOCK)
            block = os.pread(fd, position - start, start)
            position = start
            ends += block.count(b"\n")
            blocks.append(block)
    finally:
        os.close(fd)
    lines = b"".join(reversed(blocks)).split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    return [line.decode("utf-8", "replace") for line in lines[-count:]] if count > 0 else []


class Follower:
    """Lines of a file from now on. Raises: OSError, if there is no such file."""

    def __init__(self, path: str):
        self._path = path
        self._fd = os.open(path, FLAGS)
        self._position = os.fstat(self._fd).st_size
        self._rest = b""  # a line that has no end yet

    def read(self) -> list[str]:
        """Lines that have come, a block of them at most; empty: none by now. Never raises."""
        if self._fd < 0:
            return []
        data = self._more()
        if not data and self._goes_on():
            data = self._more()
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > READ_MAX:  # no line of ours
            self._rest = b""
        return [line.decode("utf-8", "replace") for line in lines]

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _more(self) -> bytes:
        with suppress(OSError):
            if os.fstat(self._fd).st_size < self._position:  # somebody has cut it
                self._position, self._rest = 0, b""
            data = os.pread(self._fd, BLOCK, self._position)
            self._position += len(data)
            return data
        return b""

    def _goes_on(self) -> bool:
        """Whether another file has the name by now, which is read from then on."""
        try:
            named, opened = os.stat(self._path), os.fstat(self._fd)
            if (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino):
                return False
            fd = os.open(self._path, FLAGS)
        except OSError:  # it is between two names
            return False
        os.close(self._fd)
        self._fd, self._position = fd, 0
        return True
