"""The line and the exit code; real processes are in tests/integration/test_start_errors.py."""

from __future__ import annotations

import errno
import io
import logging
import sqlite3
import sys
from collections.abc import Iterator

import pytest

from broker.config import ConfigError
from broker.server.listener import ListenError
from broker.start_errors import explain, is_bug, tell
from broker.store.errors import StoreError, StoreTooNew


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ConfigError("unknown setting 'a'"), "unknown setting 'a'"),
        (ListenError("cannot listen on *:1: no"), "cannot listen on *:1: no"),
        (StoreError("it is damaged"), "it is damaged"),
        (StoreTooNew("a later one"), "a later one"),
        (OSError(errno.ENOSPC, "No space left"), "No space left"),
        (PermissionError(errno.EACCES, "Permission denied", "/a"), "/a: Permission denied"),
        (OSError(errno.EXDEV, "Cross-device link", "/a", None, "/b"), "/a: /b: Cross-device link"),
        (MemoryError(), "there is not enough memory to start"),
        (ModuleNotFoundError("No module named 'h11'"), "the installation is not whole: No module"),
        (sqlite3.OperationalError("no"), "the data directory's catalogue cannot be used: no"),
    ],
)
def test_what_is_said(error: Exception, line: str) -> None:
    said, code = explain(error)
    assert said.startswith(line)
    assert (code, is_bug(error)) == (1, False)


def test_a_name_makes_no_lines() -> None:
    assert explain(ConfigError("no file 'a\nb'")) == ("no file 'a\\nb'", 1)


@pytest.fixture
def handlers() -> Iterator[list[logging.Handler]]:
    """Of the root logger, for a while."""
    root = logging.getLogger()
    before, root.handlers = root.handlers, []
    try:
        yield root.handlers
    finally:
        root.handlers = before


def test_the_error_output_has_it_once_and_the_log_too(
    handlers: list[logging.Handler], monkeypatch: pytest.MonkeyPatch
) -> None:
    output, file = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", output)
    handlers += [logging.StreamHandler(output), logging.StreamHandler(file)]
    assert tell(ConfigError("no such file")) == 1
    assert output.getvalue() == "leveret: no such file\n"
    assert file.getvalue() == "BOOT FAILED, reason=no such file\n"


def test_a_bug_has_its_traceback_in_the_log(
    handlers: list[logging.Handler], monkeypatch: pytest.MonkeyPatch
) -> None:
    output, file = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", output)
    handlers.append(logging.StreamHandler(file))
    assert is_bug(KeyError("a"))
    assert tell(KeyError("a")) == 1
    assert output.getvalue() == "leveret: bug: KeyError: 'a'\n"
    assert "the start failed\nKeyError: 'a'\n" in file.getvalue()


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left")


@pytest.mark.parametrize("output", [None, Full()])
def test_nobody_need_hear_it(
    handlers: list[logging.Handler],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    output: object,
) -> None:
    monkeypatch.setattr(sys, "stderr", output)
    assert tell(ConfigError("no such file")) == 1
    assert capsys.readouterr().out == ""
