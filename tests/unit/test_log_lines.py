"""Lines of the log stay lines, whatever peers call themselves."""

from __future__ import annotations

import pytest

from broker.log_lines import on_one_line, tell_stderr


def test_what_can_be_printed_stays() -> None:
    assert on_one_line("queue=naïve ☂") == "queue=naïve ☂"


def test_line_ends_and_the_like_are_written_out() -> None:
    assert on_one_line("a\nb\r\x1b[0m\u2028") == "a\\nb\\r\\x1b[0m\\u2028"


def test_a_problem_is_told_by_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    tell_stderr("no log")
    assert capsys.readouterr() == ("", "leveret: no log\n")


def test_standard_error_may_be_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    tell_stderr("nobody hears this")
