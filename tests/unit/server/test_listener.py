"""Listening sockets; nobody connects here."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from broker.server.listener import ListenError, open_sockets


@contextlib.contextmanager
def opened(address: str, port: int = 0) -> Iterator[list[socket.socket]]:
    sockets = open_sockets(address, port, 16)
    try:
        yield sockets
    finally:
        for listening in sockets:
            listening.close()


def test_one_address() -> None:
    with opened("127.0.0.1") as (listening,):
        host, port = listening.getsockname()
        assert host == "127.0.0.1"
        assert port
        assert not listening.getblocking()


def test_all_sockets_of_a_name_share_a_port() -> None:
    with opened("localhost") as sockets:
        assert len({listening.getsockname()[1] for listening in sockets}) == 1


def test_all_addresses() -> None:
    with opened("") as (listening,):
        expected = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
        assert listening.family == expected
        if expected == socket.AF_INET6:
            assert not listening.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


def test_a_port_in_use_is_an_error_and_leaves_nothing_open() -> None:
    with opened("127.0.0.1") as (listening,):
        port = listening.getsockname()[1]
        with pytest.raises(ListenError, match=rf"cannot listen on 127\.0\.0\.1:{port}: "):
            open_sockets("127.0.0.1", port, 16)


def test_an_address_that_is_none() -> None:
    with pytest.raises(ListenError, match=r"cannot listen on 256\.0\.0\.1"):
        open_sockets("256.0.0.1", 0, 16)
