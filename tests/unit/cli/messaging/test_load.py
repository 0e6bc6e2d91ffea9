"""Producers and consumers of a load test, against a broker."""

from __future__ import annotations

import select
from typing import Any

from broker.amqp import methods as m
from broker.cli.messaging.load import BLOCK_BYTES, Consumer, Counts, Party, Producer, block_of
from tests.unit.cli.messaging.conftest import Caller

PLAN: dict[str, Any] = {
    "size": 16,
    "rate": None,
    "confirm": 0,
    "auto_ack": False,
    "ack_every": 10,
    "prefetch": 50,
    "persistent": False,
    "mandatory": False,
    "exchange": "",
    "messages": 1000,
    "consume_arguments": {},
}


def drive(parties: list[Party], until: Any) -> None:
    poller = select.poll()
    while not until():
        for party in parties:
            party.pump()
            mask = select.POLLIN | (select.POLLOUT if party.wants_write else 0)
            poller.register(party.connection.transport.fileno(), mask)
        for descriptor, event in poller.poll(20):
            for party in parties:
                if party.connection.transport.fileno() == descriptor and event & select.POLLIN:
                    party.on_readable()


def flow(call: Caller, **changes: Any) -> Counts:
    """All messages of one producer through one queue. Returns: what was counted."""
    plan, counts = PLAN | changes, Counts()
    owner, sender, receiver = call.connect(), call.connect(), call.connect()
    queue = owner.call(m.QueueDeclare(auto_delete=True), m.QueueDeclareOk).queue
    consumer = Consumer(receiver, plan, queue, counts)
    producer = Producer(sender, plan, queue, counts)
    assert not producer.is_done
    wanted = plan["messages"]
    drive(
        [producer, consumer],
        lambda: producer.is_done and counts.numbers["received"] >= wanted,
    )
    assert counts.numbers["sent"] == counts.numbers["received"] == wanted
    for connection in (owner, sender, receiver):
        connection.close()
    return counts


def test_acknowledged_and_confirmed(call: Caller) -> None:
    counts = flow(call, confirm=100, persistent=True)
    assert counts.numbers["confirmed"] == 1000
    assert counts.numbers["nacked"] == 0
    assert sum(counts.latency.values()) == 1000
    assert sum(counts.confirm_latency.values()) == 1000
    report = counts.taken()
    assert report["sent"] == 1000
    assert counts.taken()["latency"] == {}


def test_without_acknowledgements_at_a_rate(call: Caller) -> None:
    counts = flow(call, auto_ack=True, rate=10_000.0, messages=300)
    assert "confirmed" not in counts.numbers


def test_bodies_too_small_for_a_time_and_larger_than_a_frame(call: Caller) -> None:
    assert not flow(call, size=4, messages=200).latency
    assert sum(flow(call, size=300_000, messages=3, ack_every=1).latency.values()) == 3


def test_what_no_queue_takes_is_counted(call: Caller) -> None:
    counts = Counts()
    plan = PLAN | {"mandatory": True, "messages": 7, "confirm": 3}
    producer = Producer(call.connect(), plan, "no-such-queue", counts)
    drive([producer], lambda: producer.is_done)
    assert (counts.numbers["returned"], counts.numbers["confirmed"]) == (7, 7)
    producer.connection.close()


def test_a_block_has_many_small_messages_or_one_large() -> None:
    message, count = block_of(PLAN, "q", 131072)
    assert 100 < count <= BLOCK_BYTES // len(message) or count == 500
    assert block_of(PLAN | {"size": 1_000_000}, "q", 131072)[1] == 1
