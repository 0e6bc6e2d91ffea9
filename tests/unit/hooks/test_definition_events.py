"""Which events commands make, in which order, and who is said to have done it.

What their headers hold is compared with RabbitMQ's in tests/conformance (events.json).
"""

from __future__ import annotations

import pytest

from broker.amqp.errors import PreconditionFailed
from broker.amqp.methods import QueueDelete
from broker.commands import (
    AddVhost,
    Bind,
    Command,
    DeclareExchange,
    DeclareQueue,
    DeleteExchange,
    DeleteQueue,
    DeleteVhost,
    SetTracing,
    Unbind,
)
from broker.hooks.definition_events import TELLERS
from tests.support.hearing import HearingWorld
from tests.support.peer import World


@pytest.fixture
def world() -> HearingWorld:
    return HearingWorld()


def test_every_command_is_told_but_the_switch_of_the_firehose() -> None:
    assert set(Command.__subclasses__()) - set(TELLERS) == {SetTracing}


def test_the_user_is_the_one_behind_the_command(world: HearingWorld) -> None:
    world.node.execute(DeclareQueue("/", "q", actor="somebody"))
    world.node.execute(DeleteQueue("/", "q"))
    told = [(key, facts["user_who_performed_action"]) for key, facts in world.heard()]
    assert told == [("queue.created", "somebody"), ("queue.deleted", "rmq-internal")]


def test_a_peer_is_behind_what_it_asks_for(world: HearingWorld) -> None:
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    ((key, facts),) = world.heard()[-1:]
    assert (key, facts["user_who_performed_action"]) == ("queue.created", "guest")


def test_nothing_is_told_of_what_changes_nothing(world: HearingWorld) -> None:
    for command in (DeclareQueue("/", "q"), DeclareExchange("/", "x", "direct")):
        world.node.execute(command)
        world.heard()
        world.node.execute(command)
        assert world.keys() == []
    for command in (
        Unbind("/", "x", "queue", "q", "k"),
        DeleteQueue("/", "nope"),
        DeleteExchange("/", "nope"),
        SetTracing("/", is_on=True),
        AddVhost("/", "Default virtual host"),
    ):
        world.node.execute(command)
    assert world.keys() == []


def test_nothing_is_told_of_what_was_refused(world: HearingWorld) -> None:
    world.node.execute(DeclareQueue("/", "q"))
    world.node.execute(DeclareExchange("/", "x", "direct"))
    world.node.execute(Bind("/", "x", "queue", "q", "k"))
    world.heard()
    with pytest.raises(PreconditionFailed):
        world.node.execute(DeleteExchange("/", "x", if_unused=True))
    world.node.execute(DeleteQueue("/", "q"))
    assert world.keys() == ["binding.deleted", "queue.deleted"]


def test_what_goes_along_with_a_queue(world: HearingWorld) -> None:
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    world.node.execute(DeclareExchange("/", "auto", "direct", auto_delete=True))
    world.node.execute(DeclareExchange("/", "x", "direct"))
    world.node.execute(Bind("/", "x", "queue", "q", "k"))
    world.node.execute(Bind("/", "auto", "queue", "q", "k"))
    peer.consumes(1, "q")
    world.heard()
    peer.sends(1, QueueDelete(queue="q"))
    peer.takes_all(1)
    told = [(key, facts["user_who_performed_action"]) for key, facts in world.heard()]
    assert told == [
        ("consumer.deleted", "guest"),
        ("binding.deleted", "rmq-internal"),
        ("exchange.deleted", "rmq-internal"),
        ("binding.deleted", "rmq-internal"),
        ("queue.deleted", "guest"),
    ]


def test_an_exchange_goes_before_its_bindings(world: HearingWorld) -> None:
    world.node.execute(DeclareQueue("/", "q"))
    world.node.execute(DeclareExchange("/", "x", "direct"))
    for key in "ab":
        world.node.execute(Bind("/", "x", "queue", "q", key))
    world.heard()
    world.node.execute(DeleteExchange("/", "x", actor="somebody"))
    told = [(key, facts["user_who_performed_action"]) for key, facts in world.heard()]
    assert told == [(key, "somebody") for key in ("exchange.deleted", *["binding.deleted"] * 2)]


def test_a_chain_of_auto_delete_exchanges(world: HearingWorld) -> None:
    world.node.execute(DeclareQueue("/", "q"))
    for name in "abc":
        world.node.execute(DeclareExchange("/", name, "fanout", auto_delete=True))
    world.node.execute(Bind("/", "a", "exchange", "b", ""))
    world.node.execute(Bind("/", "b", "exchange", "c", ""))
    world.node.execute(Bind("/", "c", "queue", "q", ""))
    world.heard()
    world.node.execute(Unbind("/", "c", "queue", "q", ""))
    told = [(key, facts.get("name") or facts["source_name"]) for key, facts in world.heard()]
    expected = [(key, name) for name in "cba" for key in ("exchange.deleted", "binding.deleted")]
    assert told == expected


def test_a_vhost_takes_everything_along(world: HearingWorld) -> None:
    node = world.node
    node.execute(AddVhost("v"))
    for queue in ("q1", "q2"):
        node.execute(DeclareQueue("v", queue))
        node.execute(Bind("v", "amq.fanout", "queue", queue, ""))
    world.heard()
    node.execute(DeleteVhost("v"))
    keys = world.keys()
    assert keys[:4] == ["binding.deleted", "queue.deleted"] * 2
    assert keys[4:] == ["exchange.deleted"] * 7 + ["vhost.deleted", "vhost.down"]


def test_the_vhost_of_the_events_may_go(world: HearingWorld) -> None:
    world.node.execute(DeleteVhost("/"))
    world.settle()
    world.node.execute(AddVhost("v"))
    assert not world.node.outlet.is_due
    assert world.node.bug_count == 0


def test_events_may_have_a_vhost_of_their_own() -> None:
    world = World({"event_exchange.enabled": True, "event_exchange.vhost": "told"})
    world.node.tell(0)
    exchange = world.node.vhosts["told"].exchanges["amq.rabbitmq.event"]
    assert (exchange.type_name, exchange.durable, exchange.internal) == ("topic", True, True)
    assert "amq.rabbitmq.event" not in world.vhost.exchanges


def test_without_the_setting_there_is_nothing() -> None:
    world = World()
    world.node.tell(0)
    assert world.node.events is None
    assert world.node.changes.watch is None
    assert "amq.rabbitmq.event" not in world.vhost.exchanges
    assert "amq.rabbitmq.log" not in world.vhost.exchanges


def test_nothing_is_told_any_more(world: HearingWorld) -> None:
    node = world.node
    node.tell_events()  # it does already
    node.execute(DeclareQueue("/", "one"))
    assert world.keys() == ["queue.created"]
    node.hearing.publish_no_more()
    node.execute(DeclareQueue("/", "two"))
    assert world.keys() == []
    assert node.events is None
    node.tell_events()
    node.execute(DeclareQueue("/", "three"))
    assert world.keys() == ["queue.created"]  # once: the first observer has gone
