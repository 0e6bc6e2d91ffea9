"""basic.credit and x-credit: RabbitMQ's own extension, link credit as AMQP 1.0 has it."""

from __future__ import annotations

import functools
from typing import Any

from tests.conformance.registry import scenario
from tests.conformance.wire_client import Channel, Play
from tests.conformance.wire_codec import Tagged

# RabbitMQ cannot put basic.credit-drained on the wire: 541.
drained = functools.partial(scenario, stage="quirks")


def _stored(play: Play, count: int, **arguments: Any) -> tuple[Channel, str]:
    """A channel with confirms, and a queue with that many messages."""
    channel = play.channel()
    named = {name.replace("_", "-"): value for name, value in arguments.items()}
    queue = channel.queue(play.name("q"), durable=True, arguments=named)
    _publish(channel, queue, count)
    return channel, queue


def _publish(channel: Channel, queue: str, count: int) -> None:
    with channel.play.unrecorded():
        if not channel.publish_seqno:
            channel.confirm_select()
        for number in range(count):
            channel.publish(queue, str(number))
        channel.confirms()


def _credit(credit: int, *, drain: bool = False) -> dict[str, Any]:
    return {"x-credit": {"credit": Tagged("l", credit), "drain": drain}}


@scenario
def credit_limits_deliveries(play: Play) -> None:
    channel, queue = _stored(play, 5)
    channel.consume(queue, arguments=_credit(0))
    channel.quiet()
    channel.call("Basic.Credit", consumer_tag="c", credit=2)
    channel.deliveries(2)
    channel.quiet()
    channel.send("Basic.Ack", delivery_tag=0, multiple=True)
    channel.quiet()
    channel.call("Basic.Credit", consumer_tag="c", credit=1)
    channel.deliveries(1)
    channel.quiet()


@scenario
def credit_at_consume(play: Play) -> None:
    channel, queue = _stored(play, 5)
    channel.consume(queue, arguments=_credit(2))
    channel.deliveries(2)
    channel.quiet()


@scenario
def credit_at_consume_without_ack(play: Play) -> None:
    channel, queue = _stored(play, 5)
    channel.consume(queue, no_ack=True, arguments=_credit(2))
    channel.deliveries(2)
    channel.quiet()


@scenario
def credit_is_what_it_is_set_to(play: Play) -> None:
    """Not added to what is left."""
    channel, queue = _stored(play, 0)
    channel.consume(queue, arguments=_credit(3))
    channel.call("Basic.Credit", consumer_tag="c", credit=1)
    _publish(channel, queue, 3)
    channel.deliveries(1)
    channel.quiet()


@scenario
def credit_replaces_prefetch(play: Play) -> None:
    channel, queue = _stored(play, 5)
    channel.call("Basic.Qos", prefetch_count=1)
    channel.consume(queue)
    channel.deliveries(1)
    channel.call("Basic.Credit", consumer_tag="c", credit=3)
    channel.deliveries(3)
    channel.quiet()
    channel.send("Basic.Ack", delivery_tag=0, multiple=True)
    channel.quiet()


@scenario
def credit_at_consume_replaces_prefetch(play: Play) -> None:
    channel, queue = _stored(play, 5)
    channel.call("Basic.Qos", prefetch_count=1)
    channel.consume(queue, arguments=_credit(3))
    channel.deliveries(3)
    channel.quiet()


@scenario
def credit_within_global_prefetch(play: Play) -> None:
    channel, queue = _stored(play, 5)
    channel.call("Basic.Qos", prefetch_count=1, global_=True)
    channel.consume(queue, arguments=_credit(3))
    channel.deliveries(1)
    channel.quiet()
    channel.send("Basic.Ack", delivery_tag=1)
    channel.deliveries(1)
    channel.quiet()


@scenario
def credit_for_one_that_never_asked(play: Play) -> None:
    """From the first basic.credit on it has only that."""
    channel, queue = _stored(play, 1)
    channel.consume(queue)
    channel.deliveries(1)
    channel.call("Basic.Credit", consumer_tag="c", credit=1)
    _publish(channel, queue, 3)
    channel.deliveries(1)
    channel.quiet()


@drained()
def credit_drain_of_an_empty_queue(play: Play) -> None:
    channel, queue = _stored(play, 0)
    channel.consume(queue, arguments=_credit(0))
    channel.send("Basic.Credit", consumer_tag="c", credit=5, drain=True)
    channel.arrivals(2)
    _publish(channel, queue, 1)
    channel.quiet()


@drained()
def credit_drain_after_deliveries(play: Play) -> None:
    channel, queue = _stored(play, 2)
    channel.consume(queue, arguments=_credit(0))
    channel.send("Basic.Credit", consumer_tag="c", credit=5, drain=True)
    channel.reply("Basic.CreditOk")
    channel.arrivals(3)
    _publish(channel, queue, 1)
    channel.quiet()


@drained()
def credit_drain_used_up(play: Play) -> None:
    """As many as there are: nothing is left to give back."""
    channel, queue = _stored(play, 2)
    channel.consume(queue, arguments=_credit(0))
    channel.call("Basic.Credit", consumer_tag="c", credit=2, drain=True)
    channel.deliveries(2)
    channel.quiet()


@scenario
def credit_drain_more_than_there_is_credit(play: Play) -> None:
    channel, queue = _stored(play, 3)
    channel.consume(queue, arguments=_credit(0))
    channel.call("Basic.Credit", consumer_tag="c", credit=2, drain=True)
    channel.deliveries(2)
    channel.quiet()
    channel.get(queue)
    channel.quiet()


@drained()
def credit_drain_at_consume(play: Play) -> None:
    channel, queue = _stored(play, 2)
    channel.send("Basic.Consume", queue=queue, consumer_tag="c", arguments=_credit(5, drain=True))
    channel.arrivals(4)
    _publish(channel, queue, 1)
    channel.quiet()


@drained()
def credit_drain_at_consume_of_an_empty_queue(play: Play) -> None:
    channel, queue = _stored(play, 0)
    channel.send("Basic.Consume", queue=queue, consumer_tag="c", arguments=_credit(5, drain=True))
    channel.reply("Basic.ConsumeOk")
    channel.quiet()
    _publish(channel, queue, 1)
    channel.quiet()


@scenario
def credit_argument_in_other_forms(play: Play) -> None:
    """A table that is not quite it is no credit; what counts is a long and a bool."""
    channel, queue = _stored(play, 0)
    forms: list[Any] = [
        {},
        {"credit": Tagged("l", 0)},
        {"credit": 0, "drain": False},
        {"credit": Tagged("l", 0), "drain": 0},
    ]
    for form in forms:
        _publish(channel, queue, 1)
        channel.consume(queue, no_ack=True, arguments={"x-credit": form})
        channel.deliveries(1)
        channel.call("Basic.Cancel", consumer_tag="c")


@drained()
def credit_of_a_quorum_queue(play: Play) -> None:
    channel, queue = _stored(play, 5, x_queue_type="quorum")
    channel.consume(queue, arguments=_credit(2))
    channel.deliveries(2)
    channel.quiet()
    channel.send("Basic.Credit", consumer_tag="c", credit=1)
    channel.deliveries(1)
    channel.quiet()
