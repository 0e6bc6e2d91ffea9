"""Plays sections on a broker: to record, or to compare with what is recorded."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.conformance.__main__ import say
from tests.conformance.http.cases import Act, Case, Section
from tests.conformance.http.compare import differences
from tests.conformance.http.deviations import unmeant
from tests.conformance.http.recording import Answers
from tests.conformance.http.stage import Broker, Stage, stage_of
from tests.conformance.wire_client import EndedError

SETTLE_MAX_S = 40.0


def play(broker: Broker, section: Section, recorded: Answers | None = None) -> Answers:
    """Returns: the answers. recorded: statistics are taken as soon as they are as in there."""
    answers: Answers = {}
    names = iter(section.cases())
    with stage_of(broker, section.vhost) as stage:
        for step in section.steps:
            if isinstance(step, Act):
                try:
                    step.run(stage)
                except (EndedError, OSError, LookupError):
                    if recorded is None:
                        raise
                    # What hangs on it will differ.
            elif isinstance(step, Case):
                answers[next(names)[0]] = stage.ask(step)
            else:
                named = dict(_take(names, len(step.cases)))
                answers |= (
                    _settled(stage, named)
                    if recorded is None
                    else _as_recorded(stage, named, section.name, recorded)
                )
    return answers


def _take(names: Iterator[tuple[str, Case]], count: int) -> list[tuple[str, Case]]:
    return [next(names) for _ in range(count)]


def _ask_all(stage: Stage, cases: dict[str, Case]) -> Answers:
    return {name: stage.ask(case) for name, case in cases.items()}


def _settled(stage: Stage, cases: dict[str, Case]) -> Answers:
    """Ask until nothing changes any more."""
    final_s = time.monotonic() + SETTLE_MAX_S
    since_s, answers = time.monotonic(), _ask_all(stage, cases)
    changed: list[str] = []
    while time.monotonic() < final_s and time.monotonic() - since_s < stage.broker.settle_s:
        time.sleep(0.3)
        now = _ask_all(stage, cases)
        if now != answers:
            changed = [name for name, answer in now.items() if answer != answers[name]]
            since_s, answers = time.monotonic(), now
    if time.monotonic() > final_s:
        say(f"never settled: {changed}")
    return answers


def _as_recorded(stage: Stage, cases: dict[str, Case], section: str, recorded: Answers) -> Answers:
    """Ask until the answers are as recorded, or have had their time."""
    final_s = time.monotonic() + 3 * stage.broker.settle_s
    answers: Answers = {}
    waiting = dict(cases)
    while waiting:
        for name, answer in _ask_all(stage, waiting).items():
            answers[name] = answer
            if not unmeant(differences(section, name, recorded.get(name, {}), answer)):
                del waiting[name]
        if time.monotonic() > final_s:
            break
        if waiting:
            time.sleep(0.05)
    return answers
