"""Lines of the log stay lines, whatever peers call themselves."""

from __future__ import annotations

from broker.log_lines import on_one_line


def test_what_can_be_printed_stays() -> None:
    assert on_one_line("queue=naïve ☂") == "queue=naïve ☂"


def test_line_ends_and_the_like_are_written_out() -> None:
    assert on_one_line("a\nb\r\x1b[0m\u2028") == "a\\nb\\r\\x1b[0m\\u2028"
