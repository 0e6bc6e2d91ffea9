"""TLS, PROXY headers, Unix sockets and several listeners, with real sockets on both loops; and what
peers may do wrong there, which must not disturb anybody else."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import socket
import ssl
import stat
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pika
import pytest
import uvloop

from broker.auth.passwords import DEFAULT_ALGORITHM
from broker.boot import Broker
from broker.commands import PutUser, SetPermissions
from broker.node import Node
from broker.ready_file import write_ready_file
from broker.server.listener import ListenError
from tests.conformance import wire_codec as wire
from tests.integration.support import (
    WAIT_S,
    UnexpectedCloseError,
    WirePeer,
    holdings,
    publish_frames,
    start_ok,
    wait_until,
)
from tests.support.certificates import Authority, Identity

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


@pytest.fixture(params=LOOPS, autouse=True)
def loop_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain `with Broker()` makes its loop by this."""
    monkeypatch.setattr(asyncio, "new_event_loop", LOOPS[request.param])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> Identity:
    return authority.issue("server")


@pytest.fixture(scope="module")
def alice(authority: Authority) -> Identity:
    return authority.issue("alice", "/O=Acme, Inc/CN=alice", "DNS:alice.example")


class TlsPeer(WirePeer):
    """One that does a TLS handshake first, behind a PROXY header if there is one."""

    def __init__(
        self, port: int, context: ssl.SSLContext, *, host: str = "localhost", header: bytes = b""
    ):
        super().__init__(port)
        if header:
            self.socket.sendall(header)
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname=host)
        except BaseException:
            self.socket.close()
            raise


class SocketPeer(WirePeer):
    """One that speaks through a socket that is connected already."""

    def __init__(self, connected: socket.socket):
        self.socket = connected
        self._data = bytearray()


def unix_peer(path: str) -> SocketPeer:
    connected = socket.socket(socket.AF_UNIX)
    connected.connect(path)
    return SocketPeer(connected)


def converses(peer: WirePeer, octets: int = 300_000) -> None:
    """Log in, send a body there and back, leave."""
    with peer:
        peer.login()
        queue = peer.call(1, "Queue.Declare", exclusive=True)["queue"]
        body = os.urandom(octets)
        peer.publish(1, body, routing_key=queue)
        assert peer.get(1, queue) == body
        peer.close()


def starts(peer: WirePeer) -> str:
    """The mechanisms that are offered."""
    peer.send(wire.PROTOCOL_HEADER)
    mechanisms = peer.hear("Connection.Start")[1]["mechanisms"]
    return mechanisms.decode() if isinstance(mechanisms, bytes) else str(mechanisms)


def logs_in_by(peer: WirePeer, mechanism: str) -> str:
    """The answer to a start-ok that has no response."""
    starts(peer)
    peer.say(0, "Connection.StartOk", **{**start_ok(), "mechanism": mechanism, "response": ""})
    return peer.hear("Connection.Tune")[0]


def add_user(name: str) -> Callable[[Node], None]:
    def add(node: Node) -> None:
        node.execute(PutUser(name, b"", DEFAULT_ALGORITHM, ()))
        node.execute(SetPermissions(name, "/", ".*", ".*", ".*"))

    return add


def endpoints(broker: Broker) -> list[dict[str, object]]:
    return broker.call(lambda node: [peer.endpoint.facts() for peer in node.peers.values()])  # type: ignore[attr-defined]


def arriving(broker: Broker) -> int:
    assert broker.gateway is not None
    gateway = broker.gateway
    return broker.call(lambda node: len(gateway.arriving))


# --- TLS


def test_pika_talks_tls(authority: Authority, server: Identity, tmp_path: Path) -> None:
    with Broker(authority.server_settings(server)) as broker:
        assert broker.tls_url == f"amqps://guest:guest@127.0.0.1:{broker.tls_port}/%2F"
        parameters = pika.URLParameters(broker.tls_url)
        parameters.ssl_options = pika.SSLOptions(authority.client_context(), "localhost")
        with pika.BlockingConnection(parameters) as connection:
            channel = connection.channel()
            queue = channel.queue_declare("", exclusive=True).method.queue
            channel.basic_publish("", queue, b"hello")
            assert channel.basic_get(queue, auto_ack=True)[2] == b"hello"
            (facts,) = endpoints(broker)
        assert facts["ssl"] is True
        assert facts["ssl_protocol"] == "tlsv1.3"
        assert facts["peer_cert_subject"] is None
        assert facts["port"] == broker.tls_port
        converses(TlsPeer(broker.tls_port, authority.client_context()), 5_000_000)
        converses(WirePeer(broker.port))
        write_ready_file(tmp_path / "ready", broker)
        assert f'"amqps": {broker.tls_port}' in (tmp_path / "ready").read_text()


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_bodies_cross_in_any_size_and_many_at_a_time(
    authority: Authority, server: Identity, version: str
) -> None:
    context = authority.client_context()
    context.maximum_version = ssl.TLSVersion[version]
    sizes = [0, 1, 100, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 400_000]
    with (
        Broker(authority.server_settings(server)) as broker,
        TlsPeer(broker.tls_port, context) as peer,
    ):
        peer.login()
        queue = peer.call(1, "Queue.Declare", exclusive=True)["queue"]
        bodies = [os.urandom(size) for size in sizes]
        peer.send(b"".join(publish_frames(1, body, routing_key=queue) for body in bodies))
        for body in bodies:
            assert peer.get(1, queue) == body
        peer.close()


def test_a_peer_with_a_certificate_logs_in_by_it(
    authority: Authority, server: Identity, alice: Identity
) -> None:
    settings = authority.server_settings(server) | {
        "ssl_options.cacertfile": authority.ca,
        "ssl_options.verify": "verify_peer",
        "auth_mechanisms": ["EXTERNAL", "PLAIN"],
    }
    with Broker(settings) as broker:
        port = broker.tls_port
        with (
            TlsPeer(port, authority.client_context(alice)) as peer,
            pytest.raises(UnexpectedCloseError, match="403 ACCESS_REFUSED - Login was refused"),
        ):
            logs_in_by(peer, "EXTERNAL")
        broker.call(add_user("CN=alice,O=Acme\\, Inc"))
        with TlsPeer(port, authority.client_context(alice)) as peer:
            assert logs_in_by(peer, "EXTERNAL") == "Connection.Tune"
            (facts,) = endpoints(broker)
            assert facts["peer_cert_subject"] == "CN=alice,O=Acme\\, Inc"
            assert facts["peer_cert_issuer"] == "CN=ca"
        with TlsPeer(port, authority.client_context()) as peer:  # without one
            assert starts(peer) == "EXTERNAL PLAIN"
        with (
            TlsPeer(port, authority.client_context()) as peer,
            pytest.raises(UnexpectedCloseError, match="403"),
        ):
            logs_in_by(peer, "EXTERNAL")
        with WirePeer(broker.port) as peer:
            assert starts(peer) == "PLAIN"


def test_who_has_no_certificate_or_another_ca_s_is_turned_away(
    authority: Authority, server: Identity, alice: Identity, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path).issue("stranger")
    settings = authority.server_settings(server) | {
        "ssl_options.cacertfile": authority.ca,
        "ssl_options.verify": "verify_peer",
        "ssl_options.fail_if_no_peer_cert": True,
    }
    with Broker(settings) as broker:
        for identity in (None, stranger):
            with pytest.raises((ssl.SSLError, UnexpectedCloseError, ConnectionError)):
                converses(TlsPeer(broker.tls_port, authority.client_context(identity)))
        converses(TlsPeer(broker.tls_port, authority.client_context(alice)))


def test_the_chain_of_a_client_has_a_limit(authority: Authority, server: Identity) -> None:
    one = authority.issue("one", is_ca=True)
    two = authority.issue("two", is_ca=True, signer=one)
    near, far = authority.issue("near", signer=one), authority.issue("far", signer=two)
    settings = authority.server_settings(server) | {
        "ssl_options.cacertfile": authority.ca,
        "ssl_options.verify": "verify_peer",
        "ssl_options.depth": 1,
    }
    with Broker(settings) as broker:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for identity, is_welcome in ((near, True), (far, False), (near, True)):
                context = authority.client_context(identity)
                context.maximum_version = version
                if is_welcome:
                    converses(TlsPeer(broker.tls_port, context))
                else:
                    with pytest.raises((UnexpectedCloseError, ConnectionError, ssl.SSLError)):
                        converses(TlsPeer(broker.tls_port, context))


def resumes(port: int, context: ssl.SSLContext, session: Any) -> tuple[bool, bool]:
    """A second connection with a session of the first. Returns: whether it was resumed, and went
    well."""
    plain = socket.create_connection(("127.0.0.1", port))
    over_tls = context.wrap_socket(plain, server_hostname="localhost", session=session)
    is_reused = bool(over_tls.session_reused)
    with SocketPeer(over_tls) as peer:
        try:
            return is_reused, logs_in_by(peer, "EXTERNAL") == "Connection.Tune"
        except (UnexpectedCloseError, ConnectionError, ssl.SSLError):
            return is_reused, False


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_a_session_that_is_resumed_was_judged_before(
    authority: Authority, server: Identity, alice: Identity, version: str
) -> None:
    middle = authority.issue("middle", is_ca=True)
    settings = authority.server_settings(server) | {
        "ssl_options.cacertfile": authority.ca,
        "ssl_options.verify": "verify_peer",
        "ssl_options.depth": 0,
        "auth_mechanisms": "EXTERNAL",
    }
    is_reused = version == "TLSv1_2"
    with Broker(settings) as broker:
        broker.call(add_user("CN=alice,O=Acme\\, Inc"))
        context = authority.client_context(alice)
        context.maximum_version = ssl.TLSVersion[version]
        with TlsPeer(broker.tls_port, context) as peer:
            assert logs_in_by(peer, "EXTERNAL") == "Connection.Tune"
            session = peer.socket.session  # type: ignore[attr-defined]
            assert resumes(broker.tls_port, context, session) == (is_reused, True)
        far = authority.issue("farther", "/O=Acme, Inc/CN=alice", signer=middle)
        context = authority.client_context(far)
        context.maximum_version = ssl.TLSVersion[version]
        with TlsPeer(broker.tls_port, context) as peer:
            session = peer.socket.session  # type: ignore[attr-defined]
            assert resumes(broker.tls_port, context, session) == (False, False)


def test_the_certificate_is_the_host_s_that_is_asked_for(
    authority: Authority, server: Identity
) -> None:
    named = authority.issue("named", names="DNS:mq.example.com")
    wild = authority.issue("wild", names="DNS:*.example.org")
    settings = authority.server_settings(server) | {
        "ssl_options.sni.certfile.mq.example.com": named.cert,
        "ssl_options.sni.keyfile.mq.example.com": named.key,
        "ssl_options.sni.certfile.*.example.org": wild.cert,
        "ssl_options.sni.keyfile.*.example.org": wild.key,
    }
    context = authority.client_context()
    with Broker(settings) as broker:
        for host in ("localhost", "mq.example.com", "a.example.org"):
            converses(TlsPeer(broker.tls_port, context, host=host), 10)
        for host in ("example.org", "a.b.example.org", "other.example.com"):
            with pytest.raises(ssl.SSLCertVerificationError):
                TlsPeer(broker.tls_port, context, host=host)


def presented(port: int, authority: Authority) -> bytes:
    with TlsPeer(port, authority.client_context()) as peer:
        der = peer.socket.getpeercert(True)  # type: ignore[attr-defined]
        peer.login().close()
        assert isinstance(der, bytes)
        return der


def der_of(identity: Identity) -> bytes:
    return ssl.PEM_cert_to_DER_cert(Path(identity.cert).read_text())


def test_new_certificates_are_taken_up_and_broken_ones_are_not(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = authority.issue("first"), authority.issue("second")
    files = Identity(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))

    def put(identity: Identity) -> None:
        for source, target in ((identity.cert, files.cert), (identity.key, files.key)):
            shutil.copy(source, f"{target}.new")
            os.replace(f"{target}.new", target)

    put(first)
    with Broker(authority.server_settings(files)) as broker:
        port = broker.tls_port
        old = TlsPeer(port, authority.client_context()).login()
        assert presented(port, authority) == der_of(first)
        assert broker.call(lambda node: broker.reload_certificates()) is False
        Path(files.cert).write_text("broken")
        assert broker.call(lambda node: broker.reload_certificates()) is False
        assert "the new certificates cannot be used, the old ones stay: ssl_options" in caplog.text
        assert presented(port, authority) == der_of(first)
        Path(files.cert).unlink()
        assert broker.call(lambda node: broker.reload_certificates()) is False
        put(second)
        wait_until(  # by itself
            lambda: presented(port, authority) == der_of(second), "the new certificate is shown"
        )
        assert old.call(1, "Queue.Declare", exclusive=True)["queue"]
        old.close()


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"ssl_options.certfile": ""}, "listeners.ssl needs ssl_options.certfile"),
        ({"ssl_options.certfile": "/nope.pem"}, "ssl_options.certfile: /nope.pem: No such file"),
        ({"ssl_options.keyfile": "/nope.pem"}, "ssl_options.keyfile: /nope.pem: No such file"),
        ({"listeners.unix.1": "/nope/x.sock"}, "cannot listen on /nope/x.sock: No such file"),
    ],
)
def test_what_cannot_be_used_at_the_start_is_one_line_and_leaves_nothing(
    authority: Authority, server: Identity, settings: dict[str, object], problem: str
) -> None:
    with Broker():
        pass  # what a loop opens once
    before = holdings()
    with pytest.raises(ListenError, match=problem) as caught:
        Broker(authority.server_settings(server) | settings).__enter__()
    assert "\n" not in str(caught.value)
    assert holdings().gained(before) == []


# --- peers that do not know what they do


def test_hostile_peers_of_a_tls_port_disturb_nobody(
    authority: Authority, server: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with Broker(authority.server_settings(server)) as broker:
        port = broker.tls_port
        honest = TlsPeer(port, authority.client_context()).login()
        for data in (
            wire.PROTOCOL_HEADER,
            b"GET / HTTP/1.1\r\n\r\n",
            os.urandom(100_000),
            b"\x16\x03\x01\xff\xff" + bytes(70_000),
            b"\x15\x03\x01\x00\x02\x02\x28",
            b"\x80\x2e\x01\x00\x02",
        ):
            with WirePeer(port) as peer:
                peer.send(data)
                while True:
                    try:
                        if not peer.socket.recv(65536):
                            break
                    except ConnectionResetError:
                        break
        assert "AMQP without TLS came to a TLS port, peer=127.0.0.1:" in caplog.text
        assert "what came to a TLS port is not TLS" in caplog.text
        assert honest.call(1, "Queue.Declare", exclusive=True)["queue"]
        honest.close()
        wait_until(lambda: arriving(broker) == 0, "all of them are gone")


def test_tls_on_a_plain_port_is_named_in_the_log(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    with Broker() as broker:
        with pytest.raises(ssl.SSLError):
            TlsPeer(broker.port, authority.client_context())
        assert "TLS came to a plain port, peer=127.0.0.1:" in caplog.text
        converses(WirePeer(broker.port))


def test_handshakes_that_are_not_finished_end_in_time(
    authority: Authority, server: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    settings = authority.server_settings(server) | {"ssl_handshake_timeout": 300}
    hello = client_hello(authority.client_context())
    with Broker(settings) as broker:
        silent, half, started = (WirePeer(broker.tls_port) for _ in range(3))
        half.send(hello[:100])
        started.send(hello)
        wait_until(lambda: arriving(broker) == 3, "they have arrived")
        assert broker.call(lambda node: len(node.peers)) == 0  # no connection before a handshake
        for peer in (silent, half, started):
            with peer:
                peer.socket.settimeout(WAIT_S)
                with contextlib.suppress(ConnectionResetError):
                    while peer.socket.recv(65536):
                        pass
        assert caplog.text.count("TLS handshake timeout") == 2  # a probe that says nothing is none
        converses(TlsPeer(broker.tls_port, authority.client_context()))
        assert arriving(broker) == 0


def test_a_crowd_that_does_not_finish_its_handshakes_keeps_nobody_out(
    authority: Authority, server: Identity
) -> None:
    hello = client_hello(authority.client_context())
    with Broker(authority.server_settings(server)) as broker, contextlib.ExitStack() as crowd:
        for size in range(200):
            peer = crowd.enter_context(WirePeer(broker.tls_port))
            peer.send(hello if size % 2 else hello[:size])
        converses(TlsPeer(broker.tls_port, authority.client_context()))
        converses(WirePeer(broker.port))
        assert arriving(broker) == 200
        crowd.close()
        wait_until(lambda: arriving(broker) == 0, "the crowd is gone")


def client_hello(context: ssl.SSLContext) -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def test_a_record_that_was_tampered_with_ends_the_connection(
    authority: Authority, server: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    with Broker(authority.server_settings(server)) as broker:
        honest = TlsPeer(broker.tls_port, authority.client_context()).login()
        peer = TlsPeer(broker.tls_port, authority.client_context()).login()
        below = socket.socket(fileno=os.dup(peer.socket.fileno()))
        with below:
            below.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
        with pytest.raises((ssl.SSLError, UnexpectedCloseError, ConnectionError)):
            peer.hear("Nothing")
        peer.drop()
        assert "TLS failed, peer=127.0.0.1:" in caplog.text
        wait_until(lambda: broker.call(lambda node: len(node.peers)) == 1, "it is forgotten")
        honest.close()


def test_a_node_stops_while_peers_shake_hands(authority: Authority, server: Identity) -> None:
    broker = Broker(authority.server_settings(server) | {"proxy_protocol": True}).__enter__()
    peers = [WirePeer(port) for port in (broker.port, broker.tls_port) for _ in range(3)]
    peers[0].send(b"PROXY ")
    wait_until(lambda: arriving(broker) == 6, "they have arrived")
    broker.__exit__(None, None, None)
    for peer in peers:
        with peer, contextlib.suppress(ConnectionResetError):
            assert peer.socket.recv(1) == b""


def test_a_slow_reader_of_tls_is_not_fed_more_than_it_takes(
    authority: Authority, server: Identity
) -> None:
    with Broker(authority.server_settings(server)) as broker:
        port = broker.tls_port
        with TlsPeer(port, authority.client_context()) as slow, WirePeer(broker.port) as quick:
            slow.login()
            quick.login()
            queue = slow.call(1, "Queue.Declare", exclusive=False)["queue"]
            slow.say(1, "Basic.Consume", queue=queue, no_ack=True)
            slow.hear("Basic.ConsumeOk")
            quick.call(1, "Confirm.Select")
            count = 300
            for _ in range(count):
                quick.publish(1, bytes(100_000), routing_key=queue)
                quick.hear("Basic.Ack")
            ready = broker.call(lambda node: len(node.vhosts["/"].queues[queue].ready))
            assert ready > 100  # 30 MB do not lie in buffers
            for _ in range(count):
                slow.hear("Basic.Deliver")
                assert len(slow.read_content()) == 100_000
            slow.close()


# --- PROXY headers

PROXY_V1 = b"PROXY TCP4 192.0.2.7 198.51.100.9 51234 5672\r\n"
PROXY_V2 = (
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11"
    + struct.pack(">H", 12 + 6)
    + bytes([192, 0, 2, 7, 198, 51, 100, 9])
    + struct.pack(">HH", 51234, 5672)
    + b"\x04\x00\x03tlv"
)
LOCAL_V2 = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\0\0"


@pytest.fixture
def proxied(authority: Authority, server: Identity) -> Iterator[Broker]:
    settings = authority.server_settings(server) | {
        "proxy_protocol": True,
        "loopback_users": "none",
        "ssl_handshake_timeout": 1000,
    }
    with Broker(settings) as broker:
        yield broker


class ProxiedPeer(WirePeer):
    def __init__(self, port: int, header: bytes, *, pieces: int = 1 << 20):
        super().__init__(port)
        data = header + wire.PROTOCOL_HEADER
        for at in range(0, len(data), pieces):
            self.send(data[at : at + pieces])
        self._header_is_sent = True

    def send(self, data: bytes) -> None:
        if not (data == wire.PROTOCOL_HEADER and hasattr(self, "_header_is_sent")):
            super().send(data)


@pytest.mark.parametrize("header", [PROXY_V1, PROXY_V2], ids=["v1", "v2"])
@pytest.mark.parametrize("pieces", [1, 7, 1 << 20])
def test_the_address_is_the_one_in_the_header(proxied: Broker, header: bytes, pieces: int) -> None:
    with ProxiedPeer(proxied.port, header, pieces=pieces) as peer:
        peer.login()
        (facts,) = endpoints(proxied)
        assert (facts["peer_host"], facts["peer_port"]) == ("192.0.2.7", 51234)
        assert (facts["host"], facts["port"]) == ("198.51.100.9", 5672)
        names = proxied.call(lambda node: [p.peer_name for p in node.peers.values()])  # type: ignore[attr-defined]
        assert names == ["192.0.2.7:51234"]
        peer.close()


@pytest.mark.parametrize("header", [PROXY_V1, PROXY_V2, LOCAL_V2], ids=["v1", "v2", "local"])
def test_tls_follows_the_header(proxied: Broker, authority: Authority, header: bytes) -> None:
    converses(TlsPeer(proxied.tls_port, authority.client_context(), header=header))
    with TlsPeer(proxied.tls_port, authority.client_context(), header=header) as peer:
        peer.login()
        wait_until(lambda: len(endpoints(proxied)) == 1, "the other one is gone")
        (facts,) = endpoints(proxied)
        assert facts["ssl"] is True
        assert facts["peer_host"] == ("127.0.0.1" if header == LOCAL_V2 else "192.0.2.7")
        peer.close()


def test_a_hello_that_comes_with_the_header_is_not_lost(
    proxied: Broker, authority: Authority
) -> None:
    hello = client_hello(authority.client_context())
    with WirePeer(proxied.tls_port) as peer:
        peer.send(PROXY_V2 + hello)
        assert peer.socket.recv(3) == b"\x16\x03\x03"  # the server's hello


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", LOCAL_V2])
def test_a_balancer_that_speaks_for_itself_has_its_own_address(
    proxied: Broker, header: bytes
) -> None:
    with ProxiedPeer(proxied.port, header) as peer:
        own = peer.socket.getsockname()
        peer.login()
        (facts,) = endpoints(proxied)
        assert (facts["peer_host"], facts["peer_port"]) == own
        peer.close()


def test_without_a_header_nobody_comes_in(
    proxied: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    silent = WirePeer(proxied.port)
    slow = WirePeer(proxied.port)
    slow.send(b"PROXY TCP4 1")
    for data in (wire.PROTOCOL_HEADER, b"PROXY TCP4 x\r\n", os.urandom(200_000), b"\x16\x03\x01"):
        with WirePeer(proxied.port) as peer:
            try:
                peer.send(data)
                assert peer.socket.recv(1) == b""
            except ConnectionError:
                pass
    assert "bad PROXY header, peer=127.0.0.1:" in caplog.text
    for peer in (silent, slow):
        with peer, contextlib.suppress(ConnectionResetError):
            assert peer.socket.recv(1) == b""
    assert caplog.text.count("no whole PROXY header in time") == 1
    assert arriving(proxied) == 0
    converses(ProxiedPeer(proxied.port, PROXY_V1))


def test_a_loopback_user_has_to_come_from_here_behind_a_balancer_too() -> None:
    with Broker({"proxy_protocol": True}) as broker:
        with (
            ProxiedPeer(broker.port, PROXY_V1) as peer,
            pytest.raises(UnexpectedCloseError, match="403"),
        ):
            peer.login()
        converses(ProxiedPeer(broker.port, b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n"))


# --- listeners


def test_a_node_listens_at_several_places(authority: Authority, server: Identity) -> None:
    settings = authority.server_settings(server) | {
        "listeners.tcp.1": "127.0.0.1:0",
        "listeners.tcp.2": "::1:0",
        "listeners.ssl.2": "0",
    }
    with Broker(settings) as broker:
        assert broker.gateway is not None
        listening = broker.gateway.listening
        assert [(one.protocol, one.host) for one in listening] == [
            ("amqp", "127.0.0.1"),
            ("amqp", "::1"),
            ("amqp/ssl", "127.0.0.1"),
            ("amqp/ssl", "127.0.0.1"),
        ]
        assert len({(one.host, one.port) for one in listening}) == 4
        converses(WirePeer(listening[0].port))
        converses(WirePeer(listening[1].port, "::1"))
        for one in listening[2:]:
            converses(TlsPeer(one.port, authority.client_context()))


def test_a_node_may_speak_tls_only(authority: Authority, server: Identity) -> None:
    with Broker(authority.server_settings(server) | {"listeners.tcp": "none"}) as broker:
        assert broker.port == 0
        converses(TlsPeer(broker.tls_port, authority.client_context()))


def test_a_unix_socket_is_there_as_long_as_the_node(tmp_path: Path) -> None:
    path = str(tmp_path / "mq.sock")
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(path)
    stale.close()  # a node that died leaves its file
    settings = {"listeners.unix.1": path, "listeners.unix_access": "owner"}
    with Broker(settings) as broker:
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        converses(unix_peer(path))
        with unix_peer(path) as peer:
            peer.login()
            (facts,) = endpoints(broker)
            assert (facts["host"], facts["port"], facts["peer_port"]) == (path, 0, 0)
            peer.close()
        with pytest.raises(ListenError, match="somebody listens there"):
            Broker(settings).__enter__()
        converses(unix_peer(path))
        converses(WirePeer(broker.port))
    assert not os.path.exists(path)


def test_a_unix_socket_that_has_become_another_node_s_stays(tmp_path: Path) -> None:
    path = str(tmp_path / "mq.sock")
    with Broker({"listeners.unix.1": path}):
        os.unlink(path)
        Path(path).write_text("another's")
    assert Path(path).read_text() == "another's"


def test_options_of_sockets_are_those_of_the_settings() -> None:
    settings = {
        "tcp_listen_options.nodelay": False,
        "tcp_listen_options.keepalive": True,
        "tcp_listen_options.recbuf": 32768,
    }
    with Broker(settings) as broker, WirePeer(broker.port) as peer:
        peer.login()

        def options(node: Node) -> list[int]:
            (connection,) = node.peers.values()
            inside: Any = connection.transport.get_extra_info("socket")  # type: ignore[attr-defined]
            return [
                inside.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
                inside.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                inside.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
            ]

        nodelay, keepalive, recbuf = broker.call(options)
        assert not nodelay
        assert keepalive
        assert recbuf == 65536  # Linux doubles it
        peer.close()


def test_anonymous_is_somebody_where_it_is_offered() -> None:
    with Broker({"auth_mechanisms": "PLAIN,ANONYMOUS"}) as broker, WirePeer(broker.port) as peer:
        assert logs_in_by(peer, "ANONYMOUS") == "Connection.Tune"
