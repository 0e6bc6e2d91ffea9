"""Whatever a peer says when it logs in: it is let in with the right password, or it is not, and
nothing breaks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from broker.amqp.errors import MalformedSyntax, MalformedTable
from broker.amqp.frames import PROTOCOL_HEADER
from broker.amqp.methods import ConnectionStart, ConnectionStartOk, ConnectionTune
from broker.amqp.wire import encode_table, table_of
from broker.auth.backends import NO, YES, Answer
from broker.auth.mechanisms import amqplain, plain
from broker.session.states import State
from tests.support.auth import FakeBackend, put_before
from tests.support.peer import Peer, World

NAMES = st.sampled_from([b"guest", b"", b"nobody", b"gu\0est", b"\xff\xfe", b"x" * 300])
PASSWORDS = st.sampled_from([b"guest", b"", b"wrong", b"\0", b"\xff", b"y" * 5000])
TABLES = st.dictionaries(
    st.sampled_from(["LOGIN", "PASSWORD", "login", "x"]),
    st.one_of(st.sampled_from(["guest", "", "ü"]), st.integers(-5, 5), st.booleans(), st.none()),
)
RESPONSES = st.one_of(
    st.binary(max_size=60),
    st.builds(lambda *parts: b"\0".join(parts), st.sampled_from([b"", b"a"]), NAMES, PASSWORDS),
    TABLES.map(lambda table: encode_table(table_of(table))[4:]),
    st.builds(
        lambda table, cut: encode_table(table_of(table))[4:][:cut], TABLES, st.integers(0, 20)
    ),
)
MECHANISMS = st.sampled_from(["PLAIN", "AMQPLAIN", "EXTERNAL", "", "plain", "SCRAM-SHA-256"])


def started(world: World) -> Peer:
    peer = Peer(world)
    peer.sends_octets(PROTOCOL_HEADER)
    peer.takes(0, ConnectionStart)
    return peer


def is_right(mechanism: str, response: bytes) -> bool:
    """Whether the response is guest's, by the mechanism's own reader."""
    try:
        read = {"PLAIN": plain, "AMQPLAIN": amqplain}[mechanism]
        return read(response) == ("guest", b"guest")
    except (KeyError, MalformedSyntax, MalformedTable):
        return False


@given(MECHANISMS, RESPONSES)
def test_a_login_is_right_or_refused(mechanism: str, response: bytes) -> None:
    world = World()
    peer = started(world)
    peer.sends(0, ConnectionStartOk({}, mechanism, response))
    assert world.node.bug_count == 0
    if is_right(mechanism, response):
        peer.takes(0, ConnectionTune)
        assert peer.connection.state is State.TUNING
    else:
        peer.receives_nothing()
        assert peer.connection.state in (State.CLOSING, State.CLOSED)


@given(MECHANISMS, RESPONSES, st.sampled_from([YES, NO]), st.booleans())
def test_so_it_is_when_somebody_else_is_asked(
    mechanism: str, response: bytes, answer: Answer, goes: bool
) -> None:
    world = World()
    backend = FakeBackend()
    put_before(world.node, backend)
    peer = started(world)
    peer.sends(0, ConnectionStartOk({}, mechanism, response))
    if backend.waiting:
        assert peer.connection.state is State.SECURING
        if goes:
            peer.drops()
        backend.says(answer)
        world.settle()
        if not goes:
            expected = State.TUNING if answer.is_yes else State.CLOSING
            assert peer.connection.state is expected
    else:
        assert peer.connection.state in (State.CLOSING, State.CLOSED)
    assert world.node.bug_count == 0
