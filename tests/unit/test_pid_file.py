"""The file with the number of the process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from broker.pid_file import PidFile

DEAD = 2**22 + 1  # above what Linux gives


def test_it_is_there_from_the_start_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    file = PidFile(path)
    file.write()
    assert path.read_text() == f"{os.getpid()}\n"
    file.remove()
    assert not path.exists()
    file.remove()


@pytest.mark.parametrize("before", [f"{DEAD}\n", "", "x", "{own}", "-1", "9" * 30, "0"])
def test_what_an_earlier_process_left_goes(tmp_path: Path, before: str) -> None:
    path = tmp_path / "pid"
    path.write_text(before.format(own=os.getpid()))
    file = PidFile(path)
    file.write()
    assert path.read_text() == f"{os.getpid()}\n"
    file.remove()
    assert not path.exists()


def test_that_of_one_who_still_lives_is_as_before(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    path.write_text(f"{os.getppid()}\n")
    file = PidFile(path)
    file.write()
    assert path.read_text() == f"{os.getpid()}\n"
    file.remove()
    assert path.read_text() == f"{os.getppid()}\n"


def test_what_somebody_else_wrote_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    file = PidFile(path)
    file.write()
    path.write_text("1\n")
    file.remove()
    assert path.read_text() == "1\n"


def test_where_none_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file or directory"):
        PidFile(tmp_path / "none" / "pid").write()
