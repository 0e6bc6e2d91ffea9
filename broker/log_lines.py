"""What stands in lines of the log."""

from __future__ import annotations


def on_one_line(text: str) -> str:
    """A peer's names stand in log lines: their line ends must not make lines of their own."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
