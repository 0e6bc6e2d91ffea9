"""The client: against a broker, and against what only looks like one."""

from __future__ import annotations

import dataclasses
import os
import select
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.amqp import frames
from broker.amqp import methods as m
from broker.amqp.content import Properties
from broker.cli.messaging import connection as module
from broker.cli.messaging.connection import Connection, Content
from broker.cli.messaging.exits import Failure
from broker.cli.messaging.transport import Transport
from tests.property.conftest import examples
from tests.unit.cli.messaging.conftest import Caller


class Other:
    """The other end of a connection whose handshake is done."""

    def __init__(self, heartbeat_s: int = 0) -> None:
        ours, self.socket = socket.socketpair()
        self.connection = Connection.over(Transport(ours), heartbeat_s=heartbeat_s)

    def sends(self, *methods: m.Method, channel: int = 1) -> None:
        for method in methods:
            self.socket.sendall(frames.method_frame(channel, method.encode()))

    def received(self) -> bytes:
        self.socket.setblocking(False)
        return self.socket.recv(65536)


def test_a_conversation(call: Caller) -> None:
    connection = call.connect()
    assert connection.server_properties["product"]
    queue = connection.call(m.QueueDeclare(exclusive=True), m.QueueDeclareOk).queue
    publish = m.BasicPublish(routing_key=queue)
    body = os.urandom(300_000)
    connection.send(publish)
    content = frames.content_frames(1, Properties(type="t").encode(len(body)), body, 131072)
    connection.put(b"".join(content))
    connection.call(m.BasicConsume(queue=queue, consumer_tag="c"), m.BasicConsumeOk)
    while not connection.inbox:
        connection.turn(5)
    delivered = connection.inbox.popleft()
    assert isinstance(delivered, Content)
    assert delivered.body == body
    assert Properties.decode(delivered.header) == Properties(type="t")
    connection.close()


def test_who_is_refused(call: Caller) -> None:
    wrong = dataclasses.replace(call.address, password="wrong")
    with pytest.raises(Failure, match="403 ACCESS_REFUSED") as caught:
        Connection(wrong)
    assert caught.value.code == 77
    with pytest.raises(Failure, match="vhost nope not found") as caught:
        Connection(dataclasses.replace(call.address, vhost="nope"))
    assert caught.value.code == 65


def test_a_channel_that_is_closed(call: Caller) -> None:
    connection = call.connect()
    with pytest.raises(
        Failure, match="closed the channel: 404 NOT_FOUND - no queue 'no'"
    ) as caught:
        connection.call(m.BasicConsume(queue="no"), m.BasicConsumeOk)
    assert caught.value.code == 65
    connection.close()


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"AMQP\0\0\x09\x01", "another version"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak AMQP"),
        (frames.pack_frame_header(1, 0, 1 << 30), "a frame of 1073741824 octets"),
        (frames.method_frame(0, b"\0\x0a\0\x0aoops"), "no AMQP"),
        (frames.method_frame(0, b"\xff\xff\xff\xff"), "no AMQP"),
        (frames.method_frame(0, b"\0\x0a\0\x0a")[:-1] + b"\0", "without its end"),
        (frames.pack_frame_header(2, 1, 1) + b"x\xce", "no AMQP"),
        (frames.method_frame(0, m.ConnectionStart(mechanisms=b"EXTERNAL").encode()), "EXTERNAL"),
        (b"", "closed the connection"),
    ],
)
def test_what_is_no_broker(call: Caller, answer: bytes, text: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        import threading

        def answers() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(8)
                peer.sendall(answer)

        thread = threading.Thread(target=answers)
        thread.start()
        address = dataclasses.replace(call.address, port=port, connect_timeout_s=5)
        with pytest.raises(Failure, match=text):
            Connection(address)
        thread.join()


@examples(60)
@given(st.lists(st.integers(1, 60), max_size=30))
def test_any_split_of_the_octets_means_the_same(sizes: list[int]) -> None:
    header = Properties().encode(5)
    octets = b"".join(
        (
            frames.method_frame(1, m.BasicDeliver("c", 1, False, "", "k").encode()),
            *frames.content_frames(1, header, b"hello", 4096),
            frames.HEARTBEAT_FRAME,
            frames.method_frame(1, m.BasicAck(5, multiple=True).encode()),
        )
    )
    other = Other()
    at = 0
    for size in sizes:
        other.connection.feed(octets[at : at + size])
        at += size
    other.connection.feed(octets[at:])
    content, ack = other.connection.inbox
    assert content == Content(m.BasicDeliver("c", 1, False, "", "k"), header, b"hello")
    assert ack == m.BasicAck(5, multiple=True)
    other.connection.drop()
    other.socket.close()


def test_blocked_and_unblocked_are_told() -> None:
    other, told = Other(), list[str | None]()
    other.connection._on_blocked = told.append
    other.sends(m.ConnectionBlocked("low on disk"), channel=0)
    other.connection.turn(5)
    assert other.connection.blocked == "low on disk"
    other.sends(m.ConnectionUnblocked(), channel=0)
    other.connection.turn(5)
    assert other.connection.blocked is None
    assert told == ["low on disk", None]
    other.connection.drop()
    other.socket.close()


def test_a_connection_that_is_closed_answers_and_tells() -> None:
    other = Other()
    other.sends(m.ConnectionClose(320, "CONNECTION_FORCED - bye"), channel=0)
    with pytest.raises(Failure, match="320 CONNECTION_FORCED - bye") as caught:
        other.connection.turn(5)
    assert caught.value.is_lost
    assert other.received() == frames.method_frame(0, m.ConnectionCloseOk().encode())
    other.connection.drop()
    other.socket.close()


def test_flow_is_answered_and_others_end_the_wait() -> None:
    other = Other()
    other.sends(m.ChannelFlow(True))
    reading, writing = os.pipe()
    os.write(writing, b"x")
    assert other.connection.turn(5, {reading: select.POLLIN}) == {reading: select.POLLIN}
    other.connection.turn(0)
    assert other.received() == frames.method_frame(1, m.ChannelFlowOk(True).encode())
    for descriptor in (reading, writing):
        os.close(descriptor)
    other.connection.drop()
    other.socket.close()


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(module, "now_s", clock)
    other = Other(heartbeat_s=10)
    other.connection.turn(0)
    clock.now += 5
    other.connection.turn(None)
    assert other.received() == frames.HEARTBEAT_FRAME
    clock.now += 14
    other.connection.turn(0, is_reading=False)  # nobody listened: that is no silence
    clock.now += 19
    other.connection.turn(0)
    clock.now += 1
    with pytest.raises(Failure, match="missed heartbeats") as caught:
        other.connection.turn(0)
    assert caught.value.is_lost
    other.connection.drop()
    other.socket.close()


def test_a_broker_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPLY_TIMEOUT_S", 0.01)
    other = Other()
    with pytest.raises(Failure, match="did not answer within") as caught:
        other.connection.call(m.BasicQos(), m.BasicQosOk)
    assert caught.value.code == 75
    other.connection.close(timeout_s=0.01)
    other.socket.close()
