"""Frames on a terminal, until somebody has seen enough: `leveretctl top`.

q: end; s: another order; Tab: queues or connections; arrows and pages: other rows; p: pause.
"""

from __future__ import annotations

import curses
import select
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from broker.cli.frames import Row, View, body, head

HELP = "q quit  s sort  Tab queues/connections  ↑↓ PgUp PgDn rows  p pause"
TAB, ESCAPE = 9, 27
HEAD_LINES = 5  # above the rows: three facts, an empty one, titles
LOOK_S = 0.5  # how often it is looked whether the window has another size


class Screen:
    """frames: blocks until there is one; fd: readable when there is."""

    def __init__(self, window: Any, frames: Iterator[Row], fd: int, view: View):
        self._window = window
        self._frames = frames
        self._fd = fd
        self._view = view
        self._frame: Row | None = None
        self._is_paused = False

    def run(self) -> None:
        """Until the frames end, or somebody says so. Raises: ToolError."""
        self._window.nodelay(True)
        with suppress(curses.error):  # one that always has a cursor
            curses.curs_set(0)
        self._draw()
        self._frame = next(self._frames, None)
        while self._frame is not None:
            self._draw()
            ready, _, _ = select.select([sys.stdin, self._fd], [], [], LOOK_S)
            if self._fd in ready:
                frame = next(self._frames, None)
                if frame is None:
                    return
                if not self._is_paused:
                    self._frame = frame
            if not self._take_keys():
                return

    def _take_keys(self) -> bool:
        """Whether to go on."""
        while (key := self._window.getch()) != curses.ERR:
            if key in (ord("q"), ord("Q"), ESCAPE):
                return False
            self._on_key(key)
        return True

    def _on_key(self, key: int) -> None:
        view = self._view
        height, _ = self._window.getmaxyx()
        page = max(1, height - HEAD_LINES - 1)
        steps = {curses.KEY_DOWN: 1, curses.KEY_UP: -1, curses.KEY_NPAGE: page}
        steps[curses.KEY_PPAGE] = -page
        if key in steps:
            view.first = max(0, view.first + steps[key])
        elif key == ord("s"):
            view.next_order()
        elif key == TAB:
            view.next_table()
        elif key == ord("p"):
            self._is_paused = not self._is_paused

    def _draw(self) -> None:
        window = self._window
        height, width = window.getmaxyx()
        window.erase()
        if self._frame is None:
            self._put(0, "…", curses.A_NORMAL, width)
        else:
            for at, line in enumerate(head(self._frame)):
                self._put(at, line, curses.A_NORMAL, width)
            count = max(0, height - HEAD_LINES - 1)
            lines = body(self._frame, self._view, width=width - 1, count=count)
            for at, line in enumerate(lines, HEAD_LINES - 1):
                style = curses.A_REVERSE if at == HEAD_LINES - 1 else curses.A_NORMAL
                self._put(at, line, style, width)
        footer = f"{HELP}  (paused)" if self._is_paused else HELP
        self._put(height - 1, footer, curses.A_DIM, width)
        window.refresh()

    def _put(self, at: int, text: str, style: int, width: int) -> None:
        with suppress(curses.error):  # the window has become smaller meanwhile
            self._window.addnstr(at, 0, text, max(0, width - 1), style)


def show(frames: Iterator[Row], fd: int, view: View) -> None:
    """Raises: ToolError, curses.error: it is no terminal that curses knows."""
    import locale

    locale.setlocale(locale.LC_ALL, "")  # else letters beyond ASCII are octets
    curses.wrapper(lambda window: Screen(window, frames, fd, view).run())
