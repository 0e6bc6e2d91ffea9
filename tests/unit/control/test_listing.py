"""Order, pids and terms of lists."""

from __future__ import annotations

import asyncio
import json
import random
from types import SimpleNamespace
from typing import Any

import pytest

from broker.amqp.erlang import Atom, Pid, printed
from broker.amqp.wire import DEPTH_MAX, Field
from broker.cli.formatters import cell, to_json
from broker.cli.pretty_table import shown
from broker.control.actions import Asked
from broker.control.host import Failure
from broker.control.listing import (
    CHUNK,
    Pids,
    address_term,
    in_order,
    or_none,
    row_of,
    table_term,
)
from broker.management.lane import SLICE_S, Lane
from broker.node import Node
from broker.terms import as_json, from_json
from tests.support.asked import asked_of, bare_node


@pytest.mark.parametrize("count", [0, 1, CHUNK, 3 * CHUNK + 7])
def test_order(count: int) -> None:
    names = [f"{number:05d}" for number in range(count)]
    shuffled = random.Random(7).sample(names, count)

    async def collect() -> list[str]:
        slices = asked_of(Node()).slices
        return [name async for name in in_order(shuffled, str, slices)]

    assert asyncio.run(collect()) == names


def test_work_stops_with_the_app_and_for_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.management.lane.SLICE_S", -SLICE_S)  # each is over at once
    asked = asked_of(Node())
    host: Any = asked.host

    async def work(later: Node | None) -> None:
        slices = asked.slices
        await slices.take()
        host.node = later
        await slices.take()

    for later in (Node(), None):
        with pytest.raises(Failure) as caught:
            asyncio.run(work(later))
        assert caught.value.kind == "stopped"


def test_all_who_ask_share_a_lane() -> None:
    turns: list[str] = []

    class Watched(Lane):
        async def turn(self) -> None:
            turns.append("turn")
            await super().turn()

    host: Any = SimpleNamespace(node=Node(), management=SimpleNamespace(lane=Watched()), began_ms=0)

    async def rest() -> None:
        await Asked(host).slices.breath.rest()

    asyncio.run(rest())
    assert turns == ["turn"]


def test_rows_have_the_columns_that_are_known() -> None:
    columns = {"a": lambda thing: thing + 1, "b": lambda thing: thing + 2}
    assert row_of(1, ["b", "newer", "a"], columns) == [("b", 3), ("a", 2)]


def test_pids_are_told_apart() -> None:
    pids = Pids(asked_of(Node(name="rabbit@there")))
    found = [pids.of_connection(3), pids.of_channel(3, 65_535), pids.of_queue(3)]
    assert len(set(found)) == 3
    assert all(isinstance(pid, Pid) and pid.startswith("<rabbit@there.") for pid in found)


def test_pids_stay_as_they_are_when_the_clock_is_set() -> None:
    node = bare_node()
    before = Pids(asked_of(node)).of_connection(1)
    clock: Any = SimpleNamespace(now_ms=lambda: 10**9, epoch_ms=lambda: 10**12)
    node.clock = clock
    assert Pids(asked_of(node)).of_connection(1) == before


def test_pids_are_those_of_events() -> None:
    node = bare_node()
    events: Any = SimpleNamespace(pid=lambda number, serial: f"<e.{number}.{serial}>")
    node.events = events
    assert Pids(asked_of(node)).of_channel(1, 2) == "<e.1.2>"


def test_tables() -> None:
    table = {
        "void": Field("V", None),
        "table": Field("F", {"array": Field("A", [Field("t", True), Field("x", b"\xff")])}),
    }
    inner = [("array", Atom("array"), [(Atom("bool"), True), (Atom("binary"), b"\xff")])]
    assert table_term(table) == [
        ("void", Atom("void"), Atom("undefined")),
        ("table", Atom("table"), inner),
    ]


@pytest.mark.parametrize("tag", ["A", "F"])
def test_the_deepest_table_gets_through(tag: str) -> None:
    field = Field("S", "bottom")
    for _ in range(DEPTH_MAX):
        field = Field("A", [field]) if tag == "A" else Field("F", {"k": field})
    term = table_term({"deep": field})
    assert from_json(json.loads(json.dumps(as_json(term)))) == term
    for text in (cell(term), printed(term), to_json(term), shown(term)):
        assert "..." in text
        assert "bottom" not in text


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("127.0.0.1", (127, 0, 0, 1)),
        ("::1", (0, 0, 0, 0, 0, 0, 0, 1)),
        ("/run/socket", "/run/socket"),
        ("", ""),
    ],
)
def test_addresses(text: str, term: object) -> None:
    assert address_term(text) == term


def test_nothing_is_an_empty_atom() -> None:
    assert (or_none(None), or_none(0)) == (Atom(""), 0)
