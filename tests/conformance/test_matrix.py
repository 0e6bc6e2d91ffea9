"""Bad input by the thousand, and what RabbitMQ said to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from broker import Broker
from tests.conformance.fixtures import add_users
from tests.conformance.matrix.deviations import DEVIATIONS, deviation
from tests.conformance.matrix.sections import SECTIONS, differences, read_outcomes
from tests.conformance.matrix.talk import outcomes
from tests.conformance.wire_client import Target
from tests.support.process import BrokerProcess


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with BrokerProcess() as process:
        target = Target(process.port)
        yield target
        target.close()


@pytest.fixture(scope="module")
def target_with_users() -> Iterator[Target]:
    with Broker() as broker:
        broker.call(add_users)
        target = Target(broker.port)
        yield target
        target.close()


@pytest.mark.parametrize("section", SECTIONS)
def test_the_matrix(section: str, target: Target, target_with_users: Target) -> None:
    """Every case has RabbitMQ's outcome, or the other one that it is meant to have."""
    chosen = target_with_users if SECTIONS[section].needs_users else target
    found = outcomes(chosen, SECTIONS[section].cases())
    lines = differences(section, read_outcomes(section), found)
    assert not lines, "\n".join(["", *lines[:40]])


def test_the_deviations_are_needed() -> None:
    """Each of them is some case's, and differs from what RabbitMQ does."""
    used = {
        deviation(section, label, recorded)
        for section in SECTIONS
        for label, recorded in read_outcomes(section).items()
    }
    assert [entry for entry in DEVIATIONS if entry not in used] == []
    assert [entry for entry in DEVIATIONS if entry.recorded.startswith(entry.ours)] == []
