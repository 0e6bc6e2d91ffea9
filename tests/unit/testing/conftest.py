"""One broker for these tests; what a test changes in it, it changes back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from broker.testing.amqp_broker import AmqpBroker


@pytest.fixture(scope="package")
def broker() -> Iterator[AmqpBroker]:
    with AmqpBroker({"consumer_timeout": 60_000}) as broker:
        yield broker


@pytest.fixture
def vhost(broker: AmqpBroker) -> Iterator[str]:
    with broker.vhost() as vhost:
        yield vhost
    broker.clear_faults()


@pytest.fixture
def url(broker: AmqpBroker, vhost: str) -> str:
    return broker.url_of(vhost)
