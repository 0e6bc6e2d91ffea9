"""Real client programs as child processes, and the broker they talk to.

A `Program` is started, watched by its output and stopped; every wait has an end. What is waited for
is always a line the program prints or its exit, never a length of time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from tests.support.process import BrokerProcess

TIMEOUT_S = 20.0


@contextlib.contextmanager
def broker_port(*flags: str) -> Iterator[int]:
    """A broker of our own for the block; or the one at LEVERET_CONFORMANCE_PORT, if that is set.

    The variable is how a baseline is taken from RabbitMQ with the very same tests.
    """
    if port := os.environ.get("LEVERET_CONFORMANCE_PORT"):
        yield int(port)
        return
    with BrokerProcess(*flags) as broker:
        yield broker.port


def wait_until(
    true: Callable[[], object],
    otherwise: Callable[[], str] | str,
    timeout_s: float = TIMEOUT_S,
) -> None:
    """Poll until something is true. Raises: AssertionError with the text of `otherwise`."""
    deadline = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > deadline:
            text = otherwise if isinstance(otherwise, str) else otherwise()
            raise AssertionError(f"{text} (waited {timeout_s} s)")
        time.sleep(0.02)


class Program:
    """A child process whose lines (stdout and stderr together) can be waited for.

    As a context manager it is stopped on exit, however it was left, and its own children with it.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ):
        self.command = [str(part) for part in command]
        self._text = bytearray()
        self._process = subprocess.Popen(
            self.command,
            cwd=cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as pipe:
            while data := os.read(pipe.fileno(), 65536):
                self._text += data

    @property
    def text(self) -> str:
        return self._text.decode(errors="replace")

    @property
    def lines(self) -> list[str]:
        """The lines that are complete."""
        return [line.rstrip("\r") for line in self.text.split("\n")[:-1]]

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def describe(self) -> str:
        return f"{' '.join(self.command)} (exit code {self.exit_code}) printed:\n{self.text}"

    def waits_for(self, *lines: str, timeout_s: float = TIMEOUT_S) -> Program:
        """Wait until each of these lines was printed, in any order."""

        def all_there() -> bool:
            ended = self.exit_code is not None
            if ended:
                self._reader.join(5)
            there = set(lines) <= set(self.lines)
            assert there or not ended, f"{lines} expected; {self.describe()}"
            return there

        wait_until(all_there, lambda: f"{lines} expected; {self.describe()}", timeout_s)
        return self

    def ends(self, exit_code: int | None = 0, timeout_s: float = TIMEOUT_S) -> list[str]:
        """Wait for the end. exit_code: the one expected; None: any. Returns: the lines."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        self._reader.join(5)
        assert self.exit_code is not None, f"still running: {self.describe()}"
        assert exit_code in (None, self.exit_code), self.describe()
        return self.lines

    def kill(self) -> None:
        """As by kill -9: the program gets no say."""
        self._process.kill()
        self._process.wait(10)

    def interrupt(self) -> None:
        """As by Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.exit_code is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            with contextlib.suppress(ProcessLookupError):  # its group: it was given its own session
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
        self._reader.join(5)
