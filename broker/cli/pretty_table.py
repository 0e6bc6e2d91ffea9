"""Tables with lines around their cells, drawn with the terminal's line characters."""

from __future__ import annotations

from typing import Any

from broker.amqp.erlang import Atom, CharList, printed
from broker.cli.elixir import to_text

BOLD, PLAIN = "\x1b[1m", "\x1b[0m"
LINES, LETTERS = "\x1b(0", "\x1b(B"  # VT100: a set of characters with lines, and the usual one
BAR = f"{LINES}x{LETTERS}"


def shown(term: Any) -> str:
    """A value as it stands in a cell."""
    if term == [] or term == "":
        return ""
    if isinstance(term, list) and not all(isinstance(one, int) for one in term):
        return "".join(map(shown, term))
    if isinstance(term, (Atom, CharList, str, bool)):
        return to_text(term)
    if isinstance(term, list) and all(isinstance(one, str) for one in term):
        return "".join(term)  # as RabbitMQ's has them
    return printed(term)


def drawn(titles: list[str], rows: list[list[str]]) -> str:
    """The whole table. Cells may have several lines."""
    table = [[title.split("\n") for title in titles]]
    table += [[text.split("\n") for text in row] for row in rows]
    widths = [
        max(len(line) for row in table for line in row[column]) for column in range(len(titles))
    ]
    parts = [_rule(widths, "lwk")]
    for number, row in enumerate(table):
        if number:
            parts.append(_rule(widths, "tnu"))
        height = max(len(lines) for lines in row)
        for line in range(height):
            cells = [
                _cell(lines[line] if line < len(lines) else "", width, is_title=number == 0)
                for lines, width in zip(row, widths, strict=True)
            ]
            parts.append(BAR + BAR.join(cells) + BAR)
    parts.append(_rule(widths, "mvj"))
    return "\n".join(parts)


def _cell(text: str, width: int, *, is_title: bool) -> str:
    shown_text = f"{BOLD}{text}{PLAIN}" if is_title and text else text
    return f" {shown_text}{' ' * (width - len(text))} "


def _rule(widths: list[int], corners: str) -> str:
    left, cross, right = list(corners)
    return f"{LINES}{left}{cross.join('q' * (width + 2) for width in widths)}{right}{LETTERS}"
