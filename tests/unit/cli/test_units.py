"""Amounts of memory."""

from __future__ import annotations

import pytest

from broker.amqp.erlang import Atom
from broker.cli import units
from tests.support.control import ControlledNode


@pytest.mark.parametrize(
    ("octets", "unit", "shown"),
    [
        *((0, "gb", "0.0"), (1_234_567_890, "gb", "1.2346"), (1_234_567_890, "mb", "1234.5679")),
        *((1_500, "bytes", "1500"), (2_000_000, "MB", "2.0"), (7, "Bytes", "7")),
    ],
)
def test_amounts(octets: int, unit: str, shown: str) -> None:
    assert units.shown(octets, unit) == shown


def test_shares_of_all_of_it() -> None:
    memory = [
        *((Atom("a"), 25), (Atom("b"), 75), (Atom("strategy"), Atom("rss"))),
        (Atom("total"), [(Atom("rss"), 100), (Atom("erlang"), 90)]),
    ]
    assert units.relative(memory) == [
        (Atom("b"), {"bytes": 75, "percentage": 75.0}),
        (Atom("a"), {"bytes": 25, "percentage": 25.0}),
    ]
    assert units.relative([(Atom("a"), 0), (Atom("total"), [])])[0][1]["percentage"] == 0.0


def test_a_unit_that_is_none(node: ControlledNode) -> None:
    said = node.tool("status", "--unit", "bogus")
    assert said.code == 64
    assert "\"unit 'bogus' is not supported. Please use one of: bytes, mb, gb\"" in said.err
