"""Quorum queues that dead-letter at least once."""

from __future__ import annotations

import functools
import time
from typing import Any

from tests.conformance.registry import scenario
from tests.conformance.wire_client import Channel, Play

feature = functools.partial(scenario, stage="features")


def _dying(play: Play, target: str, **arguments: Any) -> tuple[Channel, str]:
    """A quorum queue whose dead letters go to the queue `target`. Returns: channel, queue."""
    channel = play.channel()
    queue = channel.queue(
        play.name("q"),
        durable=True,
        arguments={
            "x-queue-type": "quorum",
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": target,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
            **{f"x-{name.replace('_', '-')}": value for name, value in arguments.items()},
        },
    )
    return channel, queue


def _rejects(channel: Channel, queue: str) -> None:
    tag = channel.get(queue, no_ack=False).tag
    channel.send("Basic.Reject", delivery_tag=tag, requeue=False)
    time.sleep(0.1)  # a basic.get is a consumer of RabbitMQ's quorum queues, for a moment


@feature()
def at_least_once_dead_letters(play: Play) -> None:
    dead = play.channel().queue(play.name("dead"), durable=True)
    channel, queue = _dying(play, dead)
    channel.fill(queue, "one", "two")
    _rejects(channel, queue)
    _rejects(channel, queue)
    channel.wait_count(dead, 2)
    channel.drain(dead)


@feature()
def at_least_once_expires(play: Play) -> None:
    dead = play.channel().queue(play.name("dead"), durable=True)
    channel, queue = _dying(play, dead, message_ttl=50)
    channel.fill(queue, "one")
    channel.wait_count(dead, 1)
    channel.drain(dead)


@feature()
def at_least_once_to_a_quorum_queue(play: Play) -> None:
    arguments = {"x-queue-type": "quorum"}
    dead = play.channel().queue(play.name("dead"), durable=True, arguments=arguments)
    channel, queue = _dying(play, dead)
    channel.fill(queue, "one")
    _rejects(channel, queue)
    channel.wait_count(dead, 1)
    channel.get(dead)


@feature()
def at_least_once_counts_what_waits(play: Play) -> None:
    """What no queue takes is not among the messages that are ready, but takes its place."""
    channel, queue = _dying(play, play.name("nowhere"), max_length=2)
    channel.confirm_select()
    for body in ("one", "two"):
        channel.publish(queue, body)
        channel.confirms()
    _rejects(channel, queue)
    _rejects(channel, queue)
    channel.wait_count(queue, 0)
    for body in ("three", "four", "five"):
        channel.publish(queue, body)
        channel.confirms()
    channel.wait_count(queue, 1)


@feature()
def at_least_once_needs_reject_publish(play: Play) -> None:
    """With drop-head it is at most once."""
    dead = play.channel().queue(play.name("dead"), durable=True)
    channel, queue = _dying(play, dead, overflow="drop-head", max_length=1)
    channel.fill(queue, "one", "two")
    channel.wait_count(dead, 1)
    channel.drain(dead)
