"""What an installation needs of the lock."""

from __future__ import annotations

import re
from importlib.metadata import requires

import pytest

from tools.runtime_lock import locked, main, needed, runtime_names


def test_every_dependency_is_locked_with_hashes() -> None:
    chosen = needed(runtime_names())
    assert set(runtime_names()) <= chosen.keys()
    for entry in chosen.values():
        assert "--hash=sha256:" in entry.text
        assert re.fullmatch(r"[\w.]+", entry.version)


def test_what_a_dependency_needs_is_there_too() -> None:
    assert {"kombu", "amqp", "vine"} <= needed(["kombu"]).keys()
    chosen = needed(runtime_names())
    for name in chosen:
        for one in requires(name) or []:
            if "extra ==" not in one:
                assert re.split(r"[^\w.-]", one)[0].lower() in chosen, f"{name}: {one}"


def test_the_whole_lock_is_read() -> None:
    assert "setuptools" in locked(), "it is the last one"
    assert "amqp" in locked(), "it is the first one"


def test_what_is_not_locked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["h11", "nonsense"]) == 1
    assert capsys.readouterr().err == "runtime_lock: nonsense is not in requirements.lock\n"
