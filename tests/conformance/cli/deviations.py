"""Where our tools are meant to print something else than those of RabbitMQ 3.10.8, and why."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from tests.conformance.cli.compare import Difference


class Deviation(NamedTuple):
    """section, label (of the call), place, recorded, ours: patterns."""

    section: str
    label: str
    place: str
    recorded: str
    ours: str
    reason: str


DEVIATIONS: list[Deviation] = []


def deviation(difference: Difference) -> Deviation | None:
    """The first that means this difference. None: it is not meant."""
    for entry in DEVIATIONS:
        if all(
            fnmatchcase(value, pattern)
            for value, pattern in zip(difference, entry[:5], strict=True)
        ):
            return entry
    return None


def unmeant(differences: Iterable[Difference]) -> list[Difference]:
    return [difference for difference in differences if deviation(difference) is None]
