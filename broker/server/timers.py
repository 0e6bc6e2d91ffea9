"""The event loop as a node's clock: turns as soon as everything readable is absorbed, ticks."""

from __future__ import annotations

import asyncio
import time
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from broker.seams import Sleeper

if TYPE_CHECKING:
    from broker.node import Node

TICK_S = 0.5
DUE_SLACK = 64  # void entries that are not worth a clean-up


def monotonic_ms() -> int:
    """The clock of the node: milliseconds that never go back."""
    return time.monotonic_ns() // 1_000_000


class LoopClock:
    """Seam `Clock`, on an asyncio or uvloop loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = loop
        self._node: Node | None = None
        self._ticker: asyncio.TimerHandle | None = None
        self._due: list[tuple[int, int, Sleeper]] = []  # a heap by time, with some that are void
        self._asked: dict[Sleeper, int] = {}  # which entry of the heap is each one's
        self._count = 0  # of all that ever asked: breaks ties in the heap
        self._timer: asyncio.TimerHandle | None = None
        self._is_stopped = False

    def start(self, node: Node) -> None:
        self._node = node
        node.now_ms = self.now_ms()
        self._ticker = self._loop.call_later(TICK_S, self._tick)

    def stop(self) -> None:
        for timer in (self._ticker, self._timer):
            if timer is not None:
                timer.cancel()
        self._ticker = self._timer = None
        self._is_stopped = True
        self._due.clear()
        self._asked.clear()

    def request_turn(self) -> None:
        """Seam `Clock`. call_soon runs after the sockets of this poll have been read."""
        self._loop.call_soon(self._turn)

    now_ms = staticmethod(monotonic_ms)  # Seam `Clock`; a method would cost one more call

    def epoch_ms(self) -> int:
        """Seam `Clock`."""
        return time.time_ns() // 1_000_000

    def wake_at(self, when_ms: int, sleeper: Sleeper) -> None:
        """Seam `Clock`. One timer of the loop serves all; it is set to the earliest."""
        self._count += 1
        self._asked[sleeper] = self._count
        heappush(self._due, (when_ms, self._count, sleeper))
        self._clean_up()
        if self._timer is None or self._due[0][2] is sleeper:
            self._set_timer()

    def forget(self, sleeper: Sleeper) -> None:
        """Seam `Clock`."""
        if self._asked.pop(sleeper, None) is not None:
            self._clean_up()

    def _clean_up(self) -> None:
        """Take void entries out of the heap once they are the most of it."""
        if len(self._due) > 2 * len(self._asked) + DUE_SLACK:
            self._due = [entry for entry in self._due if self._asked.get(entry[2]) == entry[1]]
            heapify(self._due)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        delay_s = max(0, self._due[0][0] - self.now_ms()) / 1000
        self._timer = self._loop.call_later(delay_s, self._wake)

    def _wake(self) -> None:
        assert self._node is not None
        self._timer = None
        now_ms = self.now_ms()
        due = []  # first: who asks again, for a time that is over, is woken behind the next turn
        while self._due and self._due[0][0] <= now_ms:
            _, count, sleeper = heappop(self._due)
            if self._asked.get(sleeper) == count:  # else it has asked for another time since
                del self._asked[sleeper]
                due.append(sleeper)
        for sleeper in due:
            self._node.wake(sleeper)
        if self._due and self._timer is None:
            self._set_timer()

    def _turn(self) -> None:
        assert self._node is not None
        if self._is_stopped:
            return  # it was asked for before the end
        try:
            self._node.turn(self.now_ms())
        except Exception:
            self._node.on_bug("a turn did not end as it should")

    def _tick(self) -> None:
        assert self._node is not None
        self._ticker = self._loop.call_later(TICK_S, self._tick)
        self._node.tick(self.now_ms())
