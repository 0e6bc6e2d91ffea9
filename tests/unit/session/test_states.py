"""Every (state, method) pair: in the table, or refused as RabbitMQ refuses it."""

from __future__ import annotations

import pytest

from broker.amqp.frames import METHOD, PROTOCOL_HEADER
from broker.amqp.methods import (
    METHODS,
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionOpen,
    ConnectionStart,
    ConnectionTune,
    ConnectionTuneOk,
    ConnectionUpdateSecretOk,
    Method,
)
from broker.session.states import HANDSHAKE, State
from tests.support.builders import frame
from tests.support.peer import Peer
from tests.support.wire import Received

REACHABLE = [State.STARTING, State.TUNING, State.OPENING, State.RUNNING, State.CLOSING]


def peer_in(state: State) -> Peer:
    peer = Peer()
    if state is State.HEADER:
        return peer
    peer.sends_octets(PROTOCOL_HEADER)
    peer.takes(0, ConnectionStart)
    if state is State.STARTING:
        return peer
    peer.sends(0, Peer.start_ok())
    peer.takes(0, ConnectionTune)
    if state is State.TUNING:
        return peer
    peer.sends(0, ConnectionTuneOk(2047, 131072, 0))
    if state is State.OPENING:
        return peer
    peer.sends(0, ConnectionOpen())
    peer.takes_all(0)
    if state is State.CLOSING:
        peer.sends(0, ConnectionClose())
        peer.receives(0, ConnectionCloseOk())
    assert peer.connection.state is state
    return peer


def example(method_class: type[Method]) -> Method:
    if method_class.name == "connection.start-ok":
        return Peer.start_ok()
    if method_class is ConnectionTuneOk:
        return ConnectionTuneOk(2047, 131072, 0)
    return method_class()


@pytest.mark.parametrize("method_class", METHODS.values(), ids=lambda c: c.name)
@pytest.mark.parametrize("state", REACHABLE, ids=lambda state: state.name)
def test_every_method_on_channel_0_in_every_state(state: State, method_class: type[Method]) -> None:
    peer = peer_in(state)
    peer.sends(0, example(method_class))
    received = peer.takes_all(0)
    following = HANDSHAKE.get((state, method_class))
    if following is not None:
        assert peer.connection.state is following
        assert not any(
            isinstance(reply, ConnectionClose) and reply.reply_code >= 300 for reply in received
        )
        return
    check_refusal(peer, state, method_class, received)
    assert peer.world.node.bug_count == 0


def check_refusal(
    peer: Peer, state: State, method_class: type[Method], received: list[Received]
) -> None:
    if state is State.CLOSING:
        if method_class is ConnectionCloseOk:
            assert peer.transport.is_closed
            assert received == []
        else:
            assert received == ([ConnectionCloseOk()] if method_class is ConnectionClose else [])
        return
    assert peer.connection.state is State.CLOSING
    if state in (State.OPENING, State.RUNNING):
        text = f"CHANNEL_ERROR - unexpected method in connection state {state.value}"
        assert received == [ConnectionClose(504, text, *method_class.ids)]
    else:  # whoever breaks the protocol before tuning is told nothing
        assert received == []


@pytest.mark.parametrize("state", [State.STARTING, State.TUNING, State.OPENING])
def test_channels_have_to_wait_for_the_connection(state: State) -> None:
    peer = peer_in(state)
    peer.sends_octets(frame(METHOD, 1, b"\x00\x14\x00\x0a\x00"))
    assert peer.connection.state is State.CLOSING
    assert peer.connection.channels == {}


def test_a_method_nobody_knows_is_a_silent_end() -> None:
    for state in REACHABLE[:-1]:
        peer = peer_in(state)
        peer.sends_octets(frame(METHOD, 0, b"\x00\x0a\x00\x63"))
        assert peer.takes_all(0) == []
        assert peer.transport.is_aborted


def test_the_table_leads_from_the_first_state_to_the_last() -> None:
    reached = {State.STARTING}
    for _ in State:
        reached |= {following for (state, _), following in HANDSHAKE.items() if state in reached}
    assert reached == {
        State.STARTING,
        State.TUNING,
        State.OPENING,
        State.RUNNING,
        State.CLOSING,
    }


def test_update_secret_is_answered() -> None:
    peer = peer_in(State.RUNNING)
    peer.sends(0, METHODS[b"\x00\x0a\x00\x46"]())
    peer.receives(0, ConnectionUpdateSecretOk())
    assert peer.connection.state is State.RUNNING
