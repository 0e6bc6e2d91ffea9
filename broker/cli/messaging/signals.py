"""SIGINT and SIGTERM ask a command to end; it does when what is under way is done.

A second one ends it at once. A pipe wakes whoever polls, so nobody waits out a timeout. SIGCHLD
wakes, too, for those who wait for a command that they started.
"""

from __future__ import annotations

import contextlib
import os
import signal
from types import FrameType, TracebackType
from typing import Any

ASKING = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """`with Stopping() as stopping:`; signals are as before afterwards.

    wake_fd: becomes readable with every signal; `clear` empties it. Outside of the main thread
    no signal arrives, and `ask` is the only way.
    """

    def __init__(self) -> None:
        self.is_asked = False
        self.wake_fd, self._write_fd = os.pipe()
        self._previous: dict[int, Any] = {}
        self._previous_fd = -1

    def __enter__(self) -> Stopping:
        for fd in (self.wake_fd, self._write_fd):
            os.set_blocking(fd, False)
        with contextlib.suppress(ValueError):  # not in the main thread
            self._previous_fd = signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
            for number in ASKING:
                self._previous[number] = signal.signal(number, self._on_signal)
            self._previous[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _on_child)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._previous:
            signal.set_wakeup_fd(self._previous_fd)
            for number, handler in self._previous.items():
                signal.signal(number, handler)
        os.close(self.wake_fd)
        os.close(self._write_fd)

    def ask(self) -> None:
        """As if a signal had come."""
        self.is_asked = True
        with contextlib.suppress(BlockingIOError):
            os.write(self._write_fd, b"\0")

    def clear(self) -> None:
        """Forget what woke; whether to end is not forgotten."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.wake_fd, 4096):
                pass

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.is_asked:
            raise KeyboardInterrupt
        self.is_asked = True


def _on_child(number: int, frame: FrameType | None) -> None:
    """The wake-up is all that is wanted."""
