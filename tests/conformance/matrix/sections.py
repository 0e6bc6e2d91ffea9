"""The sections of the matrix, and what RabbitMQ said in each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from tests.conformance.matrix import exchanges, messages, permissions, queues, settling, using
from tests.conformance.matrix.deviations import deviation
from tests.conformance.matrix.talk import Case, Label
from tests.conformance.registry import TRANSCRIPTS


@dataclass(frozen=True)
class Section:
    cases: Callable[[], Iterable[Case]]
    needs_users: bool = False


SECTIONS = {
    "types": Section(queues.types),
    **{f"declare_{kind}": Section(partial(queues.declarations, kind)) for kind in queues.TYPES},
    "redeclare": Section(queues.redeclarations),
    "exchanges": Section(exchanges.declarations),
    "exchanges_again": Section(exchanges.redeclarations),
    "bindings": Section(exchanges.bindings),
    "consume": Section(messages.consuming),
    "publish": Section(messages.publishing),
    "deaths": Section(messages.dying),
    "settle": Section(settling.calls),
    "using": Section(using.using),
    "permissions": Section(permissions.permissions, needs_users=True),
}


Outcomes = dict[Label, str]


def write_outcomes(section: str, found: Outcomes) -> None:
    """By outcome, then by group: most cases share theirs with many others."""
    kept: dict[str, dict[str, list[str]]] = {}
    for (group, variant), outcome in found.items():
        kept.setdefault(outcome, {}).setdefault(group, []).append(variant)
    blocks = []
    for outcome, groups in sorted(kept.items()):
        lines = ",\n".join(f" {_text(group)}: {_text(groups[group])}" for group in groups)
        blocks.append(f"{_text(outcome)}: {{\n{lines}}}")
    path = TRANSCRIPTS / f"matrix_{section}.json"
    path.write_text("{\n" + ",\n".join(blocks) + "\n}\n", "utf-8")


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def read_outcomes(section: str) -> Outcomes:
    path = TRANSCRIPTS / f"matrix_{section}.json"
    kept: dict[str, dict[str, list[str]]] = json.loads(path.read_text("utf-8"))
    return {
        (group, variant): outcome
        for outcome, groups in kept.items()
        for group, variants in groups.items()
        for variant in variants
    }


def differences(
    section: str, recorded: Outcomes, found: Outcomes, *, exact: bool = False
) -> list[str]:
    """What is neither as recorded nor the deviation that it is meant to be. exact: none are meant:
    RabbitMQ against itself."""
    lines = [f"{section}: {label}: not played" for label in recorded if label not in found]
    for label, outcome in found.items():
        expected = recorded.get(label, "(never recorded)")
        meant = None if exact else deviation(section, label, expected)
        if outcome != expected if meant is None else not outcome.startswith(meant.ours):
            lines.append(
                f"{section}: {' | '.join(label)}\n  recorded {expected}\n  found    {outcome}"
            )
            if meant is not None:
                lines.append(f"  meant    {meant.ours}")
    return lines


def deviating(section: str, recorded: Outcomes) -> int:
    return sum(
        deviation(section, label, outcome) is not None for label, outcome in recorded.items()
    )
