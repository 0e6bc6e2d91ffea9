"""Tests of a program that uses pika: a queue of jobs that gives up on what fails too slowly."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPConnectionError, ConnectionClosedByBroker, NackError

from broker.testing import AmqpBroker, AmqpClock

WAITING, DEAD = "jobs", "jobs.dead"


class Jobs:
    """What is tested: jobs wait for a minute at most; then they are dead."""

    def __init__(self, channel: BlockingChannel):
        self.channel = channel
        channel.queue_declare(DEAD, durable=True)
        arguments = {
            "x-message-ttl": 60_000,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": DEAD,
        }
        channel.queue_declare(WAITING, durable=True, arguments=arguments)
        channel.confirm_delivery()

    def put(self, **job: object) -> None:
        properties = pika.BasicProperties(content_type="application/json", delivery_mode=2)
        self.channel.basic_publish("", WAITING, json.dumps(job).encode(), properties)

    def take(self) -> dict[str, object] | None:
        method, _, body = self.channel.basic_get(WAITING)
        if method is None:
            return None
        self.channel.basic_ack(method.delivery_tag)
        job: dict[str, object] = json.loads(body)
        return job


@pytest.fixture
def jobs(amqp_url: str) -> Iterator[Jobs]:
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    yield Jobs(connection.channel())
    if connection.is_open:
        connection.close()


def test_a_job_is_taken_once(jobs: Jobs) -> None:
    jobs.put(number=1)
    assert jobs.take() == {"number": 1}
    assert jobs.take() is None


def test_a_job_is_kept_as_json_that_survives(jobs: Jobs, amqp_broker: AmqpBroker) -> None:
    jobs.put(number=1)
    (message,) = amqp_broker.messages(WAITING)  # it stays where it is
    assert json.loads(message.body) == {"number": 1}
    assert message.properties == {"content_type": "application/json", "delivery_mode": 2}
    assert message.state == "ready"


def test_a_job_nobody_takes_is_dead_after_a_minute(
    jobs: Jobs, amqp_broker: AmqpBroker, amqp_clock: AmqpClock
) -> None:
    jobs.put(number=1)
    amqp_clock.advance(59)
    assert amqp_broker.messages(DEAD) == []
    amqp_clock.advance(1)
    (message,) = amqp_broker.messages(DEAD)
    assert message.headers["x-death"][0]["reason"] == "expired"


def test_who_puts_a_job_hears_that_the_connection_is_gone(
    jobs: Jobs, amqp_broker: AmqpBroker
) -> None:
    amqp_broker.drop_connections()
    with pytest.raises(AMQPConnectionError):
        jobs.put(number=1)


def test_who_puts_a_job_hears_why_the_broker_closed_the_connection(
    jobs: Jobs, amqp_broker: AmqpBroker
) -> None:
    amqp_broker.close_connections("maintenance")
    with pytest.raises(ConnectionClosedByBroker, match="CONNECTION_FORCED - maintenance"):
        jobs.put(number=1)


def test_who_puts_a_job_hears_that_the_queue_does_not_take_it(
    jobs: Jobs, amqp_broker: AmqpBroker
) -> None:
    with amqp_broker.nack_publishers(), pytest.raises(NackError):
        jobs.put(number=1)
    jobs.put(number=2)
    assert jobs.take() == {"number": 2}


def test_a_broker_that_is_short_of_memory_says_so(jobs: Jobs, amqp_broker: AmqpBroker) -> None:
    heard: list[str] = []
    connection = jobs.channel.connection
    connection.add_on_connection_blocked_callback(lambda _, why: heard.append(why.method.reason))
    jobs.put(number=1)
    with amqp_broker.block_publishers():
        connection.process_data_events(1)
    assert heard == ["low on memory"]


def test_a_user_who_is_refused(amqp_url: str, amqp_broker: AmqpBroker) -> None:
    with amqp_broker.refuse_user("guest"), pytest.raises(AMQPConnectionError):
        pika.BlockingConnection(pika.URLParameters(amqp_url))


@pytest.mark.amqp(consumer_timeout=60_000)
def test_a_job_that_is_not_acked_in_time_is_ready_again(
    jobs: Jobs, amqp_broker: AmqpBroker, amqp_clock: AmqpClock
) -> None:
    jobs.put(number=1)
    jobs.channel.basic_consume(WAITING, lambda *_: None)
    amqp_clock.advance(50)
    assert [message.state for message in amqp_broker.messages(WAITING)] == ["unacked"]
    amqp_clock.advance(11)
    assert amqp_broker.messages(WAITING) == []  # it has expired, as well
    (message,) = amqp_broker.messages(DEAD)
    assert json.loads(message.body) == {"number": 1}
