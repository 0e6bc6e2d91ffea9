"""A TLS stream against OpenSSL's client, without sockets. Real ones are in tests/integration."""

from __future__ import annotations

import contextlib
import gc
import os
import ssl
import weakref
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.amqp.frames import PROTOCOL_HEADER
from broker.config import Config, override
from broker.server.certificates import Certificates
from broker.server.tls import BEHIND_MAX, SLICE, TlsPort, TlsStream
from broker.session.connection import Connection
from tests.support.certificates import Authority
from tests.support.gateway import AsyncioTransport, gateway_of
from tests.support.hearing import HearingWorld
from tests.support.peer import World


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def certificates(authority: Authority) -> Certificates:
    config = Config()
    for key, value in authority.server_settings(authority.issue("server")).items():
        config = override(config, key, value)
    return Certificates(config.tls)


class Client:
    """Both ends; octets go from one to the other when it says so."""

    def __init__(self, authority: Authority, certificates: Certificates, depth: int = 10):
        self.world = World()
        self.gateway, self.loop = gateway_of(self.world.node)
        self.port = TlsPort(
            certificates, depth, lambda: Connection(self.world.node), self.gateway.places
        )
        self.stream = TlsStream(self.gateway, self.port)
        self.transport = AsyncioTransport()
        self.stream.connection_made(self.transport)  # type: ignore[arg-type]
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = authority.client_context()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self._heard = 0

    def exchange(self, pieces: int = 1 << 20) -> None:
        """Hand over what either has written."""
        data = self.outgoing.read()
        for at in range(0, len(data), pieces):
            self.stream.data_received(data[at : at + pieces])
        self.world.settle()
        self.incoming.write(bytes(self.transport.written[self._heard :]))
        self._heard = len(self.transport.written)

    def shake_hands(self, pieces: int = 1 << 20) -> None:
        for _ in range(4):
            with contextlib.suppress(ssl.SSLWantReadError):
                self.tls.do_handshake()
            self.exchange(pieces)

    def read(self) -> bytes:
        data = b""
        with contextlib.suppress(ssl.SSLWantReadError):
            while piece := self.tls.read(65536):
                data += piece
        return data


@pytest.fixture
def client(authority: Authority, certificates: Certificates) -> Client:
    return Client(authority, certificates)


@pytest.mark.parametrize("pieces", [1, 5, 1 << 20])
def test_a_handshake_in_any_pieces_makes_a_connection(client: Client, pieces: int) -> None:
    assert list(client.gateway.arriving) == [client.stream]
    client.shake_hands(pieces)
    assert client.gateway.arriving == {}
    assert client.loop.timers[0].is_cancelled
    client.tls.write(PROTOCOL_HEADER)
    client.exchange(pieces)
    assert client.read().startswith(b"\x01\x00\x00")
    (connection,) = client.world.node.peers.values()
    facts = connection.endpoint.facts()  # type: ignore[attr-defined]
    assert (facts["ssl"], facts["ssl_protocol"]) == (True, "tlsv1.3")
    assert facts["peer_host"] == "192.0.2.1"


def test_what_is_written_in_large_pieces_comes_whole(client: Client) -> None:
    client.shake_hands()
    data = [os.urandom(size) for size in (1, SLICE - 1, SLICE, SLICE + 1, 5 * SLICE + 7)]
    client.stream.writelines([b"", *data])
    client.stream.write(b"end")
    client.exchange()
    assert client.read() == b"".join(data) + b"end"


def test_backpressure_passes_through(client: Client) -> None:
    client.stream.pause_writing()  # nobody is there to hear it yet
    client.stream.resume_writing()
    client.shake_hands()
    (connection,) = client.world.node.peers.values()
    client.stream.pause_writing()
    assert connection.is_paused  # type: ignore[attr-defined]
    client.stream.resume_writing()
    assert not connection.is_paused  # type: ignore[attr-defined]
    client.stream.pause_reading()
    assert not client.transport.is_reading
    client.stream.resume_reading()
    assert client.transport.is_reading


def test_a_close_is_told_and_nothing_follows(client: Client) -> None:
    client.shake_hands()
    client.stream.close()
    client.stream.close()
    assert client.transport.is_closed
    written = len(client.transport.written)
    client.stream.write(b"late")
    client.stream.pause_reading()
    client.stream.resume_reading()
    assert len(client.transport.written) == written
    client.exchange()
    assert client.tls.read(10) == b""  # close_notify
    client.tls.write(PROTOCOL_HEADER)
    client.exchange()  # is not read any more
    client.stream.connection_lost(None)
    assert client.world.node.peers == {}


def test_a_peer_s_close_notify_ends_it_after_what_came_before(client: Client) -> None:
    client.shake_hands()
    client.tls.write(PROTOCOL_HEADER)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.tls.unwrap()
    client.exchange()
    assert client.transport.is_closed


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (PROTOCOL_HEADER, "AMQP without TLS came to a TLS port, peer=192.0.2.1:1"),
        (b"GET / HTTP/1.1\r\n", "what came to a TLS port is not TLS"),
        (b"\x16\x03\x01\x00\x04\x01\x00\x00\x00", "TLS handshake failed"),
        (b"\x15\x03\x01\x00\x02\x02\x28", "TLS handshake failed"),
    ],
)
@pytest.mark.parametrize("pieces", [1, 100])
def test_what_is_no_handshake(
    client: Client, data: bytes, sentence: str, pieces: int, caplog: pytest.LogCaptureFixture
) -> None:
    for at in range(0, len(data), pieces):
        client.stream.data_received(data[at : at + pieces])
    assert caplog.text.count(sentence) == 1
    assert client.transport.is_closed
    assert client.world.node.peers == {}
    client.loop.timers[0].callback()  # the alert was not taken
    assert client.transport.is_aborted
    client.stream.connection_lost(None)
    assert client.gateway.arriving == {}


def test_a_damaged_record_ends_the_connection(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.shake_hands()
    client.stream.data_received(b"\x17\x03\x03\x00\x20" + bytes(32))
    assert "TLS failed, peer=192.0.2.1:1" in caplog.text
    assert client.transport.is_closed
    assert list(client.gateway.arriving) == [client.stream]  # until it has taken the alert
    client.stream.connection_lost(None)
    assert client.world.node.peers == {}
    assert client.gateway.arriving == {}
    assert client.loop.timers[-1].is_cancelled


def test_a_handshake_has_its_time(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.stream.data_received(b"\x16\x03\x01")
    client.loop.timers[0].callback()
    assert client.transport.is_aborted
    assert "TLS handshake timeout" in caplog.text


def test_who_asks_below_amqp_and_does_not_read_is_dropped(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(AsyncioTransport, "get_write_buffer_size", lambda self: BEHIND_MAX + 1)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.tls.do_handshake()
    client.exchange()
    assert client.transport.is_aborted
    assert "a peer asks and does not read" in caplog.text


def test_a_node_that_stops_takes_nobody_in(client: Client) -> None:
    client.world.node.is_stopping = True
    stream, transport = TlsStream(client.gateway, client.port), AsyncioTransport()
    stream.connection_made(transport)  # type: ignore[arg-type]
    assert transport.is_aborted


@pytest.mark.parametrize("is_of_amqp", [True, False])
def test_amqp_alone_may_be_refused(client: Client, is_of_amqp: bool) -> None:
    client.gateway.is_refusing = True
    client.gateway.amqps = client.port if is_of_amqp else None
    stream, transport = TlsStream(client.gateway, client.port), AsyncioTransport()
    stream.connection_made(transport)  # type: ignore[arg-type]
    assert transport.is_aborted is is_of_amqp


def test_a_chain_that_is_too_long_is_refused_without_a_word(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = Config()
    given_settings = authority.server_settings(authority.issue("another")) | {
        "ssl_options.cacertfile": authority.ca,
        "ssl_options.verify": "verify_peer",
        "ssl_options.depth": 0,
    }
    for key, value in given_settings.items():
        config = override(config, key, value)
    client = Client(authority, Certificates(config.tls), depth=0)
    far = authority.issue("far", signer=authority.issue("middle", is_ca=True))
    context = authority.client_context(far)
    client.tls = context.wrap_bio(client.incoming, client.outgoing, server_hostname="localhost")
    client.shake_hands()
    assert "TLS refused, peer=192.0.2.1:1 reason=1 intermediate certificates" in caplog.text
    assert client.transport.is_closed
    assert client.world.node.peers == {}
    assert client.read() == b""


def test_what_is_lost_is_freed_at_once(client: Client) -> None:
    client.shake_hands()
    openssl = weakref.ref(client.stream._tls)
    gc.disable()  # OpenSSL's part is large, and a collection may be far away
    try:
        client.stream.connection_lost(None)
        client.stream.write(b"late")
        client.stream.close()
        assert openssl() is None
    finally:
        gc.enable()


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_handshake_never_raises(
    authority: Authority, certificates: Certificates, data: st.DataObject
) -> None:
    client = Client(authority, certificates)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.tls.do_handshake()
    hello = bytearray(client.outgoing.read())
    for _ in range(data.draw(st.integers(1, 5))):
        hello[data.draw(st.integers(0, len(hello) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(hello)))
    client.stream.data_received(bytes(hello[:cut]))
    client.stream.data_received(bytes(hello[cut:]) + data.draw(st.binary(max_size=50)))
    assert client.world.node.peers == {}
    client.stream.connection_lost(None)
    assert client.gateway.arriving == {}


@pytest.mark.parametrize("is_damaged", [False, True])
def test_whoever_is_lost_can_still_be_named(
    authority: Authority, certificates: Certificates, is_damaged: bool
) -> None:
    client = Client(authority, certificates)
    world = client.world = HearingWorld()
    client.shake_hands()
    if is_damaged:
        client.stream.data_received(b"\x17\x03\x03\x00\x20" + b"x" * 32)
    client.stream.connection_lost(None)
    told = [(key, facts["name"]) for key, facts in world.heard() if key == "connection.closed"]
    assert told == [("connection.closed", "192.0.2.1:1 -> 192.0.2.2:2")]
