"""The command line, as far as it goes without starting; tests/integration starts it."""

from __future__ import annotations

import os
import resource
from dataclasses import replace
from pathlib import Path

import pytest

from broker.__main__ import (
    build_parser,
    configure,
    default_data_dir,
    main,
    raise_file_limit,
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


def test_a_setting_that_cannot_be_used_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--set", "hartbeat=5"]) == 2
    assert capsys.readouterr().err == (
        "leveret: unknown setting 'hartbeat'; did you mean 'heartbeat'?\n"
    )


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"leveret {__version__}\n"


class FileLimit:
    """The system's limit of open files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, soft: int, hard: int):
        self.limits = (soft, hard)
        self.error: Exception | None = None
        self.calls = 0
        monkeypatch.setattr(resource, "getrlimit", self._get)
        monkeypatch.setattr(resource, "setrlimit", self._set)

    def _get(self, which: int) -> tuple[int, int]:
        assert which == resource.RLIMIT_NOFILE
        return self.limits

    def _set(self, which: int, limits: tuple[int, int]) -> None:
        assert which == resource.RLIMIT_NOFILE
        self.calls += 1
        if self.error is not None:
            raise self.error
        self.limits = limits


def test_a_node_takes_as_many_descriptors_as_it_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = FileLimit(monkeypatch, 1024, 524_288)
    raise_file_limit()
    assert limit.limits == (524_288, 524_288)
    raise_file_limit()
    assert limit.calls == 1


@pytest.mark.parametrize("error", [ValueError("not allowed"), OSError(22, "Invalid argument")])
def test_a_limit_that_cannot_be_raised_stays(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Some systems name one that they refuse."""
    limit = FileLimit(monkeypatch, 256, resource.RLIM_INFINITY)
    limit.error = error
    raise_file_limit()
    assert (limit.calls, limit.limits) == (1, (256, resource.RLIM_INFINITY))


def test_the_limit_of_this_process_can_be_raised() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        raise_file_limit()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert soft == hard == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
