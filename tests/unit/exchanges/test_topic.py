"""The exchange around the trie; what matches is in test_topic_trie.py and tests/property."""

from __future__ import annotations

from broker.exchanges.exchange import Binding
from broker.exchanges.topic import TopicExchange


def test_a_message_goes_where_a_pattern_matches_its_key() -> None:
    exchange = TopicExchange("t", "/")
    orange, lazy = Binding("q1", "*.orange.*", {}), Binding("q2", "lazy.#", {})
    exchange.bind(orange)
    exchange.bind(lazy)
    assert list(exchange.route("quick.orange.rabbit", {})) == ["q1"]
    assert set(exchange.route("lazy.orange.elephant", {})) == {"q1", "q2"}
    assert list(exchange.route("quick.brown.fox", {})) == []
    exchange.unbind(lazy)
    assert list(exchange.route("lazy.orange.elephant", {})) == ["q1"]
