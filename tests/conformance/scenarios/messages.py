"""basic.publish, basic.return and basic.get: properties, bodies, refusals; queue.purge."""

from __future__ import annotations

import struct

from tests.conformance import wire_codec as wire
from tests.conformance.registry import scenario
from tests.conformance.wire_client import Play
from tests.conformance.wire_codec import Tagged

ALL_PROPERTIES = {
    "content_type": "application/json",
    "content_encoding": "utf-8",
    "headers": {"h": "v"},
    "delivery_mode": 2,
    "priority": 7,
    "correlation_id": "correlation",
    "reply_to": "reply",
    "expiration": "600000",
    "message_id": "id",
    "timestamp": 1700000000,
    "type": "type",
    "user_id": "guest",
    "app_id": "app",
    "cluster_id": "cluster",
}
EVERY_TAG = {
    "bool": True,
    "not": False,
    "octet": Tagged("b", -5),
    "unsigned octet": Tagged("B", 250),
    "short": Tagged("s", -300),
    "unsigned short": Tagged("u", 65000),
    "int": Tagged("I", -70000),
    "unsigned int": Tagged("i", 4000000000),
    "long": Tagged("l", -(2**60)),
    "float": Tagged("f", 1.5),
    "double": Tagged("d", 3.141592653589793),
    "decimal": Tagged("D", (2, 31415)),
    "string": "text with ünicode",
    "empty": "",
    "binary": Tagged("x", b"\x00\x01\xff"),
    "timestamp": Tagged("T", 1700000000),
    "void": None,
    "table": {"a": {"b": {"c": [1, "two", {"three": 3}]}}, "empty": {}},
    "array": [1, "two", None, True, [], [[1]], Tagged("d", -0.5), {"k": Tagged("s", 1)}],
}


@scenario
def publish_to_default_exchange(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.publish(queue, "hello")
    channel.settled(queue)
    channel.drain(queue)


@scenario
def publish_without_any_property(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.publish(queue, "x")
    channel.settled(queue)
    channel.consume(queue, no_ack=True)
    channel.deliveries(frames=True)


@scenario
def publish_with_every_property(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.publish(queue, "x", **ALL_PROPERTIES)
    channel.settled(queue)
    channel.consume(queue, no_ack=True)
    channel.deliveries(frames=True)


@scenario
def publish_with_each_property_alone(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    for name, value in ALL_PROPERTIES.items():
        channel.publish(queue, name, **{name: value})
    channel.settled(queue)
    channel.consume(queue, no_ack=True)
    channel.deliveries(len(ALL_PROPERTIES), frames=True)


@scenario
def publish_with_empty_properties(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.publish(queue, "x", content_type="", headers={}, priority=0, timestamp=0, app_id="")
    channel.settled(queue)
    channel.consume(queue, no_ack=True)
    channel.deliveries(frames=True)


@scenario
def publish_headers_of_every_type(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.publish(queue, "x", headers=EVERY_TAG)
    channel.settled(queue)
    channel.consume(queue, no_ack=True)
    channel.deliveries(frames=True)


@scenario
def publish_headers_with_repeated_and_empty_keys(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    table = wire.encode_table([("a", 1), ("a", 2), ("", "empty key"), ("ä" * 60, 3)])
    channel.publish(queue, "x", headers=table)
    channel.settled(queue)
    channel.consume(queue, no_ack=True)
    channel.deliveries(frames=True)


@scenario
def publish_header_values_at_their_limits(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    limits = {
        "b": (-128, 127),
        "B": (0, 255),
        "s": (-32768, 32767),
        "u": (0, 65535),
        "I": (-(2**31), 2**31 - 1),
        "i": (0, 2**32 - 1),
        "l": (-(2**63), 2**63 - 1),
        "T": (0, 2**64 - 1),
    }
    headers = {
        f"{tag}{n}": Tagged(tag, v) for tag, pair in limits.items() for n, v in enumerate(pair)
    }
    channel.publish(queue, "x", headers=headers)
    channel.settled(queue)
    channel.consume(queue, no_ack=True)
    channel.deliveries(frames=True)


@scenario
def publish_headers_large(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.publish(queue, "x", headers={f"key{n}": "v" * 100 for n in range(500)})
    channel.settled(queue)
    channel.consume(queue, no_ack=True)
    event = channel.connection.wait(lambda: next(iter(channel.inbox), None))
    channel.inbox.clear()
    play.note(
        "header", size=len(event.raw_properties), keys=len(event.properties["headers"]["key0"])
    )


@scenario
def publish_empty_body(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.publish(queue, "", message_id="empty")
    channel.settled(queue)
    channel.consume(queue, no_ack=True)
    channel.deliveries(frames=True)


@scenario
def publish_binary_body(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.publish(queue, bytes(range(256)) + b"\xce" * 10)
    channel.settled(queue)
    channel.drain(queue)


@scenario
def publish_bodies_around_frame_max(play: Play) -> None:
    sender, receiver = play.channel(frame_max=8192), play.channel(frame_max=4096)
    queue = sender.queue(play.name("q"))
    for size in (4087, 4088, 4089, 8183, 8184, 8185, 20000):
        sender.publish(queue, bytes([size % 251]) * size)
    sender.settled(queue)
    receiver.consume(queue, no_ack=True)
    receiver.deliveries(7, frames=True)


@scenario
def publish_body_in_many_small_frames(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.send("Basic.Publish", exchange="", routing_key=queue)
    channel.send_payload(2, wire.encode_header(6, {}))
    for part in (b"a", b"bc", b"", b"def"):
        channel.send_payload(3, part)
    channel.settled(queue)
    channel.consume(queue, no_ack=True)
    channel.deliveries(frames=True)


@scenario
def publish_body_of_a_megabyte(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.publish(queue, bytes(range(256)) * 4096)
    channel.settled(queue)
    channel.consume(queue, no_ack=True)
    channel.deliveries()


@scenario
def publish_mandatory_unroutable(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"))
    channel.publish("nowhere", "come back", exchange, mandatory=True, **ALL_PROPERTIES)
    channel.returns(frames=True)


@scenario
def publish_mandatory_unroutable_default_exchange(play: Play) -> None:
    channel = play.channel()
    channel.publish(play.name("nope"), "", mandatory=True)
    channel.returns(frames=True)


@scenario
def publish_mandatory_routable(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.publish(queue, "x", mandatory=True)
    channel.settled(queue)
    channel.nothing_more()


@scenario
def publish_mandatory_several_returned_in_order(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    for body in "1234":
        channel.publish("nowhere" if body in "13" else queue, body, mandatory=True)
    channel.returns(2)
    channel.settled(queue)
    channel.nothing_more()


@scenario
def publish_unroutable_not_mandatory_is_dropped(play: Play) -> None:
    channel = play.channel()
    channel.publish("nowhere", "dropped")
    channel.nothing_more()


@scenario
def publish_immediate(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.publish(queue, "x", immediate=True)
    channel.reply()


@scenario
def publish_immediate_to_unknown_exchange(play: Play) -> None:
    channel = play.channel()
    channel.publish("k", "x", play.name("nope"), immediate=True)
    channel.reply()


@scenario
def publish_unknown_exchange(play: Play) -> None:
    channel = play.channel()
    channel.publish("k", "x", play.name("nope"))
    channel.reply()


@scenario
def publish_unknown_exchange_mandatory(play: Play) -> None:
    channel = play.channel()
    channel.publish("k", "x", play.name("nope"), mandatory=True)
    channel.reply()


@scenario
def publish_unknown_exchange_name_with_line_end(play: Play) -> None:
    channel = play.channel()
    channel.publish("k", "x", "amq.direct\n")
    channel.reply()


@scenario
def publish_internal_exchange(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), internal=True)
    channel.publish("k", "x", exchange)
    channel.reply()


@scenario
def publish_trace_exchange_is_internal(play: Play) -> None:
    channel = play.channel()
    channel.publish("k", "x", "amq.rabbitmq.trace")
    channel.reply()


@scenario
def publish_then_more_on_the_closing_channel(play: Play) -> None:
    connection = play.connection(auto_close_ok=False)
    channel = connection.channel()
    queue = channel.queue(play.name("q"))
    channel.publish("k", "refused", play.name("nope"))
    channel.publish(queue, "ignored")
    channel.send("Queue.Declare", queue=play.name("other"))
    channel.reply()
    channel.publish(queue, "ignored too")
    channel.call("Channel.Close")
    channel.send("Channel.CloseOk")
    again = connection.channel(channel.number)
    again.count(queue)
    again.call("Queue.Declare", queue=play.name("other"), passive=True)


@scenario
def publish_wrong_user_id(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.publish(queue, "mine", user_id="guest")
    channel.publish(queue, "not mine", user_id="somebody")
    channel.reply()
    channel.reopen()
    channel.count(queue)


@scenario
def publish_empty_user_id(play: Play) -> None:
    channel = play.channel()
    channel.publish("nowhere", "x", user_id="")
    channel.reply()


@scenario
def publish_bad_expiration(play: Play) -> None:
    connection = play.connection()
    for value in (
        "soon",
        "-1",
        "1.5",
        "",
        " 5",
        "5 ",
        "1e3",
        str(2**32),
        str(2**32 - 1),
        "0x10",
        "+5",
    ):
        channel = connection.channel()
        channel.publish("nowhere", "x", expiration=value)
        channel.call("Basic.Qos")


@scenario
def publish_refusals_in_order(play: Play) -> None:
    """Which of several reasons is reported: exchange, internal, user-id, expiration, CC."""
    connection = play.connection()
    internal = connection.channel().exchange(play.name("i"), internal=True)
    wrong = {"user_id": "x", "expiration": "y", "headers": {"CC": 1}}
    for exchange, properties in (
        (play.name("nope"), wrong),
        (internal, wrong),
        ("amq.direct", wrong),
        ("amq.direct", {"expiration": "y", "headers": {"CC": 1}}),
        ("amq.direct", {"headers": {"CC": 1}}),
    ):
        channel = connection.channel()
        channel.publish("k", "x", exchange, **properties)
        channel.reply()


@scenario
def publish_priority_out_of_range(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.publish(queue, "x", priority=255)
    channel.drain(queue)


@scenario
def publish_unknown_delivery_mode(play: Play) -> None:
    connection = play.connection()
    for mode in (0, 1, 2, 3, 77):
        channel = connection.channel()
        channel.publish("nowhere", "x", delivery_mode=mode)
        channel.call("Basic.Qos")


@scenario
def publish_routing_key_of_255_bytes(play: Play) -> None:
    channel = play.channel()
    exchange, queue = channel.exchange(play.name("x")), channel.queue(play.name("q"))
    channel.bind(queue, exchange, "k" * 255)
    channel.publish("k" * 255, "x", exchange)
    channel.settled(queue)
    channel.drain(queue)


@scenario(stage="quirks")
def publish_properties_flag_continuation(play: Play) -> None:
    """The lowest flag bit announces a second flag word, which basic does not have."""
    channel = play.channel()
    channel.publish("nowhere", "x", raw_properties=b"\x00\x01\x00\x00")
    channel.reply()


@scenario
def publish_properties_unused_flag(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.publish(queue, "x", raw_properties=b"\x00\x02")
    channel.consume(queue, no_ack=True)
    channel.deliveries(frames=True)


@scenario(stage="quirks")
def publish_properties_truncated(play: Play) -> None:
    channel = play.channel()
    channel.publish("nowhere", "x", raw_properties=b"\x80\x00\x20abc")
    channel.reply()


@scenario(stage="quirks")
def publish_properties_trailing_bytes(play: Play) -> None:
    channel = play.channel()
    channel.publish("nowhere", "x", raw_properties=b"\x10\x00\x02\xff\xff")
    channel.reply()


@scenario(stage="quirks")
def publish_properties_missing_flags(play: Play) -> None:
    channel = play.channel()
    channel.publish("nowhere", "x", raw_properties=b"")
    channel.reply()


@scenario(stage="quirks")
def publish_headers_with_unknown_tag(play: Play) -> None:
    channel = play.channel()
    bad = struct.pack(">I", 4) + b"\x01a?\x00"
    channel.publish("nowhere", "x", raw_properties=b"\x20\x00" + bad)
    channel.reply()


@scenario(stage="quirks")
def publish_headers_with_wrong_length(play: Play) -> None:
    channel = play.channel()
    bad = struct.pack(">I", 50) + b"\x01at\x01"
    channel.publish("nowhere", "x", raw_properties=b"\x20\x00" + bad)
    channel.reply()


@scenario
def publish_shortstr_property_not_utf8(play: Play) -> None:
    channel = play.channel()
    channel.publish("nowhere", "x", correlation_id=b"\xff\xfe\x80", mandatory=True)
    channel.arrivals(1)


@scenario
def publish_routing_key_not_utf8(play: Play) -> None:
    channel = play.channel()
    channel.publish(b"\xff\xfe", "x", mandatory=True)
    channel.arrivals(1)


# --- basic.get


@scenario
def get_from_empty(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.get(queue)
    channel.get(queue, no_ack=False)


@scenario
def get_counts_down(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "1", "2", "3")
    channel.get(queue, no_ack=False)
    channel.get(queue)
    channel.get(queue, no_ack=False)
    channel.get(queue, no_ack=False)
    channel.count(queue)


@scenario
def get_unknown_queue(play: Play) -> None:
    play.channel().get(play.name("nope"))


@scenario
def get_unacked_is_requeued_on_channel_close(play: Play) -> None:
    connection = play.connection()
    channel = connection.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "1", "2")
    channel.get(queue, no_ack=False)
    channel.get(queue, no_ack=False)
    channel.call("Channel.Close")
    connection.channel(2).drain(queue)


@scenario
def get_unacked_is_requeued_on_connection_drop(play: Play) -> None:
    connection = play.connection()
    channel = connection.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "1", "2")
    channel.get(queue, no_ack=False)
    connection.drop()
    other = play.channel()
    other.wait_count(queue, 2)
    other.drain(queue)


@scenario
def get_delivery_tags_are_shared_with_consumers(play: Play) -> None:
    channel = play.channel()
    first, second = channel.queue(play.name("a")), channel.queue(play.name("b"))
    channel.fill(first, "1", "2")
    channel.get(first, no_ack=False)
    channel.consume(second)
    channel.fill(second, "consumed")
    channel.deliveries()
    channel.get(first)


@scenario
def get_from_queue_with_exclusive_consumer(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    other = play.channel()
    other.prepare("Basic.Qos", prefetch_count=1)
    other.consume(queue, exclusive=True)
    channel.fill(queue, "1", "2")
    other.deliveries()
    channel.get(queue)


# --- queue.purge


@scenario
def purge(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "1", "2", "3")
    channel.call("Queue.Purge", queue=queue)
    channel.call("Queue.Purge", queue=queue)
    channel.get(queue)


@scenario
def purge_keeps_unacked(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "1", "2", "3")
    tag = channel.get(queue, no_ack=False).tag
    channel.call("Queue.Purge", queue=queue)
    channel.send("Basic.Nack", delivery_tag=tag, requeue=True)
    channel.settled(queue)
    channel.drain(queue)


@scenario
def purge_unknown_queue(play: Play) -> None:
    play.channel().call("Queue.Purge", queue=play.name("nope"))


@scenario
def purge_nowait(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "1", "2")
    channel.send("Queue.Purge", queue=queue, nowait=True)
    channel.count(queue)


@scenario
def purge_nowait_unknown_queue(play: Play) -> None:
    channel = play.channel()
    channel.send("Queue.Purge", queue=play.name("nope"), nowait=True)
    channel.reply()


@scenario
def deliver_a_thousand_in_order(play: Play) -> None:
    channel, consumer = play.channel(), play.channel()
    queue = channel.queue(play.name("q"))
    consumer.prepare("Basic.Qos", prefetch_count=100)
    consumer.consume(queue)
    with play.unrecorded():
        for n in range(1000):
            channel.publish(queue, str(n))
        bodies = []
        for n in range(1000):
            bodies.append(consumer.delivery())
            if n % 50 == 49:
                consumer.send("Basic.Ack", delivery_tag=bodies[-1].tag, multiple=True)
    play.note("order", kept=[event.body for event in bodies] == [b"%d" % n for n in range(1000)])
    play.note("tags", kept=[event.tag for event in bodies] == list(range(1, 1001)))
    consumer.nothing_more()


@scenario
def deliver_two_publishers_keep_their_orders(play: Play) -> None:
    connection = play.connection()
    first, second, reader = (connection.channel() for _ in range(3))
    queue = first.queue(play.name("q"))
    with play.unrecorded():
        for n in range(100):
            first.publish(queue, f"a{n:03}")
            second.publish(queue, f"b{n:03}")
    for channel in (first, second):
        channel.settled(queue)
    bodies = [reader.prepare_get(queue).body.decode() for _ in range(200)]
    for letter in "ab":
        mine = [body for body in bodies if body[0] == letter]
        play.note("order", publisher=letter, count=len(mine), kept=mine == sorted(mine))
