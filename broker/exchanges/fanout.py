"""`fanout`: to every destination bound, whatever the key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from broker.amqp.wire import Table
from broker.exchanges.bindings import Destinations, add, remove
from broker.exchanges.exchange import Binding, Exchange
from broker.exchanges.registry import exchange_type


@exchange_type
class FanoutExchange(Exchange):
    __slots__ = ("_destinations",)
    type_name = "fanout"
    description = "AMQP fanout exchange, as per the AMQP specification"

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._destinations: Destinations = {}

    def bind(self, binding: Binding) -> None:
        add(self._destinations, binding.destination)

    def unbind(self, binding: Binding) -> None:
        remove(self._destinations, binding.destination)

    def route(self, routing_key: str, headers: Table) -> Iterable[Any]:
        return self._destinations
