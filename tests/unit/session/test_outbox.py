"""Octets for one write."""

from __future__ import annotations

from broker.session.outbox import LARGE_CHUNK, coalesced

LARGE = b"x" * LARGE_CHUNK


def test_small_chunks_are_joined_large_ones_stay_where_they_are() -> None:
    pieces = coalesced([b"a", b"b", LARGE, b"c", LARGE, LARGE, b"d", b"e"])
    assert pieces == [b"ab", LARGE, b"c", LARGE, LARGE, b"de"]
    assert pieces[1] is LARGE


def test_nothing_and_only_one_kind() -> None:
    assert coalesced([]) == []
    assert coalesced([b"a", b"b"]) == [b"ab"]
    assert coalesced([LARGE]) == [LARGE]
