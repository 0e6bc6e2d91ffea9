"""Every recorded conversation, played against one broker process of ours."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from broker import Broker
from tests.conformance.__main__ import SLOW_AT_ONCE, diff, play_alone
from tests.conformance.admin import api_of
from tests.conformance.fixtures import users
from tests.conformance.registry import Scenario, load, read_transcripts
from tests.conformance.wire_client import Target
from tests.support.process import BrokerProcess

SCENARIOS = list(load().values())
NOT_YET = {
    **{
        scenario.name: "no streams yet"
        for scenario in SCENARIOS
        if scenario.name.startswith("stream_")
    },
}
# Where RabbitMQ crashes, and we do not. docs/compatibility.md says why for each.
BETTER = {
    "credit_drain_of_an_empty_queue",
    "credit_drain_after_deliveries",
    "credit_drain_used_up",
    "credit_drain_at_consume",
    "credit_drain_at_consume_of_an_empty_queue",
    "credit_of_a_quorum_queue",
    "method_truncated_arguments_on_channel_zero",
}
PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"
# Those that wait for seconds (RabbitMQ's silent delays) all start before the first test.
SLOW = [scenario for scenario in SCENARIOS if scenario.slow]


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with BrokerProcess() as process:
        target = Target(process.port)
        yield target
        target.close()


@pytest.fixture(scope="module")
def target_with_users() -> Iterator[Target]:
    with Broker({"event_exchange.enabled": True}) as broker:
        target = Target(broker.port, commands=api_of(broker))
        with users(target):
            yield target
        target.close()


@pytest.fixture(scope="module")
def slow(target: Target) -> Iterator[dict[str, Future[list[list[object]]]]]:
    with ThreadPoolExecutor(SLOW_AT_ONCE) as pool:
        yield {scenario.name: pool.submit(play_alone, target, scenario) for scenario in SLOW}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_transcript(
    scenario: Scenario,
    target: Target,
    target_with_users: Target,
    slow: dict[str, Future[list[list[object]]]],
) -> None:
    if scenario.name in NOT_YET:
        pytest.skip(NOT_YET[scenario.name])
    recorded = read_transcripts(scenario.module).get(scenario.name)
    assert recorded is not None, "never recorded"
    if scenario.slow:
        played = slow[scenario.name].result(timeout=30)
    else:
        played = scenario.play(target_with_users if scenario.needs else target)
    lines = diff(recorded, played, scenario.name)
    if scenario.name in BETTER:
        assert lines, "equal by now: take it off the list"
        return
    assert not lines, "\n".join(["", *lines])


def test_the_page_has_what_is_not_equal() -> None:
    text = PAGE.read_text()
    assert not [name for name in (*NOT_YET, *BETTER) if f"`{name}`" not in text]
    assert f"{len(SCENARIOS)} conversations" in text, "the page counts them"
    assert f"{len(SCENARIOS) - len(NOT_YET) - len(BETTER)} are equal" in text
