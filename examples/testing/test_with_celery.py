"""Tests of Celery tasks with a real worker, in a thread, and a real broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from kombu import pools

from broker.testing import AmqpBroker

app = Celery("shop", backend="cache+memory://")
app.conf.update(worker_hijack_root_logger=False, broker_connection_retry_on_startup=True)


@app.task(bind=True, autoretry_for=(OSError,), default_retry_delay=0)
def price(self: Any, pieces: int, failures: int = 0) -> int:
    """What is tested. failures: how often the list of prices cannot be read."""
    if self.request.retries < failures:
        raise OSError("the list of prices cannot be read")
    return pieces * 3


@pytest.fixture(autouse=True)
def shop(amqp_url: str) -> Iterator[None]:
    """The application with the test's broker; its connections are closed before that one goes."""
    app.conf.broker_url = amqp_url
    yield
    app.close()
    app._pool = app.amqp._producer_pool = None
    pools.reset()


@contextmanager
def worker() -> Iterator[None]:
    """A worker in a thread. Told over the broker to stop, it need not find out by itself."""
    with start_worker(app, perform_ping_check=False, shutdown_timeout=30):
        yield
        app.control.shutdown()


def test_a_task_waits_for_a_worker(amqp_broker: AmqpBroker) -> None:
    price.delay(2)
    (message,) = amqp_broker.messages("celery")
    assert message.headers["task"] == price.name
    assert json.loads(message.body)[0] == [2]


def test_a_worker_does_it() -> None:
    with worker():
        assert price.delay(2).get(timeout=10) == 6


def test_what_fails_is_tried_again(amqp_broker: AmqpBroker) -> None:
    with worker():
        result = price.delay(2, failures=2)
        assert result.get(timeout=10) == 6
    assert amqp_broker.messages("celery") == []
