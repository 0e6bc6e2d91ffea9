"""Sockets, plain and with TLS, and why there is none."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from broker import Broker
from broker.cli.messaging.address import Address
from broker.cli.messaging.connection import Connection
from broker.cli.messaging.exits import Failure
from broker.cli.messaging.transport import Transport, connect
from tests.support.certificates import Authority


def test_send_and_receive_do_not_block() -> None:
    ours, theirs = socket.socketpair()
    transport = Transport(ours)
    assert transport.receive() is None
    assert transport.send(b"hello") == 5
    assert theirs.recv(9) == b"hello"
    while transport.send(bytes(1 << 20)):
        pass
    assert transport.send(b"more") == 0
    theirs.close()
    with pytest.raises(Failure) as caught:
        transport.receive()
    assert caught.value.is_lost
    transport.close()


def test_nobody_is_there() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        with pytest.raises(Failure, match=f"no connection to 127.0.0.1:{port}: connection refused"):
            connect(Address(port=port))
    with pytest.raises(Failure, match="no connection to "):
        connect(Address(host="no..such..host"))


def test_a_plain_broker_speaks_no_tls(broker: Broker) -> None:
    with pytest.raises(Failure, match="TLS"):
        connect(Address(port=broker.port, is_tls=True, is_insecure=True))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


def test_tls(authority: Authority, tmp_path: Path) -> None:
    settings = authority.server_settings(authority.issue("server"))
    with Broker(settings) as broker:
        trusting = Address(port=broker.tls_port, is_tls=True, cacert=authority.ca)
        connection = Connection(trusting)
        assert not connection.transport.has_pending
        connection.close()
        Connection(Address(port=broker.tls_port, is_tls=True, is_insecure=True)).close()
        with pytest.raises(Failure, match="its certificate: "):
            connect(Address(port=broker.tls_port, is_tls=True))
        with pytest.raises(Failure, match="No such file"):
            connect(Address(port=broker.tls_port, is_tls=True, cacert="/nope"))
        nothing = tmp_path / "empty.pem"
        nothing.write_text("")
        with pytest.raises(Failure, match="no certificates in it"):
            connect(Address(port=broker.tls_port, is_tls=True, cacert=str(nothing)))
        with pytest.raises(Failure, match="certificate and key do not load"):
            connect(Address(port=broker.tls_port, is_tls=True, is_insecure=True, cert=str(nothing)))
