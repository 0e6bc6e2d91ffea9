"""Tests of a FastStream application with a real broker, for what its own TestRabbitBroker leaves
out: acks, redelivery, dead letters, connections that are lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from faststream import AckPolicy
from faststream.rabbit import RabbitBroker, RabbitQueue

from broker.testing import AmqpBroker

pytestmark = pytest.mark.asyncio

ORDERS = RabbitQueue(
    "orders",
    durable=True,
    arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "orders.refused"},
)
REFUSED = RabbitQueue("orders.refused", durable=True)


class Shop:
    """What is tested: it takes orders of one piece at least, and refuses all others."""

    def __init__(self, url: str):
        self.broker = RabbitBroker(url)
        self.sold: asyncio.Queue[int] = asyncio.Queue()
        self.broker.subscriber(ORDERS, ack_policy=AckPolicy.REJECT_ON_ERROR)(self.sell)

    async def sell(self, pieces: int) -> None:
        if pieces < 1:
            raise ValueError("nothing was ordered")
        self.sold.put_nowait(pieces)


@pytest_asyncio.fixture
async def shop(amqp_url: str) -> AsyncIterator[Shop]:
    shop = Shop(amqp_url)
    async with shop.broker:
        await shop.broker.declare_queue(REFUSED)
        await shop.broker.start()
        yield shop


async def test_an_order_is_sold(shop: Shop, amqp_broker: AmqpBroker) -> None:
    await shop.broker.publish(2, queue=ORDERS)
    assert await asyncio.wait_for(shop.sold.get(), 10) == 2


async def test_an_order_of_nothing_is_refused(shop: Shop, amqp_broker: AmqpBroker) -> None:
    await shop.broker.publish(0, queue=ORDERS)
    await shop.broker.publish(1, queue=ORDERS)
    await asyncio.wait_for(shop.sold.get(), 10)
    (message,) = amqp_broker.messages("orders.refused")
    assert message.body == b"0"
    assert message.headers["x-death"][0]["reason"] == "rejected"
