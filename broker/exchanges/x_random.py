"""`x-random`: to one of the destinations bound, picked at random, whatever the key.

One that is bound twice, with other keys or arguments, is picked twice as often.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import random
from typing import Any

from broker.amqp.wire import EMPTY_TABLE, Table
from broker.exchanges.exchange import Binding, BindingKey, Exchange
from broker.exchanges.registry import exchange_type
from broker.message import Message


@exchange_type
class RandomExchange(Exchange):
    __slots__ = ("_bound", "_places")
    type_name = "x-random"
    description = "Randomly picks a binding (queue) to route via (to)."
    is_stable = False

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._bound: list[tuple[BindingKey, Any]] = []  # in no order
        self._places: dict[BindingKey, int] = {}  # where in _bound

    def bind(self, binding: Binding) -> None:
        key = binding.key
        self._places[key] = len(self._bound)
        self._bound.append((key, binding.destination))

    def unbind(self, binding: Binding) -> None:
        place = self._places.pop(binding.key)
        final = self._bound.pop()
        if place < len(self._bound):  # the last one takes its place
            self._bound[place] = final
            self._places[final[0]] = place

    def route(self, routing_key: str, headers: Table) -> Iterable[Any]:
        bound = self._bound
        if not bound:
            return ()
        return (bound[int(random() * len(bound))][1],)

    def route_all(self, routing_keys: Sequence[str], message: Message) -> Iterable[Any]:
        return self.route(routing_keys[0], EMPTY_TABLE)
