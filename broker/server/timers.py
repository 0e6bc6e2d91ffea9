"""The event loop as a node's clock: turns as soon as everything readable is absorbed, ticks."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from broker.node import Node

log = logging.getLogger("broker.server")

TICK_S = 0.5


def monotonic_ms() -> int:
    """The clock of the node: milliseconds that never go back."""
    return time.monotonic_ns() // 1_000_000


class LoopClock:
    """Seam `Clock`, on an asyncio or uvloop loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = loop
        self._node: Node | None = None
        self._ticker: asyncio.TimerHandle | None = None

    def start(self, node: Node) -> None:
        self._node = node
        node.now_ms = monotonic_ms()
        self._ticker = self._loop.call_later(TICK_S, self._tick)

    def stop(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None

    def request_turn(self) -> None:
        """Seam `Clock`. call_soon runs after the sockets of this poll have been read."""
        self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        assert self._node is not None
        try:
            self._node.turn(monotonic_ms())
        except Exception:
            self._node.bug_count += 1
            log.exception("bug: a turn did not end as it should")

    def _tick(self) -> None:
        assert self._node is not None
        self._ticker = self._loop.call_later(TICK_S, self._tick)
        self._node.tick(monotonic_ms())
