"""Medians, ratios, goals; a table to read and JSON to compare."""

from __future__ import annotations

import json
import math
import os
import platform
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from .scenario import SCENARIOS, Metrics

DIRECTORY = Path(__file__).resolve().parents[1]
SUBJECT = "leveret"
GOALS: dict[str, dict[str, dict[str, float]]] = tomllib.loads(
    (DIRECTORY / "goals.toml").read_text()
)

FOREIGN = "foreign_cores"  # CPU used by neither broker nor generator: noise, if it is much
FOREIGN_MAX = 0.15

RunsByTarget = dict[str, list[Metrics]]


def summarise(runs: RunsByTarget, scenario_name: str) -> dict[str, dict[str, Any]]:
    """Metric → median, min and max of each target; the first one's ratios; its goal, if met."""
    names = [name for name, metrics in runs.items() if metrics]
    if not names:
        return {}
    subject = names[0]
    metric_names = dict.fromkeys(key for name in names for run in runs[name] for key in run)
    summary: dict[str, dict[str, Any]] = {}
    for metric in metric_names:
        targets: dict[str, dict[str, Any]] = {}
        for name in names:
            values = [
                run[metric] for run in runs[name] if not math.isnan(run.get(metric, math.nan))
            ]
            if values:
                targets[name] = {
                    "median": median(values),
                    "min": min(values),
                    "max": max(values),
                    "runs": values,
                }
        if not targets:
            continue
        entry: dict[str, Any] = {"targets": targets}
        mine = targets.get(subject, {}).get("median")
        if mine is not None:
            entry["ratios"] = {
                name: mine / targets[name]["median"]
                for name in names[1:]
                if name in targets and targets[name]["median"]
            }
            goal = GOALS.get(scenario_name, {}).get(metric)
            if goal and subject == SUBJECT:
                reference = next(iter(entry["ratios"].values()), None)
                entry["goal"] = goal
                entry["met"] = _is_met(goal, mine, reference)
        summary[metric] = entry
    return summary


def _is_met(goal: dict[str, float], value: float, ratio: float | None) -> bool | None:
    """None: nothing to say, because the goal is relative and there is no reference."""
    verdicts = []
    for key, bound in goal.items():
        found = ratio if key.endswith("_times") else value
        if found is not None:
            verdicts.append(found >= bound if key.startswith("at_least") else found <= bound)
    return all(verdicts) if verdicts else None


def table_lines(name: str, summary: dict[str, dict[str, Any]], targets: list[str]) -> list[str]:
    """The scenario's part of the table."""
    lines = [f"{name}: {SCENARIOS[name].says}"]
    for metric, entry in summary.items():
        if metric == FOREIGN:
            most = max(found["max"] for found in entry["targets"].values())
            if most > FOREIGN_MAX:
                lines.append(f"  disturbed: other processes used up to {most:.2f} cores meanwhile")
            continue
        cells = [_cell(entry["targets"].get(target)) for target in targets]
        ratio = next(iter(entry.get("ratios", {}).values()), None)
        lines.append(
            f"  {metric:<20}"
            + "".join(f"{cell:>32}" for cell in cells)
            + (f"{ratio:>9.2f}x" if ratio is not None and len(targets) > 1 else " " * 10)
            + _goal_text(entry)
        )
    return lines


def header_line(targets: list[str]) -> str:
    titles = [f"{target} (min-max)" for target in targets]
    ratio = "ratio" if len(targets) > 1 else ""
    return f"{'':<22}" + "".join(f"{title:>32}" for title in titles) + f"{ratio:>10}  goal"


def _cell(found: dict[str, Any] | None) -> str:
    if found is None:
        return "-"
    text = _number(found["median"])
    if len(found["runs"]) > 1:
        text += f" ({_number(found['min'])}-{_number(found['max'])})"
    return text


def _number(value: float) -> str:
    if abs(value) >= 10_000:
        return f"{value / 1000:,.0f}k"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def _goal_text(entry: dict[str, Any]) -> str:
    goal = entry.get("goal")
    if not goal:
        return ""
    signs = {"at_least": "≥", "at_most": "≤"}
    parts = []
    for key, bound in goal.items():
        sign = signs[key.removesuffix("_times")]
        parts.append(f"{sign} {_number(bound)}" + ("x" if key.endswith("_times") else ""))
    verdict = {True: "met", False: "MISSED", None: "no reference"}[entry["met"]]
    return f"  {', '.join(parts)}: {verdict}"


def machine() -> dict[str, Any]:
    """Where this was measured; figures compare only on the same machine."""
    model = ""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
    }


def write_json(report: dict[str, Any]) -> Path:
    """Write the report under results/, named by the time. Returns: its path."""
    directory = DIRECTORY / "results"
    directory.mkdir(exist_ok=True)
    path = directory / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    return path
