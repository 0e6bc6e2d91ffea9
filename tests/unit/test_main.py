"""The command line, as far as it goes without starting; tests/integration starts it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from broker.__main__ import (
    build_parser,
    configure,
    default_data_dir,
    main,
)
from broker.config import Config, ConfigError
from broker.version import __version__


def configured(*flags: str) -> Config:
    return configure(build_parser().parse_args(flags))


def test_without_flags_everything_has_its_default() -> None:
    assert configured() == replace(Config(), data_dir=str(default_data_dir()))


def test_where_data_is_kept_when_nobody_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The system's place where we may write there, else the user's."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert default_data_dir() == tmp_path / "leveret"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert default_data_dir() == Path.home() / ".local" / "state" / "leveret"
    monkeypatch.setattr(os, "access", lambda path, mode: True)
    assert default_data_dir() == Path("/var/lib/leveret")
    assert configured("--data-dir", "none").kept_in == ""


def test_flags() -> None:
    config = configured(
        "--node-name", "rabbit@x", "--data-dir", "/d", "--bind", "::1", "--port", "0"
    )
    assert config.identity.node_name == "rabbit@x"
    assert config.data_dir == "/d"
    assert (config.listeners.bind, config.listeners.port) == ("::1", 0)


def test_later_ones_win_file_then_set_then_flags(tmp_path: Path) -> None:
    path = tmp_path / "leveret.yaml"
    path.write_text("heartbeat: 1\nchannel_max: 1\nlisteners.tcp.default: 1\n")
    config = configured(
        "--port",
        "3",
        "--set",
        "listeners.tcp.default=2",
        "--set",
        " channel_max = 2",
        "--config",
        str(path),
    )
    assert config.limits.heartbeat_s == 1
    assert config.limits.channel_max == 2
    assert config.listeners.port == 3


def test_a_value_may_contain_an_equals_sign() -> None:
    assert configured("--set", "default_pass=a=b").defaults.password == "a=b"


def test_set_without_a_value_is_an_error() -> None:
    with pytest.raises(ConfigError, match="takes key=value, not 'heartbeat'"):
        configured("--set", "heartbeat")


def test_a_setting_that_cannot_be_used_is_one_line_and_exit_code_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--set", "hartbeat=5"]) == 1
    assert capsys.readouterr().err == (
        "leveret: unknown setting 'hartbeat'; did you mean 'heartbeat'?\n"
    )


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"leveret {__version__}\n"
