"""The process of a node, as it tells of itself."""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import pytest

from broker.amqp.erlang import Atom, CharList
from broker.control import process
from broker.control.actions import Asked
from broker.control.secrets import MASK

NOBODY = cast(Asked, None)


def test_flags_stand_with_what_is_behind_them(monkeypatch: pytest.MonkeyPatch) -> None:
    argv = ["/bin/leveret", "first", "--set", "default_pass=x", "heartbeat=5", "--port=1", "--"]
    monkeypatch.setattr(sys, "argv", [*argv, "last"])
    found = asyncio.run(process.arguments(NOBODY))
    assert found[2] == (Atom("progname"), [CharList("leveret")])
    assert found[4:] == [
        (Atom("first"), []),
        (Atom("set"), [CharList(f"default_pass={MASK}"), CharList("heartbeat=5")]),
        (Atom("port"), [CharList("1"), CharList("--"), CharList("last")]),
    ]


def test_variables_about_a_broker_are_shown_without_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RABBITMQ_NODENAME", "rabbit@here")
    monkeypatch.setenv("LEVERET_DEFAULT_PASS", "hush")
    monkeypatch.setenv("PATH_OF_SOMETHING", "x")
    found = asyncio.run(process.variables(NOBODY))
    assert ("LEVERET_DEFAULT_PASS", MASK) in found
    assert ("RABBITMQ_NODENAME", "rabbit@here") in found
    assert found == sorted(found)
    assert "PATH_OF_SOMETHING" not in dict(found)
