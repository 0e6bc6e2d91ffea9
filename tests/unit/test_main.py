"""The command line, as far as it goes without starting; tests/integration starts it."""

from __future__ import annotations

import logging
import resource
from pathlib import Path

import pytest

from broker.__main__ import (
    OneLineFormatter,
    announcements,
    main,
    raise_file_limit,
)
from broker.config import Config, override
from broker.version import __version__


def test_a_setting_that_cannot_be_used_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--set", "hartbeat=5"]) == 2
    assert capsys.readouterr().err == (
        "leveret: --set: unknown setting 'hartbeat'; did you mean 'heartbeat'?\n"
    )


def test_all_mistakes_are_told_at_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    path.write_text("a = 1\nheartbeat = x\n")
    assert main(["--config", str(path)]) == 2
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


def test_where_a_node_says_who_it_is() -> None:
    config = override(Config(), "data_dir", "/d")
    assert announcements(config, Path("/r")) == [Path("/r"), Path("/d/node.json")]
    assert announcements(Config(), None) == []


def test_a_log_record_is_one_line_whatever_peers_call_themselves() -> None:
    formatter = OneLineFormatter("%(levelname)s %(message)s")
    record = logging.LogRecord("x", logging.INFO, "", 0, "user=%s", ("a\nINFO b\x1b[0m",), None)
    assert formatter.format(record) == "INFO user=a\\nINFO b\\x1b[0m"
    record = logging.LogRecord("x", logging.INFO, "", 0, "user=%s", ("grün",), None)
    assert formatter.format(record) == "INFO user=grün"


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
