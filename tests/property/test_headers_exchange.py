"""The headers exchange against a matcher written from RabbitMQ's documentation."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from broker.amqp.wire import Field, Table
from broker.exchanges.exchange import Binding
from broker.exchanges.headers import HeadersExchange
from tests.property.conftest import examples

header_names = st.sampled_from(["a", "b", "x-a", "x-match-not", "c"])
# Values that meet: the same number in several widths, text and octets, true and 1.
header_values = st.sampled_from(
    [
        Field("I", 1),
        Field("l", 1),
        Field("b", 1),
        Field("d", 1.0),
        Field("d", 1.5),
        Field("T", 1),
        Field("S", "1"),
        Field("x", b"1"),
        Field("t", True),
        Field("t", False),
        Field("I", 0),
        Field("V", None),
        Field("S", "true"),
        Field("A", [Field("I", 1)]),
        Field("A", [Field("l", 2)]),
        Field("F", {"a": Field("I", 1)}),
        Field("F", {}),
    ]
)
header_tables = st.dictionaries(header_names, header_values, max_size=4)
modes = st.sampled_from([None, "all", "any", "all-with-x", "any-with-x"])


def _same(one: Field, other: Field) -> bool:
    """Erlang's `==` of what RabbitMQ holds for two fields."""
    kinds = {"S": "binary", "x": "binary", "t": "atom", "V": "atom", "A": "list", "F": "list"}
    kind, other_kind = kinds.get(one.tag, "number"), kinds.get(other.tag, "number")
    if kind != other_kind:
        return False
    if kind == "binary":
        as_octets = [v.encode() if isinstance(v, str) else v for v in (one.value, other.value)]
        return as_octets[0] == as_octets[1]
    if kind == "list":  # both empty is the same list, whatever it was
        return one.value == other.value or (not one.value and not other.value)
    return one.value == other.value


def naive(arguments: Table, mode: str | None, headers: Table) -> bool:
    with_x = mode in ("all-with-x", "any-with-x")
    outcomes = []
    for name, wanted in arguments.items():
        if name.startswith("x-") and not with_x:
            continue
        present = headers.get(name)
        if present is None:
            outcomes.append(False)
        else:
            outcomes.append(wanted.tag == "V" or _same(wanted, present))
    return any(outcomes) if mode in ("any", "any-with-x") else all(outcomes)


@examples(600)
@given(
    bound=st.lists(st.tuples(header_tables, modes), max_size=4),
    headers=header_tables,
)
def test_headers_reach_the_bindings_that_match(
    bound: list[tuple[Table, str | None]], headers: Table
) -> None:
    exchange = HeadersExchange("h", "/")
    for number, (arguments, mode) in enumerate(bound):
        whole = dict(arguments)
        if mode is not None:
            whole["x-match"] = Field("S", mode)
        exchange.validate_binding(Binding("q", "", whole))
        exchange.bind(Binding(number, "", whole))
    expected = [n for n, (arguments, mode) in enumerate(bound) if naive(arguments, mode, headers)]
    assert list(exchange.route("whatever", headers)) == expected
