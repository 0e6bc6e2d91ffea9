"""A broker whose listening sockets somebody else has opened, as systemd does."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker import Broker
from broker.server.inherited import Inherited
from broker.server.listener import ListenError
from tests.integration.support import WirePeer, serves
from tests.support.process import FREE_PORTS, BrokerProcess

ROOT = Path(__file__).parents[2]


class ActivatedProcess(BrokerProcess):
    """sockets: (name, listening socket)."""

    def __init__(self, sockets: list[tuple[str, socket.socket]], *flags: str):
        super().__init__(*flags)
        self._sockets = sockets

    def command(self) -> list[str]:
        told = ",".join(f"{name}={one.fileno()}" for name, one in self._sockets)
        launcher = [self._python, "-m", "tests.support.activation", told, "--"]
        return [*launcher, *super().command()]

    def inherits(self) -> list[int]:
        return [one.fileno() for _, one in self._sockets]


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64))
            for _ in range(3)
        ]


def port_of(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port


def test_sockets_by_name(sockets: list[socket.socket]) -> None:
    handed = list(zip(("http", "amqp", "prometheus"), sockets, strict=True))
    web, amqp, metrics = map(port_of, sockets)
    early = WirePeer(amqp)  # who comes before there is a broker waits for it
    broker = ActivatedProcess(handed)
    with early, broker:
        assert (broker.ports["amqp"], broker.ports["management"]) == (amqp, web)
        assert broker.ports["prometheus"] == metrics
        early.login()
        early.close()
        serves(amqp)
        for port, path in ((web, "api/index.html"), (metrics, "metrics")):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}") as answer:
                assert answer.status == 200
        assert broker.stop() == 0
        WirePeer(amqp).drop()  # whoever opened it still listens
        assert "Traceback" not in broker.log.read_text()


def test_a_broker_that_starts_again_finds_them_again(sockets: list[socket.socket]) -> None:
    inherited = Inherited([("amqp", sockets[0])])
    for _ in range(2):
        with Broker({"listeners.bind": "127.0.0.1"}, inherited) as broker:
            assert broker.port == port_of(sockets[0])
            serves(broker.port)
    with (
        pytest.raises(ListenError, match=r"the name 'amqp'$"),
        Broker({"listeners.tcp": []}, inherited),
    ):
        pass
    WirePeer(port_of(sockets[0])).drop()


def test_a_part_that_is_disabled_leaves_its_socket(
    sockets: list[socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    """It is opened on and on, and the part may be enabled again."""
    inherited = Inherited([("http", sockets[0]), ("prometheus-tls", sockets[1])])
    with Broker({}, inherited) as broker:
        serves(broker.port)
    places = [f"127.0.0.1:{port_of(one)}" for one in sockets[:2]]
    warnings = {one.getMessage() for one in caplog.records if one.levelname == "WARNING"}
    assert warnings == {
        f"nobody serves socket {places[0]}: http is disabled",
        f"nobody serves socket {places[1]}: http/prometheus is disabled",
    }
    inherited = Inherited([("http", sockets[0])])
    with Broker({"management.enabled": True}, inherited) as broker:
        assert broker.management_port == port_of(sockets[0])


def test_sockets_by_address(sockets: list[socket.socket], tmp_path: Path) -> None:
    path = str(tmp_path / "mq.sock")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(path)
        unix.listen(8)
        port = port_of(sockets[0])
        handed = [("leveret.socket", sockets[0]), ("leveret.socket", unix)]
        flags = ("--port", str(port), "--set", f"listeners.unix.1={path}")
        with ActivatedProcess(handed, *flags) as broker:
            assert broker.port == port
            serves(port)
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(20)
                peer.connect(path)
                peer.sendall(b"AMQP\0\0\x09\x01")
                assert peer.recv(1) == b"\x01"
            assert broker.stop() == 0
        assert os.path.exists(path), "it is not the broker's"


def test_a_unix_socket_with_the_name_of_a_protocol(tmp_path: Path) -> None:
    path = str(tmp_path / "mq.sock")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(path)
        unix.listen(8)
        with ActivatedProcess([("amqp", unix)]) as broker, socket.socket(socket.AF_UNIX) as peer:
            assert broker.ports["amqp"] is None
            peer.settimeout(20)
            peer.connect(path)
            peer.sendall(b"AMQP\0\0\x09\x01")
            assert peer.recv(1) == b"\x01"


@pytest.mark.parametrize("name", ["amqps", "leveret.socket"])
def test_a_socket_that_nobody_serves_is_refused(name: str, sockets: list[socket.socket]) -> None:
    descriptor = sockets[0].fileno()
    launcher = [sys.executable, "-m", "tests.support.activation", f"{name}={descriptor}", "--"]
    flags = [*FREE_PORTS, "--bind", "127.0.0.1", "--data-dir", "none"]
    result = subprocess.run(
        [*launcher, sys.executable, "-m", "broker", *flags],
        cwd=ROOT,
        pass_fds=[descriptor],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        f"leveret: no listener is configured for the socket 127.0.0.1:{port_of(sockets[0])}"
        f" that the service manager has opened under the name '{name}'"
    )


def test_what_is_not_handed_over_well_is_one_line() -> None:
    """LISTEN_FDS counts a descriptor that is none."""
    code = (
        "import os, sys; os.environ |= {'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '1'};"
        "os.closerange(3, 64);"
        "os.execv(sys.executable, [sys.executable, '-m', 'broker', '--data-dir', 'none',"
        " '--port', '0', '--bind', '127.0.0.1'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("leveret: what the service manager has opened under the name 'unknown'")
