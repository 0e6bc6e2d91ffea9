"""Plays a walk on a broker."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conformance.cli import acts
from tests.conformance.cli.brokers import Answer, Broker, scratch_of
from tests.conformance.cli.normalise import Normaliser
from tests.conformance.cli.recording import Answers
from tests.conformance.cli.steps import Act, Call, Section

REFUSED = -3  # in place of an exit code: an act that could not be done
Watch = Callable[[str, Call, Answer], None]  # label, call, the answer as it came


def unwatched(_label: str, _call: Call, _answer: Answer) -> None:
    pass


def play(broker: Broker, section: Section, watch: Watch = unwatched) -> Answers:
    """What the tools print and return, normalised; and what was said against an act."""
    labels = iter([label for label, _ in section.calls()])
    answers: Answers = {}
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="walk-")))
        stage = stack.enter_context(acts.Stage(broker, scratch_of(root)))
        for group in _groups(section, broker.at_once):
            if isinstance(group, Act):
                refusal = acts.run(stage, group)
                if refusal:
                    answers[f"!{group.name} {' '.join(group.words)}"] = Answer(REFUSED, "", refusal)
                continue
            with ThreadPoolExecutor(broker.at_once) as pool:
                found = list(pool.map(lambda call: _asked(stage, call), group))
            normaliser = Normaliser(stage.placeholders())
            for call, answer in zip(group, found, strict=True):
                label = next(labels)
                watch(label, call, answer)
                answers[label] = normaliser.answer(call, answer)
    return answers


def _asked(stage: acts.Stage, call: Call) -> Answer:
    argv = [stage.filled(word) for word in call.argv]
    stdin = None if call.stdin is None else stage.filled(call.stdin)
    return stage.broker.run(call.tool, argv, stdin)


def _groups(section: Section, at_once: int) -> list[Act | list[Call]]:
    """Calls that only read, several at once as far as the broker's tools can do that."""
    groups: list[Act | list[Call]] = []
    last_reads = False
    for step in section.steps:
        if isinstance(step, Act):
            groups.append(step)
            last_reads = False
            continue
        reads = step.is_reading and at_once > 1
        group = groups[-1] if groups else None
        if reads and last_reads and isinstance(group, list):
            group.append(step)
        else:
            groups.append([step])
        last_reads = reads
    return groups
