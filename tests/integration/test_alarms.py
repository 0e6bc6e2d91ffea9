"""Alarms of a real process: its own memory, a real disk, and pika on the other end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pika
import pytest

from tests.integration.support import wait_until
from tests.support.process import BrokerProcess

BODY = b"x" * 50_000
MESSAGES_MAX = 20_000  # a gigabyte: by then the alarm has failed


class Client:
    """A pika connection with one channel; what it was told about alarms is in `told`."""

    def __init__(self, port: int):
        self.connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port))
        self.told: list[str] = []
        self.connection.add_on_connection_blocked_callback(
            lambda _, frame: self.told.append(frame.method.reason)
        )
        self.connection.add_on_connection_unblocked_callback(
            lambda _, frame: self.told.append("unblocked")
        )
        self.channel = self.connection.channel()

    def publish(self, body: bytes = BODY) -> None:
        self.channel.basic_publish("", "q", body)
        self.connection.process_data_events(0)

    def is_told(self, *told: str) -> bool:
        self.connection.process_data_events(0.01)
        return self.told == list(told)

    def consume_all(self) -> list[bytes]:
        """Until nothing comes any more."""
        bodies = []
        for method, _, body in self.channel.consume("q", inactivity_timeout=0.5):
            if method is None:
                break
            bodies.append(body)
            self.channel.basic_ack(method.delivery_tag)
        self.channel.cancel()
        return bodies


@contextlib.contextmanager
def clients(broker: BrokerProcess, count: int) -> Iterator[list[Client]]:
    """One of them may be blocked at the end: it is not read, and could not close by itself."""
    found = [Client(broker.port) for _ in range(count)]
    found[0].channel.queue_declare("q")
    try:
        yield found
    finally:
        broker.stop()
        for client in found:
            with contextlib.suppress(pika.exceptions.AMQPError):
                client.connection.close()


def test_memory_that_runs_low_stops_publishers_until_it_is_consumed() -> None:
    flags = ("--data-dir", "none", "--set", "vm_memory_high_watermark.absolute=100MB")  # no paging
    with BrokerProcess(*flags) as broker, clients(broker, 2) as (publisher, consumer):
        count = 0
        while not publisher.told:
            publisher.publish()
            count += 1
            assert count < MESSAGES_MAX
        assert publisher.told == ["low on memory"]
        received = len(consumer.consume_all())  # the last ones wait in the publisher's socket
        assert count // 2 < received <= count
        assert consumer.told == []
        wait_until(lambda: publisher.is_told("low on memory", "unblocked"), "the end of the alarm")
        assert received + len(consumer.consume_all()) == count
        publisher.publish(b"again")
        assert consumer.consume_all() == [b"again"]
        log = broker.log.read_text()
        for sentence in ("memory is above its limit", "alarm set", "alarm cleared"):
            assert log.count(sentence) == 1


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("disk_free_limit.absolute=8000PB", "low on disk"),
        ("disk_free_limit.relative=1000000", "low on disk"),
        ("vm_memory_high_watermark.relative=0", "low on memory"),
        ("vm_memory_high_watermark.relative=0.00000001", "low on memory"),
    ],
)
def test_an_alarm_from_the_start_blocks_at_the_first_publish(setting: str, reason: str) -> None:
    with BrokerProcess("--set", setting) as broker, clients(broker, 2) as (publisher, consumer):
        assert publisher.is_told()  # nothing, until it publishes
        publisher.publish(b"first")
        wait_until(lambda: publisher.is_told(reason), "connection.blocked")
        assert consumer.consume_all() == [b"first"]
        assert consumer.told == []
