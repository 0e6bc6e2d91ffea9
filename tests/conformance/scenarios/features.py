"""TTL, expiry, dead letters, length limits, priorities, single active consumers."""

from __future__ import annotations

import functools
from typing import Any

from tests.conformance.registry import scenario
from tests.conformance.wire_client import Channel, Event, Play
from tests.conformance.wire_codec import Tagged

feature = functools.partial(scenario, stage="features")


def _dead_letters(channel: Channel, queue: str, count: int) -> list[Event]:
    """Consume that many dead letters."""
    channel.consume(queue, "dead", no_ack=True)
    return channel.deliveries(count)


def _with_dead_letter_queue(play: Play, **arguments: Any) -> tuple[Channel, str, str]:
    """A queue that dead-letters to a fanout with one queue. Returns: channel, queue, dead queue."""
    channel = play.channel()
    exchange = channel.exchange(play.name("dlx"), "fanout")
    dead = channel.queue(play.name("dead"))
    channel.bind(dead, exchange)
    arguments = {name.replace("_", "-"): value for name, value in arguments.items()}
    queue = channel.queue(
        play.name("q"), arguments={"x-dead-letter-exchange": exchange, **arguments}
    )
    return channel, queue, dead


# --- time to live


@feature()
def ttl_zero_on_message_without_consumer(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.publish(queue, "x", expiration="0", mandatory=True)
    channel.wait_count(queue, 0)
    channel.get(queue)


@feature()
def ttl_zero_with_consumer_is_delivered(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.consume(queue)
    channel.publish(queue, "x", expiration="0")
    channel.deliveries()


@feature()
def ttl_of_queue(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), arguments={"x-message-ttl": 50})
    channel.publish(queue, "x")
    channel.publish(queue, "with longer expiration", expiration="60000")
    channel.connection.wait(lambda: None, 0.1)
    channel.wait_count(queue, 0)


@feature()
def ttl_of_message_behind_a_longer_one(play: Play) -> None:
    """Classic queues expire at the head only."""
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.fill(queue, "long", expiration="60000")
    channel.fill(queue, "short", expiration="1")
    channel.connection.wait(lambda: None, 0.1)
    channel.count(queue)
    channel.get(queue)
    channel.get(queue)


@feature()
def ttl_dead_letters(play: Play) -> None:
    channel, queue, dead = _with_dead_letter_queue(play)
    channel.publish(queue, "x", expiration="20", message_id="m", headers={"mine": 1})
    _dead_letters(channel, dead, 1)
    channel.count(queue)


@feature()
def ttl_of_queue_dead_letters(play: Play) -> None:
    channel, queue, dead = _with_dead_letter_queue(play, x_message_ttl=20)
    channel.publish(queue, "1")
    channel.publish(queue, "2")
    _dead_letters(channel, dead, 2)


@feature()
def expires_unused_queue(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), arguments={"x-expires": 100})
    for _ in range(100):
        channel.connection.wait(lambda: None, 0.03)
        with play.unrecorded():
            reply = play.channel().call("Queue.Bind", queue=queue, exchange="amq.fanout")
        if reply.name == "Channel.Close":
            play.note("gone", code=reply["reply_code"])
            return


# --- dead letters


@feature()
def dead_letter_rejected(play: Play) -> None:
    channel, queue, dead = _with_dead_letter_queue(play)
    channel.fill(queue, "reject", "nack", "requeue")
    for _ in range(3):
        channel.get(queue, no_ack=False)
    channel.send("Basic.Reject", delivery_tag=1)
    channel.send("Basic.Nack", delivery_tag=2)
    channel.send("Basic.Nack", delivery_tag=3, requeue=True)
    _dead_letters(channel, dead, 2)
    channel.drain(queue)


@feature()
def dead_letter_properties_are_kept(play: Play) -> None:
    channel, queue, dead = _with_dead_letter_queue(play)
    channel.fill(
        queue,
        "x",
        content_type="text/plain",
        delivery_mode=2,
        priority=3,
        correlation_id="c",
        reply_to="r",
        expiration="60000",
        headers={"a": 1, "CC": ["cc-key"], "BCC": ["bcc-key"]},
    )
    channel.get(queue, no_ack=False)
    channel.send("Basic.Reject", delivery_tag=1)
    _dead_letters(channel, dead, 1)


@feature()
def dead_letter_routing_key(play: Play) -> None:
    channel = play.channel()
    dead = channel.queue(play.name("dead"))
    queue = channel.queue(
        play.name("q"),
        arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead},
    )
    channel.fill(queue, "x", headers={"CC": ["somewhere"]})
    channel.get(queue, no_ack=False)
    channel.send("Basic.Reject", delivery_tag=1)
    _dead_letters(channel, dead, 1)


@feature()
def dead_letter_keeps_the_keys_without_routing_key(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("dlx"), "topic")
    dead = channel.queue(play.name("dead"))
    channel.bind(dead, exchange, "#")
    source = channel.exchange(play.name("x"), "fanout")
    queue = channel.queue(play.name("q"), arguments={"x-dead-letter-exchange": exchange})
    channel.bind(queue, source)
    channel.publish("original.key", "x", source, headers={"CC": ["copy.key"]})
    channel.get(queue, no_ack=False)
    channel.send("Basic.Reject", delivery_tag=1)
    _dead_letters(channel, dead, 1)


@feature()
def dead_letter_counts(play: Play) -> None:
    """The same queue and reason again, with the history a client kept: counted, moved to front."""
    channel, queue, dead = _with_dead_letter_queue(play)
    death = {
        "reason": "rejected",
        "queue": queue,
        "exchange": "",
        "count": Tagged("l", 1),
        "time": Tagged("T", 1700000000),
        "routing-keys": [queue],
    }
    other = {**death, "queue": "elsewhere", "reason": "expired"}
    channel.publish(queue, "x", headers={"x-death": [other, death], "x-first-death-queue": "first"})
    channel.get(queue, no_ack=False)
    channel.send("Basic.Reject", delivery_tag=1)
    _dead_letters(channel, dead, 1)


@feature()
def dead_letter_chain_of_reasons(play: Play) -> None:
    """Rejected, then expired: the newest entry is first, x-first-death-* tells the oldest."""
    channel = play.channel()
    last = channel.queue(play.name("last"))
    middle = channel.queue(
        play.name("middle"),
        arguments={
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": last,
            "x-message-ttl": 10,
        },
    )
    queue = channel.queue(
        play.name("q"),
        arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": middle},
    )
    channel.fill(queue, "x")
    channel.get(queue, no_ack=False)
    channel.send("Basic.Reject", delivery_tag=1)
    _dead_letters(channel, last, 1)


@feature()
def dead_letter_automatic_cycle_is_dropped(play: Play) -> None:
    channel = play.channel()
    queue = play.name("q")
    channel.queue(
        queue,
        arguments={
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": queue,
            "x-message-ttl": 10,
        },
    )
    channel.publish(queue, "round")
    channel.connection.wait(lambda: None, 0.1)
    channel.wait_count(queue, 0)


@feature()
def dead_letter_reject_cycle_goes_on(play: Play) -> None:
    channel = play.channel()
    queue = play.name("q")
    channel.queue(
        queue, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue}
    )
    channel.consume(queue)
    channel.publish(queue, "round")
    for tag in (1, 2, 3):
        channel.deliveries(1)
        if tag < 3:
            channel.send("Basic.Reject", delivery_tag=tag)


@feature()
def dead_letter_exchange_missing(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), arguments={"x-dead-letter-exchange": play.name("nope")})
    channel.fill(queue, "x")
    channel.get(queue, no_ack=False)
    channel.send("Basic.Reject", delivery_tag=1)
    channel.count(queue)
    channel.nothing_more()


@feature()
def dead_letter_purge_and_delete_do_not(play: Play) -> None:
    channel, queue, dead = _with_dead_letter_queue(play)
    channel.fill(queue, "1", "2")
    channel.call("Queue.Purge", queue=queue)
    channel.fill(queue, "3")
    channel.call("Queue.Delete", queue=queue)
    channel.count(dead)


# --- length limits


@feature()
def max_length_drops_the_head(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), arguments={"x-max-length": 2})
    channel.fill(queue, *"12345")
    channel.drain(queue)


@feature()
def max_length_bytes_drops_the_head(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), arguments={"x-max-length-bytes": 10})
    channel.fill(queue, "aaaa", "bbbb", "cccc", "d" * 11, "e")
    channel.drain(queue)


@feature()
def max_length_zero(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), arguments={"x-max-length": 0})
    channel.fill(queue, "1")
    channel.count(queue)
    channel.consume(queue)
    channel.fill(queue, "2")
    channel.deliveries()


@feature()
def max_length_counts_ready_only(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), arguments={"x-max-length": 1})
    channel.fill(queue, "1")
    channel.get(queue, no_ack=False)
    channel.fill(queue, "2")
    channel.count(queue)
    channel.send("Basic.Nack", delivery_tag=1, requeue=True)
    channel.settled(queue)
    channel.drain(queue)


@feature()
def max_length_dead_letters(play: Play) -> None:
    channel, queue, dead = _with_dead_letter_queue(play, x_max_length=1)
    channel.fill(queue, "1", "2", "3")
    _dead_letters(channel, dead, 2)
    channel.drain(queue)


@feature()
def max_length_reject_publish(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(
        play.name("q"), arguments={"x-max-length": 1, "x-overflow": "reject-publish"}
    )
    channel.confirm_select()
    for body in "123":
        channel.publish(queue, body)
        channel.confirms()
    channel.drain(queue)


@feature()
def max_length_reject_publish_without_confirms(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(
        play.name("q"), arguments={"x-max-length": 1, "x-overflow": "reject-publish"}
    )
    for body in "123":
        channel.publish(queue, body, mandatory=True)
    channel.settled(queue)
    channel.nothing_more()
    channel.drain(queue)


@feature()
def max_length_reject_publish_one_of_two_queues(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), "fanout")
    full = channel.queue(
        play.name("full"), arguments={"x-max-length": 0, "x-overflow": "reject-publish"}
    )
    free = channel.queue(play.name("free"))
    channel.bind(full, exchange)
    channel.bind(free, exchange)
    channel.confirm_select()
    channel.publish("", "x", exchange)
    channel.confirms()
    channel.drain(free)


@feature()
def max_length_reject_publish_dlx(play: Play) -> None:
    channel, queue, dead = _with_dead_letter_queue(
        play, x_max_length=1, x_overflow="reject-publish-dlx"
    )
    channel.confirm_select()
    for body in "12":
        channel.publish(queue, body)
        channel.confirms()
    _dead_letters(channel, dead, 1)


@feature()
def max_length_reject_publish_in_tx(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(
        play.name("q"), arguments={"x-max-length": 0, "x-overflow": "reject-publish"}
    )
    channel.call("Tx.Select")
    channel.publish(queue, "x")
    channel.call("Tx.Commit")


# --- priorities


@feature()
def priority_order(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), arguments={"x-max-priority": 5})
    for body, priority in (("none", None), ("1", 1), ("5", 5), ("9", 9), ("0", 0), ("5b", 5)):
        properties = {} if priority is None else {"priority": priority}
        channel.publish(queue, body, **properties)
    channel.settled(queue)
    channel.drain(queue)


@feature()
def priority_requeue(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), arguments={"x-max-priority": 2})
    channel.fill(queue, "low", priority=1)
    channel.fill(queue, "high 1", "high 2", priority=2)
    channel.get(queue, no_ack=False)
    channel.send("Basic.Nack", delivery_tag=1, requeue=True)
    channel.settled(queue)
    channel.drain(queue)


# --- single active consumer


@feature()
def single_active_consumer_takes_turns(play: Play) -> None:
    connection = play.connection()
    first, second = connection.channel(), connection.channel()
    queue = first.queue(play.name("q"), arguments={"x-single-active-consumer": True})
    first.consume(queue, "first")
    second.consume(queue, "second")
    first.fill(queue, "1", "2")
    first.deliveries(2)
    second.nothing_more()
    first.call("Basic.Cancel", consumer_tag="first")
    first.fill(queue, "3")
    second.deliveries(1)
    first.call("Channel.Close")
    second.deliveries(2)


@feature()
def single_active_consumer_and_exclusive(play: Play) -> None:
    connection = play.connection()
    channel = connection.channel()
    queue = channel.queue(play.name("q"), arguments={"x-single-active-consumer": True})
    channel.call("Basic.Consume", queue=queue, consumer_tag="a", exclusive=True)


@feature()
def single_active_consumer_get(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), arguments={"x-single-active-consumer": True})
    channel.fill(queue, "1")
    channel.get(queue)
