"""The statements fit the schema, and rows the commands; round trips are in test_catalogue.py."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import get_args

import pytest

from broker.changes import Kind
from broker.commands import Command, DeclareQueue, PutUser
from broker.store.catalogue_tables import DROP, KEPT, PUT, SCHEMA

EMPTY_TABLE = bytes(4)
TAGS = b"[]"


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(":memory:")
    database.executescript(SCHEMA)
    yield database
    database.close()


def a_row(kind: Kind) -> tuple[bytes | int, ...]:
    columns = (*KEPT[kind].key, *KEPT[kind].values)
    special: dict[str, bytes | int] = {
        "tags": TAGS,
        "arguments": EMPTY_TABLE,
        "auto_delete": 1,
        "internal": 0,
        "queue_id": 5,
        "priority": 3,
    }
    return tuple(special.get(column, column.encode()) for column in columns)


def test_every_kind_is_kept_containers_before_what_is_in_them() -> None:
    assert list(KEPT) == list(PUT) == list(DROP) == list(get_args(Kind))
    assert list(KEPT)[-1] == "binding"


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_row_is_put_read_put_again_and_dropped(database: sqlite3.Connection, kind: Kind) -> None:
    kept, row = KEPT[kind], a_row(kind)
    key = row[: len(kept.key)]
    for _ in range(2):
        for statement in kept.clean:
            database.execute(statement, key)
        database.execute(PUT[kind], row)
        assert database.execute(kept.select).fetchall() == [row]
    assert isinstance(kept.command(*row), Command)
    database.execute(DROP[kind], key)
    assert database.execute(kept.select).fetchall() == []


def test_a_row_makes_its_command() -> None:
    assert KEPT["queue"].command(b"v", b"\xff", 5, 1, EMPTY_TABLE) == DeclareQueue(
        "v", "\udcff", durable=True, auto_delete=True, queue_id=5
    )
    assert KEPT["user"].command(b"u", b"\xff", b"h", b'["a", "b"]', b"{}") == PutUser(
        "u", b"\xff", "h", ("a", "b"), "{}"
    )


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("vhost", ("v", b"", TAGS, b"")),
        ("vhost", (b"v", b"", b"[", b"")),
        ("vhost", (b"v", b"", 7, b"")),
        ("user", (b"u", 16, b"h", TAGS, b"")),
        ("topic_permissions", (b"u", b"v", b"e", b"", None)),
        ("policy", (b"v", b"policy", b"p", b"x", b"{}", b"[", b"all")),
        ("parameter", (b"v", b"c", b"n", 5)),
        ("permissions", (b"u", b"v", b"", b"", None)),
        ("queue", (b"v", b"q", "one", 0, EMPTY_TABLE)),
        ("queue", (b"v", b"q", 1, 0, EMPTY_TABLE + b"x")),
        ("queue", (b"v", b"q", 1, 0, b"\0\0\0\x05")),
        ("queue", (b"v", b"q", 1, 0, b"\0\0\0\x03\x01xZ")),
        ("exchange", (b"v", b"e", b"direct", 0, 0, b"")),
        ("binding", (b"v", b"e", b"queue", b"q", b"k", b"", "text")),
    ],
)
def test_what_is_not_of_our_making_is_refused(kind: Kind, row: tuple[object, ...]) -> None:
    with pytest.raises(Exception, match=r".*"):
        KEPT[kind].command(*row)


def test_what_is_left_of_another_thing_of_that_name_is_found_by_an_index(
    database: sqlite3.Connection,
) -> None:
    """A declaration must not take longer where there are many bindings."""
    for kind in ("exchange", "queue"):
        for statement in KEPT[kind].clean:
            (plan,) = database.execute(f"EXPLAIN QUERY PLAN {statement}", (b"v", b"n")).fetchall()
            assert " USING " in plan[3], (statement, plan)
            assert "SCAN" not in plan[3], (statement, plan)
