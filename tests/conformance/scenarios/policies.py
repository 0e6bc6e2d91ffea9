"""What policies and operator policies do to queues and exchanges, there before and after them."""

from __future__ import annotations

import contextlib
import functools
import time
import urllib.error
from collections.abc import Iterator
from typing import Any

from tests.conformance.registry import scenario
from tests.conformance.wire_client import Channel, Play

feature = functools.partial(scenario, stage="features", needs={"users"})
APPLIED_S = 0.15  # for RabbitMQ's queues, which hear of a policy a little later


@contextlib.contextmanager
def policy(
    play: Play,
    pattern: str,
    definition: dict[str, Any],
    *,
    name: str = "",
    operator: bool = False,
    **more: Any,
) -> Iterator[None]:
    """A policy for names that match, while the block runs."""
    kind = "operator-policies" if operator else "policies"
    name = name or f"{play.scenario}-{kind}"
    body = {"pattern": pattern, "definition": definition, **more}
    play.target.api("PUT", f"{kind}/%2F/{name}", body)
    time.sleep(APPLIED_S)
    try:
        yield
    finally:
        with contextlib.suppress(urllib.error.URLError):
            play.target.api("DELETE", f"{kind}/%2F/{name}")
        time.sleep(APPLIED_S)


def _own(play: Play) -> str:
    """A pattern for everything that the scenario makes."""
    return "^" + play.name("")


def _fill(channel: Channel, queue: str, count: int) -> None:
    channel.fill(queue, *(str(number) for number in range(count)))


@feature()
def policy_max_length_on_a_new_queue(play: Play) -> None:
    channel = play.channel()
    with policy(play, _own(play), {"max-length": 2}):
        queue = channel.queue(play.name("q"))
        _fill(channel, queue, 4)
        channel.drain(queue)
    _fill(channel, queue, 4)
    channel.drain(queue)


@feature()
def policy_max_length_on_a_full_queue(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    _fill(channel, queue, 5)
    with policy(play, _own(play), {"max-length": 3}):
        channel.count(queue)
        channel.drain(queue)


@feature()
def policy_lower_limit_wins_over_argument(play: Play) -> None:
    channel = play.channel()
    with policy(play, _own(play), {"max-length": 3}):
        for limit in (2, 5):
            queue = channel.queue(play.name(f"q{limit}"), arguments={"x-max-length": limit})
            _fill(channel, queue, 6)
            channel.drain(queue)


@feature()
def policy_operator_lower_limit_wins(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    with policy(play, _own(play), {"max-length": 4}):
        with policy(play, _own(play), {"max-length": 2}, operator=True):
            _fill(channel, queue, 6)
            channel.drain(queue)
        _fill(channel, queue, 6)
        channel.drain(queue)
        with policy(play, _own(play), {"max-length": 9, "message-ttl": 40}, operator=True):
            _fill(channel, queue, 6)
            channel.count(queue)
            time.sleep(0.15)
            channel.wait_count(queue, 0)


@feature()
def policy_priority_decides(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    with (
        policy(play, _own(play), {"max-length": 4}, name=f"{play.scenario}-a", priority=5),
        policy(play, _own(play), {"message-ttl": 1}, name=f"{play.scenario}-b", priority=3),
    ):
        _fill(channel, queue, 6)
        time.sleep(0.05)
        channel.drain(queue)
    with (
        policy(play, _own(play), {"max-length": 4}, name=f"{play.scenario}-a", priority=-5),
        policy(play, _own(play), {"max-length": 1}, name=f"{play.scenario}-b"),
    ):
        _fill(channel, queue, 6)
        channel.drain(queue)


@feature()
def policy_pattern_is_searched_for(play: Play) -> None:
    channel = play.channel()
    queues = [channel.queue(play.name(name)) for name in ("one", "two", "tone")]
    with policy(play, "one$", {"max-length": 1}):
        for queue in queues:
            _fill(channel, queue, 3)
            channel.count(queue)


@feature()
def policy_for_exchanges_leaves_queues_alone(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    with policy(play, _own(play), {"max-length": 1}, **{"apply-to": "exchanges"}):
        _fill(channel, queue, 3)
        channel.count(queue)
    with policy(play, _own(play), {"max-length": 1}, **{"apply-to": "queues"}):
        channel.count(queue)


@feature()
def policy_message_ttl_is_for_new_messages(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    _fill(channel, queue, 1)
    with policy(play, _own(play), {"message-ttl": 20}):
        _fill(channel, queue, 1)
        time.sleep(0.1)
        channel.drain(queue)


@feature()
def policy_message_ttl_lower_wins(play: Play) -> None:
    channel = play.channel()
    with policy(play, _own(play), {"message-ttl": 60000}):
        queue = channel.queue(play.name("q"), arguments={"x-message-ttl": 20})
        _fill(channel, queue, 2)
        time.sleep(0.1)
        channel.wait_count(queue, 0)


@feature()
def policy_dead_letter_exchange(play: Play) -> None:
    channel = play.channel()
    dead = channel.queue(play.name("dead"))
    queue = channel.queue(play.name("q"))
    definition = {"dead-letter-exchange": "", "dead-letter-routing-key": dead}
    with policy(play, play.name("q"), definition):
        _fill(channel, queue, 1)
        tag = channel.get(queue, no_ack=False).tag
        channel.send("Basic.Reject", delivery_tag=tag, requeue=False)
        channel.wait_count(dead, 1)
        channel.get(dead)
    _fill(channel, queue, 1)
    tag = channel.get(queue, no_ack=False).tag
    channel.send("Basic.Reject", delivery_tag=tag, requeue=False)
    channel.count(dead)


@feature()
def policy_argument_wins_as_dead_letter_exchange(play: Play) -> None:
    channel = play.channel()
    dead, other = channel.queue(play.name("dead")), channel.queue(play.name("other"))
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    definition = {"dead-letter-exchange": "", "dead-letter-routing-key": other}
    with policy(play, play.name("q"), definition):
        queue = channel.queue(play.name("q"), arguments=arguments)
        _fill(channel, queue, 1)
        tag = channel.get(queue, no_ack=False).tag
        channel.send("Basic.Reject", delivery_tag=tag, requeue=False)
        channel.wait_count(dead, 1)
        channel.count(other)


@feature()
def policy_overflow_reject_publish(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"), arguments={"x-max-length": 1})
    channel.confirm_select()
    with policy(play, _own(play), {"overflow": "reject-publish"}):
        for body in ("a", "b"):
            channel.publish(queue, body)
            channel.confirms()
    for body in ("c", "d"):
        channel.publish(queue, body)
        channel.confirms()
    channel.drain(queue)


@feature()
def policy_full_queue_becomes_drop_head_again(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.confirm_select()
    with policy(play, _own(play), {"max-length": 2, "overflow": "reject-publish"}):
        for body in ("a", "b", "c"):
            channel.publish(queue, body)
            channel.confirms()
    channel.publish(queue, "d")
    channel.confirms()
    channel.drain(queue)


@feature()
def policy_expires(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    with policy(play, _own(play), {"expires": 60}):
        time.sleep(0.3)
        channel.call("Queue.Declare", queue=queue, passive=True)


@feature()
def policy_alternate_exchange(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"))
    other = channel.exchange(play.name("alternate"), "fanout")
    queue = channel.queue(play.name("q"))
    channel.bind(queue, other)
    channel.publish("nowhere", "before", exchange=exchange, mandatory=True)
    channel.returns()
    with policy(play, play.name("x") + "$", {"alternate-exchange": other}):
        channel.publish("nowhere", "during", exchange=exchange, mandatory=True)
        channel.wait_count(queue, 1)
        channel.get(queue)
    channel.publish("nowhere", "after", exchange=exchange, mandatory=True)
    channel.returns()


@feature()
def policy_argument_wins_as_alternate_exchange(play: Play) -> None:
    channel = play.channel()
    one = channel.exchange(play.name("one"), "fanout")
    other = channel.exchange(play.name("other"), "fanout")
    queues = [channel.queue(play.name(f"q{number}")) for number in range(2)]
    channel.bind(queues[0], one)
    channel.bind(queues[1], other)
    with policy(play, play.name("x") + "$", {"alternate-exchange": other}):
        exchange = channel.exchange(play.name("x"), arguments={"alternate-exchange": one})
        channel.publish("nowhere", "body", exchange=exchange)
        channel.wait_count(queues[0], 1)
        channel.count(queues[1])


@feature()
def policy_declaring_again_is_no_conflict(play: Play) -> None:
    """Policies are not arguments: equivalence knows nothing of them."""
    channel = play.channel()
    with policy(play, _own(play), {"max-length": 2, "message-ttl": 1000}):
        queue = channel.queue(play.name("q"))
        channel.call("Queue.Declare", queue=queue)
        channel.call("Queue.Declare", queue=queue, arguments={"x-max-length": 2})


@feature()
def policy_quorum_queue(play: Play) -> None:
    channel = play.channel()
    arguments = {"x-queue-type": "quorum"}
    dead = channel.queue(play.name("dead"))
    definition = {
        "delivery-limit": 1,
        "dead-letter-exchange": "",
        "dead-letter-routing-key": dead,
    }
    with policy(play, play.name("q"), definition):
        queue = channel.queue(play.name("q"), durable=True, arguments=arguments)
        _fill(channel, queue, 1)
        for _ in range(2):
            tag = channel.get(queue, no_ack=False).tag
            channel.send("Basic.Reject", delivery_tag=tag, requeue=True)
            channel.settled(queue)
        channel.wait_count(dead, 1)
        channel.get(dead)


@feature()
def policy_of_quorum_queues_only_leaves_classic_ones_alone(play: Play) -> None:
    channel = play.channel()
    with policy(play, _own(play), {"max-length": 1, "delivery-limit": 5}):
        queue = channel.queue(play.name("q"))
        _fill(channel, queue, 3)
        channel.count(queue)
    with policy(play, _own(play), {"max-length": 1, "queue-mode": "lazy"}):
        channel.count(queue)
