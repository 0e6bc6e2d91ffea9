"""A broker process that is governed by lines on its standard input: policies, limits, permissions.

    python -m tests.fault.governed <data directory> <ready file> <setting=value> …

A line is JSON: `{"do": "SetPolicy", "with": {…}}` proposes that command, and the answer, the line
`true`, comes when it is durable. `{"do": "tell"}` is answered with all that can be set.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from broker import commands
from broker.boot import Broker
from broker.node import Node
from broker.ready_file import write_ready_file

START_S = 20.0


def said(node: Node) -> dict[str, object]:
    """All that can be set, by what it is and its name."""
    facts: dict[str, object] = {}
    for vhost in node.vhosts.values():
        for kind, policies in vhost.policies.by_kind.items():
            for policy in policies.values():
                facts[f"{kind} {policy.name}"] = policy.definition
        for (component, name), value in vhost.parameters.items():
            facts[f"{component} {name}"] = value
    for name, value in node.global_parameters.items():
        facts[f"global {name}"] = value
    for user in node.users.values():
        for (_, exchange), allowed in user.topic_permissions.items():
            facts[f"topic {exchange}"] = [allowed.write, allowed.read]
        if user.limits:
            facts[f"limits {user.name}"] = dict(user.limits)
    return facts


def obey(node: Node, line: bytes) -> None:
    order = json.loads(line)
    if order["do"] == "tell":
        answer(said(node))
        return
    command = getattr(commands, order["do"])(**order["with"])
    node.execute(command, lambda result: answer(not isinstance(result, Exception)))


def answer(value: object) -> None:
    os.write(1, json.dumps(value).encode() + b"\n")


async def serve(data_dir: str, ready_file: Path, settings: dict[str, str]) -> None:
    broker = Broker({"data_dir": data_dir, **settings})
    await broker.start()
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    rest = b""

    def on_order() -> None:
        nonlocal rest
        data = os.read(0, 65536)
        if not data:
            loop.remove_reader(0)
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            if broker.node is not None:
                obey(broker.node, line)
                broker.node.request_turn()

    loop.add_reader(0, on_order)
    write_ready_file(ready_file, broker)
    await stopping.wait()
    loop.remove_reader(0)
    await broker.stop()


class GovernedBroker:
    """The process, as a test sees it. After `start`: `port`."""

    def __init__(self, data_dir: Path, *settings: str):
        self.data_dir = data_dir
        self.port = 0
        self._settings = settings
        self._scratch = tempfile.TemporaryDirectory(prefix="leveret-")
        self.log = Path(self._scratch.name) / "log"
        self._ready_file = Path(self._scratch.name) / "ready.json"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._ready_file.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.fault.governed"),
                    *(str(self.data_dir), str(self._ready_file), *self._settings),
                ],
                cwd=Path(__file__).parents[2],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
            )
        deadline = time.monotonic() + START_S
        while not self._ready_file.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"it did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.01)
        self.port = json.loads(self._ready_file.read_text())["ports"]["amqp"]

    def order(self, do: str, **fields: Any) -> object:
        """Raises: BrokenPipeError when it is gone before it has answered."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, "with": fields}).encode() + b"\n")
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise BrokenPipeError
        return json.loads(line)

    def stop(self, signal_number: int) -> int:
        """Returns: the exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal_number)
        return self._process.wait(START_S)

    def forget_pipes(self) -> None:
        """Once nobody is in `order` any more."""
        assert self._process is not None
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> GovernedBroker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self.stop(signal.SIGKILL)
            self.forget_pipes()
        self._scratch.cleanup()


if __name__ == "__main__":
    asyncio.run(
        serve(
            sys.argv[1],
            Path(sys.argv[2]),
            dict[str, str](setting.split("=", 1) for setting in sys.argv[3:]),
        )
    )
