"""Frames that are wrong: in shape, in order, in content."""

from __future__ import annotations

import struct

from tests.conformance import wire_codec as wire
from tests.conformance.registry import scenario
from tests.conformance.wire_client import Channel, Play

QOS = wire.encode_method("Basic.Qos", {})


def _publishing(play: Play) -> Channel:
    """A channel on which basic.publish was sent and a content header is expected."""
    channel = play.channel()
    channel.send("Basic.Publish", exchange="", routing_key="nowhere")
    return channel


# --- frames


@scenario
def frame_unknown_type(play: Play) -> None:
    for kind in (0, 4, 5, 6, 7, 9, 200):
        channel = play.channel()
        channel.send_payload(kind, b"abc")
        channel.reply()


@scenario
def frame_unknown_type_on_channel_zero(play: Play) -> None:
    connection = play.connection()
    connection.zero.send_payload(4, b"abc")
    connection.zero.reply()


@scenario
def frame_unknown_type_with_long_payload(play: Play) -> None:
    channel = play.channel()
    channel.send_payload(4, bytes(range(64, 100)))
    channel.reply()


@scenario
def frame_unknown_type_on_unopened_channel(play: Play) -> None:
    connection = play.connection()
    connection.raw_channel(9).send_payload(4, b"")
    connection.zero.reply()


@scenario
def frame_bad_end(play: Play) -> None:
    for number in (0, 1):
        connection = play.connection()
        connection.channel()
        good = wire.frame(1, number, QOS)
        connection.send_bytes(good[:-1] + b"\x00")
        connection.zero.reply()


@scenario
def frame_bad_end_of_body(play: Play) -> None:
    channel = _publishing(play)
    channel.send_payload(2, wire.encode_header(30, {}))
    channel.connection.send_bytes(wire.frame(3, 1, bytes(range(65, 95)))[:-1] + b"X")
    channel.reply()


@scenario
def frame_too_large(play: Play) -> None:
    connection = play.connection(frame_max=4096)
    connection.channel()
    connection.send_bytes(struct.pack(">BHI", 1, 1, 4097))
    connection.zero.reply()


@scenario
def frame_too_large_body(play: Play) -> None:
    channel = play.channel(frame_max=4096)
    channel.send("Basic.Publish", exchange="", routing_key="nowhere")
    channel.send_payload(2, wire.encode_header(5000, {}))
    channel.connection.send_bytes(wire.frame(3, 1, b"x" * 5000))
    channel.reply()


@scenario
def frame_a_little_too_large_is_let_through(play: Play) -> None:
    """RabbitMQ forgives eight octets."""
    channel = play.channel(frame_max=4096)
    channel.send("Basic.Publish", exchange="", routing_key="nowhere", mandatory=True)
    channel.send_payload(2, wire.encode_header(4096, {}))
    channel.connection.send_bytes(wire.frame(3, 1, b"x" * 4096))
    channel.returns(frames=True)


@scenario
def frame_empty_method(play: Play) -> None:
    for number in (0, 1):
        connection = play.connection()
        connection.channel()
        connection.raw_channel(number) if number else None
        connection.send_bytes(wire.frame(1, number, b""))
        connection.zero.reply()


@scenario
def frame_method_of_three_bytes(play: Play) -> None:
    channel = play.channel()
    channel.send_payload(1, b"\x00\x3c\x00")
    channel.reply()


@scenario
def frame_short_header(play: Play) -> None:
    channel = _publishing(play)
    channel.send_payload(2, b"\x00\x3c\x00\x00\x00")
    channel.reply()


@scenario
def frame_heartbeat_on_a_channel(play: Play) -> None:
    channel = play.channel()
    channel.send_payload(8, b"")
    channel.reply()


@scenario
def frame_heartbeat_with_payload(play: Play) -> None:
    connection = play.connection()
    connection.zero.send_payload(8, b"beat")
    connection.zero.reply()


@scenario
def frame_heartbeats_between_frames(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    zero = channel.connection.zero
    channel.send("Basic.Publish", exchange="", routing_key=queue)
    zero.send_payload(8, b"")
    channel.send_payload(2, wire.encode_header(2, {}))
    zero.send_payload(8, b"")
    channel.send_payload(3, b"a")
    zero.send_payload(8, b"")
    channel.send_payload(3, b"b")
    channel.drain(queue)


@scenario
def frame_content_on_channel_zero(play: Play) -> None:
    for kind, payload in ((2, wire.encode_header(1, {})), (3, b"body")):
        connection = play.connection()
        connection.zero.send_payload(kind, payload)
        connection.zero.reply()


@scenario
def frame_byte_by_byte(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    data = wire.method_frame(1, "Basic.Publish", routing_key=queue) + wire.content_frames(
        1, b"slowly", {"message_id": "m"}, 131072
    )
    with play.unrecorded():
        for byte in data:
            channel.connection.send_bytes(bytes([byte]))
    channel.drain(queue)


@scenario
def frame_interleaved_channels(play: Play) -> None:
    """Content of one channel may be interrupted by frames of another."""
    connection = play.connection()
    first, second = connection.channel(), connection.channel()
    queue = first.queue(play.name("q"))
    first.send("Basic.Publish", exchange="", routing_key=queue)
    second.send("Basic.Publish", exchange="", routing_key=queue)
    second.send_payload(2, wire.encode_header(1, {}))
    first.send_payload(2, wire.encode_header(2, {}))
    first.send_payload(3, b"a")
    second.send_payload(3, b"z")
    second.settled(queue)
    first.send_payload(3, b"b")
    first.settled(queue)
    first.drain(queue)


@scenario
def frame_protocol_header_again(play: Play) -> None:
    connection = play.connection()
    connection.channel()
    connection.header()
    connection.zero.reply()


# --- the order of method, header and body


@scenario
def order_header_without_publish(play: Play) -> None:
    channel = play.channel()
    channel.send_payload(2, wire.encode_header(1, {}))
    channel.reply()


@scenario
def order_body_without_publish(play: Play) -> None:
    channel = play.channel()
    channel.send_payload(3, b"body")
    channel.reply()


@scenario
def order_header_on_unopened_channel(play: Play) -> None:
    connection = play.connection()
    connection.raw_channel(4).send_payload(2, wire.encode_header(1, {}))
    connection.zero.reply()


@scenario
def order_method_instead_of_header(play: Play) -> None:
    channel = _publishing(play)
    channel.send("Basic.Qos")
    channel.reply()


@scenario
def order_body_instead_of_header(play: Play) -> None:
    channel = _publishing(play)
    channel.send_payload(3, b"body")
    channel.reply()


@scenario
def order_method_instead_of_body(play: Play) -> None:
    channel = _publishing(play)
    channel.send_payload(2, wire.encode_header(5, {}))
    channel.send("Basic.Qos")
    channel.reply()


@scenario
def order_header_instead_of_body(play: Play) -> None:
    channel = _publishing(play)
    channel.send_payload(2, wire.encode_header(5, {}))
    channel.send_payload(2, wire.encode_header(5, {}))
    channel.reply()


@scenario
def order_channel_close_instead_of_body(play: Play) -> None:
    channel = _publishing(play)
    channel.send_payload(2, wire.encode_header(5, {}))
    channel.call("Channel.Close")


@scenario
def order_connection_close_instead_of_body(play: Play) -> None:
    channel = _publishing(play)
    channel.send_payload(2, wire.encode_header(5, {}))
    channel.connection.close()


@scenario
def order_body_frame_for_empty_body(play: Play) -> None:
    channel = _publishing(play)
    channel.send_payload(2, wire.encode_header(0, {}))
    channel.send_payload(3, b"")
    channel.reply()


@scenario
def order_body_longer_than_announced(play: Play) -> None:
    channel = _publishing(play)
    channel.send_payload(2, wire.encode_header(2, {}))
    channel.send_payload(3, b"abc")
    channel.send("Basic.Qos")
    channel.reply()


@scenario
def header_of_another_class(play: Play) -> None:
    for class_id in (10, 50, 61, 0):
        channel = _publishing(play)
        channel.send_payload(2, wire.encode_header(1, {}, class_id))
        channel.reply()


@scenario
def header_with_weight(play: Play) -> None:
    channel = _publishing(play)
    channel.send_payload(2, struct.pack(">HHQH", 60, 1, 1, 0))
    channel.reply()


@scenario
def header_announcing_a_gigantic_body(play: Play) -> None:
    """Nobody refuses before the body is complete; the channel just goes on waiting."""
    channel = _publishing(play)
    channel.send_payload(2, wire.encode_header(2**63, {}))
    channel.send_payload(3, b"begin")
    channel.quiet()


# --- methods


@scenario(stage="quirks")
def method_unknown_class(play: Play) -> None:
    for number in (0, 1):
        connection = play.connection()
        connection.channel()
        connection.send_bytes(wire.frame(1, number, b"\x00\x63\x00\x0a"))
        connection.wait(lambda c=connection: c.is_at_eof or c.zero.inbox or None)
        connection.zero.quiet()


@scenario(stage="quirks")
def method_unknown_method(play: Play) -> None:
    for number in (0, 1):
        connection = play.connection()
        connection.channel()
        connection.send_bytes(wire.frame(1, number, b"\x00\x3c\x00\x63"))
        connection.wait(lambda c=connection: c.is_at_eof or c.zero.inbox or None)
        connection.zero.quiet()


@scenario
def method_truncated_arguments(play: Play) -> None:
    for payload in (
        wire.encode_method("Basic.Qos", {})[:-1],
        wire.encode_method("Queue.Declare", {"queue": "q"})[:-2],
        wire.encode_method("Queue.Declare", {"queue": "abc"})[:8],
        b"\x00\x32\x00\x0a",
        wire.encode_method("Basic.Ack", {"delivery_tag": 1})[:-1],
    ):
        channel = play.channel()
        channel.send_payload(1, payload)
        channel.reply()


@scenario(stage="quirks")
def method_truncated_arguments_on_channel_zero(play: Play) -> None:
    connection = play.connection()
    connection.zero.send_payload(1, b"\x00\x0a\x00\x32\x00\xc8")
    connection.zero.reply()


@scenario
def method_trailing_bytes(play: Play) -> None:
    for payload in (
        wire.encode_method("Basic.Qos", {}) + b"\x00",
        wire.encode_method("Channel.Close", {"reply_code": 200}) + b"more",
        wire.encode_method("Queue.Declare", {"queue": "q"}) + b"!",
        wire.encode_method("Tx.Select", {}) + b"\x01",
        wire.encode_method("Basic.Publish", {"routing_key": "k"}) + b"\x01",
    ):
        channel = play.channel()
        channel.send_payload(1, payload)
        channel.reply()


@scenario
def method_unused_bits_set(play: Play) -> None:
    channel = play.channel()
    queue = play.name("q")
    payload = wire.encode_method("Queue.Declare", {"queue": queue})
    channel.send_payload(1, payload[:-5] + b"\xe0" + payload[-4:])
    channel.reply()


@scenario
def method_reserved_ticket_is_ignored(play: Play) -> None:
    channel = play.channel()
    channel.call("Queue.Declare", queue=play.name("q"), _ticket=65535)


@scenario(stage="quirks")
def method_table_with_unknown_tag(play: Play) -> None:
    channel = play.channel()
    table = wire.encode_longstr(b"\x01a?\x00")
    channel.send_payload(1, wire.encode_method("Queue.Declare", {"queue": "q", "arguments": table}))
    channel.reply()


@scenario
def method_table_longer_than_the_frame(play: Play) -> None:
    channel = play.channel()
    table = struct.pack(">I", 100) + b"\x01at\x01"
    channel.send_payload(1, wire.encode_method("Queue.Declare", {"queue": "q", "arguments": table}))
    channel.reply()


@scenario(stage="quirks")
def method_table_cut_inside_a_value(play: Play) -> None:
    channel = play.channel()
    table = wire.encode_longstr(b"\x01aI\x00\x00")
    channel.send_payload(1, wire.encode_method("Queue.Declare", {"queue": "q", "arguments": table}))
    channel.reply()


@scenario(stage="quirks")
def method_table_cut_inside_a_key(play: Play) -> None:
    channel = play.channel()
    table = wire.encode_longstr(b"\x09abc")
    channel.send_payload(1, wire.encode_method("Queue.Declare", {"queue": "q", "arguments": table}))
    channel.reply()


@scenario
def method_table_deeply_nested(play: Play) -> None:
    channel = play.channel()
    table: dict[str, object] = {}
    for _ in range(100):
        table = {"t": table}
    queue = channel.queue(play.name("q"))
    channel.call("Queue.Bind", queue=queue, exchange="amq.direct", arguments=table)
    channel.call("Queue.Unbind", queue=queue, exchange="amq.direct", arguments=table)


@scenario
def method_table_booleans_other_than_one(play: Play) -> None:
    channel = play.channel()
    table = wire.encode_longstr(b"\x18x-single-active-consumert\x07")
    queue = play.name("q")
    channel.send_payload(
        1, wire.encode_method("Queue.Declare", {"queue": queue, "arguments": table})
    )
    channel.reply()
    channel.call("Queue.Declare", queue=queue, arguments={"x-single-active-consumer": True})


@scenario
def method_arguments_of_every_type(play: Play) -> None:
    """Every tag RabbitMQ knows, in the arguments of everything that takes some."""
    from tests.conformance.scenarios.messages import EVERY_TAG

    channel = play.channel()
    queue, exchange = play.name("q"), play.name("x")
    channel.call("Queue.Declare", queue=queue, arguments=EVERY_TAG)
    channel.call("Exchange.Declare", exchange=exchange, type="headers", arguments=EVERY_TAG)
    channel.call("Queue.Bind", queue=queue, exchange=exchange, arguments=EVERY_TAG)
    channel.call("Basic.Consume", queue=queue, consumer_tag="c", arguments=EVERY_TAG)
    channel.publish("", "x", exchange, headers=EVERY_TAG)
    channel.deliveries()


@scenario
def method_basic_credit_unknown_consumer(play: Play) -> None:
    """RabbitMQ's own method, class 60, method 200: consumer-tag, credit, drain."""
    channel = play.channel()
    channel.send_payload(1, struct.pack(">HH", 60, 200) + b"\x01c" + struct.pack(">IB", 1, 0))
    channel.reply()
