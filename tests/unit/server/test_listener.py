"""Listening sockets; nobody connects here."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.server.listener import ListenError, UnixSocket, bind_again, open_sockets
from broker.transport_settings import TcpOptions


@contextlib.contextmanager
def opened(address: str, port: int = 0) -> Iterator[list[socket.socket]]:
    sockets = open_sockets(address, port, TcpOptions(backlog=16))
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
            open_sockets("127.0.0.1", port, TcpOptions())


@pytest.mark.parametrize("address", ["256.0.0.1", "a\0b"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(ListenError, match=re.escape(f"cannot listen on {address}: ")):
        open_sockets(address, 0, TcpOptions())


def test_the_options_are_there_before_anybody_comes() -> None:
    options = TcpOptions(keepalive=True, sndbuf=20_000, recbuf=30_000, linger=True)
    (listening,) = open_sockets("127.0.0.1", 0, options)
    with listening:
        assert listening.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert listening.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) >= 20_000
        assert listening.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= 30_000
        linger = listening.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
        assert struct.unpack("ii", linger) == (1, 0)


def test_a_linger_that_would_hold_up_the_node_is_not_set() -> None:
    (listening,) = open_sockets("127.0.0.1", 0, TcpOptions(linger=True, linger_s=30))
    with listening:
        linger = listening.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
        assert struct.unpack("ii", linger)[0] == 0


@pytest.mark.parametrize(("access", "mode"), [("owner", 0o600), ("group", 0o660), ("all", 0o666)])
def test_a_unix_socket(tmp_path: Path, access: str, mode: int) -> None:
    path = str(tmp_path / "mq.sock")
    unix = UnixSocket(path, access, 16)
    with unix.socket:
        assert stat.S_IMODE(os.stat(path).st_mode) == mode
        with pytest.raises(ListenError, match="somebody listens there"):
            UnixSocket(path, access, 16)
    again = UnixSocket(path, access, 16)  # nobody listened any more
    again.socket.close()
    again.remove()
    again.remove()
    assert not os.path.exists(path)


def test_a_unix_socket_is_not_put_in_the_place_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(ListenError, match="it is there and no socket"):
        UnixSocket(str(path), "group", 16)
    assert path.read_text() == "data"


def test_a_path_that_is_too_long() -> None:
    with pytest.raises(ListenError, match="cannot listen on /x"):
        UnixSocket("/" + "x" * 200, "group", 16)


def can_connect(family: int, place: object) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        try:
            client.connect(place)  # type: ignore[arg-type]
        except ConnectionRefusedError:
            return False
    return True


@pytest.mark.parametrize("address", ["127.0.0.1", ""])
def test_a_place_is_held_by_a_socket_that_does_not_listen(address: str) -> None:
    (listening,) = open_sockets(address, 0, TcpOptions())
    family, place = listening.family, listening.getsockname()
    own = ("127.0.0.1", place[1])
    with bind_again(listening, TcpOptions(keepalive=True)) as held:
        assert listening.fileno() == -1
        assert (held.family, held.getsockname()) == (family, place)
        assert held.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert not held.getblocking()
        assert not can_connect(socket.AF_INET, own)
        held.listen(5)
        assert can_connect(socket.AF_INET, own)


def test_a_place_that_another_one_has_by_now() -> None:
    (listening,) = open_sockets("127.0.0.1", 0, TcpOptions())
    with listening.dup(), pytest.raises(ListenError, match=r"^cannot hold 127.0.0.1:"):
        bind_again(listening, TcpOptions())


def test_a_unix_socket_that_does_not_listen_yet(tmp_path: Path) -> None:
    path = str(tmp_path / "mq.sock")
    unix = UnixSocket(path, "owner", None)
    assert not can_connect(socket.AF_UNIX, path)
    unix.socket.listen(5)
    assert can_connect(socket.AF_UNIX, path)
    unix.socket.close()
    unix.remove()
    assert not os.path.exists(path)
