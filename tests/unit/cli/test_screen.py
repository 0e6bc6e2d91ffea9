"""Frames on a terminal: a real curses on a pseudo terminal would draw the same."""

from __future__ import annotations

import curses
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from broker.cli import screen
from broker.cli.frames import Row, View
from tests.unit.cli.test_frames import frame, queue

HEIGHT, WIDTH = 12, 90
ROOT = Path(__file__).parents[3]


class Window:
    """keys: what somebody presses between two frames."""

    def __init__(self, keys: list[int], size: tuple[int, int] = (HEIGHT, WIDTH)):
        self.keys = keys
        self.size = size
        self.lines: dict[int, str] = {}
        self.pages: list[list[str]] = []

    def nodelay(self, flag: bool) -> None:
        assert flag

    def getmaxyx(self) -> tuple[int, int]:
        return self.size

    def getch(self) -> int:
        return self.keys.pop(0) if self.keys else curses.ERR

    def erase(self) -> None:
        self.lines = {}

    def addnstr(self, at: int, column: int, text: str, count: int, style: int) -> None:
        if at >= self.size[0]:
            raise curses.error("out of the window")
        self.lines[at] = text[:count]

    def refresh(self) -> None:
        self.pages.append([self.lines[at] for at in sorted(self.lines)])


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is always a frame to be read."""

    def refuse(_: int) -> int:
        raise curses.error("no cursor")

    monkeypatch.setattr(curses, "curs_set", refuse)
    monkeypatch.setattr(screen.select, "select", lambda read, *_: (read[1:], [], []))


def shown(keys: list[int], frames: Iterator[Row] | None = None, **how: Any) -> Window:
    window = Window(keys, **how)
    view = View()
    view.settle()
    rows = [queue(f"q{number}", ready=number, publish_rate=9.0 - number) for number in range(9)]
    given = frames or iter([frame(*rows), frame(*rows), frame(*rows)])
    screen.Screen(window, given, 0, view).run()
    return window


def test_it_is_drawn_until_somebody_quits() -> None:
    window = shown([ord("q")])
    waiting, page = window.pages
    assert waiting[0] == "…"
    assert page[0].startswith("rabbit@here  3.13.7")
    assert page[3].startswith("QUEUE (by rate)")
    assert [line.split()[0] for line in page[4:-1]] == [f"q{number}" for number in range(6)]
    assert page[-1].startswith("q quit")
    assert all(len(line) < WIDTH for line in page)


def test_it_ends_with_the_frames() -> None:
    assert len(shown([]).pages) == 4


def test_keys_choose_what_is_looked_at() -> None:
    assert shown([ord("s"), -1]).pages[-1][3].startswith("QUEUE (by length)")
    assert shown([screen.TAB, -1]).pages[-1][3].startswith("CONNECTION (by traffic)")
    assert shown([curses.KEY_DOWN, curses.KEY_DOWN, curses.KEY_UP, -1]).pages[-1][4][:2] == "q1"
    assert shown([curses.KEY_NPAGE, -1]).pages[-1][4][:2] == "q6"
    assert shown([curses.KEY_NPAGE, curses.KEY_PPAGE, -1]).pages[-1][4][:2] == "q0"


def test_a_pause_keeps_the_frame() -> None:
    frames = iter([frame(queue("first")), frame(queue("second")), frame(queue("third"))])
    page = shown([ord("p"), -1], frames).pages[-1]
    assert page[-1].endswith("(paused)")
    assert page[4].startswith("second")  # the key came after it


def test_a_small_window_is_no_trouble() -> None:
    assert shown([ord("q")], size=(2, 10)).pages


SHOWING = """
import os
from broker.cli.frames import View
from broker.cli.screen import show
from tests.unit.cli.test_frames import frame, queue
view = View()
view.settle()
show(iter([frame(queue("visible"))]), os.open("/dev/null", os.O_RDONLY), view)
"""


def test_a_real_terminal_shows_it() -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SHOWING],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm", "PYTHONPATH": str(ROOT)},
    )
    os.close(theirs)
    found = b""
    with suppress(OSError):  # it has ended
        while chunk := os.read(ours, 65536):
            found += chunk
    os.close(ours)
    assert process.wait() == 0, found
    assert b"visible" in found
