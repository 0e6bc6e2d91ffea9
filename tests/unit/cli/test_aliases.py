"""The names that scripts written for RabbitMQ call."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from broker.cli import aliases
from broker.cli.errors import FailedError

NAMES = ["rabbitmq-diagnostics", "rabbitmq-plugins", "rabbitmq-queues", "rabbitmq-server"]
ROOT = Path(__file__).parents[3]


def test_they_are_made_and_made_again(tmp_path: Path) -> None:
    place = tmp_path / "bin"
    for _ in range(2):
        paths = aliases.install(place, is_forced=False)
    assert {path.name for path in paths} >= {*NAMES, "rabbitmqctl"}
    assert sorted(paths) == sorted(place.iterdir())
    assert all(os.access(path, os.X_OK) for path in paths)


def test_they_know_as_what_they_were_called(tmp_path: Path) -> None:
    aliases.install(tmp_path, is_forced=False)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = subprocess.run(
        [tmp_path / "rabbitmq-queues", "version"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 64
    assert "rabbitmq-queues [--node <node>]" in said.stderr


@pytest.mark.parametrize(("name", "option"), [("rabbitmqctl", "version"), (NAMES[3], "--version")])
def test_what_lies_in_the_directory_of_the_caller_is_not_run(
    tmp_path: Path, name: str, option: str
) -> None:
    aliases.install(tmp_path / "bin", is_forced=False)
    place = tmp_path / "somewhere"
    (place / "broker").mkdir(parents=True)
    for strange in (place / "broker" / "__init__.py", place / "argparse.py", place / "socket.py"):
        strange.write_text("raise SystemExit(99)")
    said = subprocess.run(
        [tmp_path / "bin" / name, option],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert said.returncode == 0


def test_files_of_others_stay_unless_they_may_go(tmp_path: Path) -> None:
    other = tmp_path / "rabbitmqctl"
    other.write_bytes(b"\xff\xfe")
    with pytest.raises(FailedError) as caught:
        aliases.install(tmp_path, is_forced=False)
    assert caught.value.code == 78
    assert f"there are other files: {other} (--force replaces them)" in str(caught.value.text)
    assert list(tmp_path.iterdir()) == [other]
    aliases.install(tmp_path, is_forced=True)
    assert aliases.MARK in other.read_text()


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FailedError, match=r"cannot write .*file") as caught:
        aliases.install(tmp_path / "file", is_forced=False)
    assert caught.value.code == 78


def test_a_python_with_spaces_in_its_path() -> None:
    assert "exec '/my python/bin' -P -m broker " in aliases.text_of(
        "rabbitmq-server", "/my python/bin"
    )
