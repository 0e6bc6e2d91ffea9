"""A real process that runs out of file descriptors, on both loops: who is inside goes on, who comes
waits, the store and the HTTP API have what they need, and it is over when clients go."""

from __future__ import annotations

import base64
import contextlib
import errno
import json
import os
import resource
import select
import socket
import struct
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broker.descriptors import sockets_limit
from tests.conformance import wire_codec as wire
from tests.integration.support import WAIT_S, UnexpectedCloseError, WirePeer, serves, wait_until
from tests.support.process import BrokerProcess

FILES = 300
ATTEMPTS = 10_000  # of somebody who means harm
RESET = struct.pack("ii", 1, 0)
ALARM, CLEARED = "file descriptor limit alarm set", "file descriptor limit alarm cleared"
BODY = bytes(300_000)


@pytest.fixture(params=["asyncio", "uvloop"])
def broker(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BrokerProcess]:
    if request.param == "asyncio":  # as where there is no uvloop
        (tmp_path / "uvloop.py").write_text("raise ImportError\n")
        paths = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        monkeypatch.setenv("PYTHONPATH", paths)
    settings = ("store.segment_size=1MB", "handshake_timeout=60000")
    flags = [flag for setting in settings for flag in ("--set", setting)]
    with BrokerProcess(*flags) as running:
        yield running


def limit(broker: BrokerProcess, files: int) -> None:
    _, hard = resource.prlimit(broker.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(broker.pid, resource.RLIMIT_NOFILE, (files, hard))


def asks(broker: BrokerProcess, path: str) -> Any:
    url = f"http://127.0.0.1:{broker.ports['management']}/api/{path}"
    login = base64.b64encode(b"guest:guest").decode()
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {login}"})
    with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
        return json.load(answer)


def publishes(peer: WirePeer, queue: str, count: int) -> None:
    """Each is confirmed, and more than a segment in all."""
    for _ in range(count):
        peer.publish(1, BODY, {"delivery_mode": 2}, routing_key=queue)
        peer.hear("Basic.Ack")


def test_clients_wait_until_others_go(broker: BrokerProcess) -> None:
    limit(broker, FILES)
    most = sockets_limit(FILES)
    inside = contextlib.ExitStack()
    with inside, WirePeer(broker.port).login() as peer:
        peer.call(1, "Confirm.Select")
        queue = peer.call(1, "Queue.Declare", queue="kept", durable=True)["queue"]
        for _ in range(most - 1):
            inside.enter_context(WirePeer(broker.port))
        wait_until(lambda: ALARM in broker.log.read_text(), "it is said")
        waiting = WirePeer(broker.port)
        waiting.send(wire.PROTOCOL_HEADER)

        publishes(peer, queue, 12)
        node = asks(broker, "nodes")[0]
        assert (node["fd_total"], node["sockets_total"]) == (FILES, most)
        assert node["sockets_used"] == most < node["fd_used"] < FILES
        assert select.select([waiting.socket], [], [], 0)[0] == []

        inside.close()
        waiting.hear("Connection.Start")
        waiting.drop()
        publishes(peer, queue, 1)
    wait_until(lambda: CLEARED in broker.log.read_text(), "it is over, and that is said")
    log = broker.log.read_text()
    assert (log.count(ALARM), log.count(CLEARED)) == (1, 1)
    assert "Traceback" not in log


def test_thousands_who_come_at_once(broker: BrokerProcess) -> None:
    limit(broker, FILES)
    with WirePeer(broker.port).login() as peer:
        peer.call(1, "Confirm.Select")
        queue = peer.call(1, "Queue.Declare", exclusive=True)["queue"]
        attempts: list[socket.socket] = []
        try:
            for _ in range(ATTEMPTS):
                attempt = socket.socket()
                attempts.append(attempt)
                attempt.setblocking(False)
                attempt.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                assert attempt.connect_ex(("127.0.0.1", broker.port)) in (0, errno.EINPROGRESS)
                if len(attempts) % 1000 == 0:
                    publishes(peer, queue, 1)
            assert asks(broker, "overview")["object_totals"]["queues"] == 1
        finally:
            for attempt in attempts:
                attempt.close()
        publishes(peer, queue, 1)
    wait_until(lambda: _serves(broker.port), "others get in")
    log = broker.log.read_text()
    assert "Traceback" not in log
    assert 1 <= log.count(ALARM) <= 5


def test_a_listener_that_cannot_accept_says_so_once(broker: BrokerProcess) -> None:
    with WirePeer(broker.port).login() as peer:
        files = max(map(int, os.listdir(f"/proc/{broker.pid}/fd"))) + 1
        limit(broker, files)
        with WirePeer(broker.port) as waiting:
            wait_until(lambda: "cannot be accepted" in broker.log.read_text(), "it is said")
            peer.call(1, "Queue.Declare", exclusive=True)
            limit(broker, 1000)
            waiting.login()
            waiting.call(1, "Queue.Declare", exclusive=True)
    lines = [line for line in broker.log.read_text().splitlines() if " listener=" in line]
    assert ["cannot be accepted: Too many open files" in line for line in lines] == [True, False]
    assert "connections are accepted again" in lines[1]
    assert "Traceback" not in broker.log.read_text()


def _serves(port: int) -> bool:
    try:
        serves(port)
    except (OSError, UnexpectedCloseError):
        return False
    return True
