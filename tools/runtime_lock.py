"""The part of requirements.lock that an installation needs, with its hashes.

python -m tools.runtime_lock [NAME ...]: these instead of what pyproject.toml depends on.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Entry(NamedTuple):
    """text: name==version, marker and hashes, as pip reads them. via: who needs it."""

    version: str
    text: str
    via: frozenset[str]


def locked() -> dict[str, Entry]:
    """The lock, by the names of packages."""
    text = (ROOT / "requirements.lock").read_text()
    found = re.findall(r"^([\w.-]+)==(\S+)((?:.*\\\n)+.*\n)((?: +#.*\n)*)", text, re.MULTILINE)
    return {
        name.lower(): Entry(
            version,
            f"{name}=={version}{rest}",
            frozenset(re.findall(r"[\w.-]+", comment.replace("via", ""))),
        )
        for name, version, rest, comment in found
    }


def runtime_names() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [re.split(r"[^\w.-]", one)[0].lower() for one in project["dependencies"]]


def needed(names: Iterable[str]) -> dict[str, Entry]:
    """These, and what they need. Raises: KeyError, with what is not locked."""
    entries = locked()
    chosen = {name: entries[name] for name in names}
    while more := {
        name: entry
        for name, entry in entries.items()
        if name not in chosen and entry.via & chosen.keys()
    }:
        chosen |= more
    return chosen


def main(argv: list[str]) -> int:
    try:
        chosen = needed(argv or runtime_names())
    except KeyError as error:
        print(f"runtime_lock: {error.args[0]} is not in requirements.lock", file=sys.stderr)
        return 1
    print("".join(entry.text for entry in chosen.values()), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
