"""Content headers by hand; `tests/property/test_content.py` tries random ones."""

from __future__ import annotations

import pytest

from broker.amqp.content import (
    HAS_DELIVERY_MODE,
    Properties,
    check_properties,
    octet_property,
    with_table,
)
from broker.amqp.errors import MalformedSyntax
from broker.amqp.wire import encode_table, table_of


def test_the_octets_of_a_header() -> None:
    header = Properties(content_type="a", delivery_mode=2).encode(5)
    assert header == b"\x00\x3c\x00\x00" + b"\x00" * 7 + b"\x05" + b"\x90\x00" + b"\x01a" + b"\x02"


def test_all_properties_in_order() -> None:
    values = {
        "content_type": "1",
        "content_encoding": "2",
        "headers": table_of({"3": 3}),
        "delivery_mode": 4,
        "priority": 5,
        "correlation_id": "6",
        "reply_to": "7",
        "expiration": "8",
        "message_id": "9",
        "timestamp": 10,
        "type": "11",
        "user_id": "12",
        "app_id": "13",
        "cluster_id": "14",
    }
    header = Properties(**values).encode(0)
    assert header[12:14] == b"\xff\xfc"
    decoded = Properties.decode(header)
    assert {name: getattr(decoded, name) for name in values} == values
    assert check_properties(header, 0xFFFC) == 4


def test_absent_properties_are_none_and_headers_an_empty_table() -> None:
    decoded = Properties.decode(Properties().encode(0))
    assert decoded == Properties()
    assert decoded.headers is None
    assert decoded.header_table == {}
    assert repr(Properties(priority=1)) == "Properties(priority=1)"


def test_an_empty_string_is_present() -> None:
    assert Properties.decode(Properties(reply_to="").encode(0)).reply_to == ""
    assert Properties(reply_to="") != Properties()


@pytest.mark.parametrize(
    "header",
    [
        Properties().encode(0)[:13],
        Properties().encode(0) + b"\x00",
        Properties(content_type="abc").encode(0)[:-1],
        Properties(timestamp=1).encode(0)[:-1],
        Properties(headers=table_of({"a": 1})).encode(0)[:-1],
    ],
)
def test_a_property_list_that_does_not_end_with_the_header_is_malformed(header: bytes) -> None:
    with pytest.raises(MalformedSyntax):
        Properties.decode(header)
    with pytest.raises((MalformedSyntax, IndexError)):
        check_properties(header, header[12] << 8 | header[13])


def test_the_checker_finds_the_delivery_mode() -> None:
    for properties in (
        Properties(delivery_mode=2),
        Properties(delivery_mode=2, priority=9, content_type="x", headers=table_of({"a": 1})),
    ):
        header = properties.encode(0)
        flags = header[12] << 8 | header[13]
        assert flags & HAS_DELIVERY_MODE
        assert check_properties(header, flags) == 2
    header = Properties(priority=9).encode(0)
    assert check_properties(header, header[12] << 8 | header[13]) is None


def test_a_property_nobody_defined_is_malformed() -> None:
    header = bytes(12) + b"\x00\x02"
    outcomes = set()
    for read in (Properties.decode, lambda octets: check_properties(octets, 2)):
        try:
            read(header)
            outcomes.add("accepted")
        except MalformedSyntax:
            outcomes.add("refused")
    assert len(outcomes) == 1, "the decoder and the checker disagree"


BEFORE_OCTETS = [
    {},
    {"content_type": "a"},
    {"content_encoding": "bc"},
    {"headers": table_of({"a": 1})},
    {"content_type": "", "content_encoding": "x" * 255, "headers": {}},
]


@pytest.mark.parametrize("before", BEFORE_OCTETS, ids=repr)
def test_octets_behind_strings_and_tables(before: dict[str, object]) -> None:
    both = Properties(delivery_mode=2, priority=7, message_id="m", **before).encode(5)
    assert (octet_property(both, 12), octet_property(both, 11)) == (2, 7)
    assert octet_property(Properties(priority=9, **before).encode(5), 11) == 9


@pytest.mark.parametrize(
    "known",
    [{}, {"content_type": "a"}, {"content_encoding": "b", "delivery_mode": 2, "app_id": "c"}],
    ids=repr,
)
def test_a_table_is_put_where_it_belongs(known: dict[str, object]) -> None:
    table = table_of({"a": 1, "b": "x"})
    bare = Properties(**known).encode(5)
    assert with_table(bare, encode_table(table)) == Properties(headers=table, **known).encode(5)
