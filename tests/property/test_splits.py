"""A stream of octets means the same however it is split into reads.

Two nodes hold the same conversation: one is given each step whole, the other in pieces of any size
with turns in between. A step is a burst of publishes, their frames interleaved between channels,
or one command; so a turn in the middle of it changes nothing that AMQP promises. Compared is what
is promised: the order per channel and consumer, not how deliveries of several queues interleave,
nor how confirms are grouped. Acks name deliveries by consumer and place for the same reason.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.amqp.frames import PROTOCOL_HEADER
from broker.amqp.methods import (
    BasicAck,
    BasicConsume,
    BasicDeliver,
    BasicGetOk,
    BasicNack,
    BasicQos,
    BasicReturn,
    ChannelClose,
    ChannelCloseOk,
    ChannelOpen,
    ConfirmSelect,
    ConnectionOpen,
    ConnectionTuneOk,
    Method,
)
from tests.property.conftest import examples
from tests.property.conversations import (
    CHANNELS,
    FRAME_MAX,
    GOOD_PROPERTIES,
    bodies,
    body_sizes,
    channels,
    commands,
    consuming,
    exchanges,
    keys,
    method_octets,
    prepare,
    queues,
    start_consumers,
    tags,
)
from tests.support.builders import frame, publish_frames
from tests.support.peer import Peer, World
from tests.support.wire import Content


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="broker")


@dataclass(frozen=True)
class Burst:
    """Publishes, each given as its frames' octets; those of different channels interleave."""

    octets: bytes


@dataclass(frozen=True)
class Say:
    channel: int
    command: Method


@dataclass(frozen=True)
class Settle:
    """Ack or nack the nth delivery a consumer has not settled; everything when `is_all`."""

    channel: int
    place: int
    is_all: bool
    is_ack: bool


def _frames_of(octets: bytes) -> list[bytes]:
    frames = []
    while octets:
        end = 8 + int.from_bytes(octets[3:7], "big")
        frames.append(octets[:end])
        octets = octets[end:]
    return frames


@st.composite
def bursts(draw: Any) -> Burst:
    by_channel: dict[int, list[bytes]] = defaultdict(list)
    for _ in range(draw(st.integers(1, 3))):
        channel, exchange, key = draw(channels), draw(exchanges), draw(keys)
        properties, size = draw(st.sampled_from(GOOD_PROPERTIES)), draw(body_sizes)
        mandatory = draw(st.booleans())
        for body in bodies(size, draw(st.sampled_from([1, 1, 3, 6]))):
            by_channel[channel] += _frames_of(
                publish_frames(
                    channel,
                    exchange,
                    key,
                    body,
                    mandatory=mandatory,
                    frame_max=FRAME_MAX,
                    **properties,
                )
            )
    if draw(st.booleans()):
        rounds = zip_longest(*by_channel.values(), fillvalue=b"")
        return Burst(b"".join(octets for round_ in rounds for octets in round_))
    return Burst(b"".join(octets for frames in by_channel.values() for octets in frames))


steps = st.one_of(
    bursts(),
    bursts(),
    st.builds(Say, channels, st.one_of(commands, consuming)),
    st.builds(
        Say,
        channels,
        st.builds(BasicConsume, queue=queues, consumer_tag=tags, no_ack=st.booleans()),
    ),
    st.builds(Say, channels, st.builds(BasicQos, prefetch_count=st.integers(0, 3))),
    st.builds(Say, channels, st.builds(ConfirmSelect)),
    st.builds(Settle, channels, st.integers(0, 4), st.booleans(), st.booleans()),
)


class Run:
    """One node's side of the conversation."""

    def __init__(self) -> None:
        self.world = World()
        self.peer: Peer = self.world.peer(frame_max=FRAME_MAX)
        prepare(self.peer)
        start_consumers(self.peer, 3)
        self.replies: dict[int, list[object]] = defaultdict(list)
        self.deliveries: dict[tuple[int, str], list[object]] = defaultdict(list)
        self.confirmed: dict[int, int] = defaultdict(int)
        self.unsettled: dict[tuple[int, str], list[int]] = defaultdict(list)
        self.connections = 1
        self.no_ack: set[tuple[int, str]] = set()

    def say(self, step: Burst | Say | Settle, cuts: list[tuple[int, bool]]) -> None:
        """cuts: sizes of the pieces, and whether a turn follows the piece."""
        octets = self._octets(step)
        for size, has_turn in cuts:
            self.peer.sends_octets(octets[:size], settle=has_turn)
            octets = octets[size:]
        self.peer.sends_octets(octets)
        self._read()

    def _octets(self, step: Burst | Say | Settle) -> bytes:
        if isinstance(step, Burst):
            return step.octets
        if isinstance(step, Say):
            if isinstance(step.command, BasicConsume) and step.command.no_ack:
                self.no_ack.add((step.channel, step.command.consumer_tag))
            return method_octets(step.channel, step.command)
        waiting = [
            (consumer, delivery_tag)
            for consumer, delivery_tags in sorted(self.unsettled.items())
            for delivery_tag in delivery_tags
            if consumer[0] == step.channel
        ]
        if not waiting:
            return b""
        consumer, delivery_tag = waiting[step.place % len(waiting)]
        if step.is_all:
            delivery_tag = 0
            for settled, _ in waiting:
                self.unsettled[settled].clear()
        else:
            self.unsettled[consumer].remove(delivery_tag)
        command: Method = BasicNack(delivery_tag, step.is_all)
        if step.is_ack:
            command = BasicAck(delivery_tag, step.is_all)
        return method_octets(step.channel, command)

    def _read(self) -> None:
        for channel in CHANNELS:
            is_closed = False
            for received in self.peer.takes_all(channel):
                if isinstance(received, Content):
                    self._read_content(channel, received)
                elif isinstance(received, BasicAck):
                    first = self.confirmed[channel] + 1
                    assert received.multiple or received.delivery_tag == first
                    assert received.delivery_tag >= first
                    self.confirmed[channel] = received.delivery_tag
                else:
                    self.replies[channel].append(received)
                    is_closed = is_closed or isinstance(received, ChannelClose)
            if is_closed:
                for consumer in [c for c in self.unsettled if c[0] == channel]:
                    del self.unsettled[consumer]
                self.confirmed[channel] = 0
                self.peer.sends(channel, ChannelCloseOk(), ChannelOpen())
                self.replies[channel] += self.peer.takes_all(channel)
        if self.peer.inbox(0):
            self.replies[0] += self.peer.takes_all(0)
            self.peer.drops()
            self.peer = self.world.peer(frame_max=FRAME_MAX)
            self.peer.opens_channel(*CHANNELS)
            self.connections += 1
            self.unsettled.clear()
            self.confirmed.clear()

    def _read_content(self, channel: int, content: Content) -> None:
        method = content.method
        said = (content.header, content.body)
        if isinstance(method, BasicDeliver):
            consumer = (channel, method.consumer_tag)
            self.deliveries[consumer].append((method.redelivered, method.routing_key, *said))
            if self._is_acked(channel, method.delivery_tag):
                self.unsettled[consumer].append(method.delivery_tag)
        elif isinstance(method, BasicGetOk):
            self.replies[channel].append((method.redelivered, method.message_count, *said))
            if self._is_acked(channel, method.delivery_tag):
                self.unsettled[channel, ""].append(method.delivery_tag)
        else:
            assert isinstance(method, BasicReturn)
            self.replies[channel].append((method, *said))

    def _is_acked(self, channel: int, delivery_tag: int) -> bool:
        opened = self.peer.connection.channels.get(channel)
        return opened is not None and delivery_tag in opened.unacked

    def outcome(self) -> dict[str, object]:
        return {
            "replies": dict(self.replies),
            "deliveries": {key: said for key, said in self.deliveries.items() if said},
            "confirmed": {key: count for key, count in self.confirmed.items() if count},
            "connections": self.connections,
            "queues": {
                name: (queue.ready_count, queue.unacked_count, queue.published, queue.acked)
                for name, queue in self.world.vhost.queues.items()
            },
            "bugs": self.world.node.bug_count,
        }


cuts = st.lists(
    st.tuples(st.sampled_from([1, 3, 7, 8, 20, 60, 500, 4000, 8192, 9000]), st.booleans()),
    max_size=12,
)


@examples(200)
@given(script=st.lists(st.tuples(steps, cuts), min_size=1, max_size=14))
def test_any_split_gives_the_same_answers(
    script: list[tuple[Burst | Say | Settle, list[tuple[int, bool]]]],
) -> None:
    whole, split = Run(), Run()
    for step, pieces in script:
        whole.say(step, [])
        split.say(step, pieces)
    assert split.outcome() == whole.outcome()
    assert whole.world.node.bug_count == 0


@examples(100)
@given(sizes=st.lists(st.integers(1, 40), max_size=30), turns=st.booleans())
def test_any_split_of_the_handshake_gives_the_same_answers(sizes: list[int], turns: bool) -> None:
    octets = PROTOCOL_HEADER + b"".join(
        method_octets(channel, command)
        for channel, command in (
            (0, Peer.start_ok()),
            (0, ConnectionTuneOk(10, FRAME_MAX, 0)),
            (0, ConnectionOpen("/")),
            (1, ChannelOpen()),
        )
    )
    octets += frame(8, 0, b"") + publish_frames(1, "", "nowhere", b"x", mandatory=True)
    whole, split = Peer(), Peer()
    whole.sends_octets(octets)
    for size in sizes:
        split.sends_octets(octets[:size], settle=turns)
        octets = octets[size:]
    split.sends_octets(octets)
    assert split.transport.written == whole.transport.written
    assert isinstance(whole.takes_all(1)[-1], Content)
