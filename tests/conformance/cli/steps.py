r"""What a walk consists of: calls of the tools, and acts between them. Read from text files.

A line is a call of rabbitmqctl, its words as a shell would split them; another tool stands in front
with a colon: `diagnostics: ping`. Input follows `<<<`, with \n and its like. A line with `!` is an
act: a function of `acts.py` and its words. `#` begins a comment. `<node>`, `<dir>` (a directory for
files), `<amqp>` and `<http>` (ports) and `<a>` (process id of the connection named a) in a word are
replaced. Options of the walk stand at its top: `%alone` (it tells of the broker as a whole),
`%last` (there is no broker afterwards, or another one).
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

SECTIONS_DIR = Path(__file__).parent / "sections"
TOOLS = ("rabbitmqctl", "rabbitmq-diagnostics", "rabbitmq-plugins", "rabbitmq-queues")
OPTIONS = ("%last",)
# What begins like this changes nothing: several of them may run at once.
READING = ("list_", "help", "check_", "is_", "status", "cluster_status", "environment", "version")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool. stdin: None for none at all. label: its line of the walk."""

    label: str
    tool: str
    argv: tuple[str, ...]
    stdin: str | None = None

    @property
    def is_reading(self) -> bool:
        words = [word for word in self.argv if not word.startswith("-")]
        return (not words or words[0].startswith(READING)) and self.stdin is None


@dataclass(frozen=True, slots=True)
class Act:
    """Something between two calls. name: of a function in acts.py."""

    name: str
    words: tuple[str, ...]


Step = Call | Act


@dataclass(frozen=True, slots=True)
class Section:
    """A walk. is_last: the broker is stopped or reset by it."""

    name: str
    steps: tuple[Step, ...]
    is_last: bool = False

    def calls(self) -> list[tuple[str, Call]]:
        """All of them, in order, by what they are called in the recording."""
        found: list[tuple[str, Call]] = []
        seen: dict[str, int] = {}
        for step in self.steps:
            if isinstance(step, Call):
                number = seen[step.label] = seen.get(step.label, 0) + 1
                found.append((step.label if number == 1 else f"{step.label} #{number}", step))
        return found


def parsed(name: str, text: str) -> Section:
    """A section of the lines of its file. Raises: ValueError, a line that is none."""
    steps: list[Step] = []
    options = set()
    for line in text.splitlines():
        line = line.strip()
        if line in OPTIONS:
            options.add(line)
        elif line.startswith("!"):
            act, *words = shlex.split(line[1:])
            steps.append(Act(act, tuple(words)))
        elif line and not line.startswith("#"):
            steps.append(_call(line))
    return Section(name, tuple(steps), "%last" in options)


def _call(line: str) -> Call:
    command, separator, stdin = line.partition("<<<")
    tool, colon, rest = command.partition(":")
    full = f"rabbitmq-{tool}"
    if colon and full in TOOLS:
        command = rest
    else:
        full = TOOLS[0]
    argv = tuple(shlex.split(command.replace("(nothing)", "")))
    text = stdin.strip().encode("latin-1", "backslashreplace").decode("unicode_escape")
    return Call(line, full, argv, text if separator else None)


def sections() -> dict[str, Section]:
    """All walks, in the order of their names; those after which there is no broker come last."""
    found = [parsed(path.stem, path.read_text("utf-8")) for path in SECTIONS_DIR.glob("*.steps")]
    ordered = sorted(found, key=lambda section: (section.is_last, section.name))
    return {section.name: section for section in ordered}
