"""`sub --exec`: a command for each message, its body on standard input; exit code 0 acknowledges.

Commands are sessions of their own, so that ^C at the terminal ends this program, not them: it waits
for those that run. A message whose command failed goes back to its queue a second later, not at
once: else a command that always fails would take a whole core.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import stat
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from broker.cli.messaging.clock import now_s
from broker.cli.messaging.exits import EX_USAGE, Failure
from broker.cli.messaging.formats import Delivery, field
from broker.cli.messaging.options import descriptor
from broker.cli.messaging.properties import DOMAINS

FAILED_PAUSE_S = 1.0
KILL_AFTER_S = 5.0
CHECK_S = 0.5  # in case no signal tells that a command ended
VALUE_MAX = 65536  # octets of a variable; the system takes no more than 131072
NOT_RUN = (126, 127)  # what the shell says of a command that it cannot run


@dataclass(slots=True)
class Running:
    """One command. kill_at_s: when its time is over; None: never."""

    process: subprocess.Popen[bytes]
    tag: int
    kill_at_s: float | None
    is_told: bool = False  # SIGTERM was sent


class Commands:
    """Those that run. settle: called with the tag and whether the command succeeded."""

    def __init__(
        self,
        command: str,
        stdout: IO[Any],
        settle: Callable[[int, bool], None],
        timeout_s: float | None = None,
    ):
        self._command = command
        self._stdout = descriptor(stdout)
        if self._stdout is not None:
            _append(self._stdout)
        self._settle = settle
        self._timeout_s = timeout_s
        self._running: list[Running] = []
        self._failed: list[tuple[float, int]] = []  # when to say so, and of which delivery
        self.failed = 0
        self.succeeded = 0

    @property
    def active(self) -> int:
        """Commands that run, and failures that wait to be told."""
        return len(self._running) + len(self._failed)

    def start(self, delivery: Delivery, queue: str) -> None:
        """Raises: Failure if there can be no new process."""
        environment = os.environ | variables(delivery, queue)
        try:
            with tempfile.TemporaryFile() as body:  # unlike a pipe it holds nobody up
                body.write(delivery.body)
                body.seek(0)
                process = subprocess.Popen(
                    ["/bin/sh", "-c", self._command],
                    stdin=body,
                    stdout=self._stdout,
                    env=environment,
                    start_new_session=True,
                )
        except OSError as error:
            raise Failure(f"the command cannot be started: {error.strerror}", EX_USAGE) from None
        kill_at_s = None if self._timeout_s is None else now_s() + self._timeout_s
        self._running.append(Running(process, delivery.method.delivery_tag, kill_at_s))

    def look(self, *, at_once: bool = False) -> None:
        """Settle what has ended; end what takes too long. at_once: tell failures now.

        Raises: Failure when the shell cannot run the command at all.
        """
        now = now_s()
        for running in list(self._running):
            code = running.process.poll()
            if code is not None:
                self._running.remove(running)
                self._on_end(running, code, now)
            elif running.kill_at_s is not None and now >= running.kill_at_s:
                _signal(running, signal.SIGKILL if running.is_told else signal.SIGTERM)
                running.is_told = True
                running.kill_at_s = now + KILL_AFTER_S
        while self._failed and (at_once or self._failed[0][0] <= now):
            self._settle(self._failed.pop(0)[1], False)

    def _on_end(self, running: Running, code: int, now: float) -> None:
        if code in NOT_RUN and not running.is_told:
            raise Failure(f"the command cannot be run (exit code {code}): {self._command}", 64)
        if code == 0:
            self.succeeded += 1
            self._settle(running.tag, True)
        else:
            self.failed += 1
            self._failed.append((now + FAILED_PAUSE_S, running.tag))

    def wait_s(self) -> float | None:
        """When to look again; None: nothing is under way."""
        if not self.active:
            return None
        now = now_s()
        times = [due for due, _ in self._failed[:1]]
        times += [one.kill_at_s for one in self._running if one.kill_at_s is not None]
        return max(0.0, min([CHECK_S, *(due - now for due in times)]))

    def kill(self) -> None:
        """All that run, at once."""
        for running in self._running:
            _signal(running, signal.SIGKILL)
            running.process.wait()
        self._running.clear()


def _append(number: int) -> None:
    """Have commands append to a file. All write at one position, and a `cat` that has the kernel
    copy from file to file does not hold it: it writes over what another one has just written."""
    with contextlib.suppress(OSError):
        status = os.fstat(number)
        if stat.S_ISREG(status.st_mode) and os.lseek(number, 0, os.SEEK_CUR) == status.st_size:
            flags = fcntl.fcntl(number, fcntl.F_GETFL)
            fcntl.fcntl(number, fcntl.F_SETFL, flags | os.O_APPEND)


def _signal(running: Running, number: int) -> None:
    """To the command and all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(running.process.pid, number)


def variables(delivery: Delivery, queue: str) -> dict[str, str]:
    """What a command learns of its message: AMQP_ROUTING_KEY, AMQP_CONTENT_TYPE, …

    AMQP_HEADERS is JSON; AMQP_HEADER_X_RETRIES is the header x-retries. What no variable can hold
    is left out.
    """
    names = ("exchange", "routing_key", "redelivered", "delivery_tag", "headers", *DOMAINS)
    values = {f"AMQP_{name.upper()}": field(delivery, name) for name in names}
    values["AMQP_QUEUE"] = queue.encode("utf-8", "surrogateescape")
    for name in delivery.properties.header_table:
        letters = "".join(one if one.isascii() and one.isalnum() else "_" for one in name)
        values.setdefault(f"AMQP_HEADER_{letters.upper()}", field(delivery, f"headers.{name}"))
    return {
        name: value.decode("utf-8", "surrogateescape")
        for name, value in values.items()
        if value and b"\0" not in value and len(name) + len(value) <= VALUE_MAX
    }
