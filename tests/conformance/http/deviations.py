"""Where ours is meant to answer otherwise than RabbitMQ 3.10.8, and why."""

from __future__ import annotations

import json
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from tests.conformance.http.compare import Difference


class Deviation(NamedTuple):
    """section, case, place: patterns. recorded, ours: patterns of the values, as JSON text."""

    section: str
    case: str
    place: str
    recorded: str
    ours: str
    reason: str


DEVIATIONS = [
    Deviation(
        "*",
        "*",
        "body/reason",
        '"*<crash>"',
        '"*"',
        "RabbitMQ hands out the trace of a crash; we say what is wrong",
    ),
]


def deviation(difference: Difference) -> Deviation | None:
    """The entry that means a difference. None: it is one."""
    recorded, found = _text(difference.recorded), _text(difference.found)
    for entry in DEVIATIONS:
        if (
            fnmatchcase(difference.section, entry.section)
            and fnmatchcase(difference.case, entry.case)
            and fnmatchcase(difference.place, entry.place)
            and fnmatchcase(recorded, entry.recorded)
            and fnmatchcase(found, entry.ours)
        ):
            return entry
    return None


def unmeant(found: Iterable[Difference]) -> list[Difference]:
    return [difference for difference in found if deviation(difference) is None]


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
