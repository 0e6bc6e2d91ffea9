"""A check that never fails is worth nothing: the consumer of the benchmarks sees what is wrong."""

from __future__ import annotations

import socket
import struct

import pytest

from benchmarks.load import wire
from benchmarks.load.flow import delivery_size
from benchmarks.load.numbered import BLOCK_COUNT, Numbered, NumberedConsumer
from benchmarks.load.peer import Peer, PeerError

QUEUE, TAG = "q", "consumer-1"
COUNT = 2 * BLOCK_COUNT + 500


def delivery(number: int, content: wire.Content) -> bytes:
    """A message as a broker delivers it. number: its delivery tag."""
    arguments = struct.pack(">QB", number, 0) + b"\0" + wire.short_string(content.routing_key)
    return (
        wire.method(1, wire.BASIC_DELIVER, wire.short_string(TAG), arguments)
        + wire.frame(wire.FRAME_HEADER, 1, content.header)
        + wire.frame(wire.FRAME_BODY, 1, content.body)
    )


def published(count: int) -> list[wire.Content]:
    source = Numbered(QUEUE, 100, wire.PERSISTENT)
    blocks = [bytes(source.take(BLOCK_COUNT)[0]) for _ in range(-(-count // BLOCK_COUNT))]
    return wire.read_contents(b"".join(blocks))[:count]


def consume(contents: list[wire.Content], cut: int) -> int:
    """Receive deliveries in chunks of `cut` octets. Returns: how many were counted."""
    stream = b"".join(delivery(tag, content) for tag, content in enumerate(contents, start=1))
    near, far = socket.socketpair()
    with near, far:
        peer = Peer.__new__(Peer)
        peer.socket, peer.unread = near, bytearray(stream[: cut // 2])
        consumer = NumberedConsumer(peer, Numbered(QUEUE, 100, wire.PERSISTENT), TAG)
        consumer.start()
        for start in range(cut // 2, len(stream), cut):
            far.sendall(stream[start : start + cut])
            consumer.on_events(0)
        return consumer.delivered


@pytest.mark.parametrize("cut", [77, 1000, 50_001])
def test_what_was_published_passes(cut: int) -> None:
    contents = published(COUNT)
    assert len(delivery(1, contents[0])) == delivery_size(contents[0], TAG)
    assert consume(contents, cut) == COUNT


@pytest.mark.parametrize("cut", [1000, 50_001])
@pytest.mark.parametrize("place", [0, 7, BLOCK_COUNT - 1, COUNT - 2])
def test_a_message_lost_doubled_or_out_of_place_does_not(place: int, cut: int) -> None:
    contents = published(COUNT)
    one, other = contents[place : place + 2]
    for wrong in ([other], [one, one, other], [other, one]):
        with pytest.raises(PeerError):
            consume(contents[:place] + wrong + contents[place + 2 :], cut)


def test_a_header_that_changed_does_not() -> None:
    contents = [content._replace(header=content.header[:-1] + b"\1") for content in published(10)]
    with pytest.raises(PeerError):
        consume(contents, 1000)


def test_two_pages_that_changed_places_do_not() -> None:
    contents = published(COUNT)
    swapped = contents[:500] + contents[1000:1500] + contents[500:1000] + contents[1500:]
    with pytest.raises(PeerError):
        consume(swapped, 50_001)
