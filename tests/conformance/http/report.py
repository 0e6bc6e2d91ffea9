"""Differences as a page: by section and place, the recorded and the other answer, shortened."""

from __future__ import annotations

import json
import re

from tests.conformance.http.compare import Difference

SHOWN = 6  # cases of the same difference
WIDTH = 300


def report(found: list[Difference], total: int) -> str:
    cases = {(difference.section, difference.case) for difference in found}
    lines = [f"{len(cases)} of {total} cases differ, in {len(found)} places", ""]
    groups: dict[str, dict[tuple[str, str, str], list[Difference]]] = {}
    for difference in found:
        place = re.sub(r"(?<=/)hw-[^/]*", "*", difference.place)
        key = (place, _short(difference.recorded), _short(difference.found))
        groups.setdefault(difference.section, {}).setdefault(key, []).append(difference)
    for section, kinds in groups.items():
        lines += [f"## {section}", ""]
        for (place, recorded, other), those in sorted(
            kinds.items(), key=lambda kind: -len(kind[1])
        ):
            lines.append(f"- `{place}` ({len(those)} times)")
            lines += [f"    - {difference.case[:WIDTH]}" for difference in those[:SHOWN]]
            if len(those) > SHOWN:
                lines.append(f"    - … {len(those) - SHOWN} more")
            lines += [f"  - RabbitMQ: {recorded}", f"  - ours: {other}"]
        lines.append("")
    return "\n".join(lines)


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}…"
