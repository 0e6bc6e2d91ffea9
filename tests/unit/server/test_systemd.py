"""What a service manager hears, by a socket of ours."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.server.systemd import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


def heard(manager: socket.socket) -> str:
    return manager.recv(4096).decode()


def test_ready_and_stopping(manager: socket.socket) -> None:
    notifier = Notifier(lambda: True, {"NOTIFY_SOCKET": manager.getsockname()})
    notifier.ready("all is well")
    assert heard(manager) == f"READY=1\nSTATUS=all is well\nMAINPID={os.getpid()}"
    notifier.stopping()
    assert heard(manager) == "STOPPING=1"


def test_an_abstract_address() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0leveret-test-{os.getpid()}")
        listening.settimeout(5)
        Notifier(lambda: True, {"NOTIFY_SOCKET": f"@leveret-test-{os.getpid()}"}).stopping()
        assert heard(listening) == "STOPPING=1"


def test_signs_of_life_while_all_is_well(manager: socket.socket) -> None:
    enough = asyncio.Event()
    asked: list[None] = []

    def is_well() -> bool:
        asked.append(None)
        if len(asked) == 3:
            enough.set()
        return len(asked) != 2

    environment = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "2000"}

    async def live() -> None:
        notifier = Notifier(is_well, environment)
        notifier.ready("")
        await enough.wait()
        notifier.stopping()

    asyncio.run(live())
    said = [heard(manager).partition("\n")[0] for _ in range(4)]
    assert said == ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"NOTIFY_SOCKET": "/nowhere/at/all"},
        {"NOTIFY_SOCKET": "", "WATCHDOG_USEC": "nonsense"},
    ],
)
def test_nobody_who_listens_is_no_error(environment: dict[str, str]) -> None:
    notifier = Notifier(lambda: True, environment)
    notifier.ready("x")
    notifier.stopping()


def test_the_watchdog_of_another_process_is_not_ours(manager: socket.socket) -> None:
    environment = {
        "NOTIFY_SOCKET": manager.getsockname(),
        "WATCHDOG_USEC": "1000",
        "WATCHDOG_PID": "1",
    }
    notifier = Notifier(lambda: True, environment)
    notifier.ready("x")
    notifier.stopping()
    assert [heard(manager).partition("\n")[0] for _ in range(2)] == ["READY=1", "STOPPING=1"]
