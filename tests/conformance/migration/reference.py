"""RabbitMQ of this machine (Debian's package), in a directory and on ports of its own."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

TOOLS = Path("/usr/lib/rabbitmq/bin")
IS_INSTALLED = (TOOLS / "rabbitmq-server").exists()
CONFIG = """\
listeners.tcp.default = 127.0.0.1:{port}
management.tcp.ip = 127.0.0.1
management.tcp.port = {api_port}
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = {metrics_port}
vm_memory_high_watermark.absolute = 2GB
log.file.level = warning
"""
START_TIMEOUT_S = 90.0


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, all different; below those that the system gives to clients."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as tried:
            tried.bind(("127.0.0.1", port))
            if port not in found:
                found.append(port)
    return found


class Reference:
    """One node. `environment` makes RabbitMQ's tools talk to it; `config` is its rabbitmq.conf."""

    def __init__(self, root: Path):
        self._root = root
        self.port, self.api_port, metrics_port, distribution_port = free_ports(4)
        self.config = root / "rabbitmq.conf"
        ports = {"port": self.port, "api_port": self.api_port, "metrics_port": metrics_port}
        self.config.write_text(CONFIG.format(**ports))
        plugins = root / "enabled_plugins"
        plugins.write_text("[rabbitmq_management,rabbitmq_prometheus].\n")
        self.environment = {
            "HOME": str(root),
            "RABBITMQ_NODENAME": f"moving{os.getpid()}@localhost",
            "RABBITMQ_CONFIG_FILE": str(self.config),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_MNESIA_BASE": str(root / "mnesia"),
            "RABBITMQ_LOG_BASE": str(root / "log"),
            "RABBITMQ_DIST_PORT": str(distribution_port),
        }
        self._own = f"RABBITMQ_MNESIA_BASE={root / 'mnesia'}\0".encode()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._root / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [TOOLS / "rabbitmq-server"],
                env={**os.environ, **self.environment},
                cwd=self._root,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._is_listening():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._root / "output").read_text())
            time.sleep(0.1)

    def _is_listening(self) -> bool:
        for port in (self.port, self.api_port):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                return False
        return True

    def __enter__(self) -> Reference:
        try:
            self.start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        """Of all its processes, also those that its own script has started anew."""
        for number in self._pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        if self._process is not None:
            self._process.wait(10)

    def _pids(self) -> list[int]:
        """Those that have its directory in their environment, but epmd, which is everybody's."""
        found = []
        for directory in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                is_shared = directory.joinpath("comm").read_text().strip() == "epmd"
                if self._own in directory.joinpath("environ").read_bytes() and not is_shared:
                    found.append(int(directory.name))
        return found

    def run(self, tool: str, *arguments: str) -> str:
        """What one of its tools writes. Raises: CalledProcessError."""
        return subprocess.run(
            [TOOLS / tool, *arguments],
            env={**os.environ, **self.environment},
            cwd=self._root,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
