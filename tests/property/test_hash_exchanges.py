"""The ring of x-consistent-hash against a list of buckets, and x-modulus-hash against sorting."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from broker.exchanges.erlang_hash import phash2
from broker.exchanges.exchange import Binding
from broker.exchanges.jump_hash import jump_hash
from broker.exchanges.x_consistent_hash import ConsistentHashExchange
from broker.exchanges.x_modulus_hash import ModulusHashExchange
from broker.queues.queue import Queue
from tests.property.conftest import examples

QUEUES = [Queue(name, "/", []) for name in ("a", "b", "B", "é", "ab")]
KEYS = [f"key {number}" for number in range(120)]

# Bind or, where that binding is there already, unbind.
changes = st.lists(st.tuples(st.sampled_from(QUEUES), st.integers(1, 4)), max_size=12)


@examples(150)
@given(changes=changes)
def test_buckets_are_appended_and_close_up(changes: list[tuple[Queue, int]]) -> None:
    exchange = ConsistentHashExchange("c", "/")
    buckets: list[Queue] = []
    bound: set[tuple[Queue, int]] = set()
    for queue, weight in changes:
        binding = Binding(queue, str(weight), {})
        if (queue, weight) in bound:
            bound.remove((queue, weight))
            exchange.unbind(binding)
            buckets = [other for other in buckets if other is not queue]
        else:
            bound.add((queue, weight))
            exchange.bind(binding)
            if queue not in buckets:
                buckets += [queue] * weight
        for key in KEYS[:20]:
            expected = [buckets[jump_hash(phash2(key), len(buckets))]] if buckets else []
            assert list(exchange.route(key, {})) == expected


@examples(100)
@given(changes=changes)
def test_a_place_is_that_of_the_sorted_bindings(changes: list[tuple[Queue, int]]) -> None:
    exchange = ModulusHashExchange("m", "/")
    bound: set[tuple[bytes, bytes]] = set()
    by_name = {queue.name.encode(): queue for queue in QUEUES}
    for queue, key in changes:
        binding, place = Binding(queue, str(key), {}), (b"%d" % key, queue.name.encode())
        if place in bound:
            bound.remove(place)
            exchange.unbind(binding)
        else:
            bound.add(place)
            exchange.bind(binding)
        order = [by_name[name] for _, name in sorted(bound)]
        for text in KEYS[:20]:
            expected = [order[phash2([text]) % len(order)]] if order else []
            assert list(exchange.route(text, {})) == expected


@examples(40)
@given(weights=st.lists(st.integers(1, 9), min_size=2, max_size=6))
def test_when_the_last_goes_nobody_elses_keys_move(weights: list[int]) -> None:
    exchange = ConsistentHashExchange("c", "/")
    for number, weight in enumerate(weights):
        exchange.bind(Binding(number, str(weight), {}))
    before = {key: next(iter(exchange.route(key, {}))) for key in KEYS}
    final = len(weights) - 1
    exchange.unbind(Binding(final, str(weights[final]), {}))
    for key, where in before.items():
        if where != final:
            assert list(exchange.route(key, {})) == [where]


@examples(20)
@given(
    prefix=st.text("abcdefgh.", max_size=20),
    weights=st.lists(st.integers(1, 5), min_size=1, max_size=5),
)
def test_shares_follow_the_weights(prefix: str, weights: list[int]) -> None:
    exchange = ConsistentHashExchange("c", "/")
    for number, weight in enumerate(weights):
        exchange.bind(Binding(number, str(weight), {}))
    counts = Counter(found for n in range(3000) for found in exchange.route(f"{prefix}{n}", {}))
    assert counts.total() == 3000
    for number, weight in enumerate(weights):
        share = weight / sum(weights)
        assert abs(counts[number] - 3000 * share) <= 7 * (3000 * share * (1 - share)) ** 0.5
