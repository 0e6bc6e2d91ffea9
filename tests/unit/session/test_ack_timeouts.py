"""Deliveries that are not acked in time close their channel, late at most, and go to others."""

from __future__ import annotations

import pytest

from broker.amqp.methods import BasicAck, ChannelClose, ChannelCloseOk
from broker.commands import ClearPolicy, SetPolicy
from broker.session.ack_timeouts import NOTES_MAX
from tests.support.builders import table
from tests.support.peer import Peer, World


def timed_out(number: int, timeout_ms: int) -> ChannelClose:
    return ChannelClose(
        406,
        f"PRECONDITION_FAILED - delivery acknowledgement on channel {number} timed out. "
        f"Timeout value used: {timeout_ms} ms. This timeout value can be configured, see consumers "
        "doc guide to learn more",
        0,
        0,
    )


@pytest.fixture
def world() -> World:
    return World({"consumer_timeout": 5000})


@pytest.fixture
def peer(world: World) -> Peer:
    peer = world.peer(heartbeat=0)
    peer.opens_channel(1)
    peer.declares(1, "q")
    return peer


def test_the_channel_is_closed_and_the_message_is_there_again(world: World, peer: Peer) -> None:
    peer.publishes(1, "q", "a")
    peer.gets(1, "q", no_ack=False)
    world.passes(5500)
    peer.receives_nothing()
    world.passes(500)
    peer.receives(1, timed_out(1, 5000))
    peer.sends(1, ChannelCloseOk())
    assert (world.queue("q").ready_count, world.queue("q").unacked_count) == (1, 0)


def test_who_acks_in_time_is_left_alone(world: World, peer: Peer) -> None:
    for tag in range(1, 20):
        peer.publishes(1, "q", "a")
        peer.gets(1, "q", no_ack=False)
        world.passes(3000)
        peer.sends(1, BasicAck(tag))
        world.passes(1000)
    peer.receives_nothing()


def test_each_delivery_has_its_own_time(world: World, peer: Peer) -> None:
    for _ in range(3):
        peer.publishes(1, "q", "a")
        peer.gets(1, "q", no_ack=False)
        world.passes(1500)
    peer.sends(1, BasicAck(1))
    world.passes(2000)
    peer.receives_nothing()  # the second is five seconds old, the third three and a half
    world.passes(1000)
    peer.receives(1, timed_out(1, 5000))


def test_a_queue_may_say_otherwise(world: World, peer: Peer) -> None:
    peer.declares(1, "patient", arguments=table(x_consumer_timeout=60_000))
    peer.publishes(1, "patient", "a")
    peer.gets(1, "patient", no_ack=False)
    world.passes(30_000)
    peer.receives_nothing()
    peer.publishes(1, "q", "b")
    peer.gets(1, "q", no_ack=False)
    world.passes(6500)
    peer.receives(1, timed_out(1, 5000))


def test_a_policy_may_say_so_where_the_node_has_none() -> None:
    world = World()
    peer = world.peer(heartbeat=0)
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.publishes(1, "q", "a", "b")
    peer.gets(1, "q", no_ack=False)
    world.passes(20_000)
    peer.receives_nothing()
    world.node.execute(SetPolicy("/", "p", "^q", '{"consumer-timeout":2000}'))
    world.passes(500)
    world.node.execute(ClearPolicy("/", "p"))
    world.passes(20_000)
    peer.receives_nothing()
    world.node.execute(SetPolicy("/", "p", "^q", '{"consumer-timeout":2000}'))
    world.passes(500)
    peer.receives(1, timed_out(1, 2000))


def test_notes_do_not_pile_up(world: World, peer: Peer) -> None:
    peer.declares(1, "patient", arguments=table(x_consumer_timeout=10_000_000))
    for _ in range(3 * NOTES_MAX):
        peer.publishes(1, "patient", "a")
        peer.gets(1, "patient", no_ack=False)
        world.passes(500)
    timeouts = peer.connection.channels[1].ack_timeouts
    assert timeouts is not None
    assert len(timeouts._notes) <= NOTES_MAX
    world.passes(10_000_000, step_ms=100_000)
    peer.receives(1, timed_out(1, 10_000_000))
