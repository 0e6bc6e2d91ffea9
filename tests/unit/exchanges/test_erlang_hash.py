"""Against values that `erl` gave; see `tests/support/erlang_values.py`."""

from __future__ import annotations

import pytest

from broker.exchanges.erlang_hash import phash2, phash2_32
from tests.support.erlang_values import binary, recorded, term

RECORDED = recorded()


def test_binaries_hash_as_erlang_hashes_them() -> None:
    assert [phash2(binary(n)) for n in range(len(RECORDED["binaries"]))] == RECORDED["binaries"]


def test_terms_of_all_kinds_hash_as_erlang_hashes_them() -> None:
    assert [phash2(term(n)) for n in range(len(RECORDED["terms"]))] == RECORDED["terms"]


def test_all_32_bits_are_those_of_erlang() -> None:
    assert [phash2_32(term(n)) for n in range(len(RECORDED["wide"]))] == RECORDED["wide"]
    assert max(RECORDED["wide"]) > 2**31


def test_text_is_hashed_by_its_octets() -> None:
    for text in ("", "x", "a.routing.key", "é" * 30, "\udcff not UTF-8"):
        assert phash2(text) == phash2(text.encode("utf-8", "surrogateescape"))
    assert phash2(["a", ("b", None)]) == phash2([b"a", (b"b", None)])
    assert phash2(b"x") == 125354872


def test_zero_has_no_sign() -> None:
    assert phash2(-0.0) == phash2(0.0) == 20875736


def test_a_table_may_be_nested_deeply() -> None:
    nested: object = b"x"
    for _ in range(5000):
        nested = [nested]
    assert 0 <= phash2(nested) < 2**27


def test_what_is_no_term_is_refused() -> None:
    with pytest.raises(TypeError, match="no Erlang term: dict"):
        phash2({})
