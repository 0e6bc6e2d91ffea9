"""Facts of queues, exchanges, bindings and vhosts that the recorded conversations do not show."""

from __future__ import annotations

import pytest

from broker.amqp.wire import Field
from broker.commands import AddVhost, Bind, DeclareExchange, DeclareQueue, SetPolicy, Unbind
from broker.hooks.topology_events import PREDECLARED
from broker.vhost import BUILT_IN
from tests.support.builders import table
from tests.support.hearing import HearingWorld


@pytest.fixture
def world() -> HearingWorld:
    return HearingWorld()


def test_what_every_vhost_has_is_known() -> None:
    assert set(PREDECLARED) == BUILT_IN
    assert len(PREDECLARED) == len(BUILT_IN)


def test_an_exclusive_queue_has_the_pid_of_its_connection(world: HearingWorld) -> None:
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q", exclusive=True)
    told = dict(world.heard())
    assert told["queue.created"]["owner_pid"] == told["connection.created"]["pid"]
    assert told["queue.created"]["exclusive"] is True


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("classic", ["exclusive", "owner_pid", "arguments"]),
        ("quorum", ["arguments", "type", "exclusive"]),
        ("stream", ["type", "arguments"]),
    ],
)
def test_facts_differ_by_type(world: HearingWorld, kind: str, names: list[str]) -> None:
    arguments = table(**{"x-queue-type": kind})
    world.node.execute(DeclareQueue("/", "q", durable=True, arguments=arguments))
    ((key, facts),) = world.heard()
    assert key == "queue.created"
    acting = "user_who_performed_action"
    assert list(facts) == [acting, *names, "auto_delete", "durable", "name", "vhost"]
    if kind != "classic":
        assert facts["type"] == f"rabbit_{kind}_queue"


def test_an_exchange_has_the_name_of_its_policy(world: HearingWorld) -> None:
    world.node.execute(SetPolicy("/", "p", "^x", '{"alternate-exchange": "a"}'))
    world.heard()
    world.node.execute(DeclareExchange("/", "x", "direct"))
    ((_, facts),) = world.heard()
    assert facts["policy"] == "p"


def test_a_vhost_has_its_default_queue_type(world: HearingWorld) -> None:
    world.node.execute(AddVhost("v", "what for", ("a-b", "c"), "quorum"))
    *exchanges, (key, facts) = world.heard()
    assert [one for one, _ in exchanges] == ["exchange.created"] * 7
    assert key == "vhost.created"
    assert facts["default_queue_type"] == "quorum"
    assert facts["metadata"] == (
        '#{default_queue_type => <<"quorum">>,description => <<"what for">>,tags => [\'a-b\',c]}'
    )


def test_arguments_of_a_binding_that_goes(world: HearingWorld) -> None:
    world.node.execute(DeclareQueue("/", "q"))
    arguments = {"z": Field("S", "last"), "a": Field("I", 1)}
    world.node.execute(Bind("/", "amq.headers", "queue", "q", "k", arguments))
    world.node.execute(Unbind("/", "amq.headers", "queue", "q", "k", arguments))
    printed = ['{<<"a">>,signedint,1}', '{<<"z">>,longstr,<<"last">>}']
    told = [(key, facts["arguments"]) for key, facts in world.heard()[1:]]
    assert told == [("binding.created", printed), ("binding.deleted", printed)]
