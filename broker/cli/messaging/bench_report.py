"""What a load test tells: a line a second, and a table, or JSON, at the end."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from broker.cli.messaging import latency
from broker.cli.messaging.load import Counts

NAMES = Counts.NAMES
TITLES = ("min", "median", "p95", "p99")


class Totals:
    """Sums of what the processes report."""

    def __init__(self) -> None:
        self.numbers: Counter[str] = Counter()
        self.latency: latency.Histogram = Counter()
        self.confirm_latency: latency.Histogram = Counter()
        self.last_ns = 0

    def add(self, report: dict[str, Any]) -> None:
        for name in NAMES:
            self.numbers[name] += report.get(name, 0)
        for name in ("latency", "confirm_latency"):
            histogram = getattr(self, name)
            for bucket, count in report.get(name, {}).items():
                histogram[int(bucket)] += count
        self.last_ns = max(self.last_ns, report.get("last_ns", 0))


def milliseconds(histogram: latency.Histogram) -> list[float]:
    return [value / 1000 for value in latency.quantiles(histogram)]


def _shown(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def _latencies(histogram: latency.Histogram) -> str:
    return "/".join(_shown(value) for value in milliseconds(histogram))


def progress(seconds: float, part: Totals, part_s: float) -> str:
    """One line. part: what came since the last one, part_s ago."""
    words = [f"{seconds:6.1f} s"]
    for name in NAMES:
        count = part.numbers[name]
        if count or name in ("sent", "received"):
            words.append(f"{name} {count / part_s:.0f}/s")
    if part.latency:
        words.append(f"min/median/p95/p99 latency {_latencies(part.latency)} ms")
    elif part.confirm_latency:
        words.append(f"min/median/p95/p99 of confirms {_latencies(part.confirm_latency)} ms")
    return "  ".join(words)


def figures(totals: Totals, seconds: float) -> dict[str, Any]:
    """All that was measured, as JSON has it."""
    result: dict[str, Any] = {"seconds": round(seconds, 3)}
    for name in NAMES:
        result[name] = totals.numbers[name]
        result[f"{name}_per_second"] = round(totals.numbers[name] / seconds, 1) if seconds else 0.0
    for name in ("latency", "confirm_latency"):
        values = milliseconds(getattr(totals, name))
        result[f"{name}_ms"] = dict(zip(TITLES, values, strict=True)) if values else None
    return result


def table(totals: Totals, seconds: float) -> str:
    """The last word: what happened how often, and how long it took."""
    lines = [f"{'':<12}{'messages':>14}{'a second':>12}"]
    for name in NAMES:
        count = totals.numbers[name]
        if count or name in ("sent", "received"):
            rate = count / seconds if seconds else 0
            lines.append(f"{name:<12}{count:>14}{rate:>12.0f}")
    measured = {"latency": totals.latency, "of confirms": totals.confirm_latency}
    if any(measured.values()):
        lines.append("")
        lines.append(f"{'ms':<12}" + "".join(f"{title:>10}" for title in TITLES))
    for name, histogram in measured.items():
        if histogram:
            values = "".join(f"{_shown(value):>10}" for value in milliseconds(histogram))
            lines.append(f"{name:<12}{values}")
    return "\n".join(lines)


def as_json(totals: Totals, seconds: float) -> str:
    return json.dumps(figures(totals, seconds))
