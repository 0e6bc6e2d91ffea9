"""Long work of the HTTP API goes in single file, a slice in each turn of the event loop.

However many lists are being put together for however many clients, between two of the node's turns
there is one slice of `SLICE_S`: that is what a delivery may have to wait for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import perf_counter

SLICE_S = 0.0005


class Lane:
    """One for all requests of a node."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_moving = False

    async def turn(self) -> None:
        """Wait for a slice of one's own. What is done until the next `await` is in it."""
        loop = asyncio.get_running_loop()
        place: asyncio.Future[None] = loop.create_future()
        self._waiting.append(place)
        if not self._is_moving:
            self._is_moving = True
            loop.call_soon(self._move)
        await place

    def _move(self) -> None:
        """Let the first in line go on, and look again in the next turn of the loop."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():  # else its request was given up
                place.set_result(None)
                break
        self._is_moving = bool(self._waiting)
        if self._is_moving:
            asyncio.get_running_loop().call_soon(self._move)


class Breath:
    """Somebody's work in slices: `take` after every bit of it."""

    __slots__ = ("_lane", "_until")

    def __init__(self, lane: Lane):
        self._lane = lane
        self._until = perf_counter() + SLICE_S

    @property
    def is_over(self) -> bool:
        """Whether the slice is, and `rest` is due. Cheaper to ask than to await."""
        return perf_counter() >= self._until

    async def rest(self) -> None:
        await self._lane.turn()
        self._until = perf_counter() + SLICE_S

    async def take(self) -> None:
        if perf_counter() >= self._until:
            await self._lane.turn()
            self._until = perf_counter() + SLICE_S
