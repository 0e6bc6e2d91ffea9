"""The log as it is written, for those who watch it.

    a line ─ any thread → LiveLog.emit → the last lines
                                       → each watcher's own queue → whoever streams it

The last lines are kept as text, whether anybody watches or not: that costs 1 µs a line, of
which there is one when a connection opens and one when it closes. A watcher who does not take what
comes loses the oldest of it and is told how much. Nothing here waits, and nothing is remembered of
a record but text: not what its arguments refer to.

What stands in the log may be seen by whoever may watch: no password, token or body is ever in it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import NamedTuple

from broker.log_lines import on_one_line
from broker.logs.levels import LOGGER
from broker.management.lane import Lane
from broker.management.request import encoded
from broker.management.views.common import timestamp

LAST_MAX = 100  # lines that are kept for whoever comes
BEHIND_MAX = 1_000  # lines that a watcher may be behind
PIECE = 20  # lines that are put together in one go
TEXT_MAX = 16 * 1024  # characters of a line, its traceback included
KEEP_ALIVE_S = 15.0
KEEP_ALIVE = b": keep-alive\n\n"
LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}


class Line(NamedTuple):
    """What is kept of a record. number: logging's, of the level. created_s: since the epoch."""

    number: int
    level: str
    created_s: float
    name: str
    text: str

    def event(self) -> bytes:
        """As it is sent."""
        shown = {
            "time": timestamp(int(self.created_s * 1000)),
            "level": self.level.lower(),
            "category": self.name.removeprefix(f"{LOGGER}."),
            "message": self.text,
        }
        return b"data: " + encoded(shown) + b"\n\n"


class Watcher:
    """Somebody who watches: what he has yet to take."""

    def __init__(self, least: int):
        self.least = least  # the lowest level he wants
        self.lines: deque[Line] = deque()
        self.lost = 0
        self.arrived = asyncio.Event()

    def put(self, line: Line) -> None:
        if line.number < self.least:
            return
        if len(self.lines) >= BEHIND_MAX:
            self.lines.popleft()
            self.lost += 1
        self.lines.append(line)


class LiveLog(logging.Handler):
    """See the module. `open` and `close`, in the thread of the loop."""

    def __init__(self, lane: Lane | None = None) -> None:
        super().__init__()
        self._lane = lane or Lane()  # where watchers are served one by one
        self._last: deque[Line] = deque(maxlen=LAST_MAX)
        self._watchers: dict[Watcher, None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_due = False  # the watchers are about to be woken

    def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        logging.getLogger(LOGGER).addHandler(self)

    def close(self) -> None:
        """Nobody hears of anything any more; streams end."""
        logging.getLogger(LOGGER).removeHandler(self)
        self._loop = None
        for watcher in self._watchers:
            watcher.arrived.set()
        super().close()

    @property
    def watcher_count(self) -> int:
        return len(self._watchers)

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging, in any thread, under the handler's lock. Never raises."""
        try:
            text = _text_of(record)
        except Exception:  # a record whose arguments do not fit its sentence
            return
        line = Line(record.levelno, record.levelname, record.created, record.name, text)
        self._last.append(line)
        if not self._watchers:
            return
        for watcher in self._watchers:
            watcher.put(line)
        loop = self._loop
        if loop is not None and not self._is_due:
            self._is_due = True
            with suppress(RuntimeError):  # the loop has just been closed
                loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._is_due = False
        for watcher in self._watchers:
            watcher.arrived.set()

    @contextmanager
    def _hold(self) -> Iterator[None]:
        """Nothing is logged meanwhile: for a moment without an `await`."""
        self.acquire()
        try:
            yield
        finally:
            self.release()

    async def watch(self, least: int) -> AsyncGenerator[bytes, None]:
        """A stream of events: the last lines, then what comes. least: the lowest level."""
        watcher = Watcher(least)
        with self._hold():
            for line in self._last:
                watcher.put(line)
            self._watchers[watcher] = None
        try:
            yield KEEP_ALIVE  # a stream that has begun, whether there are lines or not
            while True:
                await self._lane.turn()
                with self._hold():
                    lines, watcher.lines = watcher.lines, deque()
                    lost, watcher.lost = watcher.lost, 0
                    watcher.arrived.clear()
                if lost:
                    yield _event_of_lost(lost)
                if lines:
                    for start in range(0, len(lines), PIECE):
                        yield b"".join(
                            [line.event() for line in islice(lines, start, start + PIECE)]
                        )
                if self._loop is None:
                    return
                if not lines and not await _arrives(watcher.arrived):
                    yield KEEP_ALIVE
        finally:
            with self._hold():
                del self._watchers[watcher]


async def _arrives(event: asyncio.Event) -> bool:
    """Returns: whether it did before it was time to say something."""
    try:
        async with asyncio.timeout(KEEP_ALIVE_S):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _text_of(record: logging.LogRecord) -> str:
    """The sentence, and the traceback below it."""
    text = on_one_line(record.getMessage())
    if record.exc_info:
        text += "\n" + _FORMATTER.formatException(record.exc_info)
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"


def _event_of_lost(count: int) -> bytes:
    shown = {
        "time": None,
        "level": "warning",
        "category": "livelog",
        "message": f"{count} lines came too fast and are left out",
        "lost": count,
    }
    return b"data: " + encoded(shown) + b"\n\n"


_FORMATTER = logging.Formatter()
