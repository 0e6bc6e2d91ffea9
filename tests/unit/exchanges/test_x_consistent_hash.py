"""The placements of 2 000 keys are compared in `tests/conformance/test_placements.py`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from broker.amqp.erlang import Atom
from broker.amqp.errors import InternalError, PreconditionFailed
from broker.amqp.wire import Field, Table
from broker.commands import (
    Bind,
    ClearPolicy,
    DeclareExchange,
    DeclareQueue,
    SetPolicy,
    Unbind,
)
from broker.exchanges import x_consistent_hash
from broker.exchanges.erlang_hash import phash2
from broker.exchanges.exchange import Binding
from broker.exchanges.jump_hash import jump_hash
from broker.exchanges.x_consistent_hash import ConsistentHashExchange
from tests.support.builders import message, table
from tests.support.durable import DurableWorld
from tests.support.peer import World

KEYS = [f"key {number}" for number in range(2000)]


def ring(*weights: str, **arguments: object) -> ConsistentHashExchange:
    """Destinations "a", "b", … with these weights."""
    exchange = ConsistentHashExchange("c", "/", arguments=table(**arguments))
    for name, weight in zip("abcdefghijklmnop", weights, strict=False):
        exchange.bind(Binding(name, weight, {}))
    return exchange


def placed(exchange: ConsistentHashExchange) -> list[str]:
    return [found for key in KEYS for found in exchange.route(key, {})]


def test_keys_are_shared_by_weight() -> None:
    counts = Counter(placed(ring("1", "2", "5")))
    assert counts.total() == len(KEYS)
    for name, share in {"a": 250, "b": 500, "c": 1250}.items():
        assert abs(counts[name] - share) < 110  # five standard deviations


def test_the_same_key_goes_the_same_way_remembered_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = ring("3", "3", "3")
    expected = placed(exchange)
    assert placed(exchange) == expected
    monkeypatch.setattr(x_consistent_hash, "REMEMBERED_MAX", 10)
    forgetful = ring("3", "3", "3")
    assert placed(forgetful) == expected
    assert len(forgetful._remembered) <= 10


def test_a_destination_that_comes_last_takes_keys_only_to_itself() -> None:
    before, after = placed(ring("2", "2", "2")), placed(ring("2", "2", "2", "3"))
    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    assert set(moved) == {"d"}
    assert abs(len(moved) - 2000 * 3 / 9) < 110


def test_when_it_goes_its_keys_alone_move() -> None:
    exchange = ring("2", "2", "2", "3")
    before = placed(exchange)
    exchange.unbind(Binding("d", "3", {}))
    after = placed(exchange)
    assert {old for old, new in zip(before, after, strict=True) if old != new} == {"d"}
    assert after == placed(ring("2", "2", "2"))


def test_the_buckets_behind_one_that_goes_move_up() -> None:
    exchange = ring("2", "3", "4")
    exchange.unbind(Binding("a", "2", {}))
    renamed = {"a": "b", "b": "c"}
    assert placed(exchange) == [renamed[name] for name in placed(ring("3", "4"))]


def test_a_second_binding_adds_no_buckets_and_takes_all_of_them_along() -> None:
    exchange = ring("1", "1")
    expected = placed(exchange)
    exchange.bind(Binding("a", "50", {}))
    assert placed(exchange) == expected
    exchange.unbind(Binding("a", "50", {}))
    assert set(placed(exchange)) == {"b"}
    exchange.unbind(Binding("a", "1", {}))
    exchange.unbind(Binding("b", "1", {}))
    assert placed(exchange) == []
    assert list(exchange.route_all(["k"], message())) == []


def test_what_is_hashed_can_be_changed_while_it_runs() -> None:
    exchange = ring(*["1"] * 16)
    one = message("x", message_id="id 7", headers=table(h="header 9"))

    def goes_to(**definition: object) -> object:
        exchange.configure({name.replace("_", "-"): value for name, value in definition.items()})
        (found,) = exchange.route_all(["key 1"], one)
        return found

    def hashed(term: object) -> str:
        return "abcdefghijklmnop"[jump_hash(phash2(term), 16)]

    in_header = hashed((Atom("longstr"), "header 9"))
    assert len({hashed("key 1"), hashed("id 7"), in_header}) == 3
    assert goes_to() == hashed("key 1")
    assert not exchange.reads_message
    assert goes_to(hash_property="message_id") == hashed("id 7")
    assert exchange.reads_message
    assert goes_to(hash_header="h") == in_header
    assert goes_to(hash_header="h", hash_property="message_id") == in_header
    assert goes_to(hash_property="nonsense") == hashed("key 1")
    assert not exchange.reads_message


def test_arguments_go_before_policies() -> None:
    exchange = ring("1", "1", hash_property="message_id")
    exchange.configure({"hash-header": "h"})
    assert (exchange._header, exchange._property) == (None, "message_id")


def test_messages_that_lack_what_is_hashed_stay_together() -> None:
    for arguments in ({"hash_header": "h"}, {"hash_property": "message_id"}):
        exchange = ring("1", "1", "1", "1", **arguments)
        found = {tuple(exchange.route_all([key], message())) for key in KEYS[:50]}
        assert len(found) == 1


def test_long_headers_and_tables_are_hashed_but_not_remembered() -> None:
    exchange = ring("1", "1", "1", hash_header="h")
    for number in range(50):
        for value in ("x" * 1000 + str(number), {"deep": number}, number, [number]):
            one = message(headers=table(h=value))
            assert list(exchange.route_all(["k"], one)) == list(exchange.route_all(["l"], one))
    assert not exchange._remembered
    exchange.route_all(["k"], message(headers=table(h="short")))
    assert list(exchange._remembered) == ["short"]


def test_a_large_table_is_hashed_by_its_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[object] = []
    monkeypatch.setattr(x_consistent_hash, "phash2", lambda term: hashed.append(term) or 0)
    exchange = ring("1", "1", "1", hash_header="h")
    for size in (10, 60_000):
        exchange.route_all(["k"], message(headers=table(h=[1] * size)))
    exchange.route_all(["k"], message(headers=table(h="x" * 60_000)))
    exchange.route_all(["k"], message(headers=table(h=[1] * 10, other="x" * 60_000)))
    (_, small), (_, large), (_, text), (_, beside) = hashed  # type: ignore[misc]
    assert small == beside == [(Atom("signedint"), 1)] * 10
    assert isinstance(large, bytes)
    assert text == "x" * 60_000


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            table(hash_header="h", hash_property="message_id"),
            "hash-header and hash-property are mutually exclusive",
        ),
        (table(hash_property="app_id"), "Unsupported property: app_id"),
    ],
)
def test_arguments_it_refuses(arguments: Table, text: str) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        ConsistentHashExchange.validate(arguments)
    assert refused.value.text == text


def test_arguments_that_are_no_strings_cost_the_connection() -> None:
    for name in ("hash-header", "hash-property"):
        with pytest.raises(InternalError):
            ConsistentHashExchange.validate({name: Field("I", 1)})


@pytest.mark.parametrize(
    ("weight", "text"),
    [
        ("ten", 'The binding key must be an integer: <<"ten">>'),
        ("", "The binding key must be an integer: <<>>"),
        ("1_0", 'The binding key must be an integer: <<"1_0">>'),
        ("0", "The binding key must be greater than 0"),
        ("-7", "The binding key must be greater than 0"),
    ],
)
def test_weights_it_refuses(weight: str, text: str) -> None:
    with pytest.raises(PreconditionFailed) as refused:
        ring().validate_binding(Binding("a", weight, {}))
    assert refused.value.text == text


def test_a_weight_costs_no_memory() -> None:
    exchange = ring("9" * 255, "1")
    exchange.validate_binding(Binding("a", "9" * 255, {}))
    assert set(placed(exchange)) == {"a"}


def test_a_restart_moves_no_keys(tmp_path: Path) -> None:
    world = DurableWorld(tmp_path)
    world.node.execute(DeclareExchange("/", "c", "x-consistent-hash", durable=True))
    for name, weight in (("z", "2"), ("a", "3"), ("m", "1"), ("b", "2")):
        world.node.execute(DeclareQueue("/", name, durable=True))
        world.node.execute(Bind("/", "c", "queue", name, weight))
    world.node.execute(Unbind("/", "c", "queue", "a", "3"))
    world.node.execute(Bind("/", "c", "queue", "a", "4"))
    world.commit()

    def placed_in(world: DurableWorld) -> list[str]:
        exchange = world.vhost.exchanges["c"]
        return [queue.name for key in KEYS[:300] for queue in exchange.route(key, {})]

    expected = placed_in(world)
    assert set(expected) == {"z", "a", "m", "b"}
    assert placed_in(world.crashes()) == expected


def test_a_policy_changes_what_is_hashed_for_publishers_that_are_there() -> None:
    world = World()
    peer = world.peer()
    peer.opens_channel(1)
    world.node.execute(DeclareExchange("/", "c", "x-consistent-hash"))
    for name in "abcdefgh":
        peer.declares(1, name)
        peer.binds(1, name, "c", "1")

    def places() -> set[str]:
        for number in range(40):
            peer.publishes(1, "the same", "x", exchange="c", headers=table(h=str(number)))
        return {name for name in "abcdefgh" if world.queue(name).purge()}

    assert len(places()) == 1
    world.node.execute(SetPolicy("/", "p", "^c$", '{"hash-header": "h"}', 0, "exchanges"))
    assert len(places()) == 8
    world.node.execute(ClearPolicy("/", "p"))
    assert len(places()) == 1
