"""Time that passes at once: what it does to a broker, and what it leaves alone."""

from __future__ import annotations

import time

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from broker.session.connection import Connection
from broker.testing.amqp_broker import AmqpBroker
from broker.testing.amqp_clock import JumpingClock
from tests.unit.testing.support import channel_to

HOUR = 3600


def bodies(broker: AmqpBroker, queue: str) -> list[bytes]:
    return [message.body for message in broker.messages(queue)]


def declare(channel: BlockingChannel, queue: str, to: str = "", **arguments: object) -> None:
    """to: the queue for its dead letters."""
    given = {f"x-{name.replace('_', '-')}": value for name, value in arguments.items()}
    if to:
        given |= {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": to}
    channel.queue_declare(queue, arguments=given)


def test_a_clock_that_never_jumps_is_the_plain_one() -> None:
    with AmqpBroker() as broker:
        assert not broker.call(lambda node: isinstance(node.clock, JumpingClock))
        broker.clock.put_right()
        assert not broker.call(lambda node: isinstance(node.clock, JumpingClock))
        broker.clock.advance(0)
        assert broker.call(lambda node: isinstance(node.clock, JumpingClock))


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_time_does_not_go_back(broker: AmqpBroker, seconds: float) -> None:
    with pytest.raises(ValueError, match="a clock cannot go back"):
        broker.clock.advance(seconds)


def test_messages_expire_when_their_time_is_over(broker: AmqpBroker, url: str) -> None:
    with channel_to(url) as channel:
        declare(channel, "q", message_ttl=2 * HOUR * 1000)
        channel.basic_publish("", "q", b"own", pika.BasicProperties(expiration="3600000"))
        channel.basic_publish("", "q", b"queue's")
        broker.clock.advance(HOUR - 60)
        assert bodies(broker, "q") == [b"own", b"queue's"]
        broker.clock.advance(60)
        assert bodies(broker, "q") == [b"queue's"]
        broker.clock.advance(HOUR)
        assert bodies(broker, "q") == []


def test_times_on_the_way_are_kept(broker: AmqpBroker, url: str) -> None:
    """From queue to queue in a single jump: it has not been in the last one for its hour."""
    with channel_to(url) as channel:
        declare(channel, "first", to="second", message_ttl=HOUR * 1000)
        declare(channel, "second", to="third", message_ttl=HOUR * 1000)
        declare(channel, "third", message_ttl=HOUR * 1000)
        channel.basic_publish("", "first", b"1")
        broker.clock.advance(2.5 * HOUR)
        (message,) = broker.messages("third")
        later, first = (death["time"] for death in message.headers["x-death"])
        assert later - first == pytest.approx(HOUR, abs=1)
        broker.clock.advance(0.6 * HOUR)
        assert bodies(broker, "third") == []


def test_queues_expire_unless_they_are_used(broker: AmqpBroker, url: str) -> None:
    with channel_to(url) as channel:
        declare(channel, "idle", expires=HOUR * 1000)
        declare(channel, "used", expires=HOUR * 1000)
        channel.basic_consume("used", lambda *_: None)
        broker.clock.advance(HOUR - 60)
        assert bodies(broker, "idle") == []
        broker.clock.advance(61)
        with pytest.raises(LookupError):
            broker.messages("idle")
        assert bodies(broker, "used") == []


def test_a_policy_s_times_are_jumped_as_well(broker: AmqpBroker, url: str, vhost: str) -> None:
    from broker.commands import SetPolicy

    with channel_to(url) as channel:
        declare(channel, "q")
        policy = SetPolicy(vhost, "ttl", ".*", '{"message-ttl": 5000}')
        broker.call(lambda node: node.execute(policy))
        channel.basic_publish("", "q", b"1")
        broker.clock.advance(5)
        assert bodies(broker, "q") == []


def test_what_is_not_acked_in_time_comes_back(broker: AmqpBroker, url: str) -> None:
    """The broker of these tests has a consumer_timeout of a minute."""
    with channel_to(url) as channel, channel_to(url) as other:
        channel.queue_declare("q")
        channel.basic_publish("", "q", b"1")
        channel.basic_get("q")
        broker.clock.advance(40)
        assert [message.state for message in broker.messages("q")] == ["unacked"]
        other.basic_publish("", "q", b"2")
        other.basic_get("q")
        broker.clock.advance(40)
        assert sorted((one.body, one.state) for one in broker.messages("q")) == [
            (b"1", "ready"),
            (b"2", "unacked"),
        ]
        with pytest.raises(ChannelClosedByBroker, match="delivery acknowledgement"):
            channel.queue_declare("else")


def test_a_consumer_gets_what_a_jump_brings(broker: AmqpBroker, url: str) -> None:
    taken: list[bytes] = []
    with channel_to(url) as channel:
        declare(channel, "later", to="now", message_ttl=HOUR * 1000)
        channel.queue_declare("now")
        channel.basic_consume("now", lambda *values: taken.append(values[3]), auto_ack=True)
        channel.basic_publish("", "later", b"1")
        broker.clock.advance(HOUR)
        channel.connection.process_data_events(1)
    assert taken == [b"1"]


def test_connections_outlive_a_jump(broker: AmqpBroker, url: str) -> None:
    """Heartbeats and handshakes have as long as they had."""
    with channel_to(f"{url}?heartbeat=2") as channel:
        left = broker.call(_time_left)
        broker.clock.advance(24 * HOUR)
        assert broker.call(_time_left) == pytest.approx(left, abs=1000)
        channel.queue_declare("q")
    with channel_to(f"{url}?heartbeat=2") as channel:
        channel.queue_declare("q")


def _time_left(node: object) -> int:
    """Until the broker would say that it has heard nothing for too long."""
    from broker.node import Node

    assert isinstance(node, Node)
    (connection,) = node.peers.values()
    assert isinstance(connection, Connection)
    return connection._last_received_ms - node.clock.now_ms()


def test_real_time_goes_on_after_a_jump(broker: AmqpBroker, url: str) -> None:
    taken: list[bytes] = []
    with channel_to(url) as channel:
        broker.clock.advance(HOUR)
        declare(channel, "q", to="dead", message_ttl=20)
        channel.queue_declare("dead")
        channel.basic_consume("dead", lambda *values: taken.append(values[3]), auto_ack=True)
        channel.basic_publish("", "q", b"1")
        channel.connection.process_data_events(10)
    assert taken == [b"1"]


def test_the_time_of_day_is_put_right_again(broker: AmqpBroker) -> None:
    broker.clock.advance(HOUR)
    now_s = broker.call(lambda node: node.clock.epoch_ms()) / 1000
    assert now_s > time.time() + HOUR - 60
    broker.clock.put_right()
    passed = broker.call(lambda node: node.clock.now_ms())
    now_s = broker.call(lambda node: node.clock.epoch_ms()) / 1000
    assert now_s == pytest.approx(time.time(), abs=60)
    assert broker.call(lambda node: node.clock.now_ms()) >= passed
