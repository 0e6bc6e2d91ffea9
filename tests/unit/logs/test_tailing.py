"""The end of a log file, and what comes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.logs import tailing
from broker.logs.tailing import BLOCK, Follower, last_lines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "log"
    made.write_text("one\ntwo\nthree\n")
    return made


@pytest.fixture
def follower(path: Path) -> Iterator[Follower]:
    made = Follower(str(path))
    yield made
    made.close()


def add(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.mark.parametrize(
    ("count", "lines"),
    [(0, []), (1, ["three"]), (2, ["two", "three"]), (9, ["one", "two", "three"])],
)
def test_the_last_lines(path: Path, count: int, lines: list[str]) -> None:
    assert last_lines(str(path), count) == lines


def test_a_file_without_a_line_and_a_line_without_an_end(path: Path) -> None:
    path.write_text("")
    assert last_lines(str(path), 5) == []
    path.write_text("a\n\nb")
    assert last_lines(str(path), 2) == ["", "b"]


def test_a_large_file_is_read_from_its_end_only(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"{number:>999}" for number in range(1000)]
    path.write_text("".join(f"{line}\n" for line in lines))
    read = [0]
    pread = os.pread

    def counting(fd: int, length: int, offset: int) -> bytes:
        read[0] += length
        return pread(fd, length, offset)

    monkeypatch.setattr(os, "pread", counting)
    assert last_lines(str(path), 70) == lines[-70:]
    assert read[0] == 2 * BLOCK
    monkeypatch.setattr(tailing, "READ_MAX", 1500)
    assert last_lines(str(path), 70) == [lines[-2][-499:], lines[-1]]


def test_no_file_no_lines(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        last_lines(str(tmp_path / "none"), 1)
    with pytest.raises(FileNotFoundError):
        Follower(str(tmp_path / "none"))


def test_what_comes_is_followed_line_by_line(path: Path, follower: Follower) -> None:
    assert follower.read() == []
    add(path, "four\nfi")
    assert follower.read() == ["four"]
    add(path, "ve\nsix\n")
    assert follower.read() == ["five", "six"]
    assert follower.read() == []


def test_it_is_followed_into_the_next_file(path: Path, follower: Follower) -> None:
    add(path, "four\n")
    path.rename(path.with_name("log.0"))
    add(path.with_name("log.0"), "five\n")
    assert follower.read() == ["four", "five"]
    assert follower.read() == []  # there is no other file yet
    path.write_text("six\n")
    assert follower.read() == ["six"]


def test_a_file_that_is_cut_is_read_from_its_beginning(path: Path, follower: Follower) -> None:
    path.write_text("new\n")
    assert follower.read() == ["new"]


def test_a_long_line_is_one_and_an_endless_one_is_none(
    path: Path, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(path, "x" * BLOCK + "\n")
    assert follower.read() == []
    assert follower.read() == ["x" * BLOCK]
    monkeypatch.setattr(tailing, "READ_MAX", 10)
    add(path, "y" * 11)
    assert follower.read() == []
    add(path, "\nfour\n")
    assert follower.read() == ["", "four"]


def test_a_closed_one_reads_nothing(path: Path, follower: Follower) -> None:
    add(path, "four\n")
    follower.close()
    assert follower.read() == []
