"""What is done with a PROXY header; what it may be is in test_proxy_protocol."""

from __future__ import annotations

from functools import partial

import pytest

from broker.amqp.frames import PROTOCOL_HEADER
from broker.config import Config, override
from broker.server.certificates import Certificates
from broker.server.doorway import Doorway
from broker.server.gateway import Gateway
from broker.server.protocol import AMQPProtocol
from broker.server.tls import TlsPort, TlsStream
from broker.session.connection import Connection
from tests.support.certificates import Authority
from tests.support.gateway import AsyncioTransport, FakeLoop, gateway_of
from tests.support.peer import World

HEADER = b"PROXY TCP4 10.0.0.1 10.0.0.2 1000 5672\r\n"


class Arrival:
    def __init__(self, gateway: Gateway | None = None, *, is_tls: bool = False):
        self.world = World()
        self.loop = FakeLoop()
        if gateway is None:
            gateway, self.loop = gateway_of(self.world.node)
        self.gateway = gateway
        self.doorway = Doorway(gateway, is_tls=is_tls)
        self.transport = AsyncioTransport()
        self.doorway.connection_made(self.transport)  # type: ignore[arg-type]


def test_what_follows_has_the_octets_behind_the_header() -> None:
    arrival = Arrival()
    assert list(arrival.gateway.arriving) == [arrival.doorway]
    arrival.doorway.data_received(HEADER[:10])
    assert arrival.transport.protocol is None
    arrival.doorway.data_received(HEADER[10:] + PROTOCOL_HEADER)
    assert isinstance(arrival.transport.protocol, AMQPProtocol)
    assert arrival.gateway.arriving == {}
    assert arrival.loop.timers[0].is_cancelled
    arrival.world.settle()
    assert arrival.transport.written.startswith(b"\x01\x00\x00")  # connection.start
    (peer,) = arrival.world.node.peers.values()
    assert peer.peer_name == "10.0.0.1:1000"  # type: ignore[attr-defined]


def test_tls_may_follow(tmp_path: object) -> None:
    arrival = Arrival()
    authority = Authority(tmp_path)  # type: ignore[arg-type]
    config = Config()
    for key, value in authority.server_settings(authority.issue("server")).items():
        config = override(config, key, value)
    gateway, _ = gateway_of(arrival.world.node, config)
    speaker = partial(Connection, gateway.node)
    gateway.amqps = TlsPort(Certificates(config.tls), 10, speaker, gateway.places)
    arrival = Arrival(gateway, is_tls=True)
    arrival.doorway.data_received(HEADER)
    assert isinstance(arrival.transport.protocol, TlsStream)
    assert list(gateway.arriving) == [arrival.transport.protocol]


@pytest.mark.parametrize("data", [PROTOCOL_HEADER, b"PROXY TCP4 1.2.3.4\r\n"])
def test_without_one_the_peer_goes(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    arrival = Arrival()
    arrival.doorway.data_received(data)
    assert arrival.transport.is_aborted
    assert "bad PROXY header, peer=192.0.2.1:1" in caplog.text
    arrival.doorway.data_received(HEADER)  # what was read already
    assert arrival.transport.protocol is None
    arrival.doorway.connection_lost(None)
    assert arrival.gateway.arriving == {}


@pytest.mark.parametrize("data", [b"", b"PROXY "])
def test_it_has_to_come_in_time(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    arrival = Arrival()
    if data:
        arrival.doorway.data_received(data)
    arrival.loop.timers[0].callback()
    assert arrival.transport.is_aborted
    assert ("no whole PROXY header in time" in caplog.text) is bool(data)


def test_a_node_that_stops_takes_nobody_in() -> None:
    world = World()
    gateway, _ = gateway_of(world.node)
    world.node.is_stopping = True
    doorway, transport = Doorway(gateway, is_tls=False), AsyncioTransport()
    doorway.connection_made(transport)  # type: ignore[arg-type]
    assert transport.is_aborted
    arrival = Arrival()
    arrival.doorway.abort()
    assert arrival.transport.is_aborted


def test_a_header_that_comes_when_the_node_stops_opens_nothing() -> None:
    arrival = Arrival()
    arrival.world.node.is_stopping = True
    arrival.doorway.data_received(HEADER + PROTOCOL_HEADER)
    arrival.world.settle()
    assert arrival.transport.is_aborted
    assert arrival.transport.protocol is None
    assert arrival.world.node.bug_count == 0
