"""What frames mean, frames out, closing, back-pressure and time. How frames are found is in
test_scanner.py."""

from __future__ import annotations

import logging

import pytest

from broker.amqp.frames import BODY, HEADER, HEARTBEAT_FRAME, LARGE_CHUNK, METHOD, PROTOCOL_HEADER
from broker.amqp.methods import (
    BasicAck,
    BasicCancel,
    BasicCancelOk,
    BasicDeliver,
    BasicGet,
    BasicGetEmpty,
    BasicGetOk,
    BasicPublish,
    BasicQos,
    BasicQosOk,
    BasicReturn,
    ChannelClose,
    ChannelCloseOk,
    ChannelOpen,
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionOpen,
    ConnectionStart,
    QueueBind,
    QueueDeclare,
    QueueDeclareOk,
    QueueDelete,
    QueueDeleteOk,
)
from broker.amqp.wire import Field
from broker.queues.queue import PUMP_MAX
from broker.session.connection import (
    CLOSE_TIMEOUT_MS,
    HANDSHAKE_CLOSE_TIMEOUT_MS,
    Connection,
)
from broker.session.outbox import OUTBOX_LIMIT
from broker.session.states import State
from tests.support.builders import frame, header
from tests.support.peer import DelayedReplicator, Peer, World
from tests.support.wire import Content, Heartbeat

# the protocol header


@pytest.mark.parametrize(
    "octets", [b"HTTP/1.1", b"AMQP\x00\x01\x00\x00", b"AMQP\x03\x01\x00\x00", b"\x00" * 8]
)
def test_another_protocol_is_told_ours(octets: bytes) -> None:
    peer = Peer()
    peer.sends_octets(octets)
    assert peer.transport.written == PROTOCOL_HEADER
    assert peer.transport.is_closed


def test_a_protocol_header_may_come_octet_by_octet() -> None:
    peer = Peer()
    for octet in PROTOCOL_HEADER:
        assert peer.transport.written == b""
        peer.sends_octets(bytes((octet,)))
    peer.takes(0, ConnectionStart)


def test_0_9_is_near_enough() -> None:
    peer = Peer()
    peer.sends_octets(b"AMQP\x01\x01\x00\x09")
    peer.takes(0, ConnectionStart)


# frames


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (frame(9, 1, b""), 501),
        (frame(0, 1, b"abc"), 501),
        (frame(METHOD, 1, b"\x00\x14\x00"), 501),
        (frame(HEADER, 1, b"\x00\x3c"), 501),
        (frame(9, 0, b""), 501),
        (frame(8, 0, b"x"), 501),  # a heartbeat with a payload
        (frame(8, 1, b""), 505),  # a heartbeat on a channel
        (frame(HEADER, 0, header(0)), 505),
        (frame(BODY, 0, b"x"), 505),
        (frame(HEADER, 1, header(0)), 505),
        (frame(BODY, 1, b"x"), 505),
    ],
)
def test_frames_that_make_no_sense(peer: Peer, octets: bytes, code: int) -> None:
    peer.sends_octets(octets)
    assert peer.takes(0, ConnectionClose).reply_code == code
    assert peer.connection.state is State.CLOSING


def test_a_method_nobody_knows_ends_the_connection_without_a_word(peer: Peer) -> None:
    peer.sends_octets(frame(METHOD, 1, b"\x00\x3c\x03\xe7"))
    peer.receives_nothing()
    assert peer.transport.is_aborted


@pytest.mark.parametrize(
    "command", [BasicDeliver(), BasicGetOk(), BasicReturn()], ids=lambda c: c.name
)
def test_content_that_only_a_broker_sends_is_refused(peer: Peer, command: BasicDeliver) -> None:
    peer.sends_octets(frame(METHOD, 1, command.encode()) + frame(HEADER, 1, header(0)))
    peer.is_closed_with(0, 503, "COMMAND_INVALID - unimplemented method", command.ids)


def test_heartbeats_are_no_conversation(peer: Peer) -> None:
    peer.sends_octets(HEARTBEAT_FRAME * 3)
    peer.receives_nothing()


# channels


def test_a_channel_has_to_be_opened_first(peer: Peer) -> None:
    peer.sends(2, BasicQos())
    peer.is_closed_with(0, 504, "CHANNEL_ERROR - expected 'channel.open'", BasicQos.ids)


def test_publishing_to_a_channel_that_is_not_open(peer: Peer) -> None:
    peer.publishes(2, "q", "x")
    peer.is_closed_with(0, 504, "CHANNEL_ERROR - expected 'channel.open'", BasicPublish.ids)


def test_a_channel_is_opened_once(peer: Peer) -> None:
    peer.sends(1, ChannelOpen())
    peer.is_closed_with(0, 504, "CHANNEL_ERROR - second 'channel.open' seen", ChannelOpen.ids)


def test_channels_up_to_the_negotiated_number() -> None:
    peer = World().peer(channel_max=2)
    peer.opens_channel(1, 7)
    peer.sends(3, ChannelOpen())
    text = "number of channels opened (2) has reached the negotiated channel_max (2)"
    peer.is_closed_with(0, 530, f"NOT_ALLOWED - {text}", (0, 0))


def test_a_closed_channel_makes_room_for_another() -> None:
    peer = World().peer(channel_max=1)
    for number in (1, 2, 1):
        peer.opens_channel(number)
        peer.sends(number, ChannelClose())
        peer.receives(number, ChannelCloseOk())


def test_a_refusal_closes_the_channel_and_leaves_the_others(peer: Peer) -> None:
    peer.opens_channel(2)
    peer.sends(1, BasicGet(queue="nope"))
    peer.is_closed_with(1, 404, "NOT_FOUND - no queue 'nope' in vhost '/'", BasicGet.ids)
    peer.declares(2, "q")
    peer.sends(1, BasicGet(queue="q"), QueueDeclare(queue="other"))  # ignored: it is closing
    peer.publishes(1, "q", "ignored as well")
    peer.receives_nothing()
    assert peer.world.queue("q").ready_count == 0
    peer.reopens(1)
    peer.sends(1, BasicGet(queue="q"))
    peer.receives(1, BasicGetEmpty())


def test_both_sides_may_close_a_channel_at_once(peer: Peer) -> None:
    peer.sends(1, BasicGet(queue="nope"), ChannelClose())
    peer.takes(1, ChannelClose)
    peer.receives(1, ChannelCloseOk())
    peer.reopens(1)


def test_opening_a_channel_that_is_closing_is_an_error(peer: Peer) -> None:
    peer.sends(1, BasicGet(queue="nope"), ChannelOpen())
    assert peer.takes(0, ConnectionClose).reply_code == 504


def test_a_close_in_the_middle_of_a_content_is_an_error(peer: Peer) -> None:
    peer.sends(1, BasicPublish(routing_key="q"), ChannelClose())
    closed = peer.takes(0, ConnectionClose)
    assert closed.reply_code == 505


# the end


def test_the_peer_closes(peer: Peer, other: Peer) -> None:
    other.declares(1, "q")
    other.publishes(1, "q", "x", "y")
    assert peer.gets(1, "q", no_ack=False) is not None
    peer.consumes(1, "q")
    peer.receives_bodies(1, "y")
    peer.declares(1, "mine", exclusive=True)
    peer.sends(0, ConnectionClose(200, "bye"))
    peer.receives(0, ConnectionCloseOk())
    assert not peer.is_hung_up  # that is for the peer to do
    assert peer.connection.state is State.CLOSING
    queue = peer.world.queue("q")
    assert (queue.ready_count, queue.unacked_count, len(queue.consumers)) == (2, 0, 0)
    assert "mine" not in peer.world.vhost.queues
    got = [other.gets(1, "q"), other.gets(1, "q")]
    assert [c and (c.body, c.method.redelivered) for c in got] == [  # type: ignore[attr-defined]
        (b"x", True),
        (b"y", True),
    ]


def test_after_a_close_only_the_close_is_answered(peer: Peer) -> None:
    peer.sends(0, ConnectionOpen())
    peer.takes(0, ConnectionClose)
    peer.sends(1, QueueDeclare(queue="q"))
    peer.publishes(1, "q", "x")
    peer.sends_octets(HEARTBEAT_FRAME)
    peer.receives_nothing()
    peer.sends(0, ConnectionCloseOk())
    assert peer.transport.is_closed
    peer.sends(0, ConnectionClose())
    peer.receives_nothing()


def test_both_sides_may_close_the_connection_at_once(peer: Peer) -> None:
    peer.sends(0, ConnectionOpen(), ConnectionClose())
    peer.takes(0, ConnectionClose)
    peer.receives(0, ConnectionCloseOk())
    peer.sends(0, ConnectionCloseOk())
    assert peer.transport.is_closed


@pytest.mark.parametrize(("heartbeat", "timeout_ms"), [(0, CLOSE_TIMEOUT_MS), (2, 2000)])
def test_a_peer_that_does_not_agree_to_a_close_is_dropped(heartbeat: int, timeout_ms: int) -> None:
    peer = World().peer(heartbeat=heartbeat)
    peer.sends(0, ConnectionOpen())
    peer.world.passes(timeout_ms - 500)
    assert not peer.is_hung_up
    peer.world.passes(1000)
    assert peer.transport.is_aborted


def test_a_peer_that_was_refused_before_its_connection_was_open_has_less_time() -> None:
    peer = Peer()
    peer.sends_octets(PROTOCOL_HEADER)
    peer.sends(0, Peer.start_ok("guest", "wrong"))
    peer.world.passes(HANDSHAKE_CLOSE_TIMEOUT_MS - 500)
    assert not peer.is_hung_up
    peer.world.passes(1000)
    assert peer.transport.is_aborted


def test_a_lost_socket_gives_back_what_the_channels_held(peer: Peer, other: Peer) -> None:
    other.declares(1, "q", auto_delete=True)
    other.declares(1, "kept")
    other.publishes(1, "kept", "x")
    peer.consumes(1, "q")
    peer.consumes(1, "kept", "second")
    peer.receives_bodies(1, "x")
    peer.drops()
    assert "q" not in peer.world.vhost.queues  # its last consumer is gone
    assert peer.world.queue("kept").ready_count == 1
    assert list(peer.world.node.peers) == [other.connection.connection_id]


def test_a_socket_lost_before_anything_was_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        peer = Peer()
        peer.drops()
    assert peer.world.node.peers == {}
    assert caplog.text == ""  # a health check is no news


def test_what_one_channel_gives_back_is_not_delivered_to_the_next(peer: Peer) -> None:
    peer.declares(1, "q", {"x-max-length": Field("I", 10)})
    peer.consumes(1, "q")
    peer.publishes(1, "q", "message")
    peer.receives_bodies(1, "message")
    peer.opens_channel(2)
    peer.consumes(2, "q")
    peer.sends(0, ConnectionClose(200, "bye", 0, 0))
    peer.receives(0, ConnectionCloseOk())
    peer.receives_nothing()
    queue = peer.world.vhost.queues["q"]
    assert (queue.ready_count, queue.delivered) == (1, 1)


def test_the_node_stops(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "x")
    peer.consumes(1, "q")
    peer.receives_bodies(1, "x")
    peer.connection.shut_down("because")
    peer.receives(0, ConnectionClose(320, "CONNECTION_FORCED - because", 0, 0))
    assert peer.transport.is_closed
    peer.world.settle()


def test_the_node_stops_in_the_middle_of_a_handshake() -> None:
    peer = Peer()
    peer.sends_octets(PROTOCOL_HEADER)
    peer.takes(0, ConnectionStart)
    peer.connection.shut_down("because")
    peer.receives_nothing()
    assert peer.transport.is_closed


def test_a_bug_costs_the_connection_and_says_541(
    peer: Peer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Connection, "_on_method", broken)
    with caplog.at_level(logging.ERROR):
        peer.sends(1, BasicQos())
    peer.is_closed_with(0, 541, "INTERNAL_ERROR", (0, 0))
    assert "ZeroDivisionError: a bug" in caplog.text
    assert peer.world.node.bug_count == 1


# one write a turn


def test_everything_a_turn_has_for_a_peer_is_one_write(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q")
    writes = len(peer.transport.write_sizes)
    peer.publishes(1, "q", *(f"{number}" for number in range(50)))
    assert len(peer.transport.write_sizes) == writes + 1
    peer.receives_bodies(1, *(f"{number}" for number in range(50)))


def test_large_bodies_arrive_between_small_ones(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q")
    bodies = [b"a", b"b" * LARGE_CHUNK, b"c" * (3 * LARGE_CHUNK), b"d", b"e" * 200_000]
    peer.publishes(1, "q", *bodies)
    peer.receives_bodies(1, *bodies)


# back-pressure


def consuming(prefetch: int = 0, *, no_ack: bool = False) -> Peer:
    peer = World().peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.sends(1, BasicQos(prefetch_count=prefetch))
    peer.receives(1, BasicQosOk())
    peer.consumes(1, "q", no_ack=no_ack)
    return peer


def test_a_full_outbox_stops_deliveries_until_it_is_written() -> None:
    peer = consuming(no_ack=True)
    body = b"x" * 50_000
    count = 3 * OUTBOX_LIMIT // len(body)
    peer.publishes(1, "q", *[body] * count, settle=False)
    peer.world.turn()
    first = len(peer.takes_all(1))
    assert OUTBOX_LIMIT // len(body) <= first <= OUTBOX_LIMIT // len(body) + 2
    peer.world.settle()
    assert first + len(peer.takes_all(1)) == count


def test_no_deliveries_while_the_transport_has_had_enough() -> None:
    peer = consuming()
    peer.connection.on_transport_paused()
    peer.publishes(1, "q", "a", "b")
    peer.receives_nothing()
    assert peer.world.queue("q").ready_count == 2
    peer.connection.on_transport_resumed()
    peer.world.settle()
    peer.receives_bodies(1, "a", "b")


def test_replies_wait_while_the_transport_has_had_enough() -> None:
    peer = consuming()
    peer.connection.on_transport_paused()
    peer.sends(1, BasicCancel("tag"))
    peer.receives_nothing()
    peer.connection.on_transport_resumed()
    peer.world.settle()
    peer.receives(1, BasicCancelOk("tag"))


def test_credit_that_comes_back_while_the_transport_is_paused_is_not_lost() -> None:
    peer = consuming(prefetch=1)
    peer.publishes(1, "q", "a", "b")
    (tag,) = peer.receives_bodies(1, "a")
    peer.connection.on_transport_paused()
    peer.sends(1, BasicAck(tag))
    peer.connection.on_transport_resumed()
    peer.world.settle()
    peer.receives_bodies(1, "b")


def test_a_cancelled_consumer_is_not_woken_by_a_resumed_transport() -> None:
    peer = consuming()
    peer.connection.on_transport_paused()
    peer.publishes(1, "q", "a")
    peer.sends(1, BasicCancel("tag"))
    peer.connection.on_transport_resumed()
    peer.world.settle()
    peer.receives(1, BasicCancelOk("tag"))
    peer.receives_nothing()
    assert peer.world.queue("q").ready_count == 1


def test_a_slow_peer_does_not_hold_the_others() -> None:
    peer = consuming(no_ack=True)
    other = peer.world.peer()
    other.opens_channel(1)
    other.consumes(1, "q", no_ack=True)
    peer.connection.on_transport_paused()
    other.publishes(1, "q", *(f"{number}" for number in range(10)))
    other.receives_bodies(1, *(f"{number}" for number in range(10)))


def test_one_queue_has_a_ceiling_in_one_turn() -> None:
    peer = consuming(no_ack=True)
    peer.connection.outbox_limit = 1 << 30
    peer.world.vhost.queues["q"].ready.clear()
    peer.publishes(1, "q", *["x"] * (2 * PUMP_MAX), settle=False)
    peer.world.turn()
    assert PUMP_MAX <= len(peer.takes_all(1)) < 2 * PUMP_MAX
    assert peer.world.clock.is_due
    peer.world.settle()
    assert peer.world.queue("q").ready_count == 0


# time


def test_heartbeats_are_sent_when_nothing_else_is() -> None:
    peer = World().peer(heartbeat=10)
    peer.takes_all(0)
    for _ in range(4):
        peer.world.passes(6_000)
        assert Heartbeat() in peer.takes_all(0)
        peer.sends_octets(HEARTBEAT_FRAME)
    assert not peer.is_hung_up


@pytest.mark.parametrize("is_postponed", [True, False])
def test_limits_go_with_a_clock_that_is_put_forward(is_postponed: bool) -> None:
    world = World()
    peers = [world.peer(heartbeat=10), Peer(world)]
    world.passes(1_000)  # what has come until now counts as of now
    for peer in peers:
        peer.connection.postpone(3_600_000 if is_postponed else 0)
    world.now_ms += 3_600_000
    world.passes(1_000)
    assert [peer.is_hung_up for peer in peers] == [not is_postponed] * 2


def test_other_output_counts_as_a_heartbeat() -> None:
    peer = World().peer(heartbeat=10)
    peer.opens_channel(1)
    for _ in range(20):
        peer.world.passes(2_000)
        peer.sends(1, BasicQos())
        peer.receives(1, BasicQosOk())
    peer.receives_nothing(0)


def test_a_silent_peer_is_dropped_after_two_heartbeats() -> None:
    peer = World().peer(heartbeat=10)
    peer.world.passes(19_500)
    assert not peer.is_hung_up
    peer.world.passes(1_500)
    assert peer.transport.is_aborted


def test_half_a_frame_is_a_sign_of_life() -> None:
    peer = World().peer(heartbeat=10)
    for octet in HEARTBEAT_FRAME * 2:
        peer.world.passes(9_000)
        peer.sends_octets(bytes((octet,)))
    assert not peer.is_hung_up


def test_without_heartbeats_silence_is_accepted() -> None:
    peer = World().peer(heartbeat=0)
    peer.world.passes(3_600_000, step_ms=60_000)
    assert not peer.is_hung_up
    peer.receives_nothing()


def test_no_heartbeats_to_a_peer_that_does_not_read() -> None:
    """They would pile up; it is the peer's silence that ends it."""
    peer = World().peer(heartbeat=10)
    peer.connection.on_transport_paused()
    for _ in range(10):
        peer.world.passes(5_000)
        peer.sends_octets(HEARTBEAT_FRAME)
    assert peer.connection.outbox == []


@pytest.mark.parametrize("said", [b"", b"AMQP", PROTOCOL_HEADER])
def test_the_handshake_has_its_time(said: bytes) -> None:
    peer = Peer(World({"handshake_timeout": 3000}))
    peer.sends_octets(said)
    peer.world.passes(2500)
    assert not peer.is_hung_up
    peer.world.passes(1000)
    assert peer.transport.is_aborted


def test_an_open_connection_has_no_end() -> None:
    peer = World({"handshake_timeout": 3000}).peer()
    peer.world.passes(100_000)
    assert not peer.is_hung_up


# answers that take time


@pytest.fixture
def slow() -> tuple[Peer, DelayedReplicator]:
    """A peer of a node that agrees on changes in later turns."""
    replicator = DelayedReplicator()
    peer = World(replicator=replicator).peer()
    peer.opens_channel(1)
    replicator.is_immediate = False
    return peer, replicator


def decide(peer: Peer, replicator: DelayedReplicator) -> None:
    replicator.decide()
    peer.world.settle()


def test_a_channel_waits_for_an_answer_and_then_goes_on_in_order(
    slow: tuple[Peer, DelayedReplicator],
) -> None:
    peer, replicator = slow
    peer.sends(1, QueueDeclare(queue="q"), QueueDeclare(queue="r"))
    peer.publishes(1, "q", "x")
    peer.sends(1, BasicGet(queue="q", no_ack=True))
    peer.receives_nothing()
    decide(peer, replicator)
    peer.receives(1, QueueDeclareOk("q", 0, 0))
    peer.receives_nothing()
    decide(peer, replicator)
    peer.receives(1, QueueDeclareOk("r", 0, 0))
    assert peer.takes_content(1).body == b"x"


def test_the_other_channels_do_not_wait(slow: tuple[Peer, DelayedReplicator]) -> None:
    peer, replicator = slow
    peer.opens_channel(2)
    peer.sends(1, QueueDeclare(queue="q"))
    peer.sends(2, BasicQos())
    peer.receives(2, BasicQosOk())
    decide(peer, replicator)
    peer.receives(1, QueueDeclareOk("q", 0, 0))


def test_a_repeated_publish_does_not_overtake_what_is_being_decided(
    slow: tuple[Peer, DelayedReplicator],
) -> None:
    peer, replicator = slow
    peer.sends(1, QueueDeclare(queue="q"))
    decide(peer, replicator)
    peer.receives(1, QueueDeclareOk("q", 0, 0))
    peer.publishes(1, "q", "a", "b", "c")
    peer.sends(1, QueueDelete(queue="q"))
    peer.publishes(1, "q", "d", mandatory=False)
    assert peer.world.queue("q").ready_count == 3
    decide(peer, replicator)
    peer.receives(1, QueueDeleteOk(3))


def test_a_refusal_that_comes_later_closes_the_channel(
    slow: tuple[Peer, DelayedReplicator],
) -> None:
    peer, replicator = slow
    replicator.is_immediate = True
    peer.declares(1, "q")
    replicator.is_immediate = False
    peer.sends(1, QueueBind(queue="q", exchange="amq.fanout"))
    peer.sends(1, BasicQos())
    peer.world.vhost.delete_queue("q")
    decide(peer, replicator)
    closed = peer.takes(1, ChannelClose)
    assert (closed.reply_code, closed.reply_text) == (
        404,
        "NOT_FOUND - no queue 'q' in vhost '/'",
    )
    peer.receives_nothing()
    peer.reopens(1)


def test_a_refusal_that_comes_later_names_its_method(
    slow: tuple[Peer, DelayedReplicator],
) -> None:
    peer, replicator = slow
    replicator.is_immediate = True
    peer.declares(1, "q")
    replicator.is_immediate = False
    peer.sends(1, QueueBind(queue="q", exchange="amq.fanout"))
    peer.world.vhost.delete_queue("q")
    decide(peer, replicator)
    closed = peer.takes(1, ChannelClose)
    assert (closed.class_id, closed.method_id) == QueueBind.ids


@pytest.mark.parametrize("how", ["channel", "connection", "socket"])
def test_an_exclusive_queue_agreed_on_too_late_does_not_stay(
    slow: tuple[Peer, DelayedReplicator], how: str
) -> None:
    peer, replicator = slow
    peer.sends(1, QueueDeclare(queue="q", exclusive=True))
    if how == "channel":
        peer.sends(1, ChannelClose())  # waits as well
    elif how == "connection":
        peer.sends(0, ConnectionClose())  # waits for the channel
        peer.receives_nothing(0)
    else:
        peer.drops()
    while replicator.pending:
        decide(peer, replicator)
    if how == "channel":
        peer.receives(1, QueueDeclareOk("q", 0, 0), ChannelCloseOk())
        assert "q" in peer.world.vhost.queues
        peer.drops()
        decide(peer, replicator)
    elif how == "connection":
        peer.receives(0, ConnectionCloseOk())
    assert "q" not in peer.world.vhost.queues


def test_a_close_waits_for_all_channels(slow: tuple[Peer, DelayedReplicator]) -> None:
    peer, replicator = slow
    peer.opens_channel(2)
    peer.sends(1, QueueDeclare(queue="q"))
    peer.sends(2, QueueDeclare(queue="r"))
    peer.sends(0, ConnectionClose())
    replicator.decide(1)
    peer.world.settle()
    peer.receives(1, QueueDeclareOk("q", 0, 0))
    peer.receives_nothing()
    decide(peer, replicator)
    peer.receives(2, QueueDeclareOk("r", 0, 0))
    peer.receives(0, ConnectionCloseOk())


def test_what_a_lost_peer_still_had_to_say_is_not_said(
    slow: tuple[Peer, DelayedReplicator],
) -> None:
    peer, replicator = slow
    peer.sends(1, QueueDeclare(queue="q"))
    peer.publishes(1, "q", "x")
    peer.drops()
    decide(peer, replicator)
    assert peer.world.queue("q").ready_count == 0


def test_contents_are_read_whole_by_our_reader() -> None:
    """The support code itself: a body of several frames is one message of that many frames."""
    peer = World().peer(frame_max=4096)
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.publishes(1, "q", b"x" * 9000)
    content = peer.gets(1, "q")
    assert isinstance(content, Content)
    assert content.frame_sizes == [4088, 4088, 824]
