"""Tables and properties as JSON: whatever a peer has sent can be shown, what is given is kept."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from broker.amqp.content import Properties
from broker.amqp.wire import Field, Table, decode_table, encode_table
from broker.management.listing import sort_key
from broker.management.request import encoded
from broker.management.views.properties import read_properties, shown_properties
from broker.management.views.tables import json_of, table_of
from tests.property.conftest import examples
from tests.property.strategies import properties, tables, texts

hostile = st.one_of(
    st.builds(Field, st.just("d"), st.floats()),
    st.builds(Field, st.just("S"), st.text(st.characters(codec="utf-8"), max_size=5)),
    st.builds(Field, st.just("S"), st.just("\udcff")),
    st.builds(Field, st.just("D"), st.tuples(st.just(255), st.integers(0, 2**32 - 1))),
)
hostile_tables = st.dictionaries(st.sampled_from(["", "a", "\udcff", '"', "\0"]), hostile)

# What a request may give: text is without surrogates, see `request.parsed`.
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.one_of(numbers, st.booleans(), texts),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
json_objects = st.dictionaries(texts, json_values, max_size=5)


def strictly(octets: bytes) -> Any:
    """JSON as other programs read it: without NaN."""

    def no_number(word: str) -> float:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(octets.decode(), parse_constant=no_number)


@examples(400)
@given(tables | hostile_tables)
def test_every_table_can_be_shown(table: Table) -> None:
    shown = strictly(encoded(json_of(table)))
    assert isinstance(shown, dict)
    named = {name.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for name in table}
    assert len(shown) <= len(table)
    assert len(named) >= len(shown)
    sort_key(shown)  # and a list be sorted by it


@examples(400)
@given(json_objects)
def test_what_is_given_comes_back_from_the_wire(given_object: dict[str, Any]) -> None:
    table, _ = decode_table(encode_table(table_of(given_object)), 0)
    assert strictly(encoded(json_of(table))) == given_object


@examples(300)
@given(properties)
def test_all_properties_can_be_shown(found: Properties) -> None:
    shown = shown_properties(found.encode(0))
    assert set(shown) == {name for name in Properties.__slots__ if getattr(found, name) is not None}
    strictly(encoded(shown))


@examples(300)
@given(properties)
def test_properties_that_are_given_as_they_are_shown_are_the_same(found: Properties) -> None:
    """But for headers, of which types are lost."""
    found.headers = None
    assert read_properties(shown_properties(found.encode(0))) == found
