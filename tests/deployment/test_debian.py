"""The package in a Debian that boots: installed, started, activated, watched, purged."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment.machine import Machine, needs
from tools.deb import build_deb

ASK = """
python3 - <<END
import socket
with socket.create_connection(("127.0.0.1", 5672), 20) as peer:
    peer.sendall(b"AMQP\\0\\0\\x09\\x01")
    assert peer.recv(1) == b"\\x01"
END
"""
STARTED = f"""
systemctl is-active leveret
systemctl show -p StatusText leveret | grep "serves clients on port 5672"
{ASK}
pid=$(systemctl show -p MainPID --value leveret)
test "$(stat -c %U:%a /var/lib/leveret)" = leveret:750
test "$(stat -c %U:%a /var/log/leveret)" = leveret:750
test "$(stat -c %G:%a /etc/leveret/leveret.yaml)" = leveret:640
test -d /run/leveret
grep -q "^NoNewPrivs:.1" /proc/$pid/status
grep -q "^CapEff:.0000000000000000" /proc/$pid/status
leveretctl --version || leveretctl version
systemctl stop leveret
test "$(systemctl show -p Result --value leveret)" = success
systemctl start leveret
"""
ACTIVATED = f"""
systemctl stop leveret
systemctl start leveret.socket leveret-http.socket
test "$(systemctl is-active leveret)" = inactive
{ASK}
systemctl is-active leveret
systemctl restart leveret
{ASK}
systemctl stop leveret leveret.socket leveret-http.socket
systemctl start leveret-amqps.socket
! systemctl start leveret
journalctl -u leveret | grep "no listener is configured for the socket .*:5671"
systemctl stop leveret leveret-amqps.socket
systemctl reset-failed leveret
"""
WATCHED = """
mkdir -p /run/systemd/system/leveret.service.d
printf "[Service]\\nWatchdogSec=3\\nRestartSec=1\\n" >/run/systemd/system/leveret.service.d/w.conf
systemctl daemon-reload
systemctl start leveret
kill -STOP $(systemctl show -p MainPID --value leveret)
for i in $(seq 60); do
    test "$(systemctl show -p NRestarts --value leveret)" = 1 && break
    sleep 0.5
done
for i in $(seq 60); do systemctl is-active leveret && break; sleep 0.5; done
journalctl -u leveret | grep "Watchdog timeout"
"""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    needs("mmdebstrap", "systemd-nspawn", "dpkg-deb")
    yield Machine(tmp_path / "root")
    shutil.rmtree(tmp_path, ignore_errors=True)  # some hundred megabytes


@pytest.mark.soak
def test_a_machine_with_the_package(machine: Machine) -> None:
    package = build_deb(machine.root / "root")
    inside = f"/root/{package.name}"
    machine.runs("apt-get", "update")
    machine.runs("apt-get", "install", "-y", inside)
    machine.boots(STARTED + ACTIVATED + WATCHED)

    machine.runs("apt-get", "install", "-y", "--reinstall", inside)  # as an upgrade does
    machine.boots(STARTED)
    machine.runs("apt-get", "remove", "-y", "leveret")
    assert (machine.root / "etc/leveret/leveret.yaml").exists()
    assert (machine.root / "var/lib/leveret/identity.json").exists()
    assert not (machine.root / "usr/lib/python3/dist-packages/broker").exists()
    machine.runs("apt-get", "purge", "-y", "leveret")
    for place in ("etc/leveret", "etc/default/leveret", "var/lib/leveret", "var/log/leveret"):
        assert not (machine.root / place).exists(), place
    assert list((machine.root / "etc/systemd").rglob("*leveret*")) == []
