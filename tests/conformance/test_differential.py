"""What random runs were answered by RabbitMQ, played against one broker process of ours; and the
parts of the runner that a run without a difference never comes to."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.conformance.differential.generator import Generator
from tests.conformance.differential.player import Player
from tests.conformance.differential.recording import names, read_recording
from tests.conformance.differential.runner import play, replay
from tests.conformance.differential.shrink import shrink
from tests.conformance.differential.steps import Step, read_steps
from tests.conformance.wire_client import Target
from tests.support.process import BrokerProcess

PREFIX = "differential."


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with BrokerProcess() as process:
        target = Target(process.port)
        yield target
        target.close()
        assert "bug: " not in process.log.read_text()


@pytest.mark.parametrize("name", names())
def test_recording(name: str, target: Target) -> None:
    for steps, recorded in read_recording(name):
        outcome = replay(steps, recorded, Player(target, PREFIX))
        if outcome.index is not None:
            theirs, ours = outcome.observations
            seen = [
                f"{side}: {json.dumps(what)}"
                for side, what in (("RabbitMQ", theirs), ("ours", ours))
            ]
            pytest.fail("\n".join(["", *map(str, steps[: outcome.index + 1]), *seen]))


def test_another_answer_is_a_difference(target: Target) -> None:
    steps, recorded = read_recording("quorum_single_active_get")[0]
    recorded[1]["C1"][0][1]["reply_code"] = 404
    assert replay(steps, recorded, Player(target, PREFIX)).index == 1


def test_two_sides_that_agree(target: Target) -> None:
    steps = [step for step in Generator(1, 30).steps() if step.op != "wait"]
    outcome = play(steps, [Player(target, "one."), Player(target, "one2.")])
    assert outcome.index is not None  # names differ: every answer that has one does
    outcome = play(steps[: outcome.index], [Player(target, "one."), Player(target, "one2.")])
    assert outcome.index is None
    assert len(outcome.recorded) == len(steps[: len(outcome.recorded)])


def test_a_seed_is_a_run() -> None:
    assert Generator(7, 100).steps() == Generator(7, 100).steps()
    assert Generator(7, 100).steps() != Generator(8, 100).steps()


def test_steps_can_be_printed_and_read() -> None:
    steps = Generator(3, 100).steps()
    assert read_steps([str(step) for step in steps]) == steps


def test_shrinking_leaves_what_it_takes() -> None:
    steps = [Step("A1", "publish", {"body": f"m{n}", "count": n, "size": 9}) for n in range(40)]
    loose = Step("A1", "publish", {"body": "m7"})

    def fails(some: list[Step]) -> bool:
        bodies = {step.fields["body"]: step.fields for step in some}
        return "m7" in bodies and "m31" in bodies and bodies["m31"].get("count") == 31

    assert shrink(steps, fails) == [loose, Step("A1", "publish", {"body": "m31", "count": 31})]
