"""Tests of a program that uses aio-pika, run by pytest-asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import aio_pika
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractRobustConnection

from broker.testing import AmqpBroker, AmqpClock

pytestmark = pytest.mark.asyncio


async def send_reminder(connection: AbstractRobustConnection, text: str, delay_s: int) -> None:
    """What is tested: a reminder waits in a queue of its own until it is due."""
    async with connection.channel() as channel:
        await channel.declare_queue("reminders")
        arguments = {
            "x-expires": 2000 * delay_s,
            "x-message-ttl": 1000 * delay_s,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": "reminders",
        }
        waiting = await channel.declare_queue(f"reminders.in.{delay_s}", arguments=arguments)
        message = aio_pika.Message(text.encode(), headers={"delay": delay_s})
        await channel.default_exchange.publish(message, waiting.name)


@pytest_asyncio.fixture
async def connection(amqp_url: str) -> AsyncIterator[AbstractRobustConnection]:
    async with await aio_pika.connect_robust(amqp_url, reconnect_interval=0.05) as connection:
        yield connection


async def test_a_reminder_comes_when_it_is_due(
    connection: AbstractRobustConnection, amqp_broker: AmqpBroker, amqp_clock: AmqpClock
) -> None:
    await send_reminder(connection, "tea", 180)
    assert amqp_broker.messages("reminders") == []
    amqp_clock.advance(180)
    (message,) = amqp_broker.messages("reminders")
    assert message.body == b"tea"
    assert message.headers["delay"] == 180


async def test_the_queue_of_a_delay_goes_when_it_is_not_used(
    connection: AbstractRobustConnection, amqp_broker: AmqpBroker, amqp_clock: AmqpClock
) -> None:
    await send_reminder(connection, "tea", 180)
    amqp_clock.advance(360)
    with pytest.raises(LookupError):
        amqp_broker.messages("reminders.in.180")


async def test_the_connection_comes_back_by_itself(
    connection: AbstractRobustConnection, amqp_broker: AmqpBroker
) -> None:
    channel = await connection.channel()
    queue = await channel.declare_queue("jobs")
    taken: asyncio.Queue[bytes] = asyncio.Queue()
    back = asyncio.Event()
    connection.reconnect_callbacks.add(lambda *_: back.set())

    async def take(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        async with message.process():
            taken.put_nowait(message.body)

    await queue.consume(take)
    assert amqp_broker.drop_connections() == 1
    await asyncio.wait_for(back.wait(), 10)
    await channel.default_exchange.publish(aio_pika.Message(b"again"), "jobs")
    assert await asyncio.wait_for(taken.get(), 10) == b"again"


async def test_publishing_waits_while_the_broker_is_short_of_memory(
    connection: AbstractRobustConnection, amqp_broker: AmqpBroker
) -> None:
    channel = await connection.channel()
    await channel.declare_queue("jobs")
    publish = partial(channel.default_exchange.publish, routing_key="jobs")
    await publish(aio_pika.Message(b"1"))
    with amqp_broker.block_publishers():
        publishing = asyncio.ensure_future(publish(aio_pika.Message(b"2")))
        await asyncio.wait([publishing], timeout=0.1)
        assert not publishing.done()
        assert [message.body for message in amqp_broker.messages("jobs")] == [b"1"]
    await asyncio.wait_for(publishing, 10)
    assert [message.body for message in amqp_broker.messages("jobs")] == [b"1", b"2"]
