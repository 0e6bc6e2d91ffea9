"""Reads a rabbitmq-env.conf: the assignments of a shell script, which is not run.

    NODENAME=rabbit@mq1                 # a comment; RABBITMQ_NODENAME means the same
    export RABBITMQ_LOG_BASE="/var/log/mq"
    RABBITMQ_MNESIA_BASE=${HOME}/data

Quotes, backslashes, `$NAME`, `${NAME}` and `${NAME:-otherwise}` are a shell's. Whatever else a
shell could do there, `$(…)`, `if`, `;`, is an error: it would have an effect in RabbitMQ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from broker.configuration.building import Building, Place
from broker.configuration.sysctl import text_of

_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_NAME = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?\})")
_UNSAFE = ";&|<>()`"


def read_env_file(
    path: Path, environ: Mapping[str, str], building: Building
) -> dict[str, tuple[str, Place]]:
    """The variables that the file sets, each with its place; what is wrong is noted."""
    try:
        text = text_of(path)
    except ValueError as error:
        building.refuse(path, str(error))
        return {}
    found: dict[str, tuple[str, Place]] = {}
    for number, line in enumerate(text.replace("\\\n", "").split("\n"), 1):
        place = Place(str(path), number)
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        assignment = _ASSIGNMENT.fullmatch(line.removesuffix("\r"))
        if assignment is None:
            building.refuse(place, "must be NAME=value; other commands of a shell are not run")
            continue
        known = dict(environ) | {name: value for name, (value, _) in found.items()}
        try:
            found[assignment[1]] = (_word(assignment[2], known), place)
        except ValueError as error:
            building.refuse(place, str(error))
    return found


def _word(text: str, known: Mapping[str, str]) -> str:
    """What a shell makes of the word that an assignment has. Raises: ValueError."""
    done: list[str] = []
    at, quote = 0, ""
    while at < len(text):
        letter = text[at]
        if quote == "'":
            if letter == "'":
                quote = ""
            else:
                done.append(letter)
        elif letter == "\\" and at + 1 < len(text):
            at += 1
            kept = "\\" if quote and text[at] not in '"\\$`' else ""
            done.append(kept + text[at])
        elif letter == "$" and (name := _NAME.match(text, at)):
            done.append(known.get(name[1] or name[2]) or name[3] or "")
            at = name.end() - 1
        elif letter == '"' or (letter == "'" and not quote):
            quote = "" if quote else letter
        elif letter == "`" or text.startswith("$(", at):
            raise ValueError("commands are not run here")
        elif not quote and letter.isspace():
            return _end(text[at:], done)
        elif not quote and letter in _UNSAFE:
            raise ValueError(f"'{letter}' is a shell's, which does not run here")
        else:
            done.append(letter)
        at += 1
    if quote:
        raise ValueError("a quote is not closed")
    return "".join(done)


def _end(rest: str, done: list[str]) -> str:
    rest = rest.strip()
    if rest and not rest.startswith("#"):
        raise ValueError("must be NAME=value; other commands of a shell are not run")
    return "".join(done)
