"""AMQP 0-8: four methods look different, a few do not exist."""

from __future__ import annotations

import pytest

from broker.amqp.legacy import PROTOCOL_HEADERS, from_0_8, to_0_8
from broker.amqp.methods import (
    BasicAck,
    BasicConsume,
    BasicNack,
    ChannelOpenOk,
    ConfirmSelect,
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionOpen,
    ConnectionOpenOk,
    ConnectionStart,
    ConnectionTune,
    ConnectionTuneOk,
    ExchangeBind,
    Method,
)
from tests.support.builders import frame
from tests.support.peer import Peer


def test_connection_close_has_another_id_both_ways() -> None:
    close = ConnectionClose(200, "bye").encode()
    assert to_0_8(close)[:4] == b"\x00\x0a\x00\x3c"
    assert from_0_8(to_0_8(close)) == close
    close_ok = ConnectionCloseOk().encode()
    assert to_0_8(close_ok) == b"\x00\x0a\x00\x3d"
    assert from_0_8(to_0_8(close_ok)) == close_ok


def test_basic_consume_had_no_arguments() -> None:
    whole = BasicConsume(queue="q").encode()
    assert from_0_8(whole[:-4]) == whole


def test_channel_open_ok_had_no_field() -> None:
    assert to_0_8(ChannelOpenOk().encode()) == b"\x00\x14\x00\x0b"


@pytest.mark.parametrize("command", [BasicNack(1), ConfirmSelect(), ExchangeBind()])
def test_what_came_with_0_9_1_is_unknown(command: Method) -> None:
    assert from_0_8(command.encode()) is None


def test_everything_else_is_the_same() -> None:
    assert from_0_8(BasicAck(1).encode()) == to_0_8(BasicAck(1).encode()) == BasicAck(1).encode()


@pytest.mark.parametrize("protocol_header", PROTOCOL_HEADERS)
def test_a_peer_that_speaks_0_8_can_open_publish_and_close(protocol_header: bytes) -> None:
    peer = Peer()
    peer.sends_octets(protocol_header)
    start = peer.takes(0, ConnectionStart)
    assert (start.version_major, start.version_minor) == (8, 0)
    peer.sends(0, Peer.start_ok())
    peer.takes(0, ConnectionTune)
    peer.sends(0, ConnectionTuneOk(2047, 131072, 0), ConnectionOpen("/"))
    peer.takes(0, ConnectionOpenOk)
    peer.sends_octets(frame(1, 1, b"\x00\x14\x00\x0a\x00"))
    assert peer.transport.written.endswith(frame(1, 1, b"\x00\x14\x00\x0b"))
    peer.sends_octets(frame(1, 0, b"\x00\x0a\x00\x3c" + ConnectionClose(200, "x").encode()[4:]))
    assert peer.transport.written.endswith(frame(1, 0, b"\x00\x0a\x00\x3d"))
