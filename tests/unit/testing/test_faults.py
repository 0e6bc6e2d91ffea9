"""Faults: on from the call that makes them, until they are cleared."""

from __future__ import annotations

import pika
import pytest
from pika.exceptions import (
    AMQPConnectionError,
    NackError,
    ProbableAuthenticationError,
)

from broker.commands import AddVhost, DeleteUser, DeleteVhost, PutUser
from broker.testing.amqp_broker import AmqpBroker
from broker.testing.faults import Fault
from tests.unit.testing.support import channel_to


def connects(url: str) -> bool:
    """Raises: whatever pika says."""
    pika.BlockingConnection(pika.URLParameters(url)).close()
    return True


def test_a_fault_is_cleared_once() -> None:
    ends: list[int] = []
    with Fault(lambda: ends.append(1)) as fault:
        assert fault.is_on
    assert not fault.is_on
    fault.clear()
    assert ends == [1]


def test_publishers_are_blocked_while_any_alarm_is_on(broker: AmqpBroker, url: str) -> None:
    heard: list[str] = []
    with channel_to(url) as channel:
        connection = channel.connection
        connection.add_on_connection_blocked_callback(
            lambda _, how: heard.append(how.method.reason)
        )
        connection.add_on_connection_unblocked_callback(lambda *_: heard.append("unblocked"))
        channel.queue_declare("q")
        channel.basic_publish("", "q", b"1")
        with broker.block_publishers() as first:
            second = broker.block_publishers("disk")
            connection.process_data_events(1)
            first.clear()
            channel.basic_publish("", "q", b"2")
            assert [message.body for message in broker.messages("q")] == [b"1"]
            second.clear()
            connection.process_data_events(1)
        assert [message.body for message in broker.messages("q")] == [b"1", b"2"]
    assert heard == ["low on memory", "unblocked"]
    with pytest.raises(ValueError, match="resource must be one of memory, disk, not 'cpu'"):
        broker.block_publishers("cpu")


def test_a_user_who_is_refused_gets_in_again(broker: AmqpBroker, url: str) -> None:
    with channel_to(url) as channel:
        with broker.refuse_user("guest") as first:
            second = broker.refuse_user("guest")
            for fault in (first, second):
                with pytest.raises(ProbableAuthenticationError, match="ACCESS_REFUSED"):
                    connects(url)
                fault.clear()
        channel.queue_declare("q")  # who is in stays
    assert connects(url)
    with pytest.raises(LookupError, match="no user 'nobody'"):
        broker.refuse_user("nobody")


def test_what_a_test_makes_of_a_refused_user_counts(broker: AmqpBroker) -> None:
    def put(password_hash: bytes) -> None:
        command = PutUser("eve", password_hash, "rabbit_password_hashing_sha256")
        broker.call(lambda node: node.execute(command))

    put(b"salt" + bytes(32))
    with broker.refuse_user("eve"):
        put(b"else" + bytes(32))
    assert broker.call(lambda node: node.users["eve"].password_hash)[:4] == b"else"
    with broker.refuse_user("eve"):
        broker.call(lambda node: node.execute(DeleteUser("eve")))
    assert broker.call(lambda node: "eve" not in node.users)


def test_nobody_is_let_in_while_connections_are_refused(broker: AmqpBroker, url: str) -> None:
    with channel_to(url) as channel:
        with broker.refuse_connections() as first:
            second = broker.refuse_connections()
            for fault in (first, second):
                with pytest.raises(AMQPConnectionError):
                    connects(url)
                fault.clear()
        channel.queue_declare("q")
    assert connects(url)


def test_publishers_are_nacked_in_one_vhost(broker: AmqpBroker, url: str) -> None:
    broker.call(lambda node: node.execute(AddVhost("other")))
    with channel_to(url) as channel:
        channel.queue_declare("q")
        channel.confirm_delivery()
        channel.basic_publish("", "q", b"1")
        with broker.nack_publishers(), broker.nack_publishers("other"):
            with pytest.raises(NackError):
                channel.basic_publish("", "q", b"2")
            channel.queue_declare("new")
            with pytest.raises(NackError):
                channel.basic_publish("", "new", b"2")
            broker.call(lambda node: node.execute(DeleteVhost("other")))
        channel.basic_publish("", "q", b"3")
    assert [message.body for message in broker.messages("q")] == [b"1", b"3"]
    with pytest.raises(LookupError, match="no vhost 'other'"):
        broker.nack_publishers("other")


def test_a_queue_that_says_what_overflows_keeps_to_that(broker: AmqpBroker, url: str) -> None:
    with channel_to(url) as channel:
        channel.confirm_delivery()
        for overflow in ("drop-head", "reject-publish-dlx"):
            channel.queue_declare(overflow, arguments={"x-overflow": overflow, "x-max-length": 1})
        with broker.nack_publishers():
            channel.basic_publish("", "drop-head", b"1")  # at once out of the queue again
            with pytest.raises(NackError):
                channel.basic_publish("", "reject-publish-dlx", b"1")
    assert broker.messages("drop-head") == []


def test_what_is_left_on_is_cleared_at_the_end(broker: AmqpBroker, url: str) -> None:
    faults = [broker.block_publishers(), broker.refuse_connections(), broker.refuse_user("guest")]
    broker.clear_faults()
    assert not any(fault.is_on for fault in faults)
    assert connects(url)
    assert broker.call(lambda node: node.alarms) == {}
