from __future__ import annotations

import asyncio
from typing import Any

import pytest

from broker.server.peers import Peername
from broker.server.protocol import WRITE_BUFFER_HIGH, AMQPProtocol
from tests.support.gateway import AsyncioTransport, gateway_of
from tests.support.hearing import HearingWorld
from tests.support.peer import World


def connected(peername: object) -> tuple[World, Any, AsyncioTransport]:
    world = World()
    protocol: Any = AMQPProtocol(gateway_of(world.node)[0])
    transport = AsyncioTransport(peername)
    protocol.connection_made(transport)
    return world, protocol, transport


@pytest.mark.parametrize(
    ("peername", "name", "is_loopback"),
    [
        (("127.0.0.1", 5000), "127.0.0.1:5000", True),
        (("127.9.9.9", 5000), "127.9.9.9:5000", True),
        (("10.0.0.1", 5000), "10.0.0.1:5000", False),
        (("::1", 5000, 0, 0), "::1:5000", True),
        (("::ffff:127.0.0.1", 5000, 0, 0), "::ffff:127.0.0.1:5000", True),
        (("::ffff:10.0.0.1", 5000, 0, 0), "::ffff:10.0.0.1:5000", False),
        (("fe80::1%eth0", 5000, 0, 2), "fe80::1%eth0:5000", False),
        ("", "unix", True),
        ("/run/leveret.sock", "/run/leveret.sock", True),
    ],
)
def test_who_a_peer_is(peername: object, name: str, is_loopback: bool) -> None:
    world, _, _ = connected(peername)
    (connection,) = world.node.peers.values()
    assert connection.peer_name == name  # type: ignore[attr-defined]
    assert connection.is_loopback is is_loopback  # type: ignore[attr-defined]


def test_both_ends_are_told_to_whoever_asks() -> None:
    world, _, _ = connected(("192.0.2.1", 5000))
    (connection,) = world.node.peers.values()
    endpoint = connection.endpoint  # type: ignore[attr-defined]
    assert endpoint.name == "192.0.2.1:5000 -> 192.0.2.2:2"
    assert endpoint.tls is None


def test_a_balancer_s_peer_counts_in_its_stead() -> None:
    world = World()
    peername = Peername("10.0.0.7", 7, "10.0.0.8", 5672)
    protocol: Any = AMQPProtocol(gateway_of(world.node)[0], peername)
    protocol.connection_made(AsyncioTransport(("127.0.0.1", 1)))
    (connection,) = world.node.peers.values()
    assert connection.peer_name == "10.0.0.7:7"  # type: ignore[attr-defined]
    assert not connection.is_loopback  # type: ignore[attr-defined]
    assert connection.endpoint.name == "10.0.0.7:7 -> 10.0.0.8:5672"  # type: ignore[attr-defined]


def test_octets_go_straight_to_the_connection_and_back() -> None:
    world, protocol, transport = connected(("127.0.0.1", 1))
    assert transport.high == WRITE_BUFFER_HIGH
    protocol.data_received(b"AMQP\x00\x00\x09\x01")
    world.settle()
    assert transport.written.startswith(b"\x01\x00\x00")
    protocol.pause_writing()
    (connection,) = world.node.peers.values()
    assert connection.is_paused  # type: ignore[attr-defined]
    protocol.resume_writing()
    assert not connection.is_paused  # type: ignore[attr-defined]


def test_a_lost_connection_is_forgotten() -> None:
    world, protocol, _ = connected(("127.0.0.1", 1))
    protocol.connection_lost(ConnectionResetError())
    assert world.node.peers == {}


def test_a_peer_that_comes_while_the_node_stops_is_sent_away() -> None:
    world = World()
    world.node.is_stopping = True
    protocol: Any = AMQPProtocol(gateway_of(world.node)[0])
    transport = AsyncioTransport(("127.0.0.1", 1))
    protocol.connection_made(transport)
    assert transport.is_aborted
    protocol.connection_lost(None)
    assert world.node.peers == {}


def test_a_peer_that_comes_while_nobody_is_let_in_is_sent_away() -> None:
    world = World()
    gateway, _ = gateway_of(world.node)
    for is_refusing in (True, False):
        gateway.is_refusing = is_refusing
        protocol: Any = AMQPProtocol(gateway)
        transport = AsyncioTransport(("127.0.0.1", 1))
        protocol.connection_made(transport)
        assert transport.is_aborted is is_refusing
        assert bool(world.node.peers) is not is_refusing


def test_it_is_an_asyncio_protocol() -> None:
    assert issubclass(AMQPProtocol, asyncio.Protocol)


def test_who_comes_to_a_node_that_stops_was_never_there() -> None:
    world = HearingWorld()
    gateway, _ = gateway_of(world.node)
    world.node.is_stopping = True
    protocol, transport = AMQPProtocol(gateway), AsyncioTransport()
    protocol.connection_made(transport)  # type: ignore[arg-type]
    assert transport.is_aborted
    protocol.connection_lost(None)
    assert world.heard() == []
