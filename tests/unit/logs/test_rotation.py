"""When a log file is put aside, and under which names."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from broker.log_settings import FILES_KEPT, Rotation, parse_date_spec
from broker.logs.rotation import NEVER_S, Plan, next_time, put_aside


@pytest.mark.parametrize(
    ("spec", "after", "wanted"),
    [
        ("$D0", "2022-01-01 12:00", "2022-01-02 00:00"),
        ("$D0", "2022-01-01 00:00", "2022-01-02 00:00"),
        ("$D23", "2022-01-01 22:59", "2022-01-01 23:00"),
        ("$D7H30", "2022-01-01 07:29", "2022-01-01 07:30"),
        ("$W0D23", "2022-01-01 12:00", "2022-01-02 23:00"),  # a Sunday
        ("$W5D16", "2022-01-01 12:00", "2022-01-07 16:00"),
        ("$W5D16", "2022-01-07 15:59", "2022-01-07 16:00"),
        ("$M1D0", "2022-01-01 12:00", "2022-02-01 00:00"),
        ("$M31D6", "2022-02-01 12:00", "2022-02-28 06:00"),
        ("$M31D6", "2022-02-28 06:00", "2022-03-31 06:00"),
        ("$ML", "2024-02-10 12:00", "2024-02-29 00:00"),
        ("$ML", "2021-12-31 00:00", "2022-01-31 00:00"),
        ("$H30", "2022-01-01 12:31", "2022-01-01 13:30"),
        ("$H30", "2022-01-01 23:31", "2022-01-02 00:30"),
        ("$H30", "2022-01-01 12:10", "2022-01-01 12:30"),
    ],
)
def test_the_next_time(spec: str, after: str, wanted: str) -> None:
    found = next_time(parse_date_spec(spec), datetime.fromisoformat(after).timestamp())
    assert datetime.fromtimestamp(found).isoformat(" ", "minutes") == wanted


def test_what_a_file_does_not_say_the_default_category_does() -> None:
    plan = Plan(Rotation())
    assert (plan.size_max, plan.count, plan.next_s(0.0)) == (0, FILES_KEPT, NEVER_S)
    fallback = Rotation(date="$D0", size=10, count=0)
    plan = Plan(Rotation(), fallback)
    assert (plan.size_max, plan.count) == (10, 0)
    assert 0 < plan.next_s(0.0) <= 24 * 3600
    plan = Plan(Rotation(size=5, count=2), fallback)
    assert (plan.size_max, plan.count) == (5, 2)


def names(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir()}


def test_files_move_on_and_the_last_one_goes(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for number in range(5):
        path.write_text(str(number))
        put_aside(str(path), 3)
    assert names(tmp_path) == {"log.0": "4", "log.1": "3", "log.2": "2"}


def test_with_one_there_is_one_and_with_none_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for number in range(2):
        path.write_text(str(number))
        put_aside(str(path), 1)
    assert names(tmp_path) == {"log.0": "1"}
    path.write_text("2")
    put_aside(str(path), 0)
    assert names(tmp_path) == {"log.0": "1"}


def test_a_gap_is_filled_and_what_is_behind_it_stays(tmp_path: Path) -> None:
    for name in ("log", "log.0", "log.2"):
        (tmp_path / name).write_text(name)
    put_aside(str(tmp_path / "log"), 10)
    assert names(tmp_path) == {"log.0": "log", "log.1": "log.0", "log.2": "log.2"}


def test_files_of_a_time_when_more_were_kept_go(tmp_path: Path) -> None:
    for name in ("log", "log.0", "log.1", "log.2", "log.3"):
        (tmp_path / name).write_text(name)
    put_aside(str(tmp_path / "log"), 2)
    assert names(tmp_path) == {"log.0": "log", "log.1": "log.0"}


def test_nothing_is_lost_when_a_file_cannot_take_a_name(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("new")
    (tmp_path / "log.0").mkdir()
    (tmp_path / "log.0" / "x").write_text("")
    (tmp_path / "log.1").mkdir()
    (tmp_path / "log.1" / "x").write_text("")
    with pytest.raises(OSError, match="log"):
        put_aside(str(tmp_path / "log"), 2)
    assert (tmp_path / "log").read_text() == "new"
