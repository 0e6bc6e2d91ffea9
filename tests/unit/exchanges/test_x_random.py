from __future__ import annotations

from collections import Counter

from broker.amqp.methods import ExchangeBind, ExchangeBindOk, ExchangeDeclare, ExchangeDeclareOk
from broker.exchanges.exchange import Binding
from broker.exchanges.x_random import RandomExchange
from tests.support.builders import message
from tests.support.peer import World


def test_one_destination_at_a_time_each_as_often() -> None:
    exchange = RandomExchange("r", "/")
    for name in "abcd":
        exchange.bind(Binding(name, "", {}))
    exchange.bind(Binding("d", "again", {}))  # counts twice
    found = Counter(found for _ in range(10_000) for found in exchange.route("any", {}))
    assert found.total() == 10_000
    for name, share in {"a": 2000, "b": 2000, "c": 2000, "d": 4000}.items():
        assert abs(found[name] - share) < 400  # ten standard deviations


def test_several_keys_pick_once() -> None:
    exchange = RandomExchange("r", "/")
    assert list(exchange.route_all(["k", "l"], message())) == []
    for name in "ab":
        exchange.bind(Binding(name, "", {}))
    assert {len(list(exchange.route_all(["k", "l", "m"], message()))) for _ in range(50)} == {1}


def test_who_is_unbound_is_not_picked() -> None:
    exchange = RandomExchange("r", "/")
    bindings = [Binding(name, "", {}) for name in "abcde"]
    for binding in bindings:
        exchange.bind(binding)
    for gone, left in (("a", "bcde"), ("e", "bcd"), ("c", "bd"), ("b", "d"), ("d", "")):
        exchange.unbind(Binding(gone, "", {}))
        assert {found for _ in range(200) for found in exchange.route("", {})} == set(left)
    exchange.bind(bindings[0])
    assert list(exchange.route("", {})) == ["a"]


def test_every_publish_of_a_run_is_decided_by_itself() -> None:
    peer = World().peer()
    peer.opens_channel(1)
    peer.sends(1, ExchangeDeclare(exchange="r", type="x-random"))
    peer.receives(1, ExchangeDeclareOk())
    peer.sends(1, ExchangeDeclare(exchange="f", type="fanout"))
    peer.receives(1, ExchangeDeclareOk())
    peer.sends(1, ExchangeBind(source="f", destination="r"))
    peer.receives(1, ExchangeBindOk())
    for name in "ab":
        peer.declares(1, name)
        peer.binds(1, name, "r", "")
    for exchange in ("r", "f"):
        for _ in range(200):
            peer.publishes(1, "k", "same", exchange=exchange)
        counts = [peer.world.queue(name).purge() for name in "ab"]
        assert sum(counts) == 200
        assert min(counts) > 30
