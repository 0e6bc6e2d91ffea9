"""The brokers under load: Leveret, which we start, and any other that already runs."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from . import disk, process
from .peer import Peer

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 20
REPOSITORY = Path(__file__).resolve().parents[2]


class Target:
    """A broker that somebody else started."""

    owned = False

    def __init__(self, name: str, host: str, port: int, pid: int | None) -> None:
        """pid: of the broker's outermost process; None: its CPU and memory are not reported."""
        self.name = name
        self.address = (host, port)
        self.pid = pid

    def connect(self) -> Peer:
        return Peer(self.address)

    def refresh(self) -> None:
        """Start anew, if it is ours to start."""

    def stop(self) -> None:
        """Stop it, if we started it."""

    def cpu_s(self) -> float:
        return process.cpu_s(self.pid) if self.pid else float("nan")

    def rss_bytes(self) -> float:
        return process.rss_bytes(self.pid) if self.pid else float("nan")

    def rss_peak_bytes(self) -> float:
        """Since its start, so of one that we started only."""
        return float("nan")

    def disk_bytes(self) -> float:
        """Of its data directory, which of others we do not know."""
        return float("nan")


class OwnBroker(Target):
    """Leveret, in a process and a data directory of its own."""

    owned = True

    def __init__(self, name: str, arguments: Sequence[str] = ()) -> None:
        super().__init__(name, "127.0.0.1", 0, None)
        self._arguments = list(arguments)
        self._process: subprocess.Popen[bytes] | None = None
        self._directory: Path | None = None
        self.management_port = 0
        self.exit_code = 0  # when it ended last

    def refresh(self) -> None:
        self.stop()
        self._directory = _make_directory()
        self._launch(port=0)
        ready_file = self._directory / "ready.json"
        deadline = time.perf_counter() + START_TIMEOUT_S
        while not ready_file.exists():
            self._check_alive(deadline)
            time.sleep(0.005)
        ready = json.loads(ready_file.read_text())
        self.address = ("127.0.0.1", ready["ports"]["amqp"])
        self.management_port = ready["ports"]["management"] or 0
        if self.management_port:  # it is loaded while clients are served: not while one measures
            client = http.client.HTTPConnection("127.0.0.1", self.management_port, timeout=10)
            client.request("HEAD", "/api/overview")
            client.getresponse().close()
            client.close()

    def start_timed(self) -> tuple[float, float]:
        """Start on a known port. Returns: seconds to the first accept, to an open connection."""
        self.stop()
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.address = probe.getsockname()
        self._directory = _make_directory()
        return self.restart_timed()

    def restart_timed(self) -> tuple[float, float]:
        """Start one that has ended, with its data and on its port. Returns: as `start_timed`."""
        start = time.perf_counter()
        self._launch(self.address[1])
        deadline = start + START_TIMEOUT_S
        while True:
            try:
                socket.create_connection(self.address, timeout=1).close()
                break
            except OSError:
                self._check_alive(deadline)
                time.sleep(0.002)
        accepted_s = time.perf_counter() - start
        self.connect().close()
        return accepted_s, time.perf_counter() - start

    def kill(self) -> None:
        """End it as a crash would; its data stays."""
        assert self._process is not None
        self._process.kill()
        self.exit_code = self._process.wait()
        self._process = None

    def terminate(self) -> float:
        """End it politely, or else as above; its data stays. Returns: seconds it took."""
        assert self._process is not None
        start = time.perf_counter()
        self._process.terminate()
        try:
            self.exit_code = self._process.wait(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None
        return time.perf_counter() - start

    def stop(self) -> None:
        if self._process is not None:
            self.terminate()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def _launch(self, port: int) -> None:
        assert self._directory is not None
        command = [sys.executable, "-m", "broker", "--port", str(port), "--bind", "127.0.0.1"]
        command += ["--management-port", "0", "--prometheus-port", "0"]
        command += ["--data-dir", str(self._directory / "data")]
        command += ["--ready-file", str(self._directory / "ready.json"), *self._arguments]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=log)
        self.pid = self._process.pid

    def rss_peak_bytes(self) -> float:
        assert self.pid is not None
        return process.rss_peak_bytes(self.pid)

    def disk_bytes(self) -> float:
        assert self._directory is not None
        return disk.used_bytes(self._directory / "data")

    def _check_alive(self, deadline: float) -> None:
        assert self._process is not None
        assert self._directory is not None
        if self._process.poll() is not None:
            log = (self._directory / "log").read_text()
            raise RuntimeError(f"{self.name} ended with {self._process.returncode}:\n{log[-4000:]}")
        if time.perf_counter() > deadline:
            raise RuntimeError(f"{self.name} is not ready after {START_TIMEOUT_S} s")


def _make_directory() -> Path:
    return Path(tempfile.mkdtemp(prefix="leveret-bench-", dir=disk.directory()))
