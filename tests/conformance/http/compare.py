"""Two answers, and where they differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.conformance.http.recording import Answers

MISSING = "(missing)"
CRASHED = 500


class Difference(NamedTuple):
    """place: "status", "headers/allow", "body/0/name"; items of a list by name where they have one.

    recorded, found: a JSON value, or MISSING.
    """

    section: str
    case: str
    place: str
    recorded: Any
    found: Any


def compared(section: str, recorded: Answers, found: Answers) -> list[Difference]:
    """All that differs, deviations too."""
    return [
        difference
        for name in [*recorded, *(name for name in found if name not in recorded)]
        for difference in differences(section, name, recorded.get(name, {}), found.get(name, {}))
    ]


def differences(section: str, case: str, recorded: Any, found: Any) -> Iterator[Difference]:
    """Of a case. Where RabbitMQ crashed, any answer that is no crash will do."""
    if recorded.get("status") == CRASHED and 0 < found.get("status", 0) < CRASHED:
        return
    for place, before, after in _compare("", recorded, found):
        yield Difference(section, case, place.lstrip("/"), before, after)


def _compare(place: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _compare(f"{place}/{key}", before.get(key, MISSING), after.get(key, MISSING))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _compare_lists(place, before, after)
    elif type(before) is not type(after) or before != after:
        yield place, before, after


def _compare_lists(
    place: str, before: list[Any], after: list[Any]
) -> Iterator[tuple[str, Any, Any]]:
    names_before, names_after = _names(before), _names(after)
    if names_before is None or names_after is None:
        if len(before) != len(after):
            yield place, before, after
            return
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _compare(f"{place}/{index}", one, other)
        return
    common = [name for name in names_before if name in names_after]
    if common != [name for name in names_after if name in names_before]:
        yield f"{place}/(order)", list(names_before), list(names_after)
    for name in [*names_before, *(name for name in names_after if name not in names_before)]:
        yield from _compare(
            f"{place}/{name}", names_before.get(name, MISSING), names_after.get(name, MISSING)
        )


def _names(items: list[Any]) -> dict[str, Any] | None:
    """Items by what tells them apart. None: nothing does."""
    named: dict[str, Any] = {}
    for item in items:
        if not isinstance(item, dict):
            return None
        keys = ("vhost", "name", "source", "destination", "properties_key", "user", "component")
        parts = [str(item[key]) for key in keys if isinstance(item.get(key), str)]
        if not parts or " ".join(parts) in named:
            return None
        named[" ".join(parts)] = item
    return named
