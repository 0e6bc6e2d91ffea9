"""Keys go to the queues that RabbitMQ puts them into; see `placements.py`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from broker import Broker
from tests.conformance.placements import CASES, COUNT, place, recorded
from tests.conformance.wire_client import Target

RECORDED = recorded()


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with Broker() as broker:
        target = Target(broker.port)
        yield target
        target.close()


def test_all_cases_are_recorded() -> None:
    assert RECORDED.keys() == CASES.keys()
    assert all(len(digits) == COUNT for digits in RECORDED.values())


@pytest.mark.parametrize("name", CASES)
def test_keys_go_where_rabbitmq_puts_them(name: str, target: Target) -> None:
    assert place(target, name) == RECORDED[name]
