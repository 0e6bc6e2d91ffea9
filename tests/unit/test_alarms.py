"""connection.blocked and unblocked: whom an alarm stops, and when.

RabbitMQ: rabbit_reader's throttle. Only peers that publish are stopped; that they do is noticed at
their first publish, and asked anew after the alarm.
"""

from __future__ import annotations

from broker.amqp.frames import HEARTBEAT_FRAME
from broker.amqp.methods import ConnectionBlocked, ConnectionUnblocked
from tests.support.peer import Peer, World


def publishing_peer(world: World) -> Peer:
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.publishes(1, "q", b"x")
    return peer


def test_a_peer_that_has_published_is_told_and_not_read_any_more() -> None:
    world = World()
    peer = publishing_peer(world)
    world.node.set_alarm("memory")
    world.settle()
    peer.receives(0, ConnectionBlocked("low on memory"))
    assert not peer.transport.is_reading


def test_a_peer_is_told_only_once_while_further_resources_run_low() -> None:
    world = World()
    peer = publishing_peer(world)
    world.node.set_alarm("memory")
    world.node.set_alarm("disk")
    world.settle()
    peer.receives(0, ConnectionBlocked("low on memory"))
    peer.receives_nothing(0)


def test_a_peer_that_publishes_during_an_alarm_is_blocked_at_its_first_publish() -> None:
    world = World()
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    world.node.set_alarm("memory")
    world.node.set_alarm("disk")
    world.settle()
    assert peer.transport.is_reading
    peer.publishes(1, "q", b"the last one before the block")
    peer.receives(0, ConnectionBlocked("low on memory & disk"))
    assert not peer.transport.is_reading
    assert world.queue("q").ready_count == 1


def test_a_consumer_goes_on() -> None:
    world = World()
    publisher = publishing_peer(world)
    world.node.set_alarm("memory")
    consumer = world.peer()
    consumer.opens_channel(1)
    consumer.consumes(1, "q")
    consumer.receives_bodies(1, b"x")
    assert consumer.transport.is_reading
    assert not publisher.transport.is_reading


def test_when_all_alarms_are_over_the_peer_is_told_and_read_again() -> None:
    world = World()
    peer = publishing_peer(world)
    world.node.set_alarm("memory")
    world.node.set_alarm("disk")
    world.node.clear_alarm("memory")
    world.settle()
    assert not peer.transport.is_reading
    world.node.clear_alarm("disk")
    world.settle()
    peer.receives(0, ConnectionBlocked("low on memory"), ConnectionUnblocked())
    assert peer.transport.is_reading


def test_after_an_alarm_whoever_does_not_publish_again_is_not_blocked_by_the_next() -> None:
    world = World()
    silent, busy = publishing_peer(world), publishing_peer(world)
    world.node.set_alarm("memory")
    world.node.clear_alarm("memory")
    for _ in range(3):  # by the fast path too
        busy.publishes(1, "q", b"x")
    world.node.set_alarm("memory")
    assert silent.transport.is_reading
    assert not busy.transport.is_reading


def test_a_peer_without_the_capability_is_blocked_but_not_told() -> None:
    world = World()
    peer = world.peer(capabilities=())
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.publishes(1, "q", b"x")
    world.node.set_alarm("disk")
    world.node.clear_alarm("disk")
    world.settle()
    peer.receives_nothing(0)
    assert peer.transport.is_reading


def test_a_blocked_peer_is_not_taken_for_dead() -> None:
    world = World()
    peer = world.peer(heartbeat=1)
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.publishes(1, "q", b"x")
    world.node.set_alarm("memory")
    world.passes(10_000)
    assert not peer.is_hung_up
    assert HEARTBEAT_FRAME in peer.transport.written
