from __future__ import annotations

import pytest

from broker.server.peers import Peername, is_loopback, peername_of, proxied_peername
from broker.server.proxy_protocol import ITSELF, Proxied
from broker.session.endpoint import Endpoint
from tests.support.gateway import AsyncioTransport


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.3.2.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("fe80::1%lo", False),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
    ],
)
def test_what_is_this_machine(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("peer", "own", "expected", "name"),
    [
        (("10.0.0.1", 1), ("10.0.0.2", 2), Peername("10.0.0.1", 1, "10.0.0.2", 2), "10.0.0.1:1"),
        (("::1", 1, 0, 0), ("::1", 2, 0, 0), Peername("::1", 1, "::1", 2), "::1:1"),
        (("::1", 1, 0, 0), None, Peername("::1", 1, "", 0), "::1:1"),
        ("", "/run/mq.sock", Peername("", 0, "/run/mq.sock", 0, True), "unix"),
        (None, None, Peername("", 0, "", 0, True), "unix"),
        ("/run/me", "/run/mq", Peername("/run/me", 0, "/run/mq", 0, True), "/run/me"),
    ],
)
def test_both_ends_of_a_socket(peer: object, own: object, expected: Peername, name: str) -> None:
    found = peername_of(AsyncioTransport(peer, own))  # type: ignore[arg-type]
    assert found == expected
    assert found.name == name
    assert found.is_loopback is (not found.peer_host.startswith("10."))
    assert found.endpoint(None) == Endpoint(*expected_ends(expected))


def expected_ends(peername: Peername) -> tuple[str, int, str, int]:
    return peername.peer_host, peername.peer_port, peername.host, peername.port


def test_what_a_balancer_says() -> None:
    assert proxied_peername(ITSELF) is None
    found = proxied_peername(Proxied("10.0.0.1", 1, "10.0.0.2", 2))
    assert found == Peername("10.0.0.1", 1, "10.0.0.2", 2)
    unix = proxied_peername(Proxied("", 0, "", 0, True))
    assert unix is not None
    assert unix.is_loopback
