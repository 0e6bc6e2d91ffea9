"""`x-modulus-hash`: to one of the destinations bound, by the hash of the routing key.

Bindings are counted in the order of their keys, then of their destinations (exchanges before
queues, then by name), as RabbitMQ has them. The hash of all the message's routing keys, modulo
their number, is the place of the one. A binding more or less moves most keys.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any

from broker.amqp.wire import Table
from broker.exchanges.erlang_hash import phash2
from broker.exchanges.exchange import Binding, Exchange
from broker.exchanges.registry import exchange_type
from broker.message import Message

_Place = tuple[bytes, str, bytes, bytes]  # key, kind, name, arguments: what bindings are sorted by


@exchange_type
class ModulusHashExchange(Exchange):
    __slots__ = ("_destinations", "_places")
    type_name = "x-modulus-hash"
    description = "Modulus Hashing Exchange"

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._places: list[_Place] = []
        self._destinations: list[Any] = []  # of each place

    def bind(self, binding: Binding) -> None:
        place = _place(binding)
        at = bisect_left(self._places, place)
        self._places.insert(at, place)
        self._destinations.insert(at, binding.destination)

    def unbind(self, binding: Binding) -> None:
        at = bisect_left(self._places, _place(binding))
        del self._places[at], self._destinations[at]

    def route(self, routing_key: str, headers: Table) -> Iterable[Any]:
        return self._pick([routing_key])

    def route_all(self, routing_keys: Sequence[str], message: Message) -> Iterable[Any]:
        return self._pick(list(routing_keys))

    def _pick(self, routing_keys: list[str]) -> Iterable[Any]:
        destinations = self._destinations
        if not destinations:
            return ()
        return (destinations[phash2(routing_keys) % len(destinations)],)


def _place(binding: Binding) -> _Place:
    key = binding.key
    return (
        _octets(key.routing_key),
        key.destination.kind,  # "exchange" before "queue"
        _octets(key.destination.name),
        key.arguments,
    )


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
