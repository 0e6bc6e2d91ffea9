"""Frames of `leveretctl top` as lines of text: what a node does, its queues, its connections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Row = Mapping[str, Any]
Key = Callable[[Row], Any]


class Column(NamedTuple):
    title: str
    shown: Callable[[Row], str]


class Table(NamedTuple):
    """orders: by name; all but "name" have the greatest first. label: of the first column, which
    takes what room there is."""

    title: str
    rows: str
    label: Key
    columns: tuple[Column, ...]
    orders: Mapping[str, Key]


@dataclass(slots=True)
class View:
    """What is looked at. first: the row at the top."""

    table: str = "queues"
    order: str = ""
    first: int = 0

    def settle(self) -> None:
        """An order that the table does not have is its first."""
        orders = TABLES[self.table].orders
        if self.order not in orders:
            self.order = next(iter(orders))

    def next_order(self) -> None:
        orders = list(TABLES[self.table].orders)
        self.order = orders[(orders.index(self.order) + 1) % len(orders)]
        self.first = 0

    def next_table(self) -> None:
        names = list(TABLES)
        self.table = names[(names.index(self.table) + 1) % len(names)]
        self.first = 0
        self.settle()


def rate(value: float) -> str:
    return f"{value:.1f}" if value < 10_000 else f"{value:.0f}"


def octets(value: float) -> str:
    """In the unit that fits."""
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def uptime(seconds: int) -> str:
    days, rest = divmod(seconds, 86_400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days}d {clock}" if days else clock


def clean(text: str) -> str:
    """Nothing that a terminal would obey: anybody may name a queue."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _count(name: str, title: str) -> Column:
    return Column(title, lambda row: str(row[name]))


def _rate(name: str, title: str) -> Column:
    return Column(title, lambda row: rate(row[name]))


def _octets(name: str, title: str) -> Column:
    return Column(title, lambda row: octets(row[name]))


def _text(name: str, title: str) -> Column:
    return Column(title, lambda row: clean(str(row[name])))


TABLES = {
    "queues": Table(
        "QUEUE",
        "queue_rows",
        lambda row: row["name"] if row["vhost"] == "/" else f"{row['vhost']}/{row['name']}",
        (
            _text("kind", "TYPE"),
            _count("ready", "READY"),
            _count("unacked", "UNACKED"),
            _count("consumers", "CONSUMERS"),
            _rate("publish_rate", "IN/S"),
            _rate("deliver_rate", "OUT/S"),
            _rate("ack_rate", "ACK/S"),
        ),
        {
            "rate": lambda row: row["publish_rate"] + row["deliver_rate"],
            "length": lambda row: row["ready"] + row["unacked"],
            "ready": lambda row: row["ready"],
            "unacked": lambda row: row["unacked"],
            "in": lambda row: row["publish_rate"],
            "out": lambda row: row["deliver_rate"],
            "consumers": lambda row: row["consumers"],
            "name": lambda row: (row["vhost"], row["name"]),
        },
    ),
    "connections": Table(
        "CONNECTION",
        "connection_rows",
        lambda row: row["name"],
        (
            _text("user", "USER"),
            _text("vhost", "VHOST"),
            _text("state", "STATE"),
            _count("channels", "CHANNELS"),
            _octets("receive_rate", "IN/S"),
            _octets("send_rate", "OUT/S"),
            _octets("pending", "PENDING"),
        ),
        {
            "traffic": lambda row: row["receive_rate"] + row["send_rate"],
            "channels": lambda row: row["channels"],
            "pending": lambda row: row["pending"],
            "name": lambda row: row["name"],
        },
    ),
}


def head(frame: Row) -> list[str]:
    """What is above the table."""
    alarms = ", ".join(frame["alarms"]) or "none"
    return [
        f"{frame['node']}  {frame['version']}  up {uptime(frame['uptime_s'])}"
        f"  cpu {frame['cpu']:.0%}  memory {octets(frame['memory_used'])} of"
        f" {octets(frame['memory_limit'])}  disk {octets(frame['disk_free'])} free"
        f"  alarms {alarms}",
        f"connections {frame['connections']}  channels {frame['channels']}  vhosts"
        f" {frame['vhosts']}  queues {frame['queues']}  consumers {frame['consumers']}",
        f"messages ready {frame['ready']}  unacked {frame['unacked']}  in"
        f" {rate(frame['publish_rate'])}/s  out {rate(frame['deliver_rate'])}/s  ack"
        f" {rate(frame['ack_rate'])}/s  octets in {octets(frame['receive_rate'])}/s  out"
        f" {octets(frame['send_rate'])}/s",
    ]


def ordered(frame: Row, view: View) -> list[Row]:
    """The rows of a view, the first one first."""
    table = TABLES[view.table]
    rows = list(frame[table.rows])
    return sorted(rows, key=table.orders[view.order], reverse=view.order != "name")


def body(frame: Row, view: View, *, width: int, count: int) -> list[str]:
    """The table: titles, and so many rows."""
    table = TABLES[view.table]
    rows = ordered(frame, view)
    view.first = max(0, min(view.first, len(rows) - 1))
    shown = rows[view.first : view.first + count]
    cells = [[column.title for column in table.columns]]
    cells += [[column.shown(row) for column in table.columns] for row in shown]
    widths = [max(len(line[at]) for line in cells) for at in range(len(table.columns))]
    room = max(10, width - sum(widths) - 2 * len(widths))
    labels = [f"{table.title} (by {view.order})", *(clean(str(table.label(row))) for row in shown)]
    return [
        _cut(label, room).ljust(room)
        + "".join(f"  {cell:>{size}}" for cell, size in zip(line, widths, strict=True))
        for label, line in zip(labels, cells, strict=True)
    ]


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def page(frame: Row, view: View, *, width: int, count: int) -> str:
    """All of it, for what is no terminal."""
    return "\n".join([*head(frame), "", *body(frame, view, width=width, count=count), ""])
