"""What a gateway does without a socket; listening is in tests/integration/test_transport.py."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from broker.config import Config, override
from broker.server.doorway import Doorway
from broker.server.gateway import AMQP, AMQPS, Listening
from broker.server.protocol import WRITE_BUFFER_HIGH, AMQPProtocol
from tests.support.gateway import AsyncioTransport, gateway_of
from tests.support.peer import World


def test_the_first_port_of_a_protocol() -> None:
    gateway, _ = gateway_of(World().node)
    assert gateway.port(AMQP) == 0
    gateway.listening = [
        Listening(AMQP, "/run/mq.sock", 0),
        Listening(AMQP, "::", 5672),
        Listening(AMQP, "::", 5673),
        Listening(AMQPS, "::", 5671),
    ]
    assert (gateway.port(AMQP), gateway.port(AMQPS)) == (5672, 5671)


@pytest.mark.parametrize(("is_proxied", "expected"), [(False, AMQPProtocol), (True, Doorway)])
def test_who_meets_those_who_come(is_proxied: bool, expected: type) -> None:
    gateway, _ = gateway_of(World().node, override(Config(), "proxy_protocol", is_proxied))
    assert isinstance(gateway._plain(), expected)


class Socket:
    def __init__(self, family: int):
        self.family = family
        self.options: list[tuple[Any, ...]] = []

    def setsockopt(self, *option: Any) -> None:
        self.options.append(option)


def test_a_transport_is_set_up() -> None:
    config = override(Config(), "tcp_listen_options.nodelay", False)
    gateway, _ = gateway_of(World().node, config)
    for family, count in ((socket.AF_INET, 1), (socket.AF_UNIX, 0)):
        transport, connected = AsyncioTransport(), Socket(family)
        transport.extra["socket"] = connected
        gateway.settle(transport)  # type: ignore[arg-type]
        assert transport.high == WRITE_BUFFER_HIGH
        assert len(connected.options) == count


def test_without_tls_there_is_nothing_to_reload() -> None:
    gateway, _ = gateway_of(World().node)
    assert not gateway.reload_certificates()
