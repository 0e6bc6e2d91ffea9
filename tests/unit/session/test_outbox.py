"""What a connection says of its back-pressure, which itself is in test_connection.py."""

from __future__ import annotations

from broker.amqp.methods import BasicConsume, ConnectionBlocked, ConnectionUnblocked
from broker.session.outbox import FLOW_SHOWN_MS
from broker.session.scanner import ABSORB_MAX
from tests.support.builders import publish_frames
from tests.support.peer import Peer, World


def test_a_connection_runs() -> None:
    world = World()
    peer = Peer(world)
    assert peer.connection.status == "pre_init"
    peer.opens()
    assert peer.connection.status == "running"
    peer.connection.on_lost()
    assert peer.connection.status == "closed"


def test_whoever_sends_more_than_is_taken_is_in_flow_for_a_while() -> None:
    world = World()
    peer = world.peer(heartbeat=0)
    peer.opens_channel(1)
    peer.declares(1, "q")
    frames = publish_frames(1, "", "q", b"x" * 1000)
    peer.connection.absorb(frames * (ABSORB_MAX // len(frames) + 2))
    world.settle()
    assert peer.connection.status == "flow"
    world.passes(FLOW_SHOWN_MS - 500)
    assert peer.connection.status == "flow"
    world.passes(500)
    assert peer.connection.status == "running"


def test_alarms_block_publishers_and_may_block_others() -> None:
    world = World()
    publisher, consumer = world.peer(), world.peer()
    for peer in (publisher, consumer):
        peer.opens_channel(1)
    publisher.declares(1, "q")
    consumer.sends(1, BasicConsume(queue="q"))
    publisher.publishes(1, "q", "a")
    world.node.set_alarm("memory")
    world.settle()
    publisher.receives(0, ConnectionBlocked("low on memory"))
    assert (publisher.connection.status, consumer.connection.status) == ("blocked", "blocking")
    world.node.clear_alarm("memory")
    world.settle()
    publisher.receives(0, ConnectionUnblocked())
    assert (publisher.connection.status, consumer.connection.status) == ("running", "running")


def test_whoever_outruns_the_disk_is_in_flow() -> None:
    world = World()
    peer = world.peer()
    peer.connection.hold()
    assert peer.connection.status == "flow"
    peer.connection.release()
    world.passes(FLOW_SHOWN_MS)
    assert peer.connection.status == "running"
