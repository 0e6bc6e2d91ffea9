"""RabbitMQ's conversations are in `tests/conformance/scenarios/exchange_types.py`."""

from __future__ import annotations

import pytest

from broker.amqp.errors import PreconditionFailed
from broker.amqp.methods import ExchangeDeclare, ExchangeDeclareOk
from broker.amqp.wire import Field
from broker.exchanges.exchange import Binding
from broker.exchanges.x_recent_history import RecentHistoryExchange
from broker.message import Message
from tests.support.builders import message, table
from tests.support.peer import World


def history(exchange: RecentHistoryExchange) -> list[str]:
    return [kept.message.body.decode() for kept in exchange.replay()]


def published(exchange: RecentHistoryExchange, *bodies: str) -> None:
    for body in bodies:
        list(exchange.route_all(["k"], message(body)))


def test_the_last_messages_are_kept_oldest_first() -> None:
    exchange = RecentHistoryExchange("h", "/", arguments=table(x_recent_history_length=3))
    published(exchange, "a", "b", "c", "d")
    assert history(exchange) == ["b", "c", "d"]


def test_another_length_keeps_what_it_can() -> None:
    exchange = RecentHistoryExchange("h", "/")
    published(exchange, *map(str, range(30)))
    assert history(exchange) == [str(number) for number in range(10, 30)]
    exchange.configure({"x-recent-history-length": 2})
    assert history(exchange) == ["28", "29"]
    exchange.configure({"x-recent-history-length": 4})
    published(exchange, "x")
    assert history(exchange) == ["28", "29", "x"]
    exchange.configure({"x-recent-history-length": "nonsense"})
    published(exchange, *map(str, range(30)))
    assert len(history(exchange)) == 20


def test_messages_may_ask_not_to_be_kept() -> None:
    exchange = RecentHistoryExchange("h", "/")
    exchange.bind(Binding("q", "", {}))
    for value, is_kept in ((True, False), (False, True), ("true", True), (1, True)):
        headers = table(x_recent_history_no_store=value)
        asked = message(str(value), headers=headers)
        assert list(exchange.route_all(["k"], asked)) == ["q"]
        assert (str(value) in history(exchange)) is is_kept


def test_all_keys_are_kept_with_a_message() -> None:
    exchange = RecentHistoryExchange("h", "/")
    exchange.route_all(["k", "cc", "bcc"], message("x"))
    (kept,) = exchange.replay()
    assert kept.routing_keys == ("k", "cc", "bcc")
    assert isinstance(kept.message, Message)


def test_destinations_are_those_bound() -> None:
    exchange = RecentHistoryExchange("h", "/")
    for key in "ab":
        exchange.bind(Binding("q", key, {}))
    exchange.unbind(Binding("q", "a", {}))
    assert list(exchange.route("zzz", {})) == ["q"]
    exchange.unbind(Binding("q", "b", {}))
    assert list(exchange.route("zzz", {})) == []


@pytest.mark.parametrize(
    "field", [Field("I", 0), Field("b", -1), Field("S", "5"), Field("B", 5), Field("t", True)]
)
def test_lengths_it_refuses(field: Field) -> None:
    with pytest.raises(PreconditionFailed, match="must be a positive integer"):
        RecentHistoryExchange.validate({"x-recent-history-length": field})


@pytest.mark.parametrize("tag", list("bsIl"))
def test_lengths_it_takes(tag: str) -> None:
    RecentHistoryExchange.validate({"x-recent-history-length": Field(tag, 1)})


def test_a_run_of_messages_alike_is_kept_one_by_one() -> None:
    peer = World().peer()
    peer.opens_channel(1)
    peer.sends(1, ExchangeDeclare(exchange="h", type="x-recent-history"))
    peer.receives(1, ExchangeDeclareOk())
    for name in ("first", "late"):
        peer.declares(1, name)
    peer.binds(1, "first", "h", "")
    for _ in range(50):
        peer.publishes(1, "k", "same", exchange="h")
    peer.binds(1, "late", "h", "")
    assert peer.world.queue("first").ready_count == 50
    assert peer.world.queue("late").ready_count == 20


def test_what_expires_does_so_in_the_new_queue() -> None:
    world = World()
    peer = world.peer()
    peer.opens_channel(1)
    peer.sends(1, ExchangeDeclare(exchange="h", type="x-recent-history"))
    peer.receives(1, ExchangeDeclareOk())
    peer.publishes(1, "k", "brief", exchange="h", expiration="1000")
    peer.declares(1, "late")
    world.passes(5000)
    peer.binds(1, "late", "h", "")
    assert world.queue("late").ready_count == 1
    world.passes(1500)
    assert world.queue("late").ready_count == 0
