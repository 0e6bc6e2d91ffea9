"""Listeners and alarms in words."""

from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.erlang import Atom, CharList
from broker.cli import listeners

NODE = Atom("rabbit@here")


def record(protocol: str, address: Any, port: int = 5672) -> tuple[Any, ...]:
    return (Atom("listener"), NODE, Atom(protocol), CharList("here"), address, port, [])


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        *(((127, 0, 0, 1), "127.0.0.1"), ((0,) * 8, "[::]"), ((0,) * 7 + (1,), "[::1]")),
        (CharList("/run/mq.sock"), "/run/mq.sock"),
    ],
)
def test_where_it_listens(address: Any, shown: str) -> None:
    assert listeners.as_map(record("amqp", address))["interface"] == shown


def test_a_line_for_each() -> None:
    maps = [listeners.as_map(record(name, (0, 0, 0, 0))) for name in ("amqp", "bogus")]
    assert listeners.lines(maps) == [
        "Interface: 0.0.0.0, port: 5672, protocol: amqp, purpose: AMQP 0-9-1 and AMQP 1.0",
        "Interface: 0.0.0.0, port: 5672, protocol: bogus, purpose: bogus",
    ]
    assert listeners.lines(maps[:1], "rabbit@here")[0].startswith("Node: rabbit@here, interface: 0")


def test_alarms() -> None:
    resource = (Atom("resource_limit"), Atom("memory"), NODE)
    disk = ((Atom("resource_limit"), Atom("disk"), NODE), [])
    assert listeners.alarm_lines([resource, disk], "rabbit@here") == [
        "Memory alarm on node rabbit@here",
        "Free disk space alarm on node rabbit@here",
    ]
    assert listeners.alarm_map(resource, "x")["node"] == NODE
