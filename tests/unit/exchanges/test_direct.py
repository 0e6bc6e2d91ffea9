from __future__ import annotations

from broker.exchanges.direct import DirectExchange
from broker.exchanges.exchange import Binding


def test_a_message_goes_where_exactly_its_key_is_bound() -> None:
    exchange = DirectExchange("d", "/")
    for destination, key in (("q1", "a"), ("q2", "a"), ("q2", "b"), ("q3", "")):
        exchange.bind(Binding(destination, key, {}))
    assert list(exchange.route("a", {})) == ["q1", "q2"]
    assert list(exchange.route("b", {})) == ["q2"]
    assert list(exchange.route("", {})) == ["q3"]
    assert list(exchange.route("A", {})) == []
    assert list(exchange.route("a.b", {})) == []


def test_unbinding_one_of_two_bindings_alike_leaves_the_other() -> None:
    exchange = DirectExchange("d", "/")
    first, second = Binding("q", "a", {}), Binding("q", "a", {})
    exchange.bind(first)
    exchange.bind(second)
    exchange.unbind(first)
    assert list(exchange.route("a", {})) == ["q"]
    exchange.unbind(second)
    assert list(exchange.route("a", {})) == []
    assert exchange._by_key == {}
