"""The `leveret` command: its flags, its errors, its files, and how it stops."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import wire_codec as wire
from tests.integration.support import (
    WAIT_S,
    UnexpectedCloseError,
    WirePeer,
    open_files,
    publish_frames,
    serves,
    wait_until,
)
from tests.support.process import FREE_PORTS, BrokerProcess

ROOT = Path(__file__).parents[2]
GOODBYE = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"


def leveret(*flags: str, wait_s: float = 20) -> subprocess.CompletedProcess[str]:
    """Run the command where it is expected to end by itself."""
    if "--data-dir" not in flags:
        flags = (*flags, "--data-dir", "none")
    flags = (*FREE_PORTS[2:], *flags)
    return subprocess.run(
        [sys.executable, "-m", "broker", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=wait_s,
        check=False,
    )


def assert_clean_log(broker: BrokerProcess) -> None:
    text = broker.log.read_text()
    for word in ("bug:", "Traceback", "Warning:"):
        assert word not in text, text[-2000:]


# --- flags


def test_version() -> None:
    result = leveret("--version")
    assert result.returncode == 0
    assert result.stdout.startswith("leveret ")


def test_the_ready_file_says_where_it_is(tmp_path: Path) -> None:
    data_dir = tmp_path / "data" / "deeper"
    with BrokerProcess("--node-name", "hare@field", data_dir=data_dir) as broker:
        ready = json.loads(broker._ready_file.read_text())
        assert ready["pid"] == broker.pid
        assert os.path.isdir(f"/proc/{ready['pid']}")
        assert ready["node"] == "hare@field"
        assert ready["data_dir"] == str(data_dir)
        assert data_dir.is_dir()
        assert 0 < ready["ports"]["amqp"] < 65536
        serves(ready["ports"]["amqp"])


def test_the_ready_file_is_whole_whenever_it_is_there(tmp_path: Path) -> None:
    """Written elsewhere and renamed: whoever looks in between sees all of it or nothing."""
    ready_file = tmp_path / "ready"
    flags = [*FREE_PORTS, "--bind", "127.0.0.1", "--ready-file", str(ready_file)]
    flags += ["--data-dir", "none"]
    process = subprocess.Popen(
        [sys.executable, "-m", "broker", *flags],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            try:
                text = ready_file.read_text()
            except FileNotFoundError:
                continue
            serves(json.loads(text)["ports"]["amqp"])
            break
        else:
            raise AssertionError("no ready file")
        assert list(tmp_path.iterdir()) == [ready_file]
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert list(tmp_path.iterdir()) == []


def test_an_old_ready_file_is_replaced_and_then_removed(tmp_path: Path) -> None:
    broker = BrokerProcess()
    broker._ready_file.write_text('{"ports": {"amqp": 1}, "pid": 1}')
    with broker:
        assert json.loads(broker._ready_file.read_text())["pid"] == broker.pid
        broker.stop()
        assert not broker._ready_file.exists()


def test_a_service_manager_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with BrokerProcess() as broker:
            said = dict(line.split("=", 1) for line in manager.recv(4096).decode().splitlines())
            assert (said["READY"], said["MAINPID"]) == ("1", str(broker.pid))
            socket.create_connection(("127.0.0.1", broker.port)).close()
        assert manager.recv(4096) == b"STOPPING=1"


def test_a_second_broker_that_cannot_start_takes_nothing_from_the_first(tmp_path: Path) -> None:
    with BrokerProcess(data_dir=tmp_path) as broker:
        files = sorted(tmp_path.iterdir())
        flags = ["--port", str(broker.port), "--bind", "127.0.0.1"]
        flags += ["--ready-file", str(broker._ready_file)]
        result = leveret(*flags)
        assert result.returncode == 1
        assert result.stderr.splitlines()[-1] == (
            f"leveret: cannot listen on 127.0.0.1:{broker.port}: Address already in use"
        )
        result = leveret("--port", "0", "--data-dir", str(tmp_path), *flags[2:])
        assert result.returncode == 1
        assert result.stderr.splitlines()[-1] == (
            f"leveret: the data directory {tmp_path} is in use by another process"
            f" (pid {broker.pid})"
        )
        assert broker._ready_file.exists()
        assert sorted(tmp_path.iterdir()) == files
        serves(broker.port)


def test_settings_come_from_file_then_set_then_flags(tmp_path: Path) -> None:
    config = tmp_path / "leveret.yaml"
    config.write_text(
        "heartbeat: 11\nchannel_max: 12\nframe_max: 8192\nproduct: File\n"
        "listeners:\n  tcp:\n    default: 1\n"
    )
    flags = ("--config", str(config), "--set", "channel_max=13", "--set", "product = Set")
    with BrokerProcess(*flags) as broker, WirePeer(broker.port) as peer:
        assert broker.port != 1
        peer.send(wire.PROTOCOL_HEADER)
        assert peer.hear("Connection.Start")[1]["server_properties"]["product"] == "S Set"
        peer.say(0, "Connection.StartOk", mechanism="PLAIN", response="\0guest\0guest")
        tuned = peer.hear("Connection.Tune")[1]
        assert tuned == {"channel_max": 13, "frame_max": 8192, "heartbeat": 11}


def test_bind_to_one_address_leaves_the_others_alone() -> None:
    with BrokerProcess("--bind", "127.0.0.2") as broker:
        serves(broker.port, "127.0.0.2")
        with pytest.raises(ConnectionRefusedError):
            WirePeer(broker.port, "127.0.0.1")


def test_without_bind_both_protocols_are_served() -> None:
    """Dual stack; guest counts as local over IPv6 and over IPv4 mapped into it."""
    with BrokerProcess("--bind", "") as broker:
        serves(broker.port, "127.0.0.1")
        serves(broker.port, "::1")
        assert "127.0.0.1" in broker.log.read_text()


def test_bind_to_ipv6_only() -> None:
    with BrokerProcess("--bind", "::1") as broker:
        serves(broker.port, "::1")
        with pytest.raises(ConnectionRefusedError):
            WirePeer(broker.port, "127.0.0.1")


def test_bind_to_a_name_serves_all_its_addresses() -> None:
    with BrokerProcess("--bind", "localhost") as broker:
        addresses = {
            str(place[0])
            for *_, place in socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)
        }
        for address in addresses:
            serves(broker.port, address)


# --- errors


@pytest.fixture(scope="module")
def odd_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd")
    (folder / "not-utf-8").write_bytes(b"\xff\xfe heartbeat: 1")
    (folder / "not-yaml").write_text("heartbeat: [1\n")
    (folder / "a-list").write_text("- 1\n")
    (folder / "unknown-key").write_text("limits:\n  hartbeat: 5\n")
    (folder / "wrong-type").write_text("heartbeat: {a: 1}\n")
    (folder / "null").write_text("heartbeat:\n")
    return folder


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--port", "70000"], "'listeners.tcp.default'"),
        (["--port", "-1"], "'listeners.tcp.default' must be at least 0"),
        (["--port", "amqp"], "--port"),
        (["--frobnicate"], "--frobnicate"),
        (["--set", "heartbeat=soon"], "'heartbeat' must be a number, not 'soon'"),
        (["--set", "heartbeat"], "--set takes key=value, not 'heartbeat'"),
        (["--set", "hartbeat=5"], "unknown setting 'hartbeat'; did you mean 'heartbeat'?"),
        (["--set", "log.level=loud"], "'log.level'"),
        (["--set", "channel_max=65536"], "'channel_max'"),
        (["--set", "heartbeat=65536"], "'heartbeat'"),
        (["--set", "frame_max=4294967296"], "'frame_max'"),
        (["--set", "frame_max=4095"], "'frame_max'"),
        (["--config", "{odd}/missing"], "{odd}/missing: cannot be read: No such file or directory"),
        (["--config", "{odd}"], "{odd}: cannot be read: Is a directory"),
        (["--config", "{odd}/not-utf-8"], "{odd}/not-utf-8"),
        (["--config", "{odd}/not-yaml"], "{odd}/not-yaml:2: is not YAML"),
        (["--config", "{odd}/a-list"], "{odd}/a-list: must hold settings as 'key: value'"),
        (["--config", "{odd}/unknown-key"], "unknown setting 'limits.hartbeat'"),
        (["--config", "{odd}/wrong-type"], "'heartbeat' must be a value or a list of values"),
        (["--config", "{odd}/null"], "'heartbeat' must be a number, not"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_used_is_one_line(odd_files: Path, flags: list[str], text: str) -> None:
    flags = [flag.replace("{odd}", str(odd_files)) for flag in flags]
    if "--port" not in flags:
        flags += ["--port", "0"]
    result = leveret("--bind", "127.0.0.1", *flags)
    lines = [line for line in result.stderr.splitlines() if line[:1] not in (" ", "\t")]
    is_usage = lines[0].startswith(
        "usage:"
    )  # argparse's own errors come with it, and with its code
    if is_usage:
        del lines[0]
    assert result.returncode == (2 if is_usage else 1), result.stderr
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("leveret: ")
    assert text.replace("{odd}", str(odd_files)) in lines[0]


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (
            ["--bind", "192.0.2.99"],
            "cannot listen on 192.0.2.99:0: Cannot assign requested address",
        ),
        (["--bind", "no such host"], "cannot listen on no such host: "),
        (["--data-dir", "{odd}/null"], "{odd}/null"),
        (["--data-dir", "{odd}/null/inside"], "{odd}/null"),
        (["--ready-file", "{odd}/no/such"], "{odd}/no/such"),
        (["--ready-file", "{odd}"], "{odd}"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_the_system_refuses_is_one_line(odd_files: Path, flags: list[str], text: str) -> None:
    flags = [flag.replace("{odd}", str(odd_files)) for flag in flags]
    if "--bind" not in flags:
        flags += ["--bind", "127.0.0.1"]
    before = sorted(odd_files.iterdir())
    result = leveret("--port", "0", "--set", "log.level=error", *flags)
    assert result.returncode == 1, result.stderr
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("leveret: ")
    assert text.replace("{odd}", str(odd_files)) in lines[0]
    assert sorted(odd_files.iterdir()) == before


def test_a_privileged_port_or_one_in_use_ends_with_1() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = leveret("--bind", "127.0.0.1", "--port", str(port))
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        f"leveret: cannot listen on 127.0.0.1:{port}: Address already in use"
    )


# --- stopping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_and_clients_are_told(number: signal.Signals) -> None:
    with BrokerProcess() as broker:
        idle = WirePeer(broker.port).login()
        busy = WirePeer(broker.port).login()
        busy.say(1, "Basic.Publish", routing_key="q")  # content is missing
        early = WirePeer(broker.port)
        early.send(wire.PROTOCOL_HEADER)
        early.hear("Connection.Start")
        with idle, busy, early:
            assert broker.stop(number) == 0
            for peer in (idle, busy):
                close = peer.how_it_ends()
                assert (close.code, close.text) == (320, GOODBYE)
            assert early.how_it_ends().code == 0  # as RabbitMQ: it only hangs up
        assert not broker._ready_file.exists()
        assert_clean_log(broker)


def test_it_stops_although_a_client_never_reads() -> None:
    with BrokerProcess() as broker:
        with WirePeer(broker.port, receive_buffer=4096) as deaf, WirePeer(broker.port) as peer:
            deaf.login()
            peer.login()
            peer.call(1, "Queue.Declare", queue="q")
            peer.call(1, "Confirm.Select")
            deaf.say(1, "Basic.Consume", queue="q", consumer_tag="c", nowait=True)
            for _ in range(20):
                peer.publish(1, bytes(1 << 20), routing_key="q")
                peer.hear("Basic.Ack")
            assert broker.stop() == 0
        assert_clean_log(broker)


def test_a_client_in_full_swing_is_told(tmp_path: Path) -> None:
    with BrokerProcess() as broker, WirePeer(broker.port) as peer:
        peer.login()
        burst = publish_frames(1, bytes(1000), routing_key="nowhere") * 100
        assert broker._process is not None
        sent = 0
        try:
            while True:
                peer.send(burst)
                sent += 1
                if sent == 100:
                    os.kill(broker.pid, signal.SIGTERM)
        except OSError:
            pass
        close = peer.how_it_ends()
        assert (close.code, close.text) == (320, GOODBYE)
        assert broker.wait() == 0
        assert_clean_log(broker)


def test_a_second_signal_does_not_wait_for_the_end() -> None:
    """Nothing that was confirmed is lost by that."""
    with BrokerProcess() as broker:
        with WirePeer(broker.port, receive_buffer=4096) as deaf, WirePeer(broker.port) as peer:
            deaf.login()
            peer.login()
            peer.call(1, "Queue.Declare", queue="q", durable=True)
            peer.call(1, "Confirm.Select")
            deaf.say(1, "Basic.Consume", queue="q", consumer_tag="c", nowait=True)
            for _ in range(20):
                peer.publish(1, bytes(1 << 20), {"delivery_mode": 2}, routing_key="q")
            while peer.hear("Basic.Ack")[1]["delivery_tag"] < 20:
                pass
            for _ in range(5):
                broker.signal(signal.SIGINT)
                time.sleep(0.05)
            assert broker.wait() == 1
        assert_clean_log(broker)
        assert "stopped by force" in broker.log.read_text()
        broker.start()
        with WirePeer(broker.port) as peer:
            peer.login()
            assert peer.call(1, "Queue.Declare", queue="q", passive=True)["message_count"] == 20


def test_stopped_at_once_after_the_start(tmp_path: Path) -> None:
    """However early the signal comes, it ends without a traceback and without a ready file."""
    for pause_s in (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3):
        ready_file = tmp_path / "ready"
        flags = [*FREE_PORTS, "--bind", "127.0.0.1", "--ready-file", str(ready_file)]
        flags += ["--data-dir", "none"]
        process = subprocess.Popen(
            [sys.executable, "-m", "broker", *flags],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(pause_s)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
        assert process.returncode in (0, -signal.SIGTERM)
        assert "Traceback" not in errors, errors
        assert not ready_file.exists()


# --- who may connect from where

NAMESPACE = ["unshare", "--map-root-user", "--net", "--"]
OUTSIDE = "198.51.100.7"
IN_NAMESPACE = f"""
ip link set lo up
ip address add {OUTSIDE}/32 dev lo
exec {sys.executable} -c '
import sys
from broker.boot import Broker
from tests.integration.support import WirePeer, UnexpectedCloseError
bind, users = sys.argv[1], sys.argv[2]
with Broker({{"listeners.bind": bind, "loopback_users": users}}) as broker:
    for user in ("guest", "other"):
        for host in ("{OUTSIDE}", "127.0.0.1"):
            with WirePeer(broker.port, host) as peer:
                try:
                    peer.login(user, user)
                    print(user, host, "open")
                except UnexpectedCloseError as error:
                    print(user, host, error.close.code, error.close.text)
                except ConnectionRefusedError:
                    print(user, host, "refused")
' "$1" "$2"
"""


def _from_outside(bind: str, loopback_users: str) -> list[str]:
    """What guest hears from an address that is not a loopback one, and from one that is."""
    probe = subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("no network namespace can be made here")
    result = subprocess.run(
        [*NAMESPACE, "sh", "-c", IN_NAMESPACE, "sh", bind, loopback_users],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return [line for line in result.stdout.splitlines() if line.startswith("guest")]


REFUSED = (
    "403 ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. "
    "For details see the broker logfile."
)


@pytest.mark.parametrize("bind", ["", "0.0.0.0"], ids=["dual stack", "IPv4"])
def test_guest_is_refused_from_elsewhere(bind: str) -> None:
    assert _from_outside(bind, "guest") == [
        f"guest {OUTSIDE} {REFUSED}",
        "guest 127.0.0.1 open",
    ]


def test_guest_is_let_in_from_elsewhere_when_told_so() -> None:
    assert _from_outside("", "none") == [f"guest {OUTSIDE} open", "guest 127.0.0.1 open"]


@pytest.mark.parametrize(
    ("peer", "is_loopback"),
    [
        (("127.0.0.1", 1), True),
        (("127.8.9.10", 1), True),
        (("::1", 1, 0, 0), True),
        (("::ffff:127.0.0.1", 1, 0, 0), True),
        (("", 1), None),
        ("", True),
        (None, True),
        (("192.0.2.2", 1), False),
        (("10.0.0.1", 1), False),
        (("::ffff:192.0.2.2", 1, 0, 0), False),
        (("fe80::1%eth0", 1, 0, 2), False),
        (("fd00::2", 1, 0, 0), False),
        (("::", 1, 0, 0), False),
        (("0.0.0.0", 1), False),
    ],
)
def test_what_counts_as_loopback(peer: Any, is_loopback: bool | None) -> None:
    from broker.server.protocol import _is_loopback

    if is_loopback is None:  # no address at all is not one a socket has
        with pytest.raises(ValueError, match="does not appear to be"):
            _is_loopback(peer)
    else:
        assert _is_loopback(peer) is is_loopback


# --- time


def test_heartbeats_are_sent() -> None:
    """Also while the peer says nothing but its own."""
    with BrokerProcess() as broker, WirePeer(broker.port) as peer:
        peer.login(channels=0, heartbeat=1)
        for _ in range(3):
            assert peer.read_frame() == (8, 0, b"")
            peer.send(wire.frame(8, 0, b""))


def test_a_peer_that_only_sends_heartbeats_stays() -> None:
    with BrokerProcess() as broker, WirePeer(broker.port) as peer:
        peer.login(heartbeat=1)
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            peer.send(wire.frame(8, 0, b""))
            assert peer.read_frame() == (8, 0, b"")
        peer.call(1, "Basic.Qos")
        assert "missed heartbeats" not in broker.log.read_text()


def test_a_silent_peer_is_dropped() -> None:
    with BrokerProcess() as broker, WirePeer(broker.port) as silent, WirePeer(broker.port) as other:
        silent.login(heartbeat=1)
        queue = silent.call(1, "Queue.Declare", exclusive=True)["queue"]
        other.login(heartbeat=0)
        silent.waits_for_end_of_stream()  # heartbeats, then the end
        assert "missed heartbeats from client" in broker.log.read_text()
        with pytest.raises(UnexpectedCloseError) as caught:
            other.call(1, "Queue.Declare", queue=queue, passive=True)
        assert caught.value.close.code == 404  # exclusive to a connection that is gone
        assert_clean_log(broker)


def test_without_heartbeats_silence_is_accepted() -> None:
    with BrokerProcess() as broker, WirePeer(broker.port) as peer:
        peer.login(heartbeat=0)
        with pytest.raises(TimeoutError):
            peer.read_frame(2.5)
        peer.call(1, "Basic.Qos")


def test_the_handshake_has_its_time() -> None:
    """In whatever state it stops; a connection that is open stays."""
    with BrokerProcess("--set", "handshake_timeout=1000") as broker:
        opened = WirePeer(broker.port).login()
        silent = WirePeer(broker.port)
        half = WirePeer(broker.port)
        half.send(b"AMQP\0")
        greeted = WirePeer(broker.port)
        greeted.send(wire.PROTOCOL_HEADER)
        greeted.hear("Connection.Start")
        tuning = WirePeer(broker.port)
        tuning.send(wire.PROTOCOL_HEADER)
        tuning.hear("Connection.Start")
        tuning.say(0, "Connection.StartOk", mechanism="PLAIN", response="\0guest\0guest")
        tuning.hear("Connection.Tune")
        tuned = WirePeer(broker.port)
        tuned.send(wire.PROTOCOL_HEADER)
        tuned.hear("Connection.Start")
        tuned.say(0, "Connection.StartOk", mechanism="PLAIN", response="\0guest\0guest")
        tuned.hear("Connection.Tune")
        tuned.say(0, "Connection.TuneOk", channel_max=2047, frame_max=131072, heartbeat=0)
        for peer in (silent, half, greeted, tuning, tuned):
            with peer:
                assert peer.how_it_ends().code == 0
        with opened:
            opened.call(1, "Basic.Qos")
        assert_clean_log(broker)


def test_a_drip_of_octets_does_not_extend_the_handshake() -> None:
    with BrokerProcess("--set", "handshake_timeout=1000") as broker, WirePeer(broker.port) as peer:
        peer.send(wire.PROTOCOL_HEADER)
        peer.hear("Connection.Start")
        drip = wire.method_frame(0, "Connection.StartOk", mechanism="PLAIN", response="x" * 500)
        deadline = time.monotonic() + WAIT_S
        with contextlib.suppress(OSError):  # reset or broken pipe, as it happens
            for octet in drip * 100:
                peer.send(bytes([octet]))
                time.sleep(0.02)
                assert time.monotonic() < deadline
        assert_clean_log(broker)


# --- connections that are none


def test_health_checks_are_free() -> None:
    """Thousands of connects and closes: nothing logged, nothing kept."""
    with BrokerProcess() as broker:
        serves(broker.port)
        wait_until(lambda: "closed, peer=" in broker.log.read_text(), "the end is logged")
        files = len(list(open_files(broker.pid)))
        log = broker.log.read_text()
        for _ in range(3000):
            socket.create_connection(("127.0.0.1", broker.port), WAIT_S).close()
        for _ in range(1000):
            WirePeer(broker.port).reset()
        wait_until(lambda: len(list(open_files(broker.pid))) <= files, "its files are closed")
        assert broker.log.read_text() == log
        serves(broker.port)


def test_half_open_clients_are_let_go() -> None:
    """A peer that shuts down its sending side is one that is gone, as for RabbitMQ."""
    with BrokerProcess() as broker:
        for states in (0, 1, 2):
            with WirePeer(broker.port) as peer:
                if states == 1:
                    peer.send(wire.PROTOCOL_HEADER)
                    peer.hear("Connection.Start")
                if states == 2:
                    peer.login()
                    peer.say(1, "Basic.Publish", routing_key="q")
                peer.socket.shutdown(socket.SHUT_WR)
                peer.waits_for_end_of_stream()
        serves(broker.port)
        assert_clean_log(broker)


def test_other_protocols_are_told_ours() -> None:
    with BrokerProcess() as broker:
        for greeting in (
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
            b"AMQP\x00\x01\x00\x00",
            b"AMQP\x03\x01\x00\x00",
            b"SSH-2.0-OpenSSH_9.2\r\n",
            bytes(8),
        ):
            with WirePeer(broker.port) as peer:
                peer.send(greeting)
                heard = b""
                while data := peer.socket.recv(100):
                    heard += data
                assert heard == wire.PROTOCOL_HEADER
        serves(broker.port)
        assert_clean_log(broker)


def test_it_goes_on_when_it_runs_out_of_file_descriptors() -> None:
    with BrokerProcess() as broker:
        inside = WirePeer(broker.port).login()
        files = len(list(open_files(broker.pid)))
        limits = resource.prlimit(broker.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(broker.pid, resource.RLIMIT_NOFILE, (files + 30, limits[1]))
        sockets = []
        for _ in range(100):
            client = socket.socket()
            client.settimeout(WAIT_S)
            client.connect(("127.0.0.1", broker.port))
            sockets.append(client)
        inside.call(1, "Basic.Qos")
        time.sleep(0.5)
        inside.call(1, "Basic.Qos")
        for client in sockets:
            client.close()
        inside.drop()
        wait_until(lambda: _serves(broker.port), "it accepts again")
        assert len(broker.log.read_text().splitlines()) < 300
        assert "bug:" not in broker.log.read_text()


def _serves(port: int) -> bool:
    try:
        serves(port)
    except (OSError, UnexpectedCloseError):
        return False
    return True
