"""Hosts and interfaces."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

import pytest

from broker.amqp.erlang import Atom
from broker.control import network
from broker.control.actions import Asked
from broker.control.host import DATA_ERROR, Failure

NOBODY = cast(Asked, None)
TEXTS = ("fd00::1", "fd00::2", "fd00::1")


def test_a_host_has_addresses_of_a_family(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(host: str, port: None, family: int, kind: int) -> list[object]:
        assert (host, family) == ("mq", socket.AF_INET6)
        return [(family, kind, 6, "", (text, 0, 0, 0)) for text in TEXTS]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    found = asyncio.run(network.resolve(NOBODY, "mq", is_ipv6=True))
    assert found == ["fd00::1", "fd00::2"]


@pytest.mark.parametrize("hostname", ["a" * 300, "\udcff"])
def test_what_is_no_host_does_not_resolve(hostname: str) -> None:
    with pytest.raises(Failure) as caught:
        network.addresses_of(hostname, is_ipv6=False)
    assert (caught.value.text, caught.value.code) == (network.UNRESOLVED, DATA_ERROR)


def test_the_loopback_interface_is_there_with_what_it_has() -> None:
    found = dict(asyncio.run(network.interfaces(NOBODY)))
    loopback = found["lo"]
    assert (Atom("addr"), "127.0.0.1") in loopback
    assert (Atom("netmask"), "255.0.0.0") in loopback
    name, flags = loopback[-1]
    assert name == "flags"
    assert {"up", "loopback"} <= set(flags.split(", "))


def test_another_system_says_that_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> list[tuple[int, str]]:
        raise OSError

    monkeypatch.setattr(socket, "if_nameindex", refuse)
    with pytest.raises(Failure, match="enotsup"):
        asyncio.run(network.interfaces(NOBODY))
