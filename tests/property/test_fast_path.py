"""`fast_path` on and off: the same octets in give the same octets out, whatever was said."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.amqp.methods import ChannelClose, ChannelCloseOk, ChannelOpen, ChannelOpenOk
from tests.property.conftest import examples
from tests.property.conversations import FRAME_MAX, method_octets, prepare, reads, start_consumers
from tests.support.peer import Peer, World


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Refusals are logged; thousands of them are meant."""
    caplog.set_level(logging.CRITICAL, logger="broker")


class Twins:
    """Two nodes that are told the same, and must say the same."""

    def __init__(self) -> None:
        self.worlds = [World({"fast_path": True}), World({"fast_path": False})]
        self.peers: list[list[Peer]] = []  # by number, then by world
        for _ in range(2):
            self._connect(len(self.peers))
        for peer in self.peers[0]:
            prepare(peer)
            start_consumers(peer, 2)
        for peer in self.peers[1]:
            peer.opens_channel(1, 2, 3)
            peer.consumes(1, "q1", "fifth")
            peer.consumes(1, "q2", "sixth")

    def _connect(self, number: int) -> None:
        self.peers[number:number] = [[world.peer(frame_max=FRAME_MAX) for world in self.worlds]]

    def say(self, number: int, octets: bytes) -> None:
        for peer in self.peers[number]:
            peer.sends_octets(octets)
        for fast, plain in self.peers:
            assert fast.transport.written == plain.transport.written
            assert fast.is_hung_up == plain.is_hung_up
        self._recover(number)

    def _recover(self, number: int) -> None:
        """Agree to closed channels and open them again, so that the conversation can go on."""
        fast = self.peers[number][0]
        if fast.is_hung_up or fast.inbox(0):
            self._reconnect(number)
            return
        for channel in (1, 2, 3):
            received = fast.takes_all(channel)
            again = b""
            if any(isinstance(command, ChannelClose) for command in received):
                again = method_octets(channel, ChannelCloseOk())
            elif not any(isinstance(command, ChannelCloseOk) for command in received):
                continue
            for peer in self.peers[number]:
                peer.sends_octets(again + method_octets(channel, ChannelOpen()))
            if ChannelOpenOk() not in fast.takes_all(channel):
                self._reconnect(number)  # it was in the middle of a content
                return

    def _reconnect(self, number: int) -> None:
        for peer in self.peers.pop(number):
            peer.drops()
        self._connect(number)
        for peer in self.peers[number]:
            peer.opens_channel(1, 2, 3)
            if "q1" in peer.world.vhost.queues:
                peer.consumes(2, "q1", "again")

    def finish(self) -> None:
        """Both nodes hold the same."""
        for fast, plain in zip(
            self.worlds[0].vhost.queues.values(),
            self.worlds[1].vhost.queues.values(),
            strict=True,
        ):
            assert fast.name == plain.name
            assert fast.ready_count == plain.ready_count
            assert fast.unacked_count == plain.unacked_count
            assert fast.published == plain.published
            assert fast.acked == plain.acked
        published = [
            {name: exchange.published for name, exchange in world.vhost.exchanges.items()}
            for world in self.worlds
        ]
        assert published[0] == published[1]
        assert [world.node.bug_count for world in self.worlds] == [0, 0]


@examples(250)
@given(script=st.lists(st.tuples(st.integers(0, 1), reads), min_size=1, max_size=12))
def test_a_conversation_has_the_same_answers(script: list[tuple[int, bytes]]) -> None:
    twins = Twins()
    for number, octets in script:
        twins.say(number, octets)
    twins.finish()
