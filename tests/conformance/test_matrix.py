"""Bad input by the thousand, and what RabbitMQ said to it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from broker import Broker
from tests.conformance.admin import api_of
from tests.conformance.fixtures import users
from tests.conformance.matrix.deviations import DEVIATIONS, deviation
from tests.conformance.matrix.sections import SECTIONS, Outcomes, differences, read_outcomes
from tests.conformance.matrix.talk import outcomes
from tests.conformance.wire_client import Target
from tests.support.process import BrokerProcess

Played = dict[str, Future[Outcomes]]


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    """All sections, side by side: most of their time they wait for the disk."""
    with (
        BrokerProcess() as process,
        Broker() as broker,
        ThreadPoolExecutor(len(SECTIONS)) as pool,
    ):
        target = Target(process.port)
        target_with_users = Target(broker.port, commands=api_of(broker))
        with users(target_with_users):
            yield {
                name: pool.submit(
                    outcomes, target_with_users if section.needs_users else target, section.cases()
                )
                for name, section in SECTIONS.items()
            }
            pool.shutdown()


@pytest.mark.parametrize("section", SECTIONS)
def test_the_matrix(section: str, played: Played) -> None:
    """Every case has RabbitMQ's outcome, or the other one that it is meant to have."""
    lines = differences(section, read_outcomes(section), played[section].result())
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
