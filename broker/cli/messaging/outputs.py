"""Writes messages to the standard output, and knows which of them are out.

A reader that is slow holds nobody but the messages: a pipe is written to only when it has room, in
pieces that cannot block (POSIX: a pipe that polls as writable takes PIPE_BUF octets). So the
broker is heard meanwhile, and a message is acknowledged once all of it was written.
"""

from __future__ import annotations

import os
import select
import stat
from collections import deque
from typing import IO, Any

from broker.cli.messaging.exits import EX_CANTCREAT, Failure
from broker.cli.messaging.options import descriptor, octets

PIPE_BUF = 4096
WAITING_MAX = 1 << 20  # octets; beyond that nothing more is read from a broker that does not stop


class Output:
    """descriptor: None if it is no file. is_broken: nobody reads any more (EPIPE)."""

    def __init__(self, stream: IO[Any]):
        self.is_broken = False
        self._stream = octets(stream)
        stream.flush()  # what somebody else may have written before us
        self.descriptor = descriptor(stream)
        self._piece = PIPE_BUF
        if self.descriptor is not None and stat.S_ISREG(os.fstat(self.descriptor).st_mode):
            self._piece = WAITING_MAX
        self._waiting = bytearray()
        self._put = 0  # octets ever put
        self._out_to = 0  # the end of the last message that is out
        self._marks: deque[tuple[int, int]] = deque()  # where a message ends, and its tag

    @property
    def waiting(self) -> int:
        """Octets that wait to be written."""
        return len(self._waiting)

    def put(self, octets_: bytes, tag: int) -> None:
        self._waiting += octets_
        self._put += len(octets_)
        self._marks.append((self._put, tag))

    def write(self) -> int:
        """Write what there is room for. Returns: the last tag that is out since, or 0.

        Raises: Failure on a full disk and the like.
        """
        try:
            self._write()
        except BrokenPipeError:
            self.is_broken = True
        except OSError as error:
            raise Failure(f"the output cannot be written: {error.strerror}", EX_CANTCREAT) from None
        written = self._put - len(self._waiting)
        last = 0
        while self._marks and self._marks[0][0] <= written:
            self._out_to, last = self._marks.popleft()
        return last

    def _write(self) -> None:
        if self.descriptor is None:
            self._stream.write(bytes(self._waiting))
            self._stream.flush()
            self._waiting.clear()
            return
        poller = select.poll()
        poller.register(self.descriptor, select.POLLOUT)
        at = 0
        try:
            while at < len(self._waiting) and poller.poll(0):
                at += os.write(self.descriptor, self._waiting[at : at + self._piece])
        except BlockingIOError:
            pass  # somebody made it non-blocking; it is polled again
        finally:
            del self._waiting[:at]

    def forget(self, *, is_lost: bool = False) -> None:
        """Leave what has not begun to be written; a message half written is finished.

        is_lost: nobody wants to know its tag any more.
        """
        written = self._put - len(self._waiting)
        is_begun = bool(self._marks) and written > self._out_to
        keep = self._marks[0][0] - written if is_begun else 0
        del self._waiting[keep:]
        self._put = written + keep
        tag = self._marks[0][1] if keep and not is_lost else 0
        self._marks.clear()
        if keep:
            self._marks.append((self._put, tag))
