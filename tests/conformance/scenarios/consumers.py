"""basic.consume, basic.cancel, basic.deliver, consumer cancel notification, direct reply-to."""

from __future__ import annotations

from tests.conformance.registry import scenario
from tests.conformance.wire_client import CAPABILITIES, Play
from tests.conformance.wire_codec import Tagged


@scenario
def consume_ok_then_deliveries(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "1", "2", "3")
    channel.send("Basic.Consume", queue=queue, consumer_tag="tag")
    channel.arrivals(4)
    channel.nothing_more()


@scenario
def consume_server_named_tag(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    first = channel.call("Basic.Consume", queue=queue)
    channel.call("Basic.Consume", queue=queue)
    channel.call("Basic.Cancel", consumer_tag=first["consumer_tag"])
    channel.fill(queue, "x")
    channel.deliveries()


@scenario
def consume_nowait(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.send("Basic.Consume", queue=queue, consumer_tag="tag", nowait=True)
    channel.fill(queue, "x")
    channel.arrivals(1)


@scenario
def consume_nowait_server_named_tag(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.send("Basic.Consume", queue=queue, nowait=True)
    channel.fill(queue, "x")
    channel.arrivals(1)


@scenario
def consume_no_ack(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.consume(queue, no_ack=True)
    channel.fill(queue, "1", "2")
    channel.deliveries(2)
    channel.call("Channel.Close")
    channel.connection.channel(2).count(queue)


@scenario
def consume_no_ack_then_ack(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.consume(queue, no_ack=True)
    channel.fill(queue, "1")
    channel.send("Basic.Ack", delivery_tag=channel.delivery().tag)
    channel.reply()


@scenario
def consume_unknown_queue(play: Play) -> None:
    play.channel().call("Basic.Consume", queue=play.name("nope"), consumer_tag="t")


@scenario
def consume_nowait_unknown_queue(play: Play) -> None:
    channel = play.channel()
    channel.send("Basic.Consume", queue=play.name("nope"), consumer_tag="t", nowait=True)
    channel.reply()


@scenario
def consume_duplicate_tag(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.consume(queue, "tag")
    channel.call("Basic.Consume", queue=queue, consumer_tag="tag")


@scenario
def consume_duplicate_tag_on_unknown_queue(play: Play) -> None:
    channel = play.channel()
    channel.consume(channel.queue(play.name("q")), "tag")
    channel.call("Basic.Consume", queue=play.name("nope"), consumer_tag="tag")


@scenario
def consume_same_tag_on_two_channels(play: Play) -> None:
    connection = play.connection()
    first, second = connection.channel(), connection.channel()
    queue = first.queue(play.name("q"))
    first.call("Basic.Consume", queue=queue, consumer_tag="tag")
    second.call("Basic.Consume", queue=queue, consumer_tag="tag")
    first.count(queue)


@scenario
def consume_tag_free_after_cancel(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    for _ in range(2):
        channel.call("Basic.Consume", queue=queue, consumer_tag="tag")
        channel.call("Basic.Cancel", consumer_tag="tag")


@scenario
def consume_tag_of_255_bytes(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Basic.Consume", queue=queue, consumer_tag="t" * 255)
    channel.fill(queue, "x")
    channel.deliveries()


@scenario
def consume_exclusive_refused_when_consumed(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.consume(queue)
    play.channel().call("Basic.Consume", queue=queue, consumer_tag="x", exclusive=True)


@scenario
def consume_refused_when_exclusive(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.consume(queue, exclusive=True)
    play.channel().call("Basic.Consume", queue=queue, consumer_tag="x")
    channel.call("Basic.Consume", queue=queue, consumer_tag="y")


@scenario
def consume_exclusive_free_after_cancel(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.consume(queue, exclusive=True)
    channel.call("Basic.Cancel", consumer_tag="c")
    play.channel().call("Basic.Consume", queue=queue, consumer_tag="x", exclusive=True)


@scenario
def consume_exclusive_free_after_channel_close(play: Play) -> None:
    connection = play.connection()
    channel = connection.channel()
    queue = channel.queue(play.name("q"))
    channel.consume(queue, exclusive=True)
    channel.call("Channel.Close")
    connection.channel(2).call("Basic.Consume", queue=queue, consumer_tag="x", exclusive=True)


@scenario
def consume_no_local_is_ignored(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Basic.Consume", queue=queue, consumer_tag="c", no_local=True)
    channel.publish(queue, "my own")
    channel.deliveries()


@scenario
def consume_round_robin(play: Play) -> None:
    connection = play.connection()
    channel = connection.channel()
    queue = channel.queue(play.name("q"))
    consumers = [connection.channel() for _ in range(3)]
    for consumer in consumers:
        consumer.consume(queue, no_ack=True)
    channel.fill(queue, *"123456789")
    for consumer in consumers:
        consumer.deliveries(3)
        consumer.nothing_more()


@scenario
def consume_round_robin_on_one_channel(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    for tag in ("a", "b", "c"):
        channel.consume(queue, tag, no_ack=True)
    channel.fill(queue, *"123456")
    channel.deliveries(6)


@scenario
def consume_argument_priority_wrong_type(play: Play) -> None:
    connection = play.connection()
    queue = connection.channel().queue(play.name("q"))
    for value in ("high", True, Tagged("d", 1.0), None):
        connection.channel().call(
            "Basic.Consume", queue=queue, consumer_tag="c", arguments={"x-priority": value}
        )


@scenario
def consume_argument_priority_integers(play: Play) -> None:
    connection = play.connection()
    queue = connection.channel().queue(play.name("q"))
    for value in (10, -10, Tagged("l", 2**40), Tagged("b", 1), Tagged("i", 7)):
        connection.channel().call(
            "Basic.Consume", queue=queue, consumer_tag="c", arguments={"x-priority": value}
        )


@scenario
def consume_argument_cancel_on_failover_wrong_type(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call(
        "Basic.Consume", queue=queue, arguments={"x-cancel-on-ha-failover": "yes"}, consumer_tag="c"
    )


@scenario
def consume_argument_stream_offset_on_classic(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call(
        "Basic.Consume", queue=queue, arguments={"x-stream-offset": "first"}, consumer_tag="c"
    )


@scenario
def consume_argument_unknown(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Basic.Consume", queue=queue, arguments={"x-mine": {"a": 1}}, consumer_tag="c")


@scenario
def consume_priority_goes_first(play: Play) -> None:
    connection = play.connection()
    channel = connection.channel()
    queue = channel.queue(play.name("q"))
    low, high = connection.channel(), connection.channel()
    for consumer, priority in ((low, 1), (high, 5)):
        consumer.prepare("Basic.Qos", prefetch_count=2)
        consumer.consume(queue, arguments={"x-priority": priority})
    channel.fill(queue, *"12345")
    high.deliveries(2)
    low.deliveries(2)
    channel.count(queue)


@scenario
def deliver_names_exchange_and_key(play: Play) -> None:
    channel = play.channel()
    exchange, queue = channel.exchange(play.name("x"), "topic"), channel.queue(play.name("q"))
    channel.bind(queue, exchange, "#")
    channel.consume(queue)
    channel.publish("some.key", "x", exchange, message_id="m")
    channel.deliveries()


@scenario
def deliver_in_order_across_requeues(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, *"12345")
    for _ in range(2):
        channel.get(queue, no_ack=False)
    channel.send("Basic.Nack", delivery_tag=0, multiple=True, requeue=True)
    channel.settled(queue)
    channel.drain(queue)


# --- basic.cancel


@scenario
def cancel_unknown_tag(play: Play) -> None:
    play.channel().call("Basic.Cancel", consumer_tag="nobody")


@scenario
def cancel_nowait(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.consume(queue)
    channel.send("Basic.Cancel", consumer_tag="c", nowait=True)
    channel.count(queue)
    channel.fill(queue, "stays")
    channel.nothing_more()


@scenario
def cancel_leaves_unacked(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.consume(queue)
    channel.fill(queue, "1", "2")
    first, second = channel.deliveries(2)
    channel.call("Basic.Cancel", consumer_tag="c")
    channel.count(queue)
    channel.send("Basic.Ack", delivery_tag=first.tag)
    channel.send("Basic.Reject", delivery_tag=second.tag, requeue=True)
    channel.count(queue)


@scenario
def cancel_on_another_channel_does_nothing(play: Play) -> None:
    connection = play.connection()
    first, second = connection.channel(), connection.channel()
    queue = first.queue(play.name("q"))
    first.consume(queue)
    second.call("Basic.Cancel", consumer_tag="c")
    second.count(queue)


@scenario
def cancel_empty_tag(play: Play) -> None:
    play.channel().call("Basic.Cancel", consumer_tag="")


# --- consumer cancel notification


@scenario
def cancel_notify_on_queue_delete(play: Play) -> None:
    consumer, channel = play.channel(), play.channel()
    queue = channel.queue(play.name("q"))
    consumer.consume(queue, "one")
    consumer.call("Basic.Consume", queue=queue, consumer_tag="two", nowait=False)
    channel.call("Queue.Delete", queue=queue)
    for event in sorted(consumer.connection.wait(lambda: two_cancels(consumer.inbox)), key=str):
        play.note("cancelled", tag=event["consumer_tag"], nowait=event["nowait"])
    consumer.inbox.clear()
    consumer.nothing_more()


def two_cancels(inbox: list) -> list | None:  # type: ignore[type-arg]
    """Cancels of one queue come in no promised order."""
    return list(inbox) if len(inbox) == 2 else None


@scenario
def cancel_notify_not_wanted(play: Play) -> None:
    consumer, channel = play.channel(capabilities={}), play.channel()
    queue = channel.queue(play.name("q"))
    consumer.consume(queue)
    channel.call("Queue.Delete", queue=queue)
    consumer.quiet()


@scenario
def cancel_notify_capability_false(play: Play) -> None:
    consumer = play.channel(capabilities={**CAPABILITIES, "consumer_cancel_notify": False})
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    consumer.consume(queue)
    channel.call("Queue.Delete", queue=queue)
    consumer.quiet()


@scenario
def cancel_notify_on_own_delete(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.consume(queue)
    channel.call("Queue.Delete", queue=queue)
    channel.cancels()


@scenario
def cancel_notify_then_tag_is_free(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.consume(queue)
    channel.prepare("Queue.Delete", queue=queue)
    channel.cancels()
    channel.queue(queue)
    channel.call("Basic.Consume", queue=queue, consumer_tag="c")


@scenario
def cancel_notify_not_after_own_cancel(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.consume(queue)
    channel.call("Basic.Cancel", consumer_tag="c")
    channel.call("Queue.Delete", queue=queue)
    channel.quiet()


@scenario
def cancel_notify_then_ack(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.consume(queue)
    channel.fill(queue, "x")
    tag = channel.delivery().tag
    channel.prepare("Queue.Delete", queue=queue)
    channel.cancels()
    channel.send("Basic.Ack", delivery_tag=tag)
    channel.nothing_more()


# --- direct reply-to

REPLY_TO = "amq.rabbitmq.reply-to"


@scenario
def reply_to_round_trip(play: Play) -> None:
    client, server = play.channel(), play.channel()
    queue = server.queue(play.name("requests"))
    client.call("Basic.Consume", queue=REPLY_TO, consumer_tag="replies", no_ack=True)
    client.publish(queue, "question", reply_to=REPLY_TO, correlation_id="7")
    client.settled(queue)
    request = server.get(queue)
    assert request.properties is not None
    server.publish(request.properties["reply_to"], "answer", correlation_id="7", mandatory=True)
    client.deliveries(frames=False)
    server.nothing_more()


@scenario
def reply_to_requires_no_ack(play: Play) -> None:
    play.channel().call("Basic.Consume", queue=REPLY_TO, consumer_tag="t")


@scenario
def reply_to_twice(play: Play) -> None:
    channel = play.channel()
    channel.consume(REPLY_TO, "one", no_ack=True)
    channel.call("Basic.Consume", queue=REPLY_TO, consumer_tag="two", no_ack=True)


@scenario
def reply_to_twice_without_no_ack(play: Play) -> None:
    channel = play.channel()
    channel.consume(REPLY_TO, "one", no_ack=True)
    channel.call("Basic.Consume", queue=REPLY_TO, consumer_tag="two")


@scenario
def reply_to_same_tag_as_consumer(play: Play) -> None:
    channel = play.channel()
    channel.consume(channel.queue(play.name("q")), "tag")
    channel.call("Basic.Consume", queue=REPLY_TO, consumer_tag="tag", no_ack=True)


@scenario
def reply_to_same_tag_twice(play: Play) -> None:
    channel = play.channel()
    channel.consume(REPLY_TO, "tag", no_ack=True)
    channel.call("Basic.Consume", queue=REPLY_TO, consumer_tag="tag", no_ack=True)


@scenario
def reply_to_server_named_tag_and_nowait(play: Play) -> None:
    connection = play.connection()
    connection.channel().call("Basic.Consume", queue=REPLY_TO, no_ack=True)
    quiet = connection.channel()
    quiet.send("Basic.Consume", queue=REPLY_TO, consumer_tag="t", no_ack=True, nowait=True)
    quiet.call("Basic.Cancel", consumer_tag="t")


@scenario
def reply_to_cancel_and_again(play: Play) -> None:
    channel = play.channel()
    channel.consume(REPLY_TO, "t", no_ack=True)
    channel.call("Basic.Cancel", consumer_tag="t")
    channel.call("Basic.Consume", queue=REPLY_TO, consumer_tag="u", no_ack=True)


@scenario
def reply_to_publish_without_consumer(play: Play) -> None:
    channel = play.channel()
    channel.publish("nowhere", "x", reply_to=REPLY_TO)
    channel.reply()


@scenario
def reply_to_publish_without_consumer_to_unknown_exchange(play: Play) -> None:
    channel = play.channel()
    channel.publish("nowhere", "x", play.name("nope"), reply_to=REPLY_TO)
    channel.reply()


@scenario
def reply_to_other_names_are_left_alone(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.publish(queue, "x", reply_to="amq.rabbitmq.reply-to.mine")
    channel.publish(queue, "x", reply_to="my-queue")
    channel.settled(queue)
    channel.drain(queue)


@scenario
def reply_to_pseudo_queue_cannot_be_used(play: Play) -> None:
    connection = play.connection()
    connection.channel().call("Queue.Declare", queue=REPLY_TO)
    connection.channel().call("Queue.Declare", queue=REPLY_TO, passive=True)
    connection.channel().call("Basic.Get", queue=REPLY_TO, no_ack=True)
    connection.channel().call("Queue.Purge", queue=REPLY_TO)
    connection.channel().call("Queue.Delete", queue=REPLY_TO)
    connection.channel().call("Queue.Bind", queue=REPLY_TO, exchange="amq.direct", routing_key="k")


@scenario
def reply_to_declare_answers_whether_client_is_there(play: Play) -> None:
    client, server = play.channel(), play.channel()
    queue = server.queue(play.name("requests"))
    client.consume(REPLY_TO, "replies", no_ack=True)
    client.publish(queue, "question", reply_to=REPLY_TO)
    client.settled(queue)
    request = server.get(queue)
    assert request.properties is not None
    name = request.properties["reply_to"]
    server.call("Queue.Declare", queue=name, passive=True)
    client.call("Channel.Close")
    server.call("Queue.Declare", queue=name, passive=True)


@scenario
def reply_to_client_gone(play: Play) -> None:
    client, server = play.channel(), play.channel()
    queue = server.queue(play.name("requests"))
    client.consume(REPLY_TO, "replies", no_ack=True)
    client.publish(queue, "question", reply_to=REPLY_TO)
    client.settled(queue)
    request = server.get(queue)
    client.call("Channel.Close")
    assert request.properties is not None
    server.confirm_select()
    server.publish(request.properties["reply_to"], "too late", mandatory=True)
    server.arrivals(2)


@scenario
def reply_to_mandatory_to_a_forged_name(play: Play) -> None:
    channel = play.channel()
    channel.publish(f"{REPLY_TO}.forged", "x", mandatory=True)
    channel.returns()


@scenario
def reply_to_answer_through_another_exchange(play: Play) -> None:
    client, server = play.channel(), play.channel()
    queue = server.queue(play.name("requests"))
    client.consume(REPLY_TO, "replies", no_ack=True)
    client.publish(queue, "question", reply_to=REPLY_TO)
    client.settled(queue)
    request = server.get(queue)
    assert request.properties is not None
    server.publish(request.properties["reply_to"], "x", "amq.direct", mandatory=True)
    server.returns()


@scenario
def reply_to_delivery_tags_count(play: Play) -> None:
    client, server = play.channel(), play.channel()
    queue = server.queue(play.name("requests"))
    client.consume(REPLY_TO, "replies", no_ack=True)
    client.publish(queue, "question", reply_to=REPLY_TO)
    client.settled(queue)
    request = server.get(queue)
    assert request.properties is not None
    for body in "123":
        server.publish(request.properties["reply_to"], body, headers={"h": 1})
    client.deliveries(3)


@scenario
def consume_busy_consumer_is_skipped(play: Play) -> None:
    """Round robin goes over those that may receive; a freed one joins at the end."""
    connection = play.connection()
    channel = connection.channel()
    queue = channel.queue(play.name("q"))
    first, second = connection.channel(), connection.channel()
    first.prepare("Basic.Qos", prefetch_count=1)
    second.prepare("Basic.Qos", prefetch_count=3)
    first.consume(queue, "first")
    second.consume(queue, "second")
    channel.fill(queue, *"1234")
    first.deliveries(1)
    second.deliveries(3)
    channel.fill(queue, "5")
    first.send("Basic.Ack", delivery_tag=1)
    first.deliveries(1)
    second.nothing_more()


@scenario
def consume_then_queue_deleted_and_declared_again(play: Play) -> None:
    consumer, channel = play.channel(), play.channel()
    queue = channel.queue(play.name("q"))
    consumer.consume(queue)
    channel.prepare("Queue.Delete", queue=queue)
    consumer.cancels()
    channel.queue(queue)
    channel.fill(queue, "for nobody")
    consumer.nothing_more()
    channel.count(queue)


@scenario
def consume_exclusive_queue_from_own_connection_twice(play: Play) -> None:
    connection = play.connection()
    first, second = connection.channel(), connection.channel()
    queue = first.queue("", exclusive=True)
    first.call("Basic.Consume", queue=queue, consumer_tag="one")
    second.call("Basic.Consume", queue=queue, consumer_tag="two", exclusive=True)


@scenario
def consume_while_publishing_on_the_same_channel(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.consume(queue)
    for n in range(5):
        channel.publish(queue, str(n))
        channel.send("Basic.Ack", delivery_tag=channel.delivery().tag)
    channel.count(queue)


@scenario
def cancel_then_messages_stay_for_the_next(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.consume(queue, "one")
    channel.call("Basic.Cancel", consumer_tag="one")
    channel.fill(queue, "1", "2")
    channel.consume(queue, "two")
    channel.deliveries(2)


@scenario
def reply_to_user_id_and_expiration_are_checked(play: Play) -> None:
    channel = play.channel()
    channel.consume(REPLY_TO, "t", no_ack=True)
    channel.publish("nowhere", "x", reply_to=REPLY_TO, user_id="other")
    channel.reply()


@scenario
def reply_to_suffix_is_the_same_for_every_request(play: Play) -> None:
    client, server = play.channel(), play.channel()
    queue = server.queue(play.name("requests"))
    client.consume(REPLY_TO, "replies", no_ack=True)
    for body in "12":
        client.publish(queue, body, reply_to=REPLY_TO)
    client.settled(queue)
    server.drain(queue)


@scenario
def reply_to_returned_message_carries_the_real_name(play: Play) -> None:
    channel = play.channel()
    channel.consume(REPLY_TO, "t", no_ack=True)
    channel.publish("nowhere", "x", reply_to=REPLY_TO, mandatory=True)
    channel.returns()
