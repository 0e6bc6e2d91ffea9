"""The methods of class exchange; their texts are held against RabbitMQ's in tests/conformance."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.amqp.methods import (
    ChannelClose,
    ConnectionClose,
    ExchangeBind,
    ExchangeBindOk,
    ExchangeDeclare,
    ExchangeDeclareOk,
    ExchangeDelete,
    ExchangeDeleteOk,
    ExchangeUnbind,
    ExchangeUnbindOk,
    Method,
    QueueBind,
    QueueBindOk,
)
from broker.commands import SetPermissions
from broker.session.exchange_methods import quoted, stripped
from tests.support.builders import table
from tests.support.durable import DurableWorld
from tests.support.peer import Peer, World
from tests.support.seams import DelayedReplicator


def declares(peer: Peer, name: str, type_name: str = "direct", **fields: object) -> None:
    peer.sends(1, ExchangeDeclare(exchange=name, type=type_name, **fields))  # type: ignore[arg-type]
    peer.receives(1, ExchangeDeclareOk())


def test_declaring(peer: Peer) -> None:
    declares(peer, "e", "topic", durable=True, arguments=table(alternate_exchange="amq.fanout"))
    exchange = peer.world.vhost.exchanges["e"]
    assert (exchange.type_name, exchange.durable, exchange.alternate) == (
        "topic",
        True,
        "amq.fanout",
    )
    declares(peer, "e", "topic", durable=True, arguments=table(alternate_exchange="amq.fanout"))
    declares(peer, "e", "anything", passive=True)
    declares(peer, "amq.topic", "topic", durable=True)
    peer.sends(1, ExchangeDeclare(exchange="n", nowait=True))
    peer.receives_nothing()
    assert "n" in peer.world.vhost.exchanges


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"type": "fanout"}, "'type' for exchange 'e' in vhost '/': received 'fanout' but current"),
        ({"durable": True}, "'durable' for exchange 'e' in vhost '/': received 'true' but current"),
        ({"auto_delete": True}, "'auto_delete' for exchange 'e' in vhost '/': received 'true'"),
        ({"internal": True}, "'internal' for exchange 'e' in vhost '/': received 'true'"),
        (
            {"arguments": table(alternate_exchange="x")},
            "'alternate-exchange' for exchange 'e' in vhost '/': received the value 'x'",
        ),
    ],
)
def test_declaring_differently(peer: Peer, fields: dict[str, object], text: str) -> None:
    declares(peer, "e")
    peer.sends(1, ExchangeDeclare(exchange="e", **fields))  # type: ignore[arg-type]
    closed = peer.takes(1, ChannelClose)
    assert closed.reply_code == 406
    assert closed.reply_text.startswith(f"PRECONDITION_FAILED - inequivalent arg {text}")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"exchange": ""}, 403),
        ({"exchange": "", "passive": True}, 403),
        ({"exchange": "amq.mine"}, 403),
        ({"exchange": "nope", "passive": True}, 404),
        ({"exchange": "e", "arguments": table(alternate_exchange=5)}, 406),
    ],
)
def test_declarations_that_are_refused(peer: Peer, fields: dict[str, object], code: int) -> None:
    peer.sends(1, ExchangeDeclare(**fields))  # type: ignore[arg-type]
    assert peer.takes(1, ChannelClose).reply_code == code


def test_a_type_nobody_knows_ends_the_connection(peer: Peer) -> None:
    peer.sends(1, ExchangeDeclare(exchange="e", type="x-nope"))
    assert peer.takes(0, ConnectionClose).reply_code == 503


def test_deleting(peer: Peer) -> None:
    declares(peer, "e")
    peer.declares(1, "q")
    peer.binds(1, "q", "e", "k")
    peer.sends(1, ExchangeDelete(exchange="e", if_unused=True))
    text = "PRECONDITION_FAILED - exchange 'e' in vhost '/' in use"
    peer.is_closed_with(1, 406, text, ExchangeDelete.ids)
    peer.reopens(1)
    peer.sends(1, ExchangeDelete(exchange="e"))
    peer.receives(1, ExchangeDeleteOk())
    peer.sends(1, ExchangeDelete(exchange="e"))
    peer.receives(1, ExchangeDeleteOk())  # one that is not there
    peer.sends(1, ExchangeDelete(exchange="e", nowait=True))
    peer.receives_nothing()


@pytest.mark.parametrize("name", ["", "amq.direct", "amq.nothing"])
def test_exchanges_that_cannot_be_deleted(peer: Peer, name: str) -> None:
    peer.sends(1, ExchangeDelete(exchange=name))
    assert peer.takes(1, ChannelClose).reply_code == 403


def test_binding_exchanges(peer: Peer) -> None:
    declares(peer, "e", "fanout")
    peer.declares(1, "q")
    peer.binds(1, "q", "e")
    bind = ExchangeBind(destination="e", source="amq.topic", routing_key="a.#")
    peer.sends(1, bind, bind)
    peer.receives(1, ExchangeBindOk(), ExchangeBindOk())
    peer.publishes(1, "a.b", "x", exchange="amq.topic")
    assert peer.world.queue("q").ready_count == 1
    unbind = ExchangeUnbind(destination="e", source="amq.topic", routing_key="a.#")
    peer.sends(1, unbind, unbind)
    peer.receives(1, ExchangeUnbindOk(), ExchangeUnbindOk())
    peer.publishes(1, "a.b", "y", exchange="amq.topic")
    assert peer.world.queue("q").ready_count == 1


@pytest.mark.parametrize(
    ("destination", "source", "code"),
    [
        ("nope", "amq.topic", 404),
        ("amq.topic", "nope", 404),
        ("", "amq.topic", 403),
        ("amq.topic", "", 403),
    ],
)
def test_exchange_bindings_that_are_refused(
    peer: Peer, destination: str, source: str, code: int
) -> None:
    peer.sends(1, ExchangeBind(destination=destination, source=source))
    assert peer.takes(1, ChannelClose).reply_code == code


def test_an_internal_exchange_is_reached_through_another(peer: Peer) -> None:
    declares(peer, "inner", "fanout", internal=True)
    peer.declares(1, "q")
    peer.binds(1, "q", "inner")
    peer.sends(1, ExchangeBind(destination="inner", source="amq.fanout"))
    peer.receives(1, ExchangeBindOk())
    peer.publishes(1, "", "x", exchange="amq.fanout")
    assert peer.world.queue("q").ready_count == 1


@pytest.mark.parametrize(
    ("command", "needed"),
    [
        (ExchangeDeclare(exchange="new"), "configure"),
        (ExchangeDelete(exchange="new"), "configure"),
        (ExchangeBind(destination="amq.fanout", source="amq.topic"), "write read"),
        (ExchangeUnbind(destination="amq.fanout", source="amq.topic"), "write read"),
        (
            ExchangeDeclare(exchange="new", arguments=table(alternate_exchange="amq.fanout")),
            "configure write read",
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
@pytest.mark.parametrize("missing", ["configure", "write", "read"])
def test_permissions(peer: Peer, command: Method, needed: str, missing: str) -> None:
    patterns = dict.fromkeys(("configure", "write", "read"), ".*") | {missing: "^$"}
    peer.world.node.execute(SetPermissions("guest", "/", **patterns))
    peer.sends(1, command)
    (received,) = peer.takes_all(1)
    assert isinstance(received, ChannelClose) is (missing in needed.split())


def test_how_texts_show_values() -> None:
    assert quoted(True) == "'true'"
    assert quoted("fanout") == "'fanout'"
    assert stripped("a\r\nb\n") == "ab"


# answers that wait


def test_durable_exchanges_are_answered_when_they_are_committed(tmp_path: Path) -> None:
    kept = DurableWorld(tmp_path)
    peer, other = kept.peer(), kept.peer()
    peer.opens_channel(1)
    other.opens_channel(1)
    for command, reply in (
        (ExchangeDeclare(exchange="e", durable=True), ExchangeDeclareOk()),
        (ExchangeBind(destination="e", source="amq.topic"), ExchangeBindOk()),
        (ExchangeUnbind(destination="e", source="amq.topic"), ExchangeUnbindOk()),
        (ExchangeDelete(exchange="e"), ExchangeDeleteOk()),
    ):
        peer.sends(1, command)
        other.sends(1, command)  # has nothing to change, but what it finds is not yet kept
        peer.receives_nothing()
        other.receives_nothing()
        kept.commit()
        peer.receives(1, reply)
        other.receives(1, reply)
    kept.node.execute(SetPermissions("guest", "/", ".*", ".*", ".*"))
    declares(peer, "passing", "fanout")  # which waits for nothing
    declares(peer, "passing", "fanout")


@pytest.mark.parametrize(
    ("second", "is_refused"),
    [
        (ExchangeDeclare(exchange="e", type="fanout"), False),
        (ExchangeDeclare(exchange="e", type="fanout", nowait=True), False),
        (ExchangeDeclare(exchange="e", type="direct"), True),
        (ExchangeDeclare(exchange="e", type="fanout", durable=True), True),
    ],
)
def test_the_second_of_two_declarations_is_held_against_the_first(
    second: ExchangeDeclare, is_refused: bool
) -> None:
    replicator = DelayedReplicator()
    peer = World(replicator=replicator).peer()
    peer.opens_channel(1, 2)
    replicator.is_immediate = False
    peer.sends(1, ExchangeDeclare(exchange="e", type="fanout"))
    peer.sends(2, second)
    replicator.decide()
    peer.world.settle()
    peer.receives(1, ExchangeDeclareOk())
    if is_refused:
        closed = peer.takes(2, ChannelClose)
        assert (closed.reply_code, closed.class_id, closed.method_id) == (406, 40, 10)
    else:
        peer.receives(2, *([] if second.nowait else [ExchangeDeclareOk()]))
    assert peer.world.vhost.exchanges["e"].type_name == "fanout"


def test_an_exchange_that_comes_into_use_while_its_deletion_is_decided_stays() -> None:
    replicator = DelayedReplicator()
    peer = World(replicator=replicator).peer()
    peer.opens_channel(1, 2)
    declares(peer, "e")
    peer.declares(1, "q")
    replicator.is_immediate = False
    peer.sends(1, QueueBind(queue="q", exchange="e"))
    peer.sends(2, ExchangeDelete(exchange="e", if_unused=True))
    replicator.decide()
    peer.world.settle()
    peer.receives(1, QueueBindOk())
    text = "PRECONDITION_FAILED - exchange 'e' in vhost '/' in use"
    peer.is_closed_with(2, 406, text, ExchangeDelete.ids)
    assert "e" in peer.world.vhost.exchanges
