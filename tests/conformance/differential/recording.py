"""Runs with RabbitMQ's answers, as files: `recordings/<name>.json`, a line for each step.

The line has the step and what it brought; "queues" only where they are not as they were before.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.conformance.differential.player import Observation
from tests.conformance.differential.steps import Step

RECORDINGS = Path(__file__).parent / "recordings"
Recorded = tuple[list[Step], list[Observation]]


def names() -> list[str]:
    return sorted(path.stem for path in RECORDINGS.glob("*.json"))


def write_recording(name: str, runs: list[Recorded]) -> None:
    """Write runs to a file of that name, a line for each step."""
    blocks = []
    for steps, observations in runs:
        lines = []
        before: object = {}
        for step, observation in zip(steps, observations, strict=True):
            events = {who: what for who, what in observation.items() if who != "queues"}
            if observation.get("queues") != before:
                events["queues"] = before = observation.get("queues")
            lines.append(json.dumps([*step, events], ensure_ascii=False, sort_keys=True))
        blocks.append("[\n  " + ",\n  ".join(lines) + "\n]")
    RECORDINGS.mkdir(exist_ok=True)
    text = "[" + ",\n".join(blocks) + "]\n"
    (RECORDINGS / f"{name}.json").write_text(text, "utf-8")


def read_recording(name: str) -> list[Recorded]:
    """The runs of a file: steps and observations, each list as long as the other."""
    runs: list[Recorded] = []
    for lines in json.loads((RECORDINGS / f"{name}.json").read_text("utf-8")):
        steps, observations = [], []
        queues: object = {}
        for who, op, fields, events in lines:
            steps.append(Step(who, op, fields))
            queues = events.get("queues", queues)
            observations.append(events | {"queues": queues})
        runs.append((steps, observations))
    return runs
