"""Octets by hand; `tests/property/test_wire.py` tries random ones."""

from __future__ import annotations

import pytest

from broker.amqp.errors import MalformedSyntax, MalformedTable
from broker.amqp.wire import (
    DEPTH_MAX,
    INTEGER_TAGS,
    TYPE_NAMES,
    Field,
    as_erlang,
    canonical,
    check_table,
    decode_longstr,
    decode_shortstr,
    decode_table,
    encode_field,
    encode_longstr,
    encode_shortstr,
    encode_table,
    field_of,
    plain,
    table_of,
)

# Spec: 4.2.5.5 with RabbitMQ's errata.
OCTETS = [
    (Field("t", True), b"t\x01"),
    (Field("b", -2), b"b\xfe"),
    (Field("B", 254), b"B\xfe"),
    (Field("s", -2), b"s\xff\xfe"),
    (Field("u", 65534), b"u\xff\xfe"),
    (Field("I", -2), b"I\xff\xff\xff\xfe"),
    (Field("i", 1), b"i\x00\x00\x00\x01"),
    (Field("l", -1), b"l" + b"\xff" * 8),
    (Field("L", -1), b"L" + b"\xff" * 8),
    (Field("T", 1), b"T" + b"\x00" * 7 + b"\x01"),
    (Field("f", 1.5), b"f\x3f\xc0\x00\x00"),
    (Field("d", 1.5), b"d\x3f\xf8" + b"\x00" * 6),
    (Field("D", (2, 314)), b"D\x02\x00\x00\x01\x3a"),
    (Field("S", "ü"), b"S\x00\x00\x00\x02\xc3\xbc"),
    (Field("x", b"\xff"), b"x\x00\x00\x00\x01\xff"),
    (Field("V", None), b"V"),
    (Field("A", [Field("t", False)]), b"A\x00\x00\x00\x02t\x00"),
    (Field("F", {"k": Field("V", None)}), b"F\x00\x00\x00\x03\x01kV"),
]


@pytest.mark.parametrize(("field", "octets"), OCTETS, ids=lambda value: getattr(value, "tag", ""))
def test_each_type_has_its_octets(field: Field, octets: bytes) -> None:
    assert encode_field(field) == octets
    table = b"\x01n" + octets
    whole = len(table).to_bytes(4, "big") + table
    assert decode_table(whole, 0) == ({"n": field}, len(whole))
    assert check_table(whole, 0) == len(whole)


def test_every_type_has_a_name_and_was_tried() -> None:
    assert {field.tag for field, _ in OCTETS} == set(TYPE_NAMES)
    assert all(field.type_name for field, _ in OCTETS)
    assert set(TYPE_NAMES) >= INTEGER_TAGS


def test_any_octet_but_zero_is_true() -> None:
    assert decode_table(b"\x00\x00\x00\x04\x01nt\x07", 0)[0] == {"n": Field("t", True)}


def test_of_a_name_that_occurs_twice_the_first_value_counts() -> None:
    octets = b"\x00\x00\x00\x08\x01nt\x01\x01nt\x00"
    assert decode_table(octets, 0) == ({"n": Field("t", True)}, 12)


def test_strings_that_are_not_utf8_survive() -> None:
    text, end = decode_shortstr(b"\x02\xff\xfe", 0)
    assert (encode_shortstr(text), end) == (b"\x02\xff\xfe", 3)


def test_a_short_string_has_at_most_255_octets() -> None:
    assert encode_shortstr("ü" * 127)[:1] == b"\xfe"
    with pytest.raises(ValueError, match="256 octets"):
        encode_shortstr("ü" * 128)


@pytest.mark.parametrize("octets", [b"\x03ab", b"\x01"])
def test_a_short_string_longer_than_the_data_is_malformed(octets: bytes) -> None:
    with pytest.raises(MalformedSyntax):
        decode_shortstr(octets, 0)


def test_a_long_string_longer_than_the_data_is_malformed() -> None:
    assert decode_longstr(encode_longstr(b"abc"), 0) == (b"abc", 7)
    with pytest.raises(MalformedSyntax):
        decode_longstr(b"\x00\x00\x00\x04abc", 0)


@pytest.mark.parametrize(
    ("octets", "error"),
    [
        (b"\x00\x00\x00", MalformedSyntax),  # no length
        (b"\x00\x00\x00\x05\x01nt\x01", MalformedSyntax),  # longer than the data
        (b"\x00\x00\x00\x02\x01n", MalformedTable),  # a name without a value
        (b"\x00\x00\x00\x03\x01nZ", MalformedTable),  # no such type
        (b"\x00\x00\x00\x03\x01nt\x01", MalformedTable),  # the value ends behind the table
        (b"\x00\x00\x00\x08\x01nS\x00\x00\x00\x09a", MalformedTable),
        (b"\x00\x00\x00\x09\x01nA\x00\x00\x00\x01t\x01", MalformedTable),
        (b"\x00\x00\x00\x01\x09", MalformedTable),
    ],
)
def test_damage_is_found_by_both(octets: bytes, error: type[Exception]) -> None:
    with pytest.raises(MalformedSyntax) as caught:
        decode_table(octets, 0)
    assert type(caught.value) is error
    with pytest.raises((MalformedSyntax, IndexError)):
        check_table(octets, 0)


def test_tables_nest_up_to_a_limit() -> None:
    def nested(levels: int) -> bytes:
        octets = b"V"
        for _ in range(levels):
            content = b"\x00" + octets
            octets = b"F" + len(content).to_bytes(4, "big") + content
        return octets[1:]

    decode_table(nested(DEPTH_MAX), 0)
    check_table(nested(DEPTH_MAX), 0)
    for read in (decode_table, check_table):
        with pytest.raises(MalformedSyntax):
            read(nested(DEPTH_MAX + 2), 0)
        with pytest.raises(MalformedSyntax):
            read(nested(18_000), 0)  # as many as a frame can hold


def test_plain_values_become_fields_and_back() -> None:
    values = {"t": True, "i": 1, "l": 2**40, "d": 1.5, "s": "x", "b": b"y", "n": None}
    values |= {"F": {"a": 1}, "A": [1, "x"]}
    table = table_of(values)
    assert "".join(table[name].tag for name in values) == "tIldSxVFA"
    assert {name: plain(field) for name, field in table.items()} == values
    assert field_of(Field("u", 5)) == Field("u", 5)
    with pytest.raises(TypeError, match="set"):
        field_of({1})


def test_erlang_holds_tables_as_lists_of_triples() -> None:
    assert as_erlang(Field("F", table_of({"a": 1}))) == [("a", "signedint", 1)]
    assert as_erlang(Field("A", [Field("u", 1)])) == [("unsignedshort", 1)]
    assert as_erlang(Field("t", True)) is True


def test_canonical_octets_do_not_depend_on_the_order() -> None:
    one, other = table_of({"a": 1, "b": 2}), table_of({"b": 2, "a": 1})
    assert canonical(one) == canonical(other) == encode_table(one)
    assert canonical({}) == b""
