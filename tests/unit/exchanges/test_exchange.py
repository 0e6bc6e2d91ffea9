from __future__ import annotations

import pytest

from broker.exchanges.exchange import Binding, Exchange
from tests.support.builders import table


def test_bindings_are_told_apart_by_destination_key_and_arguments() -> None:
    binding = Binding("q", "k", table(a=1, b=2))
    assert binding.key == Binding("q", "k", table(b=2, a=1)).key
    assert binding.key != Binding("q", "k", table(a=1)).key
    assert binding.key != Binding("q", "K", table(a=1, b=2)).key
    assert binding.key != Binding("p", "k", table(a=1, b=2)).key


def test_what_an_exchange_is() -> None:
    exchange = Exchange("e", "/v", arguments=table(alternate_exchange="other"), durable=True)
    assert exchange.resource == "exchange 'e' in vhost '/v'"
    assert exchange.alternate == "other"
    assert exchange.incoming is None
    assert Exchange("e", "/").alternate is None


def test_a_type_has_to_say_how_it_routes() -> None:
    exchange = Exchange("e", "/")
    binding = Binding("q", "", {})
    with pytest.raises(NotImplementedError):
        exchange.bind(binding)
    with pytest.raises(NotImplementedError):
        exchange.unbind(binding)
    with pytest.raises(NotImplementedError):
        exchange.route("", {})
    exchange.validate_binding(Binding("q", "", table(anything="goes")))
    Exchange.validate(table(anything="goes"))
    assert list(exchange.replay()) == []
