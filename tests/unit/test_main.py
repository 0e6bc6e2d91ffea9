"""The command line, as far as it goes without starting; tests/integration starts it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from broker.__main__ import (
    main,
)
from broker.version import __version__

ROOT = Path(__file__).parents[2]


def test_a_setting_that_cannot_be_used_is_one_line_and_exit_code_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--set", "hartbeat=5"]) == 1
    assert capsys.readouterr().err == (
        "leveret: --set: unknown setting 'hartbeat'; did you mean 'heartbeat'?\n"
    )


def test_a_service_manager_is_told_not_to_try_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    code = main(["--set", "hartbeat=5"])
    unit = (ROOT / "config" / "systemd" / "leveret.service").read_text()
    (prevented,) = re.findall("^RestartPreventExitStatus=(.*)$", unit, re.MULTILINE)
    assert str(code) in prevented.split()
    assert "1" not in prevented.split()  # a port that is taken may be free the next time


def test_all_mistakes_are_told_at_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    path.write_text("a = 1\nheartbeat = x\n")
    assert main(["--config", str(path)]) == 1
    assert capsys.readouterr().err == (
        f"leveret: {path}:1: unknown key 'a'\n"
        f"leveret: {path}:2: 'heartbeat' must be a whole number, not 'x'\n"
    )


def test_a_command_about_settings(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    path.write_text("heartbeat = 1\n")
    assert main(["config", "convert", str(path)]) == 0
    assert capsys.readouterr().out == "heartbeat: 1\n"


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"leveret {__version__}\n"
