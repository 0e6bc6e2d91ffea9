"""What systemd wants to hear of a service of Type=notify: sd_notify(3), in a few lines.

Without NOTIFY_SOCKET in the environment nobody listens, and nothing is said.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Mapping


class Notifier:
    """READY=1 once clients can connect, WATCHDOG=1 while all is well, STOPPING=1 at the end.

    is_well: asked before each sign of life; systemd ends a service that gives none.
    """

    def __init__(self, is_well: Callable[[], bool], environment: Mapping[str, str] = os.environ):
        self._is_well = is_well
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._every_s = _watchdog_s(environment)
        self._timer: asyncio.TimerHandle | None = None

    def ready(self, status: str) -> None:
        """status: one line for `systemctl status`."""
        self._tell(f"READY=1\nSTATUS={status}\nMAINPID={os.getpid()}")
        if self._every_s:
            self._live()

    def stopping(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._tell("STOPPING=1")

    def _live(self) -> None:
        if self._is_well():
            self._tell("WATCHDOG=1")
        self._timer = asyncio.get_running_loop().call_later(self._every_s, self._live)

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        # an address that begins with @ is an abstract one
        address = self._address.replace("@", "\0", 1)
        with (
            contextlib.suppress(OSError),  # who does not listen any more need not be told
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker,
        ):
            speaker.setblocking(False)
            speaker.sendto(state.encode(), address)


def _watchdog_s(environment: Mapping[str, str]) -> float:
    """How often a sign of life is wanted, twice as often; 0: not at all, or of somebody else."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    try:
        return int(environment.get("WATCHDOG_USEC", "0")) / 2_000_000
    except ValueError:
        return 0.0
