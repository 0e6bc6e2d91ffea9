from __future__ import annotations

from broker.exchanges.exchange import Binding
from broker.exchanges.fanout import FanoutExchange


def test_a_message_goes_to_every_destination_once_whatever_its_key() -> None:
    exchange = FanoutExchange("f", "/")
    for destination, key in (("q1", "a"), ("q2", "b"), ("q1", "c")):
        exchange.bind(Binding(destination, key, {}))
    assert list(exchange.route("zzz", {})) == ["q1", "q2"]
    exchange.unbind(Binding("q1", "a", {}))
    assert set(exchange.route("", {})) == {"q1", "q2"}
    exchange.unbind(Binding("q1", "c", {}))
    assert list(exchange.route("", {})) == ["q2"]
