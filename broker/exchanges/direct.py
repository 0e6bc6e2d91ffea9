"""`direct`: to the destinations bound with exactly the routing key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from broker.amqp.wire import Table
from broker.exchanges.bindings import Destinations, add, remove
from broker.exchanges.exchange import Binding, Exchange
from broker.exchanges.registry import exchange_type

_NOWHERE: Destinations = {}


@exchange_type
class DirectExchange(Exchange):
    __slots__ = ("_by_key",)
    type_name = "direct"
    description = "AMQP direct exchange, as per the AMQP specification"

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._by_key: dict[str, Destinations] = {}

    def bind(self, binding: Binding) -> None:
        add(self._by_key.setdefault(binding.routing_key, {}), binding.destination)

    def unbind(self, binding: Binding) -> None:
        destinations = self._by_key[binding.routing_key]
        remove(destinations, binding.destination)
        if not destinations:
            del self._by_key[binding.routing_key]

    def route(self, routing_key: str, headers: Table) -> Iterable[Any]:
        return self._by_key.get(routing_key, _NOWHERE)
