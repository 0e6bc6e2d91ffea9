"""The placements of 2 000 keys are compared in `tests/conformance/test_placements.py`."""

from __future__ import annotations

from broker.exchanges.erlang_hash import phash2
from broker.exchanges.exchange import Binding, Exchange
from broker.exchanges.fanout import FanoutExchange
from broker.exchanges.x_modulus_hash import ModulusHashExchange
from broker.queues.queue import Queue
from tests.support.builders import message

KEYS = [f"key {number}" for number in range(300)]


def bound(*bindings: Binding) -> ModulusHashExchange:
    exchange = ModulusHashExchange("m", "/")
    for binding in bindings:
        exchange.bind(binding)
    return exchange


def placed(exchange: Exchange) -> list[object]:
    return [found for key in KEYS for found in exchange.route(key, {})]


def test_bindings_count_by_key_kind_and_name_whatever_the_order_they_came_in() -> None:
    queues = [Queue(name, "/", []) for name in ("b", "a", "é", "B")]
    fanout = FanoutExchange("z", "/")
    bindings = [Binding(queue, "k", {}) for queue in queues]
    bindings += [Binding(fanout, "k", {}), Binding(queues[0], "", {})]
    b, a, accented, capital = queues
    order = [b, fanout, capital, a, b, accented]
    expected = [order[phash2([key]) % 6] for key in KEYS]
    assert placed(bound(*bindings)) == placed(bound(*reversed(bindings))) == expected
    exchange = bound(*bindings)
    exchange.unbind(bindings[0])
    assert placed(exchange) == placed(bound(*bindings[1:]))


def test_nothing_bound_nothing_found() -> None:
    exchange = bound()
    assert list(exchange.route("k", {})) == []
    binding = Binding(Queue("q", "/", []), "", {})
    exchange.bind(binding)
    exchange.unbind(binding)
    assert list(exchange.route_all(["k"], message())) == []


def test_all_keys_of_a_message_are_hashed_together() -> None:
    queues = [Queue(f"{number}", "/", []) for number in range(10)]
    exchange = bound(*(Binding(queue, "", {}) for queue in queues))
    for key in KEYS:
        assert list(exchange.route_all([key, "copy"], message())) == [
            queues[phash2([key, "copy"]) % 10]
        ]
        assert list(exchange.route_all([key], message())) == list(exchange.route(key, {}))
