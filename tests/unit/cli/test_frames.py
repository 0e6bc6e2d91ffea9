"""Frames of `leveretctl top` as lines."""

from __future__ import annotations

from typing import Any

import pytest

from broker.cli.frames import TABLES, View, body, clean, head, octets, ordered, page, uptime


def queue(name: str, **facts: Any) -> dict[str, Any]:
    counts = {"ready": 0, "unacked": 0, "consumers": 0}
    rates = {"publish_rate": 0.0, "deliver_rate": 0.0, "ack_rate": 0.0}
    return {"vhost": "/", "name": name, "kind": "classic", **counts, **rates, **facts}


def frame(*queues: dict[str, Any], connections: Any = ()) -> dict[str, Any]:
    return {
        "node": "rabbit@here",
        "version": "3.13.7",
        "uptime_s": 90_061,
        "cpu": 0.25,
        "alarms": ["memory"],
        "memory_used": 120_000_000,
        "memory_limit": 4_000_000_000,
        "disk_free": 50_000_000_000,
        "disk_limit": 0,
        "connections": 1,
        "channels": 2,
        "vhosts": 1,
        "queues": len(queues),
        "consumers": 0,
        "ready": 5,
        "unacked": 1,
        "publish_rate": 10.0,
        "deliver_rate": 12_345.6,
        "ack_rate": 0.0,
        "receive_rate": 999.0,
        "send_rate": 1500.0,
        "queue_rows": list(queues),
        "connection_rows": list(connections),
    }


def view(**facts: Any) -> View:
    found = View(**facts)
    found.settle()
    return found


def test_the_head_has_the_node_and_its_sums() -> None:
    first, second, third = head(frame())
    assert first == (
        "rabbit@here  3.13.7  up 1d 01:01:01  cpu 25%  memory 120.0 MB of 4.0 GB  disk 50.0 GB"
        " free  alarms memory"
    )
    assert second == "connections 1  channels 2  vhosts 1  queues 0  consumers 0"
    assert third == (
        "messages ready 5  unacked 1  in 10.0/s  out 12346/s  ack 0.0/s  octets in 999 B/s"
        "  out 1.5 kB/s"
    )


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("rate", ["fast", "long", "a"]),
        ("length", ["long", "a", "fast"]),
        ("consumers", ["a", "fast", "long"]),
        ("name", ["a", "fast", "long"]),
    ],
)
def test_queues_stand_in_the_order_that_is_asked_for(order: str, names: list[str]) -> None:
    found = frame(
        queue("a", ready=1, consumers=2),
        queue("fast", deliver_rate=5.0),
        queue("long", unacked=9, publish_rate=1.0),
    )
    assert [row["name"] for row in ordered(found, view(order=order))] == names


def test_a_table_is_as_wide_as_there_is_room() -> None:
    found = frame(queue("q" * 200, vhost="v"), queue("\x1b[31mred\n"))
    lines = body(found, view(order="name"), width=80, count=10)
    assert {len(line) for line in lines} == {80}
    assert lines[0].startswith("QUEUE (by name)")
    assert lines[1].startswith("?[31mred?")
    assert lines[2].startswith("v/qqq")
    assert "q…" in lines[2]


def test_rows_begin_where_somebody_has_scrolled_to() -> None:
    found = frame(*(queue(f"q{number}") for number in range(5)))
    shown = view(order="name", first=3)
    assert [line.split()[0] for line in body(found, shown, width=80, count=9)[1:]] == ["q3", "q4"]
    shown.first = 99
    assert [line.split()[0] for line in body(found, shown, width=80, count=9)[1:]] == ["q4"]
    assert body(frame(), shown, width=80, count=9)[1:] == []


def test_a_view_goes_round() -> None:
    shown = view()
    seen = []
    for _ in TABLES["queues"].orders:
        seen.append(shown.order)
        shown.next_order()
    assert seen == list(TABLES["queues"].orders)
    assert shown.order == seen[0]
    shown.next_table()
    assert (shown.table, shown.order) == ("connections", "traffic")


def test_connections_have_their_columns() -> None:
    connection = {
        "name": "127.0.0.1:5 -> x",
        "user": "me",
        "vhost": "/",
        "state": "running",
        "channels": 3,
        "receive_rate": 10.0,
        "send_rate": 2_000_000.0,
        "pending": 0,
    }
    text = page(frame(connections=[connection]), view(table="connections"), width=90, count=5)
    assert text.splitlines()[-1].split() == [
        *("127.0.0.1:5", "->", "x", "me", "/", "running", "3", "10", "B", "2.0", "MB", "0", "B")
    ]


def test_numbers_are_shown_in_what_fits() -> None:
    assert [octets(value) for value in (0, 1_000, 5e9, 7e12)] == [
        "0 B",
        "1.0 kB",
        "5.0 GB",
        "7.0 TB",
    ]
    assert uptime(59) == "00:00:59"
    assert clean("a\x07b\u202ec") == "a?b?c"
