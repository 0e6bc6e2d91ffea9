"""Length limits of quorum queues that refuse what is too much: they notice when it is there."""

from __future__ import annotations

import functools
import time
from typing import Any

from tests.conformance.registry import scenario
from tests.conformance.wire_client import Channel, Play

feature = functools.partial(scenario, stage="features")


def _confirming(play: Play, **arguments: Any) -> tuple[Channel, str]:
    channel = play.channel()
    queue = channel.queue(
        play.name("q"),
        durable=True,
        arguments={
            "x-queue-type": "quorum",
            "x-overflow": "reject-publish",
            **{f"x-{name.replace('_', '-')}": value for name, value in arguments.items()},
        },
    )
    channel.confirm_select()
    return channel, queue


def _publishes(channel: Channel, queue: str, *bodies: str) -> None:
    for body in bodies:
        channel.publish(queue, body)
        channel.confirms()


def _takes(channel: Channel, queue: str, count: int) -> None:
    for _ in range(count):
        channel.get(queue)
        time.sleep(0.05)


@feature()
def quorum_limit_accepts_one_too_many(play: Play) -> None:
    channel, queue = _confirming(play, max_length=2)
    _publishes(channel, queue, "one", "two", "three", "four")
    channel.wait_count(queue, 3)


@feature()
def quorum_limit_zero(play: Play) -> None:
    channel, queue = _confirming(play, max_length=0)
    _publishes(channel, queue, "one", "two")
    channel.wait_count(queue, 1)


@feature()
def quorum_limit_opens_again_at_four_fifths(play: Play) -> None:
    channel, queue = _confirming(play, max_length=10)
    _publishes(channel, queue, *(f"m{number}" for number in range(12)))
    channel.wait_count(queue, 11)
    _takes(channel, queue, 2)
    _publishes(channel, queue, "nine are still too many")
    _takes(channel, queue, 1)
    _publishes(channel, queue, "eight are not", "nine", "ten", "eleven", "twelve")
    channel.wait_count(queue, 11)


@feature()
def quorum_limit_in_octets(play: Play) -> None:
    channel, queue = _confirming(play, max_length_bytes=100)
    _publishes(channel, queue, "x" * 60, "x" * 60, "x")
    channel.wait_count(queue, 2)
    _takes(channel, queue, 1)
    _publishes(channel, queue, "x" * 20, "x" * 20, "x" * 20)
    channel.wait_count(queue, 4)


@feature()
def quorum_limit_drop_head(play: Play) -> None:
    channel, queue = _confirming(play, max_length=2, overflow="drop-head")
    _publishes(channel, queue, "one", "two", "three", "four")
    channel.wait_count(queue, 2)
    channel.drain(queue)


@feature()
def quorum_limit_seen_by_another_publisher(play: Play) -> None:
    channel, queue = _confirming(play, max_length=1)
    _publishes(channel, queue, "one", "two")
    other = play.channel()
    other.confirm_select()
    _publishes(other, queue, "three")
