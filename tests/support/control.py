"""A node's process without the process: its runtime in a thread, and the tools that ask it."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, TypeVar

from broker.boot import EMBEDDED
from broker.cli.link import Link, place_in
from broker.cli.main import main
from broker.config import Config, override
from broker.control_socket import ENTRY
from broker.log_output import LogOutput
from broker.node import Node
from broker.runtime import Runtime

WAIT_S = 20.0
T = TypeVar("T")


class Said(NamedTuple):
    """What a tool returned and wrote."""

    code: int
    out: str
    err: str


class ControlledNode:
    """A node with a data directory and a control socket of its own, below `root`.

    `tool("list_users")` runs one of the tools in this process. `runtime` lives in another thread:
    `call(function)` runs a function on its node there.
    """

    def __init__(self, root: Path, settings: dict[str, object] | None = None):
        self.root = root
        self.data_dir = root / "data"
        self.environment = {"HOME": str(root), "LEVERET_RUN_DIR": str(root / "run")}
        self.is_halted = False
        config = Config()
        given = {"node_name": "rabbit@here", "data_dir": str(self.data_dir), **(settings or {})}
        for key, value in (EMBEDDED | given).items():
            config = override(config, key, value)
        self.config = config
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="controlled")
        self._ready = threading.Event()
        self.runtime: Runtime
        self._running: Future[None]

    def __enter__(self) -> ControlledNode:
        self.root.joinpath("run").mkdir(mode=0o700, parents=True, exist_ok=True)
        self._thread.start()
        try:
            self._running = asyncio.run_coroutine_threadsafe(self._run(), self._loop)
            self._running.add_done_callback(lambda _: self._ready.set())
            assert self._ready.wait(WAIT_S)
            if self._running.done():
                self._running.result()
        except BaseException:
            self._end_thread()
            raise
        return self

    async def _run(self) -> None:
        log_output = LogOutput(self.config.log, "rabbit@here", directory=self.root / "logs")
        self.runtime = Runtime(
            self.config,
            log_output=log_output,
            ready_file=self.root / "ready.json",
            pid_file=self.root / "pid",
            when_ready=self._ready.set,
            environment=self.environment,
        )
        await self.runtime.run(owns_process=False)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._loop.call_soon_threadsafe(self.runtime.halt)
            self._running.result(WAIT_S)
        finally:
            self._end_thread()

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def call(self, function: Callable[[Node], T]) -> T:
        """What it makes of the node, in the node's thread."""

        async def run() -> T:
            node = self.runtime.node
            assert node is not None
            found = function(node)
            node.request_turn()
            return found

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(WAIT_S)

    def wait_for_the_end(self) -> None:
        """Of the runtime, which somebody has halted."""
        self._running.result(WAIT_S)

    @property
    def port(self) -> int:
        broker = self.runtime.broker
        assert broker is not None
        return broker.port

    def tool(
        self,
        *argv: str,
        tool: str = "rabbitmqctl",
        stdin: str = "",
        environment: dict[str, str] | None = None,
    ) -> Said:
        """Run one. It finds the node by its data directory, unless `-n` is given."""
        out, err = io.StringIO(), io.StringIO()
        code = main(
            list(argv),
            tool=tool,
            stdin=io.StringIO(stdin),
            stdout=out,
            stderr=err,
            environ={
                **self.environment,
                "LEVERET_DATA_DIR": str(self.data_dir),
                **(environment or {}),
            },
        )
        return Said(code, out.getvalue(), err.getvalue())

    def ask(self, what: str, **given: object) -> object:
        """What an action answers; of one with rows: all of them."""
        place = place_in(self.data_dir / ENTRY)
        assert place is not None
        link = Link(place, None, self.environment)
        try:
            rows = list(link.rows(what, None, **given))
            return rows or link.answer
        finally:
            link.close()

    def lines(self, *argv: str, tool: str = "rabbitmqctl") -> list[str]:
        """What a tool that has to succeed writes, without banner and header."""
        said = self.tool("-s", *argv, tool=tool)
        assert (said.code, said.err) == (0, ""), said
        return said.out.splitlines()
