"""What is looked for, and where."""

from __future__ import annotations

from typing import Any

import pytest

from broker.management.operations.searching import BODY_MAX, PIECE, PLACES, Search
from broker.message import Envelope
from tests.support.builders import header, table

NESTED = {"order": {"lines": [{"article": "Blue Hat"}, 4711]}, "x-Name": True, "raw": b"\xff bytes"}


def finds(text: str, places: str = "id headers body", body: bytes = b"", **properties: Any) -> bool:
    envelope = Envelope("", "key", header(len(body), **properties))
    return Search(text, frozenset(places.split())).matches(envelope, body)


@pytest.mark.parametrize("text", ["blue", "BLUE hat", "4711", "lines", "X-NAME", "true", "bytes"])
def test_names_and_values_of_headers_however_deep(text: str) -> None:
    assert finds(text, headers=table(**NESTED))
    assert finds(text, "headers", headers=table(**NESTED))
    assert not finds(text, "id body", headers=table(**NESTED))


def test_what_is_in_no_header() -> None:
    assert not finds("red", headers=table(**NESTED))
    assert not finds("none", headers=table(a=None))
    assert finds("1.5", headers=table(a=1.5))


def test_ids() -> None:
    assert finds("AbC", "id", message_id="xabcx")
    assert finds("AbC", "id", correlation_id="xabcx")
    assert not finds("AbC", "headers body", message_id="xabcx")
    assert not finds("abc", "id", type="abc", app_id="abc")


def test_bodies() -> None:
    assert finds("ORDER", "body", b"\x00\xff an order \xfe")
    assert finds("ÄRGER", "body", "großer ärger".encode())
    assert not finds("order", "id headers", b"order")
    assert not finds("order", "body", b"ordre")
    assert Search("x", frozenset(PLACES)).body_max == BODY_MAX
    assert Search("x", frozenset({"id"})).body_max == 0


def test_only_the_beginning_of_a_long_body() -> None:
    body = b" " * (BODY_MAX - 3) + b"ab cd"
    assert finds("ab", "body", body)
    assert not finds("cd", "body", body)


@pytest.mark.parametrize("text", ["needle", "nädel", "ж€𝄞"])
def test_a_long_body_is_searched_in_pieces(text: str) -> None:
    """A megabyte of anything took 45 ms in one go."""
    octets = text.encode()
    for start in range(PIECE - len(octets) - 1, PIECE + 2):
        assert finds(text, "body", b"\xff" * start + octets + b"\xff" * PIECE)
    search = Search(text, frozenset({"body"}))
    looks = list(search.looks(Envelope("", "", header(1)), b"\xd0" * BODY_MAX))
    assert looks == [False] * (1 + BODY_MAX // PIECE)


def test_messages_that_share_a_header_are_looked_at_each() -> None:
    search = Search("b", frozenset(PLACES))
    one, other = Envelope("", "", header(1)), Envelope("", "", header(1, message_id="b"))
    found = [
        search.matches(*pair) for pair in ((one, b"a"), (one, b"b"), (other, b"a"), (one, b"a"))
    ]
    assert found == [False, True, True, False]
