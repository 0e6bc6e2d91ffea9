"""leveretctl where it needs no node; tests/integration runs it against one."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from broker.cli import ctl
from broker.version import __version__


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert ctl.main([]) == ctl.EX_OK
    printed = capsys.readouterr().out
    assert all(command in printed for command in ctl.COMMANDS)
    assert ctl.main(["--help"]) == ctl.EX_OK


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert ctl.main(["version"]) == ctl.EX_OK
    assert capsys.readouterr().out == f"{__version__}\n"


def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert ctl.main(["statsu"]) == ctl.EX_USAGE
    assert "Did you mean 'status'?" in capsys.readouterr().err


def test_an_unknown_flag_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert ctl.main(["--nope", "ping"]) == ctl.EX_USAGE
    assert "--nope" in capsys.readouterr().err


def test_a_node_that_left_no_file_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ctl.main(["--data-dir", str(tmp_path), "ping"]) == ctl.EX_UNAVAILABLE
    assert "cannot be read" in capsys.readouterr().err
    (tmp_path / "node.json").write_text("{")
    assert ctl.main(["--data-dir", str(tmp_path), "ping"]) == ctl.EX_UNAVAILABLE


def test_waiting_for_a_node_that_does_not_come_takes_no_longer_than_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ctl.main(["-t", "0", "--data-dir", str(tmp_path), "await_startup"]) == ctl.EX_TEMPFAIL
    assert "timed out" in capsys.readouterr().err


def test_stop_needs_to_know_the_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "node.json").write_text(json.dumps({"ports": {"amqp": 1}}))
    assert ctl.main(["--data-dir", str(tmp_path), "stop"]) == ctl.EX_USAGE
    assert "stop needs --data-dir" in capsys.readouterr().err


def test_it_imports_nothing_of_the_broker_but_the_version() -> None:
    tree = ast.parse(Path(ctl.__file__).read_text())
    imported = {
        node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module
    }
    assert {name for name in imported if name.startswith("broker")} == {"broker.version"}
