"""Reads walk.txt, tells whether an answer is the one that stands there, and writes the page."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PATH = Path(__file__).with_name("walk.txt")
PAGE = Path(__file__).with_name("page.md")
ANYTHING = "…"
SHOWN_MAX = 4  # lines of an answer that the page has
OWN = "leveretctl"


@dataclass(slots=True)
class Step:
    """One command. line: as it is run. missing: why its answer is another one yet."""

    section: str
    written: str
    line: str = ""
    code: int = 0
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    missing: str = ""

    def __str__(self) -> str:
        return self.line

    @property
    def tool(self) -> str:
        return self.line.partition(" ")[0]

    @property
    def arguments(self) -> list[str]:
        return shlex.split(self.line)[1:]


def steps() -> list[Step]:
    """In the order of the file."""
    found: list[Step] = []
    section = ""
    for text in PATH.read_text().splitlines():
        sign, _, rest = text.partition(" ")
        if sign == "##":
            section = rest
        elif not section or not sign:
            continue
        elif sign == "$":
            found.append(Step(section, rest, line=rest))
        else:
            _enter(found[-1], sign, rest)
    return found


def _enter(step: Step, sign: str, rest: str) -> None:
    match sign:
        case ">":
            step.line = rest
        case "|":
            step.out.append(rest)
        case "!":
            step.err.append(rest)
        case "=":
            step.code = int(rest)
        case "#":
            step.remarks.append(rest)
        case "?":
            step.missing = rest
        case _:
            raise ValueError(f"{PATH.name}: {sign} {rest}")


def is_like(lines: list[str], text: str) -> bool:
    """Whether a text is what the lines of the file say. Blanks at the ends do not count."""
    given = [line.rstrip() for line in text.splitlines()]
    wanted = [line.rstrip() for line in lines]
    here, there = 0, 0  # the next of either
    again: tuple[int, int] | None = None  # where to go on when the last … has to take a line more
    while there < len(given):
        if here < len(wanted) and wanted[here] == ANYTHING:
            here += 1
            again = (here, there)
        elif here < len(wanted) and _is_line(wanted[here], given[there]):
            here, there = here + 1, there + 1
        elif again is not None:
            here, there = again[0], again[1] + 1
            again = (here, there)
        else:
            return False
    return all(line == ANYTHING for line in wanted[here:])


def _is_line(wanted: str, given: str) -> bool:
    pattern = ".*".join(map(re.escape, wanted.split(ANYTHING)))
    return re.fullmatch(pattern, given) is not None


# the page


def page() -> str:
    """docs/commands.md."""
    return PAGE.read_text().replace("@TABLES@\n", "".join(_tables()))


def _tables() -> Iterator[str]:
    section = ""
    for step in _shown_steps():
        if step.section != section:
            section = step.section
            yield f"\n## {section}\n\n"
            yield "| as written | here | prints | remarks |\n| --- | --- | --- | --- |\n"
        here = OWN + step.written.removeprefix(step.tool)
        is_mistaken = not step.out and any("Command" in line for line in step.err)
        cells = [
            _code(step.written),
            "" if is_mistaken else _code(here),
            _shown([*step.out, *step.err]),
            _remarks(step),
        ]
        yield f"| {' | '.join(cells)} |\n"


def _shown_steps() -> list[Step]:
    """Of those that are written in the same way the first that is carried out, else the last."""
    found: dict[str, Step] = {}
    for step in steps():
        if step.written not in found or found[step.written].code:
            found[step.written] = step
    return list(found.values())


def _code(text: str) -> str:
    escaped = text.replace("|", "\\|")
    return f"`{escaped}`"


def _shown(lines: list[str]) -> str:
    given = [line.replace("\t", "  ") for line in lines if line not in (ANYTHING, "")]
    shown = [_code(line.strip()) for line in given[:SHOWN_MAX] if line.strip(f" {ANYTHING}")]
    return "<br>".join([*shown, ANYTHING] if len(given) > SHOWN_MAX else shown)


def _remarks(step: Step) -> str:
    exit_code = [f"exit code {step.code}"] if step.code else []
    return "; ".join([*exit_code, *filter(None, step.remarks)])
