"""Sockets that somebody else has opened: which one is for which listener."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.server import inherited as module
from broker.server.inherited import Inherited, address_of
from broker.server.listener import ListenError, open_sockets
from broker.transport_settings import TcpOptions


@pytest.fixture
def opened() -> Iterator[list[socket.socket]]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    yield sockets
    for one in sockets:
        one.close()


def port_of(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port


def test_by_the_name_of_a_protocol(opened: list[socket.socket]) -> None:
    first, second, other = opened
    inherited = Inherited([("amqp", first), ("http", other), ("amqp", second)])
    assert inherited.stands_in("amqp")
    assert not inherited.stands_in("amqp/ssl")
    assert not inherited.stands_in("clustering")
    assert inherited.of_protocol("amqp") == [first, second]
    assert inherited.of_protocol("amqp") == []
    assert inherited.stands_in("amqp"), "a second listener of the protocol opens none of its own"
    assert inherited.of_protocol("http") == [other]
    inherited.refuse_rest()


def test_by_address(opened: list[socket.socket]) -> None:
    first, second, named = opened
    inherited = Inherited([("leveret.socket", first), ("unknown", second), ("http", named)])
    assert inherited.at("127.0.0.1", port_of(second)) is second
    assert inherited.at("127.0.0.1", port_of(second)) is None
    assert inherited.at("127.0.0.2", port_of(first)) is None
    assert inherited.at("127.0.0.1", 0) is None
    assert inherited.at("127.0.0.1", port_of(named)) is None, "it has a name"
    assert inherited.at("127.0.0.1", port_of(first)) is first


def test_all_addresses_may_be_those_of_ipv4() -> None:
    with socket.create_server(("0.0.0.0", 0)) as everywhere:
        inherited = Inherited([("unknown", everywhere)])
        assert inherited.at("127.0.0.1", port_of(everywhere)) is None
        assert inherited.at("::", port_of(everywhere)) is everywhere


def test_by_path(tmp_path: Path) -> None:
    path = str(tmp_path / "mq.sock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        inherited = Inherited([("unknown", listening)])
        assert inherited.at_path(path + "2") is None
        assert address_of(listening) == path
        assert inherited.at_path(path) is listening


def test_what_no_listener_has_taken_is_refused_and_closed(opened: list[socket.socket]) -> None:
    place = f"127.0.0.1:{port_of(opened[0])}"
    with pytest.raises(ListenError, match=rf"the socket {place} .* the name 'amqps'$"):
        Inherited([("amqps", opened[0]), ("http", opened[1])]).refuse_rest()
    assert [one.fileno() for one in opened[:2]] == [-1, -1]


def test_copies_can_be_taken_again_and_again(opened: list[socket.socket]) -> None:
    inherited = Inherited([("amqp", opened[0])])
    for _ in range(2):
        (copy,) = inherited.copies().of_protocol("amqp")
        with copy:
            assert port_of(copy) == port_of(opened[0])
    assert opened[0].fileno() != -1


def test_copies_are_known(opened: list[socket.socket]) -> None:
    inherited = Inherited([("amqp", opened[0])])
    (copy,) = inherited.copies().of_protocol("amqp")
    with copy:
        assert inherited.has(copy)
    assert inherited.of_protocol("amqp") == [opened[0]]
    assert inherited.has(opened[0]), "taken or not"
    assert not inherited.has(opened[1])


def test_a_listener_asks_before_it_opens(opened: list[socket.socket]) -> None:
    port = port_of(opened[0])
    inherited = Inherited([("unknown", opened[0])])
    options = TcpOptions(keepalive=True)
    assert open_sockets("127.0.0.1", port, options, inherited.at) == [opened[0]]
    assert opened[0].getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), "settings hold"
    with pytest.raises(ListenError, match="Address already in use"):
        open_sockets("127.0.0.1", port, options, inherited.at)


# --- what the environment says


def handed(descriptors: list[int], monkeypatch: pytest.MonkeyPatch, **told: str) -> dict[str, str]:
    """An environment. The descriptors count from the first one's number on, not from 3."""
    if descriptors:
        monkeypatch.setattr(module, "FIRST_FD", descriptors[0])
    return {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(descriptors)), **told}


def test_taken_once_and_not_given_to_children(
    opened: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    descriptor = os.dup(opened[0].fileno())
    os.set_inheritable(descriptor, True)
    environment = handed([descriptor], monkeypatch, LISTEN_FDNAMES="http", PATH="/bin")
    (listening,) = Inherited.take(environment).of_protocol("http")
    with listening:
        assert environment == {"PATH": "/bin"}
        assert port_of(listening) == port_of(opened[0])
        assert not listening.get_inheritable()
        assert not listening.getblocking()
        assert not Inherited.take(environment).stands_in("http")


def test_without_names(opened: list[socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    inherited = Inherited.take(handed([os.dup(opened[0].fileno())], monkeypatch))
    found = inherited.at("127.0.0.1", port_of(opened[0]))
    assert found is not None
    found.close()


@pytest.mark.parametrize("pid", ["1", "", "nobody"])
def test_what_is_for_another_process(
    pid: str, opened: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = handed([opened[0].fileno()], monkeypatch, LISTEN_PID=pid)
    Inherited.take(environment).refuse_rest()
    assert environment == {}


@pytest.mark.parametrize("count", ["", "-1", "one", "²"])
def test_a_count_that_is_none(count: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ListenError, match=f"LISTEN_FDS must be a number, not '{count}'"):
        Inherited.take(handed([], monkeypatch, LISTEN_FDS=count))


def test_names_that_are_too_many(
    opened: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ListenError, match="LISTEN_FDNAMES has 2 names for 1 sockets"):
        Inherited.take(handed([opened[0].fileno()], monkeypatch, LISTEN_FDNAMES="a:b"))


def test_what_is_not_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull) as file:
        environment = handed([file.fileno()], monkeypatch, LISTEN_FDNAMES="amqp")
        with pytest.raises(ListenError, match=r"the name 'amqp' is not a socket"):
            Inherited.take(environment)
        file.fileno()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_what_does_not_listen(kind: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, kind) as mute:
        environment = handed([mute.fileno()], monkeypatch, LISTEN_FDNAMES="amqp")
        with pytest.raises(ListenError, match="'amqp' does not listen: ListenStream= and Accept"):
            Inherited.take(environment)
        mute.getsockname()  # it was left as it was
