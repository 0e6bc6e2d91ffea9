"""Two answers of a tool, and where they differ."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NamedTuple

from tests.conformance.cli.brokers import ENDLESS, Answer
from tests.conformance.cli.normalise import CRASHED
from tests.conformance.cli.recording import Answers

MISSING = Answer(-2, "(missing)", "(missing)")


class Difference(NamedTuple):
    """place: "code", "stdout" or "stderr". recorded, ours: the texts."""

    section: str
    label: str
    place: str
    recorded: str
    ours: str


def compared(section: str, recorded: Answers, found: Answers) -> list[Difference]:
    """All that differs, deviations too.

    Where RabbitMQ's tool crashed any error will do that is none; where it did not end, anything.
    """
    differences = []
    for label in [*recorded, *(label for label in found if label not in recorded)]:
        before, after = recorded.get(label, MISSING), found.get(label, MISSING)
        if before.code == ENDLESS or (before.stderr == CRASHED and is_plain_error(after)):
            continue
        for place, one, other in zip(("code", "stdout", "stderr"), before, after, strict=True):
            if one != other:
                differences.append(Difference(section, label, place, str(one), str(other)))
    return differences


def is_plain_error(answer: Answer) -> bool:
    return answer.code > 0 and bool(answer.stderr) and "Traceback" not in answer.stderr


def report(differences: Iterable[Difference]) -> str:
    """For people: call by call, line by line."""
    lines: list[str] = []
    last = ""
    for label, place, recorded, ours in (difference[1:] for difference in differences):
        if label != last:
            lines += ["", f"$ {label}"]
            last = label
        if place == "code":
            lines.append(f"  code: RabbitMQ {recorded}, ours {ours}")
            continue
        before, after = (repr_lines(text) for text in (recorded, ours))
        changes = difflib.unified_diff(before, after, "RabbitMQ", "ours", lineterm="", n=2)
        lines.append(f"  {place}:")
        lines += [f"    {line}" for line in list(changes)[2:]]
    return "\n".join(lines)


def repr_lines(text: str) -> list[str]:
    """Its lines with what cannot be seen made visible, and a last line that ends nowhere."""
    return [line.encode("unicode_escape").decode() for line in text.split("\n")]
