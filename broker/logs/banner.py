"""What a node that has started writes: who it is and where its things are, as RabbitMQ has it.

Without the hash of the cookie: a log may go to others, by syslog or the exchange. Tools show it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

NOWHERE = "(none)"


class Facts(NamedTuple):
    """runtime: what it is, and on what. home: of the user. logs: as `LogOutput.locations` has them.
    data_dir: empty: in memory."""

    runtime: str
    node: str
    home: str
    config_files: Sequence[str]
    logs: Sequence[str]
    data_dir: str


def banner(facts: Facts) -> list[str]:
    """Lines for the log, each to be logged by itself."""
    rows: list[tuple[str, Sequence[str]]] = [
        ("node", [facts.node]),
        ("home dir", [facts.home or NOWHERE]),
        ("config file(s)", facts.config_files),
        ("log(s)", facts.logs),
        ("database dir", [facts.data_dir or NOWHERE]),
    ]
    width = 1 + max(len(name) for name, _ in rows)
    lines = ["", f" Starting {facts.runtime}", ""]
    for name, values in rows:
        for value in values or [NOWHERE]:
            lines.append(f" {name:{width}}: {value}")
            name = ""
    return lines
