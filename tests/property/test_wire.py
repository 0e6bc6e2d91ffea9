"""Tables: there and back, against two clients, and the checker against the decoder."""

from __future__ import annotations

from typing import Any

import amqp.serialization
import pika.data
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.amqp.errors import MalformedSyntax
from broker.amqp.wire import (
    Field,
    Table,
    canonical,
    check_table,
    decode_table,
    encode_field,
    encode_table,
    plain,
    table_of,
)
from tests.property.conftest import examples
from tests.property.strategies import damaged, fields, plain_tables, tables


@given(table=tables, before=st.binary(max_size=5), behind=st.binary(max_size=5))
def test_decoding_gives_back_the_table(table: Table, before: bytes, behind: bytes) -> None:
    encoded = encode_table(table)
    decoded, end = decode_table(before + encoded + behind, len(before))
    assert decoded == table
    assert list(decoded) == list(table)
    assert end == len(before) + len(encoded)
    assert encode_table(decoded) == encoded


@given(table=plain_tables)
def test_pika_and_py_amqp_encode_the_same_octets(table: dict[str, Any]) -> None:
    pieces: list[bytes] = []
    pika.data.encode_table(pieces, table)
    ours = encode_table(table_of(table))
    assert ours == b"".join(pieces)
    assert ours == amqp.serialization.dumps("F", [table])


@given(table=plain_tables)
def test_pika_and_py_amqp_read_what_we_write(table: dict[str, Any]) -> None:
    encoded = encode_table(table_of(table))
    assert pika.data.decode_table(encoded, 0)[0] == table
    assert amqp.serialization.loads("F", encoded, 0)[0] == [table]
    assert plain(Field("F", decode_table(encoded, 0)[0])) == table


def _verdicts(octets: bytes) -> tuple[int | None, int | None]:
    """Where the decoder and the checker see the end; None: refused."""
    try:
        decoded = decode_table(octets, 0)[1]
    except MalformedSyntax:
        decoded = None
    try:
        checked = check_table(octets, 0)
    except (MalformedSyntax, IndexError):
        checked = None
    return decoded, checked


@examples(300)
@given(octets=st.binary(max_size=60), size=st.integers(0, 60))
def test_the_checker_agrees_with_the_decoder_about_anything(octets: bytes, size: int) -> None:
    decoded, checked = _verdicts(size.to_bytes(4, "big") + octets)
    assert decoded == checked


@examples(1000)
@given(table=tables.filter(bool), data=st.data())
def test_the_checker_agrees_with_the_decoder_about_damaged_tables(table: Table, data: Any) -> None:
    decoded, checked = _verdicts(data.draw(damaged(encode_table(table))))
    assert decoded == checked


@pytest.mark.parametrize("inside", ["empty", "full"])
@pytest.mark.parametrize("kind", ["tables", "arrays", "both"])
@pytest.mark.parametrize("levels", [1, 2, 198, 199, 200, 201, 202, 203, 400])
def test_the_checker_agrees_with_the_decoder_about_depth(
    inside: str, kind: str, levels: int
) -> None:
    field = Field("F", {} if inside == "empty" else {"x": Field("t", True)})
    if kind == "arrays":
        field = Field("A", [] if inside == "empty" else [Field("t", True)])
    octets = encode_field(field)
    for level in range(levels):  # octets, not objects: encoding would recurse as deep
        nests_array = kind == "arrays" or (kind == "both" and level % 2)
        content = octets if nests_array else b"\x01n" + octets
        octets = (b"A" if nests_array else b"F") + len(content).to_bytes(4, "big") + content
    content = b"\x01n" + octets
    decoded, checked = _verdicts(len(content).to_bytes(4, "big") + content)
    assert decoded == checked


@given(table=tables, data=st.data())
def test_order_does_not_change_the_canonical_octets(table: Table, data: Any) -> None:
    shuffled = dict(data.draw(st.permutations(list(table.items()))))
    assert canonical(shuffled) == canonical(table)


@given(one=tables, other=tables)
def test_different_tables_have_different_canonical_octets(one: Table, other: Table) -> None:
    if encode_table(dict(sorted(one.items()))) != encode_table(dict(sorted(other.items()))):
        assert canonical(one) != canonical(other)


@given(field=fields)
def test_a_field_is_printable(field: Field) -> None:
    assert field.type_name
    plain(field)
