"""The broker under attack, with a canary beside it; and what is measured of it."""

from __future__ import annotations

import os
import signal
import subprocess
from types import TracebackType

from tests.fault.canary import Canary
from tests.integration.support import open_files, serves, wait_until
from tests.support.process import BrokerProcess

MB = 1024 * 1024


class Victim:
    """A broker process and a well-behaved client of it.

    LEVERET_TARGET=port attacks a broker that runs already instead, RabbitMQ say, to see what it
    answers; nothing is measured then.
    """

    def __init__(self, *flags: str):
        target = os.environ.get("LEVERET_TARGET")
        self._process = None if target else BrokerProcess(*flags)
        self.port = int(target or 0)
        self.http_port = 0
        self.pid = 0
        self._files = 0

    def __enter__(self) -> Victim:
        if self._process is not None:
            self._process.start()
            self.port, self.pid = self._process.port, self._process.pid
            self.http_port = self._process.ports["management"] or 0
        try:
            self.canary = Canary(self.port)
            serves(self.port)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self._files = self.count_files()
        self.forget_peak()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if hasattr(self, "canary"):
            self.canary.__exit__(None, None, None)
        if self._process is not None:
            try:
                self._process.stop()
            except subprocess.TimeoutExpired:  # it hangs: some test has failed and says so
                self._process.stop(signal.SIGKILL)
            self._process.__exit__(kind, error, traceback)

    # measures

    def _status(self, name: str) -> float:
        if not self.pid:
            return 0.0
        with open(f"/proc/{self.pid}/status") as status:
            for line in status:
                if line.startswith(f"{name}:"):
                    return int(line.split()[1]) / 1024
        raise AssertionError(f"no {name} for process {self.pid}")

    @property
    def rss_mb(self) -> float:
        return self._status("VmRSS")

    @property
    def peak_mb(self) -> float:
        """The most it has held since `forget_peak`."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        if self.pid:
            with open(f"/proc/{self.pid}/clear_refs", "w") as clear:
                clear.write("5")

    def count_files(self) -> int:
        """Without the segments of its log: one stays open when messages have been paged out."""
        if not self.pid:
            return 0
        return sum(not path.endswith(".seg") for _, path in open_files(self.pid))

    def log_text(self) -> str:
        return self._process.log.read_text(errors="replace") if self._process is not None else ""

    # verdicts

    def stands(self) -> None:
        """Assert that it serves, the canary sings, no bug was logged and no connection is kept."""
        if self._process is not None:
            assert self._process.is_running, self.log_text()[-2000:]
        serves(self.port)
        self.canary.sings()
        self.assert_clean_log()
        wait_until(
            lambda: self.count_files() <= self._files, "the attackers' sockets are closed", 60
        )

    def assert_clean_log(self) -> None:
        text = self.log_text()
        for word in ("bug:", "Traceback", "Warning:", "Exception"):
            at = text.find(word)
            assert at < 0, text[max(0, at - 500) : at + 2000]
