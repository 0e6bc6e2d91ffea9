"""`topic`: to destinations whose pattern matches the key; `*` is one word, `#` zero or more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from broker.amqp.wire import Table
from broker.exchanges.exchange import Binding, Exchange
from broker.exchanges.registry import exchange_type
from broker.exchanges.topic_trie import TopicTrie


@exchange_type
class TopicExchange(Exchange):
    __slots__ = ("_trie",)
    type_name = "topic"
    description = "AMQP topic exchange, as per the AMQP specification"

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._trie = TopicTrie()

    def bind(self, binding: Binding) -> None:
        self._trie.add(binding.routing_key, binding.destination)

    def unbind(self, binding: Binding) -> None:
        self._trie.remove(binding.routing_key, binding.destination)

    def route(self, routing_key: str, headers: Table) -> Iterable[Any]:
        return self._trie.match(routing_key)
