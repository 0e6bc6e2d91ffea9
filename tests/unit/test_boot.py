"""What boot does without a socket; lives of whole brokers are in tests/integration."""

from __future__ import annotations

import socket

import pytest

from broker.boot import Broker, default_node_name
from broker.config import Config, ConfigError


def test_a_node_is_called_after_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "box.example.org")
    assert default_node_name() == "rabbit@box"
    monkeypatch.setattr(socket, "gethostname", lambda: "")
    assert default_node_name() == "rabbit@localhost"


def test_an_embedded_broker_is_on_loopback_and_a_free_port() -> None:
    broker = Broker({"heartbeat": 10})
    assert broker.config.limits.heartbeat_s == 10
    assert (broker.config.listeners.bind, broker.config.listeners.port) == ("127.0.0.1", 0)
    assert broker.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({}, "127.0.0.1"),
        ({"listeners.bind": "::1"}, "::1"),
        ({"listeners.bind": ""}, "127.0.0.1"),
        ({"listeners.tcp.1": "10.0.0.1:5672"}, "10.0.0.1"),
        ({"listeners.tcp": "none", "listeners.ssl.1": "::1:5671"}, "::1"),
        ({"listeners.tcp": "none"}, "127.0.0.1"),
    ],
)
def test_the_host_is_that_of_the_first_listener(settings: dict[str, object], host: str) -> None:
    assert Broker(settings).host == host


def test_urls_name_the_ports_that_are_listened_on() -> None:
    broker = Broker({"default_user": "a b", "default_pass": "/"})
    broker.port, broker.tls_port = 1, 2
    assert broker.url == "amqp://a%20b:%2F@127.0.0.1:1/%2F"
    assert broker.tls_url == "amqps://a%20b:%2F@127.0.0.1:2/%2F"
    assert not broker.reload_certificates()


def test_a_whole_config_is_taken_as_it_is() -> None:
    config = Config()
    assert Broker(config).config is config


def test_an_unknown_setting_is_an_error() -> None:
    with pytest.raises(ConfigError):
        Broker({"hartbeat": 10})
