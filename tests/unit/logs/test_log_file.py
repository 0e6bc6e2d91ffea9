"""A log file: it is put aside, moved, removed, full, and no line is lost or split."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from broker.log_settings import Rotation
from broker.logs.log_file import ROTATE_AGAIN_S, TRY_AGAIN_S, WAITING_MAX, LogFile
from broker.logs.rotation import Plan

NOON_S = datetime(2022, 1, 1, 12).timestamp()


class Log:
    """A file, its clock, and what was complained of."""

    def __init__(self, path: Path):
        self.path = path
        self.now_s = NOON_S
        self.complaints: list[str] = []
        self.file: LogFile | None = None

    def opens(self, **rotation: Any) -> LogFile:
        self.file = LogFile(str(self.path), Plan(Rotation(**rotation)), self.complaints.append)
        self.file.setFormatter(_Bare())
        self.file.open()
        return self.file

    def says(self, text: str, *values: object) -> None:
        record = logging.LogRecord("broker.trial", logging.INFO, "", 0, text, values, None)
        record.created = self.now_s
        assert self.file is not None
        self.file.handle(record)

    def passes(self, seconds: float) -> None:
        self.now_s += seconds

    def lines(self, suffix: str = "") -> list[str]:
        return Path(f"{self.path}{suffix}").read_text().splitlines()

    def names(self) -> list[str]:
        return sorted(one.name for one in self.path.parent.iterdir())


class _Bare(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"{record.getMessage()}\n"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(tmp_path / "logs" / "node.log")
    yield made
    if made.file is not None:
        made.file.close()


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """A disk with that much room; None: enough."""
    room: list[int | None] = [None]
    write = os.write

    def limited(fd: int, data: bytes) -> int:
        left = room[0]
        if left is None:
            return write(fd, data)
        if not left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        room[0] = left - min(left, len(data))
        return write(fd, data[:left])

    monkeypatch.setattr(os, "write", limited)

    def fill(octets: int | None) -> None:
        room[0] = octets

    return fill


def test_lines_are_appended_and_others_may_not_read_them(log: Log) -> None:
    before = os.umask(0o022)
    try:
        log.opens()
    finally:
        os.umask(before)
    log.says("one")
    log.says("two, name=%s", "ü")
    assert log.lines() == ["one", "two, name=ü"]
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o640
    assert stat.S_IMODE(log.path.parent.stat().st_mode) == 0o750


def test_what_was_there_stays(log: Log) -> None:
    log.path.parent.mkdir()
    log.path.write_text("of yesterday\n")
    log.opens()
    log.says("of today")
    assert log.lines() == ["of yesterday", "of today"]


def test_a_file_is_put_aside_before_it_becomes_too_large(log: Log) -> None:
    log.opens(size=10, count=3)
    for number in range(9):
        log.says(f"{number}...")  # five octets
    assert [log.lines(suffix) for suffix in ("", ".0", ".1", ".2")] == [
        ["8..."],
        ["6...", "7..."],
        ["4...", "5..."],
        ["2...", "3..."],
    ]
    assert "node.log.3" not in log.names()


def test_a_line_that_is_too_large_by_itself_is_written_whole(log: Log) -> None:
    log.opens(size=10)
    log.says("a" * 20)
    log.says("b" * 20)
    assert (log.lines(), log.lines(".0")) == (["b" * 20], ["a" * 20])


def test_a_file_is_put_aside_by_the_clock(log: Log) -> None:
    log.opens(date="$D0")
    os.utime(log.path, (NOON_S, NOON_S))
    log.file.reopen()  # type: ignore[union-attr]
    log.says("noon")
    log.passes(12 * 3600 - 1)
    log.says("before midnight")
    log.passes(1)
    log.says("midnight")
    log.passes(3600)
    log.says("later")
    assert (log.lines(), log.lines(".0")) == (["midnight", "later"], ["noon", "before midnight"])


def test_what_is_of_yesterday_goes_aside_after_a_restart_too(log: Log) -> None:
    log.path.parent.mkdir()
    log.path.write_text("of yesterday\n")
    os.utime(log.path, (NOON_S - 86400, NOON_S - 86400))
    log.opens(date="$D0")
    log.says("of today")
    assert (log.lines(), log.lines(".0")) == (["of today"], ["of yesterday"])


def test_an_empty_file_is_not_put_aside(log: Log) -> None:
    log.opens(date="$D0")
    os.utime(log.path, (NOON_S - 86400, NOON_S - 86400))
    log.file.reopen()  # type: ignore[union-attr]
    log.says("one")
    log.says("two")
    assert log.lines() == ["one", "two"]
    assert log.names() == ["node.log"]


def test_it_is_put_aside_on_demand_if_there_is_something_in_it(log: Log) -> None:
    file = log.opens()
    file.rotate()
    assert log.names() == ["node.log"]
    log.says("one")
    file.rotate()
    log.says("two")
    assert (log.lines(), log.lines(".0")) == (["two"], ["one"])


def test_whoever_renames_it_finds_the_next_line_in_a_new_file(log: Log) -> None:
    """As logrotate does, and then sends a signal or runs rotate_logs, or neither."""
    file = log.opens()
    log.says("one")
    log.path.rename(log.path.with_name("node.log-2022"))
    log.says("two")
    assert (log.lines(), log.lines("-2022")) == (["two"], ["one"])
    log.path.rename(log.path.with_name("node.log-2023"))
    file.rotate()  # of an old logrotate's postrotate: nothing is put aside twice
    assert log.lines() == []
    log.says("three")
    assert (log.lines(), log.lines("-2023")) == (["three"], ["two"])
    assert log.names() == ["node.log", "node.log-2022", "node.log-2023"]


def test_whoever_cuts_it_finds_the_next_line_at_its_beginning(log: Log) -> None:
    log.opens(size=1000)
    log.says("one")
    os.truncate(log.path, 0)
    log.says("two")
    assert log.path.read_bytes() == b"two\n"


def test_a_directory_that_is_removed_is_made_again(log: Log) -> None:
    log.opens()
    log.says("one")
    shutil.rmtree(log.path.parent)
    log.says("two")
    assert log.lines() == ["two"]
    assert log.complaints == []


def test_lines_wait_while_the_directory_cannot_be_made(log: Log) -> None:
    log.opens()
    log.says("one")
    shutil.rmtree(log.path.parent)
    log.path.parent.write_text("in the way")
    log.says("two")
    log.passes(TRY_AGAIN_S)
    log.says("three")
    assert len(log.complaints) == 1
    assert f"the log {log.path} cannot be written: Not a directory" in log.complaints[0]
    log.path.parent.unlink()
    log.says("four")  # too early to try
    assert not log.path.exists()
    log.passes(TRY_AGAIN_S)
    log.says("five")
    assert log.lines() == ["two", "three", "four", "five"]


def test_on_a_full_disk_no_line_is_split_or_lost(
    log: Log, full: Callable[[int | None], None]
) -> None:
    log.opens()
    log.says("one")
    full(2)
    log.says("two")
    assert log.path.read_bytes() == b"one\n"
    log.passes(TRY_AGAIN_S)
    full(4)
    log.says("three")
    assert log.lines() == ["one", "two"]
    full(None)
    log.passes(TRY_AGAIN_S)
    log.says("four")
    assert log.lines() == ["one", "two", "three", "four"]
    assert log.complaints == [
        f"the log {log.path} cannot be written: No space left on device; lines wait for it"
    ]
    full(0)
    log.says("five")
    assert len(log.complaints) == 2  # another time


def test_what_waits_is_bounded_and_counted(log: Log, full: Callable[[int | None], None]) -> None:
    file = log.opens()
    full(0)
    text = "x" * 1023
    for _ in range(WAITING_MAX // 1024 + 5):
        log.says(text)
    assert file.lost == 5
    full(None)
    log.passes(TRY_AGAIN_S)
    log.says("now")
    *waited, now, told = log.lines()
    assert waited == [text] * (WAITING_MAX // 1024)
    assert (now, told) == ("now", "lines of the log are lost, count=5")
    assert file.lost == 0


def test_what_waited_makes_no_file_too_large(log: Log, full: Callable[[int | None], None]) -> None:
    log.opens(size=10)
    full(0)
    for number in range(5):
        log.says(f"{number}...")  # five octets
    full(None)
    log.passes(TRY_AGAIN_S)
    log.says("5...")
    assert [log.lines(suffix) for suffix in ("", ".0", ".1")] == [
        ["4...", "5..."],
        ["2...", "3..."],
        ["0...", "1..."],
    ]


def test_what_waits_is_tried_once_more_at_the_end(
    log: Log, full: Callable[[int | None], None]
) -> None:
    file = log.opens()
    full(0)
    log.says("one")
    full(None)
    file.close()
    assert log.lines() == ["one"]


def test_lines_go_on_into_a_file_that_cannot_be_put_aside(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.opens(size=4)
    log.says("one")

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "replace", refuse)
    log.says("two")
    log.says("three")
    assert log.lines() == ["one", "two", "three"]
    assert log.complaints == [f"the log {log.path} cannot be put aside: Operation not permitted"]
    monkeypatch.undo()
    log.passes(ROTATE_AGAIN_S)
    log.says("four")
    assert (log.lines(), log.lines(".0")) == (["four"], ["one", "two", "three"])


def test_the_first_error_is_the_callers(log: Log) -> None:
    log.path.parent.write_text("in the way")
    with pytest.raises(OSError, match=r"node\.log|logs"):
        log.opens()


def test_a_device_is_written_to_and_never_put_aside(log: Log) -> None:
    log.path = Path("/dev/null")
    file = log.opens(size=1)
    log.says("one")
    log.says("two")
    file.rotate()
    assert Path("/dev/null").is_char_device()


def test_a_device_that_is_full(log: Log) -> None:
    log.path = Path("/dev/full")
    log.opens()
    log.says("one")
    assert log.complaints == [
        "the log /dev/full cannot be written: No space left on device; lines wait for it"
    ]


def test_a_pipe_that_nobody_reads_holds_nobody(log: Log) -> None:
    log.path.parent.mkdir()
    os.mkfifo(log.path)
    with pytest.raises(OSError, match="No such device"):
        log.opens()
    log.file = None


def test_a_record_that_cannot_be_formatted_is_left_out(log: Log) -> None:
    file = log.opens()
    log.says("%d of %d", "one")
    log.says("two")
    assert (log.lines(), file.lost) == (["two"], 1)


def test_lines_of_many_threads_are_whole_over_many_rotations(log: Log) -> None:
    log.opens(size=500, count=10_000)

    def talk(name: int) -> None:
        for number in range(200):
            log.says("%s-%s %s", name, number, "x" * 20)

    threads = [threading.Thread(target=talk, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [
        line for name in log.names() for line in (log.path.parent / name).read_text().split("\n")
    ]
    heard = sorted(line for line in lines if line)
    assert heard == sorted(f"{name}-{n} {'x' * 20}" for name in range(4) for n in range(200))
