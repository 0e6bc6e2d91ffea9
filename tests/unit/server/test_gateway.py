"""What a gateway does without a socket; listening is in tests/integration/test_transport.py."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from broker.config import Config, override
from broker.server.doorway import Doorway
from broker.server.gateway import AMQP, AMQPS, HTTP, PROMETHEUS, Listening
from broker.server.inherited import Inherited
from broker.server.listener import ListenError
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


class Opened:
    """Stands for a listening socket."""

    def __init__(self, port: int):
        self.port = port

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", self.port


def test_a_part_asks_for_the_port_that_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway, _ = gateway_of(World().node)
    asked: list[int] = []
    taken: set[int] = set()

    def opens(_host: str, port: int, *_: object) -> list[Opened]:
        asked.append(port)
        if port in taken:
            raise ListenError("busy")
        return [Opened(port or 49152 + len(asked))]

    monkeypatch.setattr("broker.server.gateway.open_sockets", opens)
    ports = [gateway._sockets(HTTP, "", 0)[0].getsockname()[1] for _ in range(2)]
    assert asked == [0, ports[0]]
    assert ports[0] == ports[1]
    gateway._sockets(PROMETHEUS, "", 0)
    assert asked[2:] == [0]
    taken.add(ports[0])
    assert gateway._sockets(HTTP, "", 0)[0].getsockname()[1] not in ports
    assert asked[3:] == [ports[0], 0]
    gateway._sockets(HTTP, "", 15672)
    assert asked[5:] == [15672]
    asked.clear()
    for _ in range(2):
        gateway._sockets(AMQP, "", 0)  # of a broker that is started again: another one
    assert asked == [0, 0]


class Door:
    """In place of an Acceptor."""

    def __init__(self, listening: socket.socket, error: OSError | None = None):
        self.listening = listening
        self.error = error
        self.done: list[object] = []

    def suspend(self, swap: object) -> None:
        self.done.append(swap is not None)

    def listen(self, backlog: int) -> None:
        self.done.append(backlog)
        if self.error is not None:
            raise self.error


def test_sockets_of_a_service_manager_are_not_closed_for_a_while() -> None:
    gateway, _ = gateway_of(World().node)
    with socket.socket() as own, socket.socket() as given, given.dup() as copy:
        doors = [Door(own), Door(copy)]
        gateway._acceptors = doors  # type: ignore[assignment]
        gateway._given = Inherited([("amqp", given)])
        gateway.suspend()
        assert [door.done for door in doors] == [[True], [False]]


def test_all_that_can_listen_again_do() -> None:
    gateway, _ = gateway_of(World().node)
    with socket.socket() as own:
        doors = [Door(own, OSError(98, "Address already in use")), Door(own)]
        gateway._acceptors = doors  # type: ignore[assignment]
        with pytest.raises(ListenError, match=r"^cannot listen again: Address already in use$"):
            gateway.suspend(is_over=True)
    assert [len(door.done) for door in doors] == [1, 1]
