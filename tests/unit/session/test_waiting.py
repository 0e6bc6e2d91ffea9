"""Frames that wait for channel 0; what waits for channels is in test_access and test_connection."""

from __future__ import annotations

from broker.amqp.methods import (
    ConnectionUpdateSecret,
    ConnectionUpdateSecretOk,
    QueueDeclare,
    QueueDeclareOk,
)
from broker.session.access import Pending
from tests.support.peer import Peer


def test_a_frame_is_run_again_and_those_behind_it_after_it(peer: Peer) -> None:
    connection = peer.connection
    pending = Pending()
    ran: list[str] = []
    connection.put_off(pending, None, lambda: ran.append("first"))
    peer.sends(0, ConnectionUpdateSecret(b"", ""))
    peer.sends(1, QueueDeclare(queue="q"))  # not on channel 0
    peer.receives(1, QueueDeclareOk("q", 0, 0))
    peer.receives_nothing()
    pending.on_answer()
    peer.world.settle()
    assert ran == ["first"]
    peer.receives(0, ConnectionUpdateSecretOk())


def test_a_frame_may_have_to_wait_several_times(peer: Peer) -> None:
    """Those behind it keep their order."""
    connection = peer.connection
    channel = connection.channels[1]
    first, second = Pending(), Pending()
    ran: list[str] = []

    def frame() -> None:
        if not ran:
            ran.append("asked again")
            connection.put_off(second, channel, frame)
        else:
            ran.append("done")

    connection.put_off(first, channel, frame)
    peer.sends(1, QueueDeclare(queue="q"))
    first.on_answer()
    peer.world.settle()
    peer.receives_nothing()
    second.on_answer()
    peer.world.settle()
    assert ran == ["asked again", "done"]
    peer.receives(1, QueueDeclareOk("q", 0, 0))


def test_a_bug_in_a_frame_that_had_to_wait_ends_its_connection(peer: Peer) -> None:
    def fail() -> None:
        raise RuntimeError("a bug")

    pending = Pending()
    peer.connection.put_off(pending, peer.connection.channels[1], fail)
    pending.on_answer()
    peer.world.settle()
    peer.is_closed_with(0, 541, "INTERNAL_ERROR", (0, 0))
    assert peer.world.node.bug_count == 1
