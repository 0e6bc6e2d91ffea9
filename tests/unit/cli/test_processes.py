"""Waiting for processes of this machine."""

from __future__ import annotations

import pytest

from broker.cli import processes


def test_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "POLL_S", 0.001)
    answers = iter([False, False, True])
    assert processes.wait_until(lambda: next(answers), None)
    assert not processes.wait_until(lambda: False, 0.01)
    assert processes.wait_until(lambda: True, 0)
