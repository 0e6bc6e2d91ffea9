"""A real broker process for tests: started by its public command, found by its ready file."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

FREE_PORTS = ("--port", "0", "--management-port", "0", "--prometheus-port", "0")


class BrokerProcess:
    """`python -m broker` on free ports, in a data directory of its own.

    After `start()`: `port` (AMQP on 127.0.0.1), `pid`, `ports`, `data_dir`, `log` (its output).
    As a context manager it starts on entry and is terminated on exit.
    """

    START_TIMEOUT_S = 20.0

    def __init__(self, *flags: str, data_dir: Path | None = None, python: str = sys.executable):
        self._flags = flags
        self._python = python
        self._scratch = contextlib.ExitStack()
        root = Path(self._scratch.enter_context(tempfile.TemporaryDirectory(prefix="leveret-")))
        self.data_dir = data_dir or root / "data"
        self._ready_file = root / "ready.json"
        self.log = root / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.pid = 0
        self.ports: dict[str, int | None] = {}

    def start(self) -> BrokerProcess:
        self.launch()
        self.wait_ready()
        return self

    def launch(self) -> None:
        """Start the process, and do not wait until it is ready."""
        self._ready_file.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                pass_fds=self.inherits(),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=Path(__file__).parents[2],
                env={**self.environment(), "PYTHONWARNINGS": "default"},
            )

    def command(self) -> list[str]:
        command = [self._python, "-m", "broker", *FREE_PORTS, "--bind", "127.0.0.1"]
        command += ["--data-dir", str(self.data_dir), "--ready-file", str(self._ready_file)]
        return [*command, *self._flags]

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def inherits(self) -> list[int]:
        """File descriptors that it gets."""
        return []

    def wait_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + self.START_TIMEOUT_S
        while not self._ready_file.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the broker did not start:\n{self.log.read_text()}")
            time.sleep(0.01)
        ready = json.loads(self._ready_file.read_text())
        self.ports = ready["ports"]
        self.pid = ready["pid"]
        self.port = ready["ports"]["amqp"]

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end. Returns: the exit code."""
        assert self._process is not None
        self.signal(signal_number)
        return self.wait()

    def wait(self) -> int:
        """For the end of a process that was told to stop. Returns: the exit code."""
        assert self._process is not None
        return self._process.wait(20)

    def signal(self, signal_number: int) -> None:
        """Send a signal, if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal_number)

    def __enter__(self) -> BrokerProcess:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._process is not None:
                self.stop()
        finally:
            if self.is_running:  # it did not take the signal: that is a failure, not a leftover
                self.stop(signal.SIGKILL)
            self._scratch.close()
