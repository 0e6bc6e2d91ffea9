"""Processes of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from broker import processes


def test_who_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processes.is_alive(os.getpid())
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not processes.is_alive(child.pid)  # a zombie
    child.wait()
    assert not processes.is_alive(child.pid)


def test_that_of_another_user_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(_pid: int, _number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", kill)
    assert processes.is_alive(1)


def test_without_proc_one_that_can_be_signalled_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_text(_path: Path) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", read_text)
    assert processes.is_alive(os.getpid())


def test_a_number_that_no_process_can_have() -> None:
    assert not processes.is_alive(10**30)
