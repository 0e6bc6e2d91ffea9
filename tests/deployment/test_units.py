"""The units of systemd, by its own tools where they are there."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from broker.server.inherited import NAMES

FOLDER = Path(__file__).parents[2] / "config" / "systemd"
SERVICE = FOLDER / "leveret.service"
SOCKETS = sorted(FOLDER.glob("*.socket"))
EXPOSURE_MAX = 20  # tenths; 14 as of systemd 252: it serves the network, and reads /proc/meminfo
PORTS = {"amqp": 5672, "amqps": 5671, "http": 15672, "prometheus": 15692}


def read(path: Path) -> configparser.ConfigParser:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(path.read_text())
    return unit


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = shutil.which("systemd-analyze")
    if command is None:
        pytest.skip("there is no systemd-analyze command")
    return subprocess.run(
        [command, "--no-pager", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    for unit in FOLDER.iterdir():  # the command need not be installed here
        text = unit.read_text().replace("/usr/bin/leveret ", "/bin/true ")
        (tmp_path / unit.name).write_text(text)
    done = analyze("verify", "--man=no", *(str(path) for path in tmp_path.iterdir()))
    told = [line for line in done.stderr.splitlines() if "leveret" in line]
    assert (done.returncode, told) == (0, [])


def test_the_service_is_shut_in() -> None:
    done = analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX}", str(SERVICE))
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot look at a file")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


def test_the_service_is_what_the_server_knows() -> None:
    service = read(SERVICE)["Service"]
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) >= 30
    assert int(service["LimitNOFILE"]) >= 65536
    assert service["User"] == service["StateDirectory"] == service["RuntimeDirectory"] == "leveret"
    assert "--data-dir /var/lib/leveret" in service["ExecStart"]
    assert "HUP" in service["ExecReload"]


@pytest.mark.parametrize("path", SOCKETS, ids=lambda path: path.name)
def test_a_socket_has_the_name_of_a_protocol_and_its_port(path: Path) -> None:
    socket = read(path)["Socket"]
    name = socket["FileDescriptorName"]
    assert name in NAMES.values()
    assert int(socket["ListenStream"]) == PORTS[name]
    assert socket["Service"] == SERVICE.name
    assert socket.get("Accept", "no") == "no"


def test_the_package_takes_all_of_them_away_again() -> None:
    scripts = FOLDER.parent / "debian"
    for name in ("prerm", "postrm"):
        text = (scripts / name).read_text()
        for unit in SOCKETS:
            assert re.search(rf"\b{re.escape(unit.name)}\b", text), f"{name}: {unit.name}"
        shell = subprocess.run(["sh", "-n", str(scripts / name)], env=os.environ, check=False)
        assert shell.returncode == 0
