from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.wire import Table
from broker.exchanges.exchange import Binding, Exchange
from tests.support.builders import message, table


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


def test_what_depends_on_arguments_can_be_configured_again() -> None:
    exchange = Exchange("e", "/")
    exchange.configure({"alternate-exchange": "another"})
    assert exchange.alternate == "another"
    exchange.configure({})
    assert exchange.alternate is None


def test_arguments_go_before_policies() -> None:
    exchange = Exchange("e", "/", arguments=table(alternate_exchange="other", n=1))
    exchange.configure({"alternate-exchange": "another"})
    assert exchange.alternate == "other"
    assert exchange.asked("n", {"n": 2}) == 1
    assert exchange.asked("m", {"m": 2}) == 2
    assert exchange.asked("l", {"m": 2}) is None


class Echo(Exchange):
    """Routes to the key itself, and to the header "to" if it may read it."""

    def route(self, routing_key: str, headers: Table) -> list[Any]:
        return [routing_key, *(field.value for field in headers.values())]


class ReadingEcho(Echo):
    reads_message = True


def test_by_default_every_key_is_routed_by_itself() -> None:
    exchange = Echo("e", "/")
    one = message(headers=table(to="header"))
    assert list(exchange.route_all(["a"], one)) == ["a"]
    assert list(exchange.route_all(["a", "b", "a"], one)) == ["a", "b", "a"]
    assert list(ReadingEcho("e", "/").route_all(["a", "b"], one)) == ["a", "header", "b", "header"]
