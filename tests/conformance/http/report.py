"""Differences as a page: by route and place, the recorded and the other answer, shortened."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from tests.conformance.http.compare import Difference
from tests.conformance.http.routes import ROUTES

SHOWN = 4  # cases of the same difference
WIDTH = 240
PATTERNS = [(re.compile(re.sub(r":[a-z]+", "[^/]*", route.template)), route) for route in ROUTES]

Kind = tuple[str, str, str]


def report(found: list[Difference], total: int) -> str:
    cases = {(difference.section, difference.case) for difference in found}
    lines = [f"{len(cases)} of {total} cases differ, in {len(found)} places", ""]
    routes: dict[str, list[Difference]] = {}
    for difference in found:
        routes.setdefault(_route(difference.case), []).append(difference)
    for route, those in sorted(routes.items()):
        count = len({(difference.section, difference.case) for difference in those})
        lines += [f"## {route} ({count} cases)", "", *_kinds(those), ""]
    return "\n".join(lines)


def _route(case: str) -> str:
    """Of a case's name the template of its route, which is always the longest that fits."""
    path = next(word for word in case.split(" ") if word.startswith("/")).partition("?")[0]
    fitting = [route.template for pattern, route in PATTERNS if pattern.fullmatch(path)]
    return min(fitting, key=lambda template: template.count(":"), default="elsewhere")


def _kinds(those: Iterable[Difference]) -> list[str]:
    """Equal differences together, the most frequent first."""
    kinds: dict[Kind, list[str]] = {}
    for difference in those:
        place = re.sub(r"(?<=/)hw-[^/]*", "*", difference.place)
        kind = (place, _short(difference.recorded), _short(difference.found))
        kinds.setdefault(kind, []).append(f"[{difference.section}] {difference.case[:WIDTH]}")
    lines = []
    for (place, recorded, other), cases in sorted(kinds.items(), key=lambda kind: -len(kind[1])):
        lines += [f"- `{place}` RabbitMQ: {recorded}  ours: {other}"]
        lines += [f"    - {case}" for case in cases[:SHOWN]]
        if len(cases) > SHOWN:
            lines.append(f"    - and {len(cases) - SHOWN} more")
    return lines


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}…"
