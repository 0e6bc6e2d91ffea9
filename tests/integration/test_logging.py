"""The log of a real process: files, rotation, logrotate's way, a full disk."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.integration.support import serves, wait_until
from tests.integration.test_command import leveret
from tests.support.process import BrokerProcess

LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d \[[a-z]+\] <0\.\d+\.0> .*"
)  # as programs that read RabbitMQ's logs look for it


def settings(**given: object) -> list[str]:
    return [
        word
        for key, value in given.items()
        for word in ("--set", f"log.{key.replace('__', '.')}={value}")
    ]


def file_of(directory: Path) -> Path:
    (path,) = directory.glob("rabbit@*.log")
    return path


def test_a_log_in_files_is_rotated_by_size_and_no_line_is_lost(tmp_path: Path) -> None:
    flags = settings(dir=tmp_path, file__rotation__size=2000, file__rotation__count=100)
    with BrokerProcess(*flags, *settings(level="debug")) as broker:
        path = file_of(tmp_path)
        for _ in range(25):
            serves(broker.port)
        wait_until(lambda: sum(_closed(one) for one in tmp_path.iterdir()) >= 25, "all have gone")
        files = list(tmp_path.iterdir())
        lines = [line for one in files for line in one.read_text().splitlines()]
        assert len(files) > 2
        assert all(one.stat().st_size <= 2000 for one in files)
        assert all(LINE.fullmatch(line) for line in lines)
        assert sum("> opened, peer=" in line for line in lines) == 25
        assert path.stat().st_mode & 0o777 == 0o640
        assert broker.log.read_text() == ""  # nothing on the console


def _closed(path: Path) -> int:
    return path.read_text().count("> closed, peer=")


def test_a_log_that_is_renamed_goes_on_in_a_new_file(tmp_path: Path) -> None:
    """As logrotate does it, without a signal; and with copytruncate."""
    flags = settings(dir=tmp_path, file__formatter="json")
    with BrokerProcess(*flags) as broker:
        path = file_of(tmp_path)
        moved = path.rename(tmp_path / "moved")
        serves(broker.port)
        wait_until(lambda: path.exists() and "closed, " in path.read_text(), "lines go on")
        assert "opened, " not in moved.read_text()
        with path.open("r+") as file:
            file.truncate(0)
        serves(broker.port)
        wait_until(lambda: "closed, " in path.read_text(), "lines go on")
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert {line["domain"] for line in lines} == {"rabbitmq.connection"}
        assert lines[0]["msg"].startswith("opened, peer=127.0.0.1:")


def test_a_node_says_who_it_is_and_where_its_things_are(tmp_path: Path) -> None:
    with BrokerProcess(*settings(dir=tmp_path)):
        path = file_of(tmp_path)
        wait_until(lambda: " database dir " in path.read_text(), "its last line")
        rows = [line.split("> ", 1)[1] for line in path.read_text().splitlines()]
    assert f" log(s)         : {path}" in rows
    assert any(row.startswith(" database dir   : /") for row in rows)
    assert any(row.startswith(" Starting Leveret ") for row in rows)
    assert not any("cookie" in row for row in rows)  # there are those who read logs


def test_a_full_disk_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    with BrokerProcess(*settings(file="/dev/full")) as broker:
        for _ in range(5):
            serves(broker.port)
        complaint = "leveret: the log /dev/full cannot be written: No space left on device"
        assert broker.log.read_text() == f"{complaint}; lines wait for it\n"
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_cannot_be_written_is_one_line_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "d").touch()
    result = leveret("--port", "0", *settings(dir=tmp_path / "d"))
    assert result.returncode == 1
    wanted = rf"leveret: the log cannot be written: {tmp_path}/d/rabbit@.*\.log: Not a directory\n"
    assert re.fullmatch(wanted, result.stderr)
