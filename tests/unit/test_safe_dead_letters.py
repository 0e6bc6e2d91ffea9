"""Quorum queues that dead-letter at least once keep what no other queue has taken."""

from __future__ import annotations

import pytest

from broker.amqp.methods import BasicNack, QueueDelete, QueueDeleteOk
from broker.commands import ClearPolicy, SetPolicy
from tests.support.builders import table
from tests.support.kept import KeptWorld
from tests.support.peer import Peer, World


def dying(peer: Peer, **more: object) -> None:
    """A quorum queue q, at least once to the queue "dead", which is not there."""
    arguments = {
        "x_queue_type": "quorum",
        "x_overflow": "reject-publish",
        "x_dead_letter_exchange": "",
        "x_dead_letter_routing_key": "dead",
        "x_dead_letter_strategy": "at-least-once",
        **more,
    }
    peer.declares(1, "q", table(**arguments), durable=True)


def rejects(peer: Peer, *bodies: str) -> None:
    """They come into q and die."""
    peer.publishes(1, "q", *bodies, delivery_mode=2)
    for _ in bodies:
        peer.gets(1, "q", no_ack=False)
    peer.sends(1, BasicNack(0, multiple=True, requeue=False))


def takes(peer: Peer, name: str) -> list[str]:
    found = []
    while (content := peer.gets(1, name)) is not None:
        found.append(content.body.decode())
    return found


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def peer(world: World) -> Peer:
    peer = world.peer(heartbeat=0)
    peer.opens_channel(1)
    return peer


def test_it_waits_until_there_is_a_queue(world: World, peer: Peer) -> None:
    dying(peer)
    rejects(peer, "a", "b")
    world.passes(2000)
    peer.declares(1, "dead")
    assert world.queue("dead").ready_count == 0
    world.passes(500)
    assert takes(peer, "dead") == ["a", "b"]
    world.passes(2000)
    assert takes(peer, "dead") == []
    assert not world.node._stuck_queues


def test_each_queue_gets_it_once(world: World, peer: Peer) -> None:
    """Also while another one that is to have it refuses."""
    limited = table(x_max_length=1, x_overflow="reject-publish")
    peer.declares(1, "full", limited)
    peer.declares(1, "dead")
    for queue in ("full", "dead"):
        peer.binds(1, queue, "amq.fanout")
    peer.publishes(1, "full", "before")
    dying(peer, x_dead_letter_exchange="amq.fanout")
    rejects(peer, "a")
    world.passes(3000)
    assert takes(peer, "dead") == ["a"]
    assert takes(peer, "full") == ["before"]
    world.passes(500)
    assert takes(peer, "full") == ["a"]
    world.passes(1000)
    assert (takes(peer, "full"), takes(peer, "dead")) == ([], [])


def test_a_queue_that_refuses_and_goes_is_waited_for_no_more(world: World, peer: Peer) -> None:
    peer.declares(1, "dead", table(x_max_length=0, x_overflow="reject-publish"))
    dying(peer)
    rejects(peer, "a")
    world.passes(1000)
    peer.sends(1, QueueDelete(queue="dead"))
    peer.receives(1, QueueDeleteOk(0))
    world.passes(1000)
    peer.declares(1, "dead")
    world.passes(500)
    assert takes(peer, "dead") == ["a"]


def test_who_asks_for_less_has_it_sent_once(world: World, peer: Peer) -> None:
    """A policy said so, and does not any more."""
    arguments = table(
        x_queue_type="quorum", x_dead_letter_exchange="", x_dead_letter_routing_key="dead"
    )
    peer.declares(1, "q", arguments, durable=True)
    definition = '{"overflow":"reject-publish","dead-letter-strategy":"at-least-once"}'
    world.node.execute(SetPolicy("/", "p", "^q", definition))
    rejects(peer, "a")
    world.passes(1000)
    world.node.execute(ClearPolicy("/", "p"))
    world.settle()
    world.passes(500)
    peer.declares(1, "dead")
    world.passes(1000)
    assert takes(peer, "dead") == []
    assert world.queue("q").extras.stuck is None


def test_it_goes_with_its_queue(world: World, peer: Peer) -> None:
    dying(peer)
    rejects(peer, "a")
    peer.sends(1, QueueDelete(queue="q"))
    peer.receives(1, QueueDeleteOk(0))
    peer.declares(1, "dead")
    world.passes(1000)
    assert takes(peer, "dead") == []
    assert not world.node._stuck_queues


def test_a_restart_does_not_lose_it() -> None:
    """It is in its queue again, and dies there again."""
    world = KeptWorld()
    peer = world.peer()
    peer.opens_channel(1)
    dying(peer)
    rejects(peer, "a", "b")
    world.commits()
    world = world.crashes()
    peer = world.peer()
    peer.opens_channel(1)
    assert peer.gets(1, "q", no_ack=False) is not None
    peer.sends(1, BasicNack(1, requeue=False))
    peer.declares(1, "dead", durable=True)
    world.passes(500)
    assert world.queue("dead").ready_count == 1
    world.commits()
    world = world.crashes()
    assert (world.queue("q").ready_count, world.queue("dead").ready_count) == (1, 1)
