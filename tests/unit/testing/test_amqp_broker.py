"""A broker for tests: vhosts that come and go, a look inside, connections that are cut."""

from __future__ import annotations

import threading
import urllib.request
from pathlib import Path

import pika
import pytest
from pika.exceptions import ConnectionClosedByBroker, StreamLostError

from broker.commands import DeleteVhost
from broker.settings import ConfigError
from broker.testing.amqp_broker import AmqpBroker, SeenConnection
from tests.unit.testing.support import channel_to


def test_it_is_gone_without_a_trace() -> None:
    before = threading.active_count()
    with AmqpBroker() as broker:
        assert threading.active_count() == before + 1
        assert broker.url == f"amqp://guest:guest@127.0.0.1:{broker.port}/%2F"
        assert broker.host == "127.0.0.1"
        with channel_to(broker.url) as channel:
            channel.queue_declare("q")
    assert threading.active_count() == before


def test_a_setting_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'heartbeat'"):
        AmqpBroker({"hartbeat": 1})


def test_a_vhost_is_fresh_and_goes_with_its_block(broker: AmqpBroker) -> None:
    assert broker.default_vhost == "/"
    with broker.vhost("my/test") as vhost, broker.vhost("my/test") as other:
        assert vhost != other
        assert broker.default_vhost == other
        with channel_to(broker.url_of(vhost)) as channel:
            channel.queue_declare("q", durable=True)
        assert broker.messages("q", vhost) == []
    assert broker.default_vhost == "/"
    with pytest.raises(LookupError, match="no vhost 'my/test-1'"):
        broker.messages("q", "my/test-1")


def test_a_vhost_may_be_deleted_before(broker: AmqpBroker) -> None:
    with broker.vhost() as vhost:
        broker.call(lambda node: node.execute(DeleteVhost(vhost)))
    assert broker.default_vhost == "/"


def test_who_is_left_in_a_vhost_is_told_and_hung_up_on(broker: AmqpBroker) -> None:
    with broker.vhost() as vhost:
        connection = pika.BlockingConnection(pika.URLParameters(broker.url_of(vhost)))
    with pytest.raises(ConnectionClosedByBroker, match=f"vhost '{vhost}' is deleted"):
        connection.process_data_events(1)
    assert broker.connections() == []


def test_messages_are_seen_as_soon_as_they_are_sent(broker: AmqpBroker, url: str) -> None:
    with channel_to(url) as channel:
        channel.queue_declare("q")
        for number in range(20):
            channel.basic_publish("", "q", b"%d" % number)
            assert len(broker.messages("q")) == number + 1


def test_a_queue_that_is_not_there(broker: AmqpBroker, vhost: str) -> None:
    with pytest.raises(LookupError, match=f"no queue 'q' in vhost '{vhost}'"):
        broker.messages("q")


def test_messages_on_disk_are_seen_as_well(tmp_path: Path) -> None:
    bodies = [b"%04d" % number + bytes(2000) for number in range(200)]
    with AmqpBroker({"data_dir": str(tmp_path)}) as broker:
        with channel_to(broker.url) as channel:
            channel.queue_declare("q", durable=True, arguments={"x-queue-mode": "lazy"})
            channel.confirm_delivery()
            for body in bodies:
                channel.basic_publish("", "q", body, pika.BasicProperties(delivery_mode=2))
        found = broker.messages("q")
        assert broker.call(lambda node: node.vhosts["/"].queues["q"].log.paged_count) > 0  # type: ignore[union-attr]
    assert [message.body for message in found] == bodies


def test_connections_are_known_by_their_names(broker: AmqpBroker, url: str, vhost: str) -> None:
    with channel_to(url, "one"), channel_to(url):
        one, other = broker.connections(vhost)
        assert (one.client_name, one.user, one.vhost) == ("one", "guest", vhost)
        assert other.client_name == ""
        assert other.name.endswith(f"-> 127.0.0.1:{broker.port}")
        assert broker.connections("/") == []
        assert broker.connections() == [one, other]
    assert broker.connections() == []


def test_a_connection_is_cut_by_either_name(broker: AmqpBroker, url: str) -> None:
    with channel_to(url, "one") as first, channel_to(url) as second, channel_to(url, "three"):
        broker.drop_connection("one")
        left: list[SeenConnection] = broker.connections()
        assert len(left) == 2
        broker.drop_connection(left[0].name)
        assert [connection.client_name for connection in broker.connections()] == ["three"]
        for channel in (first, second):
            with pytest.raises((StreamLostError, ConnectionResetError)):
                channel.queue_declare("q")
        with pytest.raises(LookupError, match="no connection 'one', but: three"):
            broker.drop_connection("one")


def test_all_connections_are_cut_or_those_that_are_meant(broker: AmqpBroker, url: str) -> None:
    with channel_to(url) as channel, channel_to(broker.url):
        channel.queue_declare("q")
        channel.basic_publish("", "q", b"1")
        channel.basic_get("q")
        assert broker.drop_connections(user="nobody") == 0
        assert broker.drop_connections(vhost="/") == 1
        assert broker.drop_connections() == 1
        (message,) = broker.messages("q")
        assert (message.state, message.redelivered) == ("ready", True)


def test_connections_are_closed_with_a_reason(broker: AmqpBroker, url: str) -> None:
    with channel_to(url) as channel:
        assert broker.close_connections("enough", vhost="/") == 0
        assert broker.close_connections("enough") == 1
        with pytest.raises(ConnectionClosedByBroker, match="CONNECTION_FORCED - enough"):
            channel.queue_declare("q")


def test_management_is_there_if_it_was_asked_for(broker: AmqpBroker) -> None:
    with pytest.raises(RuntimeError, match=r"management\.enabled"):
        _ = broker.management_url
    with AmqpBroker({"management.enabled": True}) as managed:
        request = urllib.request.Request(f"{managed.management_url}/api/vhosts")
        request.add_header("Authorization", "Basic Z3Vlc3Q6Z3Vlc3Q=")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert b'"name":"/"' in answer.read()
