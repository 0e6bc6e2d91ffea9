"""Quorum and stream queues as a single node shows them to clients."""

from __future__ import annotations

import functools

from tests.conformance.registry import scenario
from tests.conformance.wire_client import Channel, Play

feature = functools.partial(scenario, stage="features")


def _queue(channel: Channel, play: Play, kind: str, **arguments: object) -> str:
    named = {name.replace("_", "-"): value for name, value in arguments.items()}
    return channel.queue(play.name("q"), durable=True, arguments={"x-queue-type": kind, **named})


def _confirmed(channel: Channel, queue: str, *bodies: str) -> None:
    with channel.play.unrecorded():
        if not channel.publish_seqno:
            channel.confirm_select()
        for body in bodies:
            channel.publish(queue, body)
        channel.confirms()


@feature()
def quorum_publish_get_ack(play: Play) -> None:
    channel = play.channel()
    queue = _queue(channel, play, "quorum")
    _confirmed(channel, queue, "1", "2")
    channel.get(queue, no_ack=False)
    channel.send("Basic.Ack", delivery_tag=1)
    channel.get(queue)
    channel.get(queue)
    channel.call("Queue.Delete", queue=queue)


@feature()
def quorum_consume(play: Play) -> None:
    channel = play.channel()
    queue = _queue(channel, play, "quorum")
    _confirmed(channel, queue, "1", "2", "3")
    channel.call("Basic.Qos", prefetch_count=2)
    channel.call("Basic.Consume", queue=queue, consumer_tag="c")
    for event in channel.deliveries(2):
        channel.send("Basic.Ack", delivery_tag=event.tag)
    channel.deliveries(1)


@feature()
def quorum_delivery_count(play: Play) -> None:
    channel = play.channel()
    queue = _queue(channel, play, "quorum")
    _confirmed(channel, queue, "1")
    channel.consume(queue)
    for _ in range(2):
        channel.send("Basic.Nack", delivery_tag=channel.delivery().tag, requeue=True)
    channel.delivery()


@feature()
def quorum_delivery_limit(play: Play) -> None:
    channel = play.channel()
    dead = channel.queue(play.name("dead"))
    queue = _queue(
        channel,
        play,
        "quorum",
        x_delivery_limit=1,
        x_dead_letter_exchange="",
        x_dead_letter_routing_key=dead,
    )
    _confirmed(channel, queue, "1")
    channel.consume(queue)
    for _ in range(2):
        channel.send("Basic.Nack", delivery_tag=channel.delivery().tag, requeue=True)
    channel.consume(dead, "dead")
    channel.deliveries(1)


@feature()
def quorum_global_qos(play: Play) -> None:
    channel = play.channel()
    queue = _queue(channel, play, "quorum")
    channel.call("Basic.Qos", prefetch_count=2, global_=True)
    channel.call("Basic.Consume", queue=queue, consumer_tag="c")


@feature()
def quorum_exclusive_consumer(play: Play) -> None:
    channel = play.channel()
    queue = _queue(channel, play, "quorum")
    channel.call("Basic.Consume", queue=queue, consumer_tag="c", exclusive=True)
    play.channel().call("Basic.Consume", queue=queue, consumer_tag="d")


@feature()
def quorum_purge_and_delete_conditions(play: Play) -> None:
    channel = play.channel()
    queue = _queue(channel, play, "quorum")
    _confirmed(channel, queue, "1", "2")
    channel.call("Queue.Purge", queue=queue)
    for condition in ("if_unused", "if_empty"):
        play.channel().call("Queue.Delete", queue=queue, **{condition: True})


@feature()
def quorum_inequivalent(play: Play) -> None:
    connection = play.connection()
    queue = _queue(connection.channel(), play, "quorum", x_delivery_limit=3)
    for arguments in (
        {"x-queue-type": "quorum", "x-delivery-limit": 3},
        {"x-queue-type": "quorum", "x-delivery-limit": 4},
        {"x-queue-type": "quorum"},
        {"x-queue-type": "classic", "x-delivery-limit": 3},
        {"x-delivery-limit": 3},
        {},
    ):
        connection.channel().call("Queue.Declare", queue=queue, durable=True, arguments=arguments)


@feature()
def stream_consume_needs_prefetch(play: Play) -> None:
    channel = play.channel()
    queue = _queue(channel, play, "stream")
    channel.call("Basic.Consume", queue=queue, consumer_tag="c")


@feature()
def stream_consume_no_ack(play: Play) -> None:
    channel = play.channel()
    queue = _queue(channel, play, "stream")
    channel.call("Basic.Qos", prefetch_count=5)
    channel.call("Basic.Consume", queue=queue, consumer_tag="c", no_ack=True)


@feature()
def stream_get_and_purge(play: Play) -> None:
    queue = _queue(play.channel(), play, "stream")
    play.channel().get(queue)
    play.channel().call("Queue.Purge", queue=queue)


@feature()
def stream_global_qos(play: Play) -> None:
    channel = play.channel()
    queue = _queue(channel, play, "stream")
    channel.call("Basic.Qos", prefetch_count=2, global_=True)
    channel.call("Basic.Consume", queue=queue, consumer_tag="c")


@feature()
def stream_offsets(play: Play) -> None:
    channel = play.channel()
    queue = _queue(channel, play, "stream")
    for body in "123":
        _confirmed(channel, queue, body)
    channel.call("Basic.Qos", prefetch_count=10)
    for tag, offset, count in (("first", "first", 3), ("second", 1, 2)):
        channel.call(
            "Basic.Consume", queue=queue, consumer_tag=tag, arguments={"x-stream-offset": offset}
        )
        channel.deliveries(count)
        channel.call("Basic.Cancel", consumer_tag=tag)


@feature()
def stream_offset_malformed(play: Play) -> None:
    queue = _queue(play.channel(), play, "stream")
    for offset in ("somewhere", True, {"a": 1}, "1 fortnight"):
        channel = play.channel()
        channel.prepare("Basic.Qos", prefetch_count=5)
        channel.call(
            "Basic.Consume", queue=queue, consumer_tag="c", arguments={"x-stream-offset": offset}
        )
