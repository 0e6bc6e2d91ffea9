"""HAProxy with the configuration of config/haproxy, in front of two brokers."""

from __future__ import annotations

import base64
import contextlib
import csv
import io
import json
import logging
import os
import shutil
import socket
import ssl
import struct
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker import Broker
from tests.integration.support import WAIT_S, WirePeer, wait_until
from tests.support.certificates import Authority

CONFIG = Path(__file__).parents[2] / "config" / "haproxy" / "haproxy.cfg"
HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
LISTENERS = ("LISTEN_AMQP", "LISTEN_AMQPS", "LISTEN_HTTP", "LISTEN_STATS")
CONNECTION_MAX = 5
LOGIN = "Basic " + base64.b64encode(b"guest:guest").decode()

needs_haproxy = pytest.mark.skipif(HAPROXY is None, reason="there is no haproxy command")


class Balancer:
    """HAProxy in front of brokers, on sockets that are opened here."""

    def __init__(self, brokers: list[Broker], folder: Path):
        assert HAPROXY is not None
        self._stack = contextlib.ExitStack()
        sockets = {
            name: self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            for name in LISTENERS
        }
        self.ports = {name: one.getsockname()[1] for name, one in sockets.items()}
        told = {name: f"fd@{one.fileno()}" for name, one in sockets.items()}
        for number, broker in enumerate(brokers, 1):
            told[f"AMQP_{number}"] = f"127.0.0.1:{broker.port}"
            told[f"AMQPS_{number}"] = f"127.0.0.1:{broker.tls_port}"
            told[f"HTTP_{number}"] = f"127.0.0.1:{broker.management_port}"
        told["CHECK_EVERY"] = "50"
        self.log = folder / "haproxy.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [HAPROXY, "-db", "-f", str(CONFIG)],
                env={**os.environ, **told},
                pass_fds=[one.fileno() for one in sockets.values()],
                stdout=log,
                stderr=log,
            )
        self._stack.close()  # it has its own

    def __enter__(self) -> Balancer:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.wait(20)

    def states(self, listener: str) -> dict[str, dict[str, str]]:
        """What its statistics say of each server."""
        assert self._process.poll() is None, self.log.read_text()
        url = f"http://127.0.0.1:{self.ports['LISTEN_STATS']}/;csv"
        with urllib.request.urlopen(url, timeout=WAIT_S) as page:
            rows = csv.DictReader(io.StringIO(page.read().decode().removeprefix("# ")))
        return {
            row["svname"]: row
            for row in rows
            if row["pxname"] == listener and row["svname"].startswith("node")
        }

    def wait_for(self, listener: str, **expected: str) -> None:
        """Until the servers are as expected, found out by a check."""

        def holds() -> bool:
            states = self.states(listener)
            return all(
                states[name]["status"] == status and states[name]["check_status"] not in ("", "INI")
                for name, status in expected.items()
            )

        wait_until(holds, f"{listener}: {expected}")


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[list[Broker]]:
    authority = Authority(tmp_path)
    settings = authority.server_settings(authority.issue("server")) | {
        "proxy_protocol": True,
        "management.enabled": True,
        "connection_max": CONNECTION_MAX,
    }
    running = [Broker(settings), Broker(settings)]
    with contextlib.ExitStack() as stack:
        for broker in running:
            broker.__enter__()
            stack.callback(stop, broker)
        yield running


def stop(broker: Broker) -> None:
    if broker.node is not None:
        broker.__exit__(None, None, None)


def peers_of(broker: Broker) -> list[str]:
    """Clients: who has an address. The balancer's own checks are there for a moment, without."""
    names = broker.call(lambda node: [one.peer_name for one in node.peers.values()])
    return [name for name in names if name != "unix"]


@needs_haproxy
def test_clients_reach_both_brokers_under_their_own_address(
    brokers: list[Broker], tmp_path: Path
) -> None:
    with Balancer(brokers, tmp_path) as balancer, contextlib.ExitStack() as stack:
        balancer.wait_for("amqp", node1="UP", node2="UP")
        balancer.wait_for("amqps", node1="UP", node2="UP")
        own = set()
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        for name in ("LISTEN_AMQP", "LISTEN_AMQPS") * 2:
            peer = stack.enter_context(WirePeer(balancer.ports[name]))
            own.add(f"127.0.0.1:{peer.socket.getsockname()[1]}")
            if name == "LISTEN_AMQPS":
                peer.socket = stack.enter_context(
                    context.wrap_socket(peer.socket, server_hostname="localhost")
                )
            peer.login()
        shares = [peers_of(broker) for broker in brokers]
        assert [len(share) for share in shares] == [2, 2], "in turn"
        assert {name for share in shares for name in share} == own
        shown = set()
        for broker in brokers:
            listed = fetch(f"http://127.0.0.1:{broker.management_port}/api/connections")
            shown |= {f"{one['peer_host']}:{one['peer_port']}" for one in listed}
        assert shown == own, "the list of connections has them, too"


def fetch(url: str) -> list[dict[str, object]]:
    asked = urllib.request.Request(url, headers={"Authorization": LOGIN})
    with urllib.request.urlopen(asked, timeout=WAIT_S) as answer:
        found: list[dict[str, object]] = json.load(answer)
        return found


@needs_haproxy
def test_when_one_broker_stops_clients_go_to_the_other(
    brokers: list[Broker], tmp_path: Path
) -> None:
    first, second = brokers
    with Balancer(brokers, tmp_path) as balancer:
        balancer.wait_for("amqp", node1="UP", node2="UP")
        balancer.wait_for("management", node1="UP", node2="UP")
        port = balancer.ports["LISTEN_AMQP"]
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(WirePeer(port)).login() for _ in range(2)]
            stop(first)
            closed = [peer for peer in peers if is_closed(peer)]
            assert len(closed) == 1, "the others do not notice"
            for _ in range(3):  # at once, checked or not
                stack.enter_context(WirePeer(port)).login()
            assert len(peers_of(second)) == 4
            balancer.wait_for("amqp", node1="DOWN", node2="UP")
            balancer.wait_for("management", node1="DOWN", node2="UP")
        overview = f"http://127.0.0.1:{balancer.ports['LISTEN_HTTP']}/api/nodes"
        assert len(fetch(overview)) == 1


def is_closed(peer: WirePeer) -> bool:
    """Whether the broker has said goodbye to it; who has not been told anything answers."""
    peer.say(1, "Queue.Declare", exclusive=True)
    frame = peer.read_frame()
    assert frame is not None
    return frame[2][:4] == b"\0\x0a\0\x32"  # connection.close


@needs_haproxy
def test_a_broker_that_takes_no_more_clients_keeps_those_it_has(
    brokers: list[Broker], tmp_path: Path
) -> None:
    first, second = brokers
    with Balancer(brokers, tmp_path) as balancer, contextlib.ExitStack() as stack:
        balancer.wait_for("amqps", node1="UP", node2="UP")
        port = balancer.ports["LISTEN_AMQPS"]
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        for _ in range(2 * CONNECTION_MAX):
            peer = stack.enter_context(WirePeer(port))
            peer.socket = stack.enter_context(
                context.wrap_socket(peer.socket, server_hostname="localhost")
            )
            peer.login()
        balancer.wait_for("amqps", node1="DOWN", node2="DOWN")
        balancer.wait_for("amqp", node1="UP", node2="UP")
        assert [len(peers_of(broker)) for broker in brokers] == [CONNECTION_MAX] * 2
        assert peer.call(1, "Queue.Declare", exclusive=True)
        peer.close()
        wait_until(lambda: len(peers_of(first) + peers_of(second)) < 2 * CONNECTION_MAX, "left")
        wait_until(
            lambda: "UP" in {one["status"] for one in balancer.states("amqps").values()},
            "one has room again",
        )


@needs_haproxy
def test_checks_leave_nothing_in_the_log(
    brokers: list[Broker], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Balancer(brokers, tmp_path) as balancer, caplog.at_level(logging.INFO):
        for listener in ("amqp", "amqps", "management"):
            balancer.wait_for(listener, node1="UP", node2="UP")
        assert [one for one in caplog.records if one.name.startswith("broker")] == []


@pytest.mark.parametrize("is_proxied", [False, True])
def test_a_check_that_only_connects_is_not_worth_a_line(
    is_proxied: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with Broker({"proxy_protocol": is_proxied}) as broker, caplog.at_level(logging.INFO):
        caplog.clear()
        for linger in (0, 1):  # a FIN, a RST
            for _ in range(5):
                probe = socket.create_connection(("127.0.0.1", broker.port))
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", linger, 0))
                probe.close()
        with WirePeer(broker.port) as peer:  # who comes last is seen last
            if is_proxied:
                peer.send(b"PROXY UNKNOWN\r\n")
            peer.login()
        assert [one.getMessage().split(",")[0] for one in caplog.records][:1] == ["opened"]
