"""The methods of class queue; their texts are held against RabbitMQ's in tests/conformance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from broker.amqp.methods import (
    BasicCancel,
    BasicGet,
    BasicQos,
    BasicQosOk,
    ChannelClose,
    ConnectionClose,
    ExchangeDeclare,
    ExchangeDeclareOk,
    Method,
    QueueBind,
    QueueBindOk,
    QueueDeclare,
    QueueDeclareOk,
    QueueDelete,
    QueueDeleteOk,
    QueuePurge,
    QueuePurgeOk,
    QueueUnbind,
    QueueUnbindOk,
)
from broker.amqp.wire import Table, table_of
from broker.commands import AddVhost, SetParameter, SetPermissions
from broker.session.channel import REPLY_TO
from tests.support.builders import table
from tests.support.durable import DurableWorld
from tests.support.peer import Peer, World
from tests.support.seams import DelayedReplicator

# declare


def test_declaring(peer: Peer) -> None:
    peer.sends(1, QueueDeclare(queue="q", durable=True, arguments=table(x_max_length=5)))
    peer.receives(1, QueueDeclareOk("q", 0, 0))
    queue = peer.world.queue("q")
    assert (queue.durable, queue.auto_delete, queue.owner) == (True, False, 0)
    assert queue.arguments == table(x_max_length=5)


def test_declaring_again_tells_messages_and_consumers(peer: Peer, other: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "a", "b")
    other.sends(1, QueueDeclare(queue="q"))
    other.receives(1, QueueDeclareOk("q", 2, 0))
    peer.consumes(1, "q")
    other.sends(1, QueueDeclare(queue="q", passive=True))
    other.receives(1, QueueDeclareOk("q", 0, 1))


def test_names_are_made_up_where_none_is_given(peer: Peer) -> None:
    names = {peer.declares(1, "") for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("amq.gen-") for name in names)


def test_line_ends_are_taken_out_of_names(peer: Peer) -> None:
    assert peer.declares(1, "a\r\nb") == "ab"


def test_nowait(peer: Peer) -> None:
    peer.sends(1, QueueDeclare(queue="q", nowait=True), QueueDeclare(queue="q", nowait=True))
    peer.receives_nothing()
    assert "q" in peer.world.vhost.queues


def test_an_exclusive_queue_is_not_durable_and_goes_with_its_connection(
    peer: Peer, other: Peer
) -> None:
    peer.declares(1, "q", exclusive=True, durable=True)
    assert not peer.world.queue("q").durable
    for command in (
        QueueDeclare(queue="q", passive=True),
        QueueDeclare(queue="q"),
        QueueDeclare(queue="q", exclusive=True),
        QueueBind(queue="q", exchange="amq.fanout"),
        QueuePurge(queue="q"),
        QueueDelete(queue="q"),
        BasicGet(queue="q"),
    ):
        other.sends(1, command)
        closed = other.takes(1, ChannelClose)
        assert (closed.reply_code, (closed.class_id, closed.method_id)) == (405, command.ids)
        assert "exclusive access to locked queue 'q' in vhost '/'" in closed.reply_text
        other.reopens(1)
    peer.drops()
    assert "q" not in peer.world.vhost.queues


def test_a_name_that_somebody_else_uses_by_now_is_left_alone(peer: Peer, other: Peer) -> None:
    """The exclusive queue is gone already when its connection goes."""
    peer.declares(1, "q", exclusive=True, auto_delete=True)
    peer.consumes(1, "q")
    peer.sends(1, BasicCancel("tag"))
    other.declares(1, "q", durable=True)
    peer.drops()
    assert "q" in peer.world.vhost.queues


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        ({}, {"durable": True}, "'durable' for queue 'q' in vhost '/': received 'true' but "),
        ({"durable": True}, {}, "'durable' for queue 'q' in vhost '/': received 'false' but "),
        ({}, {"auto_delete": True}, "'auto_delete' for queue 'q' in vhost '/': received 'true'"),
        (
            {},
            {"arguments": table(x_message_ttl=5)},
            "'x-message-ttl' for queue 'q' in vhost '/': received the value '5' of type "
            "'signedint' but current is none",
        ),
    ],
)
def test_declaring_differently(
    peer: Peer, first: dict[str, object], second: dict[str, object], text: str
) -> None:
    peer.declares(1, "q", **first)
    peer.sends(1, QueueDeclare(queue="q", **second))  # type: ignore[arg-type]
    closed = peer.takes(1, ChannelClose)
    assert closed.reply_code == 406
    assert closed.reply_text.startswith(f"PRECONDITION_FAILED - inequivalent arg {text}")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"queue": "amq.mine"}, 403),
        ({"queue": "nope", "passive": True}, 404),
        ({"queue": "q", "arguments": table(x_max_length=-1)}, 406),
        ({"queue": "q", "arguments": table(x_dead_letter_exchange=5)}, 406),
        ({"queue": "q", "arguments": table(x_queue_type="stream"), "durable": True}, 406),
        ({"queue": "q", "arguments": table(x_queue_type="quorum")}, 406),  # not durable
        ({"queue": "", "arguments": table(x_queue_type="quorum"), "durable": True}, 406),
        ({"queue": f"{REPLY_TO}.nobody"}, 404),
    ],
)
def test_declarations_that_are_refused(peer: Peer, fields: dict[str, object], code: int) -> None:
    peer.sends(1, QueueDeclare(**fields))  # type: ignore[arg-type]
    assert peer.takes(1, ChannelClose).reply_code == code
    assert peer.world.vhost.queues == {}


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        ({"durable": False}, "non-durable"),
        ({"exclusive": True}, "exclusive-owner"),
        ({"exclusive": True, "auto_delete": True}, "auto-delete"),
    ],
)
def test_what_a_quorum_queue_cannot_be(peer: Peer, flags: dict[str, bool], text: str) -> None:
    """In RabbitMQ's order, where there are several."""
    arguments = table(x_queue_type="quorum")
    peer.sends(1, QueueDeclare(queue="q", arguments=arguments, **flags))
    refused = f"PRECONDITION_FAILED - invalid property '{text}' for queue 'q' in vhost '/'"
    peer.is_closed_with(1, 406, refused, QueueDeclare.ids)


def test_an_internal_error_of_a_declaration_ends_the_connection(peer: Peer) -> None:
    arguments: Table = table(x_queue_master_locator="moon")
    peer.sends(1, QueueDeclare(queue="q", arguments=arguments))
    assert peer.takes(0, ConnectionClose).reply_code == 541


# bind


def test_binding_and_unbinding(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.sends(1, QueueBind(queue="q", exchange="amq.direct", routing_key="k"))
    peer.receives(1, QueueBindOk())
    peer.publishes(1, "k", "x", exchange="amq.direct")
    peer.sends(1, QueueUnbind(queue="q", exchange="amq.direct", routing_key="k"))
    peer.receives(1, QueueUnbindOk())
    peer.publishes(1, "k", "y", exchange="amq.direct")
    assert peer.world.queue("q").ready_count == 1
    peer.sends(1, QueueUnbind(queue="q", exchange="amq.direct", routing_key="k"))
    peer.receives(1, QueueUnbindOk())  # again
    peer.sends(1, QueueBind(queue="q", exchange="amq.direct", routing_key="k", nowait=True))
    peer.receives_nothing()


def test_an_empty_queue_name_with_an_empty_key_is_the_last_declared_and_its_name(
    peer: Peer,
) -> None:
    peer.declares(1, "q")
    peer.sends(1, QueueBind(exchange="amq.direct"))
    peer.receives(1, QueueBindOk())
    peer.publishes(1, "q", "x", exchange="amq.direct")
    assert peer.world.queue("q").ready_count == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"queue": "nope", "exchange": "amq.direct"}, 404),
        ({"queue": "q", "exchange": "nope"}, 404),
        ({"queue": "q", "exchange": ""}, 403),
        ({"queue": "q", "exchange": "amq.headers", "arguments": table(x_match="maybe")}, 406),
    ],
)
def test_bindings_that_are_refused(peer: Peer, fields: dict[str, object], code: int) -> None:
    peer.declares(1, "q")
    peer.sends(1, QueueBind(**fields))  # type: ignore[arg-type]
    assert peer.takes(1, ChannelClose).reply_code == code


def test_binding_without_a_queue(peer: Peer) -> None:
    peer.sends(1, QueueBind(exchange="amq.direct"))
    assert peer.takes(1, ChannelClose).reply_text == "NOT_FOUND - no previously declared queue"


# purge and delete


def test_purging(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "a", "b", "c")
    peer.gets(1, "q", no_ack=False)
    peer.sends(1, QueuePurge(queue="q"))
    peer.receives(1, QueuePurgeOk(2))
    assert peer.world.queue("q").unacked_count == 1
    peer.sends(1, QueuePurge(queue="q", nowait=True))
    peer.receives_nothing()


def test_what_consumers_can_take_is_theirs_before_a_purge(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q")
    peer.publishes(1, "q", "a", settle=False)
    peer.sends(1, QueuePurge(queue="q"))
    peer.receives_bodies(1, "a")
    peer.receives(1, QueuePurgeOk(0))


def test_deleting(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "a", "b")
    peer.sends(1, QueueDelete(queue="q"))
    peer.receives(1, QueueDeleteOk(2))
    peer.sends(1, QueueDelete(queue="q"))
    peer.receives(1, QueueDeleteOk(0))  # one that is not there
    peer.declares(1, "q")
    peer.sends(1, QueueDelete(queue="q", nowait=True))
    peer.receives_nothing()
    assert peer.world.vhost.queues == {}


@pytest.mark.parametrize(
    ("condition", "text"), [("if_empty", "not empty"), ("if_unused", "in use")]
)
def test_deleting_under_a_condition(peer: Peer, other: Peer, condition: str, text: str) -> None:
    peer.declares(1, "q")
    if condition == "if_empty":
        peer.publishes(1, "q", "a")
    else:
        peer.consumes(1, "q")
    other.sends(1, QueueDelete(queue="q", **{condition: True}))
    text = f"PRECONDITION_FAILED - queue 'q' in vhost '/' {text}"
    other.is_closed_with(1, 406, text, QueueDelete.ids)
    other.reopens(1)
    peer.sends(1, BasicCancel("tag"), QueuePurge(queue="q"))
    other.sends(1, QueueDelete(queue="q", **{condition: True}))
    other.receives(1, QueueDeleteOk(0))


# permissions


@pytest.mark.parametrize(
    ("command", "needed"),
    [
        (QueueDeclare(queue="new"), "configure"),
        (QueueDelete(queue="q"), "configure"),
        (QueuePurge(queue="q"), "read"),
        (BasicGet(queue="q"), "read"),
        (QueueBind(queue="q", exchange="amq.fanout"), "write read"),
        (QueueUnbind(queue="q", exchange="amq.fanout"), "write read"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
@pytest.mark.parametrize("missing", ["configure", "write", "read"])
def test_permissions(peer: Peer, command: Method, needed: str, missing: str) -> None:
    peer.declares(1, "q")
    patterns = dict.fromkeys(("configure", "write", "read"), ".*") | {missing: "^$"}
    peer.world.node.execute(SetPermissions("guest", "/", **patterns))
    peer.sends(1, command)
    (received,) = peer.takes_all(1)
    is_refused = isinstance(received, ChannelClose)
    assert is_refused is (missing in needed.split())
    if isinstance(received, ChannelClose):
        assert received.reply_code == 403
        assert received.reply_text.endswith("refused for user 'guest'")


# answers that wait for the disk


@pytest.fixture
def kept(tmp_path: Path) -> DurableWorld:
    """A node whose definitions are committed when the test says so."""
    return DurableWorld(tmp_path)


def two_peers(world: World) -> tuple[Peer, Peer]:
    """Each with channel 1."""
    peers = (world.peer(), world.peer())
    for peer in peers:
        peer.opens_channel(1)
    return peers


def test_a_durable_declaration_is_answered_when_it_is_committed(kept: DurableWorld) -> None:
    peer, _ = two_peers(kept)
    peer.sends(1, QueueDeclare(queue="q", durable=True), BasicQos())
    peer.receives_nothing()
    kept.commit()
    peer.receives(1, QueueDeclareOk("q", 0, 0), BasicQosOk())
    assert list(kept.crashes().vhost.queues) == ["q"]


def test_bindings_and_deletions_wait_as_well(kept: DurableWorld) -> None:
    peer, _ = two_peers(kept)
    peer.sends(1, QueueDeclare(queue="q", durable=True))
    kept.commit()
    peer.receives(1, QueueDeclareOk("q", 0, 0))
    for command, reply in (
        (QueueBind(queue="q", exchange="amq.fanout"), QueueBindOk()),
        (QueueUnbind(queue="q", exchange="amq.fanout"), QueueUnbindOk()),
        (QueueDelete(queue="q"), QueueDeleteOk(0)),
    ):
        peer.sends(1, command)
        peer.receives_nothing()
        kept.commit()
        peer.receives(1, reply)


def test_what_is_not_durable_is_answered_at_once(kept: DurableWorld) -> None:
    peer, other = two_peers(kept)
    other.sends(1, QueueDeclare(queue="durable", durable=True))
    requests = kept.requests
    peer.sends(1, QueueDeclare(queue="exclusive", exclusive=True, durable=True))
    peer.receives(1, QueueDeclareOk("exclusive", 0, 0))
    assert peer.declares(1, "").startswith("amq.gen-")
    peer.declares(1, "passing")
    peer.declares(1, "passing")
    peer.binds(1, "passing", "amq.fanout")
    peer.sends(1, QueueDelete(queue="passing"))
    peer.receives(1, QueueDeleteOk(0))
    other.receives_nothing()
    assert kept.requests == requests


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        (QueueDeclare(queue="q", durable=True), QueueDeclareOk("q", 0, 0)),
        (QueueBind(queue="q", exchange="amq.fanout"), QueueBindOk()),
        (QueueUnbind(queue="q", exchange="amq.direct"), QueueUnbindOk()),
        (QueueDelete(queue="gone"), QueueDeleteOk(0)),
        (ExchangeDeclare(exchange="e", durable=True), ExchangeDeclareOk()),
    ],
)
def test_what_somebody_else_has_just_done_is_answered_no_earlier_than_to_him(
    kept: DurableWorld, command: Method, reply: Method
) -> None:
    peer, other = two_peers(kept)
    peer.sends(1, QueueDeclare(queue="gone", durable=True))
    kept.commit()
    peer.takes_all(1)
    for done in (
        QueueDeclare(queue="q", durable=True, nowait=True),
        QueueBind(queue="q", exchange="amq.fanout", nowait=True),
        QueueDelete(queue="gone", nowait=True),
        ExchangeDeclare(exchange="e", durable=True, nowait=True),
    ):  # on channels of their own: each waits for its answer
        number = max(peer.connection.channels) + 1
        peer.opens_channel(number)
        peer.sends(number, done)
    other.sends(1, command)
    other.receives_nothing()
    kept.begin()
    other.receives_nothing()
    kept.finish()
    other.receives(1, reply)
    peer.receives_nothing()
    other.sends(1, command)  # with nothing pending there is nothing to wait for
    other.receives(1, reply)


def test_a_passive_declaration_does_not_wait(kept: DurableWorld) -> None:
    peer, other = two_peers(kept)
    peer.sends(1, QueueDeclare(queue="q", durable=True))
    other.sends(1, QueueDeclare(queue="q", passive=True))
    other.receives(1, QueueDeclareOk("q", 0, 0))


def test_a_refusal_does_not_wait(kept: DurableWorld) -> None:
    peer, other = two_peers(kept)
    peer.sends(1, QueueDeclare(queue="q", durable=True))
    other.sends(1, QueueDeclare(queue="q"))
    assert other.takes(1, ChannelClose).reply_code == 406


def test_a_failed_commit_delays_the_answer(kept: DurableWorld) -> None:
    peer, other = two_peers(kept)
    peer.sends(1, QueueDeclare(queue="q", durable=True))
    kept.fails_to_commit()
    other.sends(1, QueueDeclare(queue="q", durable=True))
    peer.receives_nothing()
    other.receives_nothing()
    kept.commit()
    peer.receives(1, QueueDeclareOk("q", 0, 0))
    other.receives(1, QueueDeclareOk("q", 0, 0))


def test_a_queue_that_is_deleted_before_its_declaration_is_answered(kept: DurableWorld) -> None:
    peer, other = two_peers(kept)
    peer.sends(1, QueueDeclare(queue="q", durable=True, arguments=table(x_expires=1000)))
    other.sends(1, QueueDelete(queue="q"))
    kept.commit()
    peer.receives(1, QueueDeclareOk("q", 0, 0))
    other.receives(1, QueueDeleteOk(0))
    assert kept.clock.sleepers == {}
    assert "q" not in kept.crashes().vhost.queues


@pytest.mark.parametrize("how", ["channel", "connection", "socket"])
def test_whoever_left_is_not_answered_and_his_queue_is_there(kept: DurableWorld, how: str) -> None:
    peer, _ = two_peers(kept)
    peer.sends(1, QueueDeclare(queue="q", durable=True))
    if how == "channel":
        peer.sends(1, ChannelClose())
    elif how == "connection":
        peer.sends(0, ConnectionClose())
    else:
        peer.drops()
    kept.commit()
    received = [type(command) for command in peer.takes_all(1)]
    assert received[:1] == ([] if how == "socket" else [QueueDeclareOk])
    assert "q" in kept.crashes().vhost.queues


def test_an_auto_delete_queue_that_nobody_waits_for_goes_with_the_next_commit(
    kept: DurableWorld,
) -> None:
    peer, _ = two_peers(kept)
    peer.sends(1, QueueDeclare(queue="q", durable=True, auto_delete=True))
    kept.commit()
    peer.takes_all(1)
    peer.consumes(1, "q")
    peer.drops()
    assert kept.replicator.is_dirty
    kept.commit()
    assert "q" not in kept.crashes().vhost.queues


def test_an_exclusive_queue_declared_again_while_its_deletion_waits_still_goes_with_its_connection(
    kept: DurableWorld,
) -> None:
    """The deletion has to wait because a durable auto-delete exchange goes with it."""
    peer, _ = two_peers(kept)
    peer.opens_channel(2)
    peer.declares(1, "q", exclusive=True)
    peer.sends(1, ExchangeDeclare(exchange="e", durable=True, auto_delete=True))
    kept.commit()
    peer.takes_all(1)
    peer.binds(1, "q", "e")
    peer.sends(1, QueueDelete(queue="q"))
    peer.declares(2, "q", exclusive=True)
    peer.receives_nothing(1)
    kept.commit()
    peer.receives(1, QueueDeleteOk(0))
    peer.drops()
    assert "q" not in kept.vhost.queues


# two at the same moment


@pytest.fixture
def slow() -> tuple[Peer, Peer, DelayedReplicator]:
    """Two peers of a node that agrees on changes in later turns."""
    replicator = DelayedReplicator()
    peers = two_peers(World(replicator=replicator))
    replicator.is_immediate = False
    return *peers, replicator


def decide(peer: Peer, replicator: DelayedReplicator) -> None:
    replicator.decide()
    peer.world.settle()


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (QueueDeclare(queue="q", durable=True), None),
        (QueueDeclare(queue="q", durable=True, nowait=True), None),
        (QueueDeclare(queue="q"), 406),
        (QueueDeclare(queue="q", durable=True, arguments=table(x_max_length=5)), 406),
        (QueueDeclare(queue="q", exclusive=True), 405),
    ],
)
def test_the_second_of_two_declarations_is_held_against_the_first(
    slow: tuple[Peer, Peer, DelayedReplicator], second: QueueDeclare, code: int | None
) -> None:
    peer, other, replicator = slow
    peer.sends(1, QueueDeclare(queue="q", durable=True))
    other.sends(1, second)
    decide(peer, replicator)
    peer.receives(1, QueueDeclareOk("q", 0, 0))
    if code is None:
        other.receives(1, *([] if second.nowait else [QueueDeclareOk("q", 0, 0)]))
    else:
        closed = other.takes(1, ChannelClose)
        assert (closed.reply_code, closed.class_id, closed.method_id) == (code, 50, 10)
    other.drops()
    decide(peer, replicator)
    assert "q" in peer.world.vhost.queues


def test_the_second_may_have_left_before_it_would_be_refused(
    slow: tuple[Peer, Peer, DelayedReplicator],
) -> None:
    peer, other, replicator = slow
    peer.sends(1, QueueDeclare(queue="q", durable=True))
    other.sends(1, QueueDeclare(queue="q"))
    other.drops()
    decide(peer, replicator)
    peer.receives(1, QueueDeclareOk("q", 0, 0))
    assert peer.world.node.bug_count == 0


def test_a_deletion_does_not_hit_a_queue_declared_after_it_was_asked_for(
    slow: tuple[Peer, Peer, DelayedReplicator],
) -> None:
    peer, other, replicator = slow
    replicator.is_immediate = True
    peer.declares(1, "q")
    replicator.is_immediate = False
    peer.sends(1, QueueDelete(queue="q"))
    other.sends(1, QueueDelete(queue="q"))
    replicator.decide(1)
    peer.sends(1, QueueDeclare(queue="q"))
    first, second = replicator.pending
    replicator.pending = [second, first]  # as the other's request may be overtaken on its way
    peer.publishes(1, "q", "kept")
    decide(peer, replicator)
    peer.receives(1, QueueDeleteOk(0), QueueDeclareOk("q", 0, 0))
    other.receives(1, QueueDeleteOk(0))
    assert "q" in peer.world.vhost.queues


# limits and the vhost's default type


def test_a_vhost_takes_so_many_queues_and_no_more(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.world.node.execute(SetParameter("/", "vhost-limits", "limits", '{"max-queues":1}'))
    peer.declares(1, "q")  # is there
    for command in (
        QueueDeclare(queue="more"),
        QueueDeclare(queue="more", exclusive=True),
        QueueDeclare(queue="more", arguments=table(x_dead_letter_exchange=5)),
    ):
        peer.sends(1, command)
        text = (
            "PRECONDITION_FAILED - cannot declare queue 'more': queue limit in vhost '/' (1) is "
            "reached"
        )
        peer.is_closed_with(1, 406, text, QueueDeclare.ids)
        peer.reopens(1)
    peer.sends(1, QueueDelete(queue="q"))
    peer.receives(1, QueueDeleteOk(0))
    peer.declares(1, "more")


@pytest.mark.parametrize(
    ("default_type", "fields", "expected"),
    [
        ("quorum", {"durable": True}, {"x-queue-type": "quorum"}),
        ("quorum", {}, {}),
        ("quorum", {"durable": True, "exclusive": True}, {}),
        ("quorum", {"durable": True, "auto_delete": True}, {}),
        ("classic", {"exclusive": True}, {"x-queue-type": "classic"}),
        (
            "quorum",
            {"durable": True, "arguments": table(x_queue_type="classic")},
            {"x-queue-type": "classic"},
        ),
    ],
)
def test_the_vhosts_type_is_given_to_queues_that_ask_for_none(
    peer: Peer, default_type: str, fields: dict[str, Any], expected: dict[str, str]
) -> None:
    peer.world.node.execute(AddVhost("/", default_queue_type=default_type))
    peer.sends(1, QueueDeclare(queue="q", **fields))
    peer.receives(1, QueueDeclareOk("q", 0, 0))
    assert peer.world.queue("q").arguments == table_of(expected)
    peer.sends(1, QueueDeclare(queue="q", **fields))  # the same again
    peer.receives(1, QueueDeclareOk("q", 0, 0))


def test_a_default_type_does_not_change_what_is_there(peer: Peer) -> None:
    peer.declares(1, "q", durable=True)
    peer.world.node.execute(AddVhost("/", default_queue_type="quorum"))
    peer.sends(1, QueueDeclare(queue="q", durable=True))
    close = peer.takes(1, ChannelClose)
    assert close.reply_text == (
        "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': "
        "received the value 'quorum' of type 'longstr' but current is none"
    )
    peer.reopens(1)
    peer.sends(1, QueueDeclare(queue="", durable=True))
    close = peer.takes(1, ChannelClose)
    assert close.reply_text == (
        "PRECONDITION_FAILED - Cannot declare a server-named queue for type rabbit_quorum_queue"
    )
