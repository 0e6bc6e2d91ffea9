"""Makes a failing run as short as it can be: delta debugging, then one field after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.conformance.differential.steps import Step

Fails = Callable[[list[Step]], bool]


def shrink(steps: list[Step], fails: Fails, budget_s: float = 120.0) -> list[Step]:
    """The shortest run found that still fails, within a time. steps: one that does."""
    deadline = time.monotonic() + budget_s
    size = max(1, len(steps) // 2)
    while size and time.monotonic() < deadline:
        index, removed = 0, False
        while index < len(steps) and time.monotonic() < deadline:
            fewer = steps[:index] + steps[index + size :]
            if fewer and fails(fewer):
                steps, removed = fewer, True
            else:
                index += size
        if not removed or size > 1:
            size //= 2
    for index in range(len(steps)):
        steps = _simplify(steps, index, fails, deadline)
    return steps


def _simplify(steps: list[Step], index: int, fails: Fails, deadline: float) -> list[Step]:
    """Make one step as simple as it can be, change by change."""
    while time.monotonic() < deadline:
        for simpler in _simpler(steps[index]):
            fewer = [*steps[:index], simpler, *steps[index + 1 :]]
            if fails(fewer):
                steps = fewer
                break
        else:
            break
    return steps


def _simpler(step: Step) -> Iterator[Step]:
    """The step without one of its optional fields, and without one argument, header or property."""
    for key, value in step.fields.items():
        if key in ("durable", "mandatory", "count", "size", "properties", "arguments", "multiple"):
            yield step._replace(fields=_without(step.fields, key))
        if step.op == "burst":
            for index in range(len(value)):
                yield step._replace(fields={key: value[:index] + value[index + 1 :]})
        if isinstance(value, dict):
            for name, inner in value.items():
                yield step._replace(fields={**step.fields, key: _without(value, name)})
                if isinstance(inner, dict):
                    for part in inner:
                        smaller = {**value, name: _without(inner, part)}
                        yield step._replace(fields={**step.fields, key: smaller})


def _without(table: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key != name}
