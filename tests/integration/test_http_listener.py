"""HTTP listeners with real sockets, on both loops: clients of all kinds, TLS, and the end.

The application is the test's own; what the real one answers is tested elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import shutil
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop

from broker.boot import Broker
from broker.management.request import Request, Response
from broker.node import Node
from broker.ready_file import write_ready_file
from broker.server.gateway import HTTP, PROMETHEUS
from broker.server.http import Application
from broker.server.listener import ListenError
from tests.integration.support import WAIT_S, holdings, serves, wait_until
from tests.support.certificates import Authority, Identity
from tests.support.process import BrokerProcess

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
OPEN: dict[str, object] = {"management.enabled": True, "prometheus.enabled": True}
QUICK = OPEN | {"management.tcp.request_timeout": 100, "management.tcp.idle_timeout": 200}
GET = b"GET /a HTTP/1.1\r\nhost: mq\r\n\r\n"
MIB = 1024 * 1024


@pytest.fixture(params=LOOPS, autouse=True)
def loop_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain `with Broker()` makes its loop by this."""
    monkeypatch.setattr(asyncio, "new_event_loop", LOOPS[request.param])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


class Site:
    """An application: /hang never answers, /stream never ends, /large is a large body; everything
    else is told what it was."""

    def __init__(self) -> None:
        self.ended: list[str] = []  # paths of what was cancelled

    def body_limit(self, method: str, path: str) -> int:
        return MIB

    async def handle(self, request: Request) -> Response:
        if request.path == "/hang":
            try:
                await asyncio.Event().wait()
            finally:
                self.ended.append(request.path)
        if request.path == "/stream":
            return Response(200, [], self._stream(request.path))
        if request.path == "/large":
            return Response(200, [], bytes(20 * MIB))
        facts = {
            "method": request.method,
            "path": request.path,
            "body": request.body.decode("latin-1"),
            "is_tls": request.is_tls,
            "is_loopback": request.is_loopback,
            "peer": request.peer,
        }
        return Response(200, [("content-type", "application/json")], json.dumps(facts).encode())

    async def _stream(self, path: str) -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(10_000)
                await asyncio.sleep(0)
        finally:
            self.ended.append(path)


class SiteBroker(Broker):
    """A broker with that application on both ports."""

    def __init__(self, settings: dict[str, object] | None = None):
        super().__init__(OPEN if settings is None else settings)
        self.site = Site()

    def _applications(self, node: Node) -> Mapping[str, Application]:
        return {HTTP: self.site, PROMETHEUS: self.site}

    def clients(self) -> int:
        assert self.gateway is not None
        gateway = self.gateway
        return self.call(lambda node: sum(len(web.peers) for web in gateway.web))

    def tasks(self) -> int:
        assert self.gateway is not None
        gateway = self.gateway
        return self.call(lambda node: sum(web.task_count for web in gateway.web))

    def bugs(self) -> int:
        return self.call(lambda node: node.bug_count)


@contextlib.contextmanager
def connected(port: int, host: str = "127.0.0.1") -> Iterator[socket.socket]:
    with socket.create_connection((host, port), WAIT_S) as client:
        yield client


def answered(client: socket.socket) -> http.client.HTTPResponse:
    response = http.client.HTTPResponse(client)
    response.begin()
    return response


def fetched(port: int, path: str = "/a", host: str = "127.0.0.1") -> dict[str, object]:
    with connected(port, host) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nhost: mq\r\n\r\n".encode())
        facts = json.loads(answered(client).read())
        assert isinstance(facts, dict)
        return facts


def to_the_end(client: socket.socket) -> bytes:
    """Everything, until the other side has hung up."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(65536):
            data += piece
    return data


# --- requests


def test_one_client_asks_many_things() -> None:
    with SiteBroker() as broker:
        for port in (broker.management_port, broker.prometheus_port):
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
            for body in (b"x" * MIB, iter([b"a" * 1000] * 100), b""):
                client.request("PUT", "/a/%2F?b=c", body)
                facts = json.loads(client.getresponse().read())
                assert facts["path"] == "/a/%2F"
                assert set(facts["body"]) <= {"a", "x"}
                assert (facts["is_tls"], facts["is_loopback"]) == (False, True)
            host, own = client.sock.getsockname()
            assert facts["peer"] == f"{host}:{own}"
            client.request("HEAD", "/a")
            response = client.getresponse()
            assert response.headers["content-length"] != "0"
            assert response.read() == b""
            client.request("GET", "/large")
            assert client.getresponse().read() == bytes(20 * MIB)
            client.close()
        serves(broker.port)


def test_a_thousand_requests_at_once() -> None:
    with SiteBroker() as broker, connected(broker.management_port) as client:
        sending = threading.Thread(
            target=client.sendall,
            args=(b"".join(GET.replace(b"/a", b"/%d" % n) for n in range(1000)),),
        )
        sending.start()
        reader = client.makefile("rb")
        for number in range(1000):
            assert reader.readline() == b"HTTP/1.1 200 OK\r\n"
            headers = http.client.parse_headers(reader)
            facts = json.loads(reader.read(int(headers["content-length"])))
            assert facts["path"] == f"/{number}"
        sending.join()
        reader.close()


def test_addresses() -> None:
    with SiteBroker(OPEN | {"listeners.bind": "", "prometheus.tcp.ip": "::1"}) as broker:
        for host in ("127.0.0.1", "::1"):
            assert fetched(broker.management_port, host=host)["is_loopback"] is True
        fetched(broker.prometheus_port, host="::1")
        with pytest.raises(ConnectionRefusedError):
            fetched(broker.prometheus_port, host="127.0.0.1")
        assert broker.gateway is not None
        protocols = [listening.protocol for listening in broker.gateway.listening]
        assert protocols == ["http", "http/prometheus", "amqp"]  # ready once AMQP is there


# --- clients that take long, or too much


def test_who_says_nothing_is_closed_without_a_word() -> None:
    with SiteBroker(QUICK) as broker, connected(broker.management_port) as client:
        client.sendall(GET)
        answered(client).read()
        assert to_the_end(client) == b""


@pytest.mark.parametrize(
    "octets", [b"GET /a HT", b"PUT /a HTTP/1.1\r\nhost: mq\r\ncontent-length: 1000\r\n\r\nabc"]
)
def test_who_is_too_slow_is_told_so(octets: bytes) -> None:
    with SiteBroker(QUICK) as broker, connected(broker.management_port) as client:
        client.sendall(octets)
        assert to_the_end(client).startswith(b"HTTP/1.1 408 ")


def test_who_does_not_read_is_dropped() -> None:
    with SiteBroker(QUICK) as broker, connected(broker.management_port) as client:
        client.sendall(GET.replace(b"/a", b"/stream"))
        wait_until(lambda: broker.site.ended == ["/stream"], "it was dropped")
        wait_until(lambda: broker.clients() == 0, "it is gone")
        fetched(broker.management_port)


def test_who_sends_too_much_can_read_why() -> None:
    with SiteBroker() as broker:
        for head in (b"content-length: 20971520\r\n\r\n", b"transfer-encoding: chunked\r\n\r\n"):
            with connected(broker.management_port) as client:
                client.sendall(b"PUT /a HTTP/1.1\r\nhost: mq\r\n" + head)
                for _ in range(100):
                    client.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")
                assert answered(client).status == 413
            with connected(broker.management_port) as client:
                client.sendall(GET[:-2] + b"a: b\r\n" * 10_000 + b"\r\n")
                assert answered(client).status == 431


def test_who_sends_no_more_is_answered() -> None:
    with SiteBroker() as broker, connected(broker.management_port) as client:
        client.sendall(GET + GET)
        client.shutdown(socket.SHUT_WR)
        assert to_the_end(client).count(b"HTTP/1.1 200 OK\r\n") == 2


@pytest.mark.parametrize("path", ["/hang", "/stream"])
@pytest.mark.parametrize("is_reset", [False, True])
def test_who_hangs_up_cancels_what_he_asked_for(path: str, is_reset: bool) -> None:
    with SiteBroker() as broker:
        with connected(broker.management_port) as client:
            client.sendall(GET.replace(b"/a", path.encode()))
            wait_until(lambda: broker.tasks() == 1, "it is being answered")
            if path == "/stream":
                client.recv(100_000)
            if is_reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif path == "/hang":
                client.sendall(b"x")
        if path == "/hang" and not is_reset:  # it may be half a connection: see HALF_CLOSED_S
            assert broker.tasks() == 1
        else:
            wait_until(lambda: broker.site.ended == [path], "it was cancelled")
            wait_until(lambda: (broker.clients(), broker.tasks()) == (0, 0), "it is gone")
        fetched(broker.management_port)
        assert broker.bugs() == 0


def test_five_hundred_idle_connections_and_not_one_more() -> None:
    settings = OPEN | {"management.tcp.max_connections": 500}
    with SiteBroker(settings) as broker, contextlib.ExitStack() as stack:
        port = broker.management_port
        clients = [stack.enter_context(connected(port)) for _ in range(500)]
        wait_until(lambda: broker.clients() == 500, "all are there")
        with connected(port) as client:
            assert answered(client).status == 503
        for client in clients[::50]:
            client.sendall(GET)
            assert answered(client).status == 200
        fetched(broker.prometheus_port)  # has a number of its own
        clients[0].close()
        wait_until(lambda: broker.clients() <= 500, "there is room")
        fetched(port)


def test_what_is_not_http_disturbs_nobody() -> None:
    with SiteBroker() as broker:
        port = broker.management_port
        with connected(port) as honest:
            for data in (b"AMQP\x00\x00\x09\x01", b"\x16\x03\x01" + bytes(1000), bytes(100_000)):
                with connected(port) as client:
                    with contextlib.suppress(ConnectionError):
                        client.sendall(data)
                    assert to_the_end(client) in (b"", bad_request())
            honest.sendall(GET)
            assert answered(honest).status == 200
        assert broker.bugs() == 0


def bad_request() -> bytes:
    return b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


# --- TLS


def https(identity: Identity, protocol: str = "management") -> dict[str, object]:
    return {
        f"{protocol}.ssl.port": 0,
        f"{protocol}.ssl.certfile": identity.cert,
        f"{protocol}.ssl.keyfile": identity.key,
    }


def tls_ports(broker: Broker) -> list[int]:
    assert broker.gateway is not None
    return [broker.gateway.port(name) for name in ("https", "https/prometheus")]


def asked_over_tls(port: int, context: ssl.SSLContext) -> tuple[dict[str, object], bytes]:
    """What is answered, and the certificate that was shown."""
    client = http.client.HTTPSConnection("localhost", port, timeout=WAIT_S, context=context)
    try:
        client.request("POST", "/a", b"x" * 300_000)
        facts = json.loads(client.getresponse().read())
        client.request("GET", "/large")
        assert client.getresponse().read() == bytes(20 * MIB)
        shown = client.sock.getpeercert(binary_form=True)
    finally:
        client.close()
    assert facts["body"] == "x" * 300_000
    return facts, shown


def test_https(authority: Authority, tmp_path: Path) -> None:
    server = authority.issue("server")
    both = https(server) | https(server, "prometheus")
    with SiteBroker(OPEN | both) as broker:
        for port in tls_ports(broker):
            facts, _ = asked_over_tls(port, authority.client_context())
            assert facts["is_tls"] is True
        fetched(broker.management_port)
    only = both | {"management.tcp.port": "none", "prometheus.tcp.port": "none"}
    with SiteBroker(OPEN | only) as broker:
        assert [broker.management_port, broker.prometheus_port] == tls_ports(broker)
        write_ready_file(tmp_path / "ready", broker)
        ports = json.loads((tmp_path / "ready").read_text())["ports"]
        assert [ports["management"], ports["prometheus"]] == tls_ports(broker)


def test_https_with_the_certificate_of_amqps(authority: Authority) -> None:
    settings = OPEN | authority.server_settings(authority.issue("node")) | {
        "ssl_options.cacertfile": authority.ca,
        "ssl_options.verify": "verify_peer",
        "ssl_options.fail_if_no_peer_cert": True,
        "management.ssl.port": 0,
    }  # fmt: skip
    with SiteBroker(settings) as broker:
        asked_over_tls(tls_ports(broker)[0], authority.client_context())


def test_clients_of_https_may_have_to_show_a_certificate(authority: Authority) -> None:
    settings = OPEN | https(authority.issue("server")) | {
        "management.ssl.cacertfile": authority.ca,
        "management.ssl.verify": "verify_peer",
        "management.ssl.fail_if_no_peer_cert": True,
        "management.ssl.depth": 0,
    }  # fmt: skip
    middle = authority.issue("middle", is_ca=True)
    with SiteBroker(settings) as broker:
        port = tls_ports(broker)[0]
        asked_over_tls(port, authority.client_context(authority.issue("alice")))
        for stranger in (None, authority.issue("far", signer=middle)):
            with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
                asked_over_tls(port, authority.client_context(stranger))


def test_a_new_certificate_is_taken_up_and_a_broken_one_is_not(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = authority.issue("first"), authority.issue("second")
    files = Identity(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))

    def put(identity: Identity) -> bytes:
        shutil.copy(identity.cert, files.cert)
        shutil.copy(identity.key, files.key)
        return ssl.PEM_cert_to_DER_cert(Path(identity.cert).read_text())

    expected = put(first)
    with SiteBroker(OPEN | https(files)) as broker:
        port = tls_ports(broker)[0]
        assert asked_over_tls(port, authority.client_context())[1] == expected
        Path(files.cert).write_text("broken")
        assert broker.call(lambda node: broker.reload_certificates()) is False
        assert "the old ones stay: management.ssl" in caplog.text
        assert asked_over_tls(port, authority.client_context())[1] == expected
        expected = put(second)
        wait_until(  # by itself
            lambda: asked_over_tls(port, authority.client_context())[1] == expected,
            "the new certificate is shown",
        )


def test_who_knows_no_tls_is_sent_away(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    settings = OPEN | https(authority.issue("server"))
    with SiteBroker(settings | {"ssl_handshake_timeout": 100}) as broker:
        port = tls_ports(broker)[0]
        with connected(port) as client, connected(port) as silent:
            client.sendall(GET)
            to_the_end(client)
            assert to_the_end(silent) == b""
        assert "what came to a TLS port is not TLS, peer=127.0.0.1:" in caplog.text
        asked_over_tls(port, authority.client_context())


@pytest.mark.parametrize("path", ["/hang", "/stream"])
def test_who_hangs_up_over_tls_cancels_what_he_asked_for(authority: Authority, path: str) -> None:
    settings = OPEN | https(authority.issue("server"))
    with SiteBroker(settings) as broker:
        client = http.client.HTTPSConnection(
            "localhost", tls_ports(broker)[0], context=authority.client_context()
        )
        client.request("GET", path)
        wait_until(lambda: broker.tasks() == 1, "it is being answered")
        client.close()
        wait_until(lambda: broker.site.ended == [path], "it was cancelled")
        wait_until(lambda: (broker.clients(), broker.tasks()) == (0, 0), "it is gone")


# --- start and end


def test_an_embedded_broker_has_no_http_unless_it_is_asked_for() -> None:
    with Broker() as broker:
        assert (broker.management_port, broker.prometheus_port) == (0, 0)
        assert broker.gateway is not None
        assert {listening.protocol for listening in broker.gateway.listening} == {"amqp"}


def test_the_api_is_there_when_it_is_asked_for() -> None:
    with (
        Broker({"management.enabled": True}) as broker,
        connected(broker.management_port) as client,
    ):
        client.sendall(GET)
        response = answered(client)
        assert response.status == 404
        assert response.headers["server"] == "Leveret"


@pytest.mark.parametrize("is_tls", [False, True])
def test_an_end_leaves_nothing(authority: Authority, is_tls: bool) -> None:
    server = authority.issue("server")
    settings = OPEN | https(server) | https(server, "prometheus")
    with SiteBroker(settings) as broker:
        asked_over_tls(tls_ports(broker)[0], authority.client_context())
    before = holdings()
    with contextlib.ExitStack() as stack:
        with SiteBroker(settings) as broker:
            for path in ("/hang", "/stream", "/large", ""):
                port = tls_ports(broker)[0] if is_tls else broker.management_port
                client = stack.enter_context(connected(port))
                if is_tls and path:
                    context = authority.client_context()
                    client = context.wrap_socket(client, server_hostname="localhost")
                    stack.enter_context(client)
                if path:
                    client.sendall(GET.replace(b"/a", path.encode()))
            wait_until(lambda: broker.tasks() == 3, "all are being answered")
        assert sorted(broker.site.ended) == ["/hang", "/stream"]
        stack.close()
        assert holdings().gained(before) == []


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"prometheus.tcp.port": "TAKEN"}, "cannot listen on 127.0.0.1:[0-9]+: Address already"),
        ({"listeners.tcp": "TAKEN"}, "cannot listen on 127.0.0.1:[0-9]+: Address already in use"),
        ({"management.ssl.port": 0}, "management.ssl needs management.ssl.certfile"),
        ({"prometheus.ssl.certfile": "/nope"}, "prometheus.ssl.certfile: /nope: No such file"),
        (
            {"management.ssl.certfile": "CERT", "management.ssl.verify": "verify_peer"},
            "management.ssl.verify = verify_peer needs management.ssl.cacertfile",
        ),
    ],
)
def test_what_cannot_be_used_is_one_line_and_leaves_nothing(
    authority: Authority, settings: dict[str, object], problem: str
) -> None:
    with SiteBroker():
        pass  # what a loop opens once
    before = holdings()
    server = authority.issue("server")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        known = {"TAKEN": taken.getsockname()[1], "CERT": server.cert}
        given = {key: known.get(str(value), value) for key, value in settings.items()}
        if "CERT" in settings.values():
            given["management.ssl.keyfile"] = server.key
            given["management.ssl.port"] = 0
        with pytest.raises(ListenError, match=problem) as caught:
            SiteBroker(OPEN | given).__enter__()
    assert "\n" not in str(caught.value)
    assert holdings().gained(before) == []


def test_a_process_says_where_its_api_is() -> None:
    with BrokerProcess() as broker:
        port = broker.ports["management"]
        assert port
        with connected(port) as client:
            client.sendall(GET)
            assert answered(client).status == 404
            assert broker.stop() == 0
            assert to_the_end(client) == b""
        assert f"listening, protocol=http host=127.0.0.1 port={port}" in broker.log.read_text()
