"""The exchange types of RabbitMQ's plugins: arguments, bindings, what goes where.

Recorded with rabbitmq_consistent_hash_exchange, rabbitmq_random_exchange, rabbitmq_sharding and
rabbitmq_recent_history_exchange enabled.
"""

from __future__ import annotations

from typing import Any

from tests.conformance.registry import scenario
from tests.conformance.wire_client import Channel, Play
from tests.conformance.wire_codec import Tagged

CONSISTENT, HISTORY = "x-consistent-hash", "x-recent-history"
MODULUS, RANDOM = "x-modulus-hash", "x-random"
KEYS = [f"key.{number}" for number in range(40)]
VALUES: list[Any] = [
    "text",
    "",
    "é",
    "x" * 300,
    7,
    -7,
    2**40,
    -(2**40),
    True,
    False,
    None,
    Tagged("d", 1.5),
    Tagged("D", (2, 314)),
    Tagged("b", -3),
    Tagged("B", 200),
    Tagged("s", -300),
    Tagged("u", 60000),
    Tagged("i", 4000000000),
    Tagged("l", 2**62),
    Tagged("T", 1700000000),
    Tagged("f", 0.5),
    Tagged("d", 0.0),
    Tagged("x", b"\x00\xff"),
    {"a": 1, "b": {"c": "d"}},
    [1, "two", [Tagged("d", 3.0), None], {"four": 4}],
    [],
    {},
]


def _declared(play: Play, kind: str, arguments: dict[str, Any]) -> None:
    """Declare with arguments and record the answer, on a channel of its own."""
    channel = play.channel()
    channel.call("Exchange.Declare", exchange=play.name("x"), type=kind, arguments=arguments)


def _hashing(
    play: Play, channel: Channel, kind: str, weights: list[str], **arguments: Any
) -> tuple[str, list[str]]:
    """An exchange with a queue bound by each weight. Returns: its name, the queues'."""
    given = {name.replace("_", "-"): value for name, value in arguments.items()}
    exchange = channel.exchange(play.name("x"), kind, arguments=given)
    queues = []
    for number, weight in enumerate(weights):
        queues.append(channel.queue(play.name(f"q{number}")))
        channel.bind(queues[-1], exchange, weight)
    return exchange, queues


def _placed(channel: Channel, exchange: str, queues: list[str], keys: list[str]) -> None:
    """Publish with each routing key and record which queues have which."""
    for key in keys:
        channel.publish(key, key, exchange)
    _found(channel, queues)


def _found(channel: Channel, queues: list[str]) -> None:
    """Record the bodies in each queue, in order; empties them."""
    found: dict[str, list[str]] = {}
    with channel.play.unrecorded():
        for queue in queues:
            channel.settled(queue)
            found[queue] = []
            while (got := channel.get(queue)).name == "Basic.GetOk":
                found[queue].append(got.body.decode())
    channel.play.note("found", **found)


@scenario
def types_in_capitals(play: Play) -> None:
    for kind in ("X-RANDOM", "X-Consistent-Hash", "x_random", "Topic", "FANOUT", "Direct"):
        _declared(play, kind, {})


# --- x-consistent-hash: arguments


@scenario
def consistent_hash_declared_with_either(play: Play) -> None:
    _declared(play, CONSISTENT, {"hash-header": "h"})
    for name in ("message_id", "correlation_id", "timestamp"):
        _declared(play, CONSISTENT, {"hash-property": name})
    _declared(play, CONSISTENT, {"hash-header": ""})
    _declared(play, CONSISTENT, {"something": "else"})


@scenario
def consistent_hash_header_and_property(play: Play) -> None:
    _declared(play, CONSISTENT, {"hash-header": "h", "hash-property": "message_id"})
    _declared(play, CONSISTENT, {"hash-header": "h", "hash-property": "nonsense"})


@scenario
def consistent_hash_unsupported_property(play: Play) -> None:
    for name in ("app_id", "", "message-id", "é"):
        _declared(play, CONSISTENT, {"hash-property": name})


@scenario
def consistent_hash_arguments_that_are_no_strings(play: Play) -> None:
    for name in ("hash-header", "hash-property"):
        for value in (1, True, ["a"], None):
            _declared(play, CONSISTENT, {name: value})


@scenario
def consistent_hash_existing_is_not_validated(play: Play) -> None:
    channel = play.channel()
    name = channel.exchange(play.name("x"), CONSISTENT)
    arguments = {"hash-header": "h", "hash-property": "nonsense"}
    channel.call("Exchange.Declare", exchange=name, type=CONSISTENT, arguments=arguments)


@scenario
def consistent_hash_bad_alternate_comes_first(play: Play) -> None:
    _declared(play, CONSISTENT, {"alternate-exchange": 1, "hash-property": "nonsense"})


# --- x-consistent-hash: bindings


@scenario
def consistent_hash_weights_that_are_none(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), CONSISTENT)
    queue = channel.queue(play.name("q"))
    for weight in (
        "", "a", "1.5", " 1", "1 ", "1_0", "0", "-1", "-0", "+0", "\u0661", "1e3", "0x10", "\n",
    ):  # fmt: skip
        channel.call("Queue.Bind", queue=queue, exchange=exchange, routing_key=weight)
        channel.reopen()


@scenario
def consistent_hash_weights_that_are_some(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), CONSISTENT)
    queue = channel.queue(play.name("q"))
    for weight in ("1", "+2", "007", "1000"):
        channel.call("Queue.Bind", queue=queue, exchange=exchange, routing_key=weight)


@scenario
def consistent_hash_weight_of_an_exchange(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), CONSISTENT)
    other = channel.exchange(play.name("other"), "fanout")
    channel.call("Exchange.Bind", source=exchange, destination=other, routing_key="ten")
    channel.reopen()
    channel.call("Exchange.Bind", source=exchange, destination=other, routing_key="10")


@scenario
def consistent_hash_weight_is_checked_before_the_owner(play: Play) -> None:
    channel, stranger = play.channel(), play.channel()
    exchange = channel.exchange(play.name("x"), CONSISTENT)
    queue = channel.queue(play.name("q"), exclusive=True)
    stranger.call("Queue.Bind", queue=queue, exchange=exchange, routing_key="none")
    stranger.reopen()
    stranger.call("Queue.Bind", queue=queue, exchange=exchange, routing_key="1")
    stranger.reopen()
    stranger.call("Queue.Bind", queue="nope", exchange=exchange, routing_key="none")


@scenario
def consistent_hash_unbinding_with_a_key_that_is_none(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), CONSISTENT)
    queue = channel.queue(play.name("q"))
    channel.call("Queue.Unbind", queue=queue, exchange=exchange, routing_key="none")


# --- x-consistent-hash: routing


@scenario
def consistent_hash_by_routing_key(play: Play) -> None:
    channel = play.channel()
    exchange, queues = _hashing(play, channel, CONSISTENT, ["1", "2", "1", "5"])
    _placed(channel, exchange, queues, KEYS)


@scenario
def consistent_hash_without_bindings(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), CONSISTENT)
    channel.publish("k", "x", exchange, mandatory=True)
    channel.returns()


@scenario
def consistent_hash_unbound_buckets_move_up(play: Play) -> None:
    channel = play.channel()
    exchange, queues = _hashing(play, channel, CONSISTENT, ["2", "3", "2", "4"])
    channel.prepare("Queue.Unbind", queue=queues[1], exchange=exchange, routing_key="3")
    _placed(channel, exchange, queues, KEYS)
    channel.bind(queues[1], exchange, "3")
    _placed(channel, exchange, queues, KEYS)
    channel.prepare("Queue.Delete", queue=queues[0])
    _placed(channel, exchange, queues[1:], KEYS)


@scenario
def consistent_hash_bound_twice(play: Play) -> None:
    """The second binding adds nothing; with either the buckets go."""
    channel = play.channel()
    exchange, queues = _hashing(play, channel, CONSISTENT, ["1", "1"])
    channel.bind(queues[0], exchange, "9")
    _placed(channel, exchange, queues, KEYS)
    channel.prepare("Queue.Unbind", queue=queues[0], exchange=exchange, routing_key="9")
    _placed(channel, exchange, queues, KEYS)
    channel.prepare("Queue.Unbind", queue=queues[0], exchange=exchange, routing_key="1")
    _placed(channel, exchange, queues, KEYS)
    channel.bind(queues[0], exchange, "2")
    _placed(channel, exchange, queues, KEYS)


@scenario
def consistent_hash_by_header(play: Play) -> None:
    channel = play.channel()
    weights = ["1"] * 8
    exchange, queues = _hashing(play, channel, CONSISTENT, weights, hash_header="h")
    for number, value in enumerate(VALUES):
        channel.publish("same", f"value {number}", exchange, headers={"h": value})
    channel.publish("same", "other headers", exchange, headers={"g": "text"})
    channel.publish("other", "no headers", exchange)
    _found(channel, queues)


@scenario
def consistent_hash_by_property(play: Play) -> None:
    for name in ("message_id", "correlation_id", "timestamp"):
        channel = play.channel()
        weights = ["1"] * 8
        exchange, queues = _hashing(play, channel, CONSISTENT, weights, hash_property=name)
        for number in range(30):
            value: Any = number * 1000 if name == "timestamp" else f"id-{number}"
            channel.publish("same", f"{value}", exchange, **{name: value})
        channel.publish("other", "none", exchange)
        channel.publish("other", "another", exchange, message_id="", app_id="a")
        _found(channel, queues)
        channel.prepare("Exchange.Delete", exchange=exchange)


@scenario
def consistent_hash_takes_the_first_of_several_keys(play: Play) -> None:
    channel = play.channel()
    exchange, queues = _hashing(play, channel, CONSISTENT, ["1", "1", "1"])
    for key in KEYS[:8]:
        channel.publish(key, "plain", exchange)
        channel.publish(key, "copies", exchange, headers={"CC": KEYS[8:20]})
        channel.publish(key, "blind", exchange, headers={"BCC": KEYS[8:20]})
    _found(channel, queues)


@scenario
def consistent_hash_behind_another_exchange(play: Play) -> None:
    channel = play.channel()
    exchange, queues = _hashing(play, channel, CONSISTENT, ["1", "1", "1"])
    fanout = channel.exchange(play.name("fanout"), "fanout")
    channel.prepare("Exchange.Bind", source=fanout, destination=exchange, routing_key="")
    _placed(channel, fanout, queues, KEYS)


@scenario
def consistent_hash_to_exchanges(play: Play) -> None:
    channel = play.channel()
    exchange, queues = _hashing(play, channel, CONSISTENT, ["1", "1"])
    fanout = channel.exchange(play.name("fanout"), "fanout")
    channel.bind(queues[0], fanout, "")
    channel.bind(queues[1], fanout, "")
    channel.prepare("Exchange.Bind", source=exchange, destination=fanout, routing_key="2")
    _placed(channel, exchange, queues, KEYS)


@scenario
def consistent_hash_of_dead_letters(play: Play) -> None:
    channel = play.channel()
    exchange, queues = _hashing(play, channel, CONSISTENT, ["1", "1", "1"])
    dying = channel.queue(
        play.name("dying"),
        arguments={"x-dead-letter-exchange": exchange, "x-max-length": 0},
    )
    fanout = channel.exchange(play.name("fanout"), "fanout")
    channel.bind(dying, fanout, "")
    for key in KEYS:
        channel.publish(key, key, fanout)
    channel.settled(dying)
    _found(channel, queues)


# --- x-modulus-hash


@scenario
def modulus_hash_counts_bindings_in_their_order(play: Play) -> None:
    channel = play.channel()
    exchange, queues = _hashing(play, channel, MODULUS, ["z", "a", "", "m", "B"])
    _placed(channel, exchange, queues, KEYS)
    channel.bind(queues[0], exchange, "b")
    _placed(channel, exchange, queues, KEYS)
    channel.prepare("Queue.Unbind", queue=queues[2], exchange=exchange, routing_key="")
    _placed(channel, exchange, queues, KEYS)


@scenario
def modulus_hash_to_queues_and_exchanges(play: Play) -> None:
    channel = play.channel()
    exchange, queues = _hashing(play, channel, MODULUS, ["", ""])
    for number in (0, 1):
        fanout = channel.exchange(play.name(f"z{number}"), "fanout")
        channel.prepare("Exchange.Bind", source=exchange, destination=fanout, routing_key="")
        queues.append(channel.queue(play.name(f"behind{number}")))
        channel.bind(queues[-1], fanout, "")
    _placed(channel, exchange, queues, KEYS)


@scenario
def modulus_hash_of_several_keys(play: Play) -> None:
    channel = play.channel()
    exchange, queues = _hashing(play, channel, MODULUS, ["1", "2", "3"])
    for key in KEYS[:12]:
        channel.publish(key, f"plain {key}", exchange)
        channel.publish(key, f"CC {key}", exchange, headers={"CC": ["a", key]})
        channel.publish(key, f"both {key}", exchange, headers={"BCC": ["b"], "CC": ["a"]})
    _found(channel, queues)


@scenario
def modulus_hash_without_bindings(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), MODULUS, arguments={"any": "thing"})
    channel.publish("k", "x", exchange, mandatory=True)
    channel.returns()


# --- x-random


@scenario
def random_with_one_or_no_queue(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), RANDOM)
    channel.publish("k", "x", exchange, mandatory=True)
    channel.returns()
    queue = channel.queue(play.name("q"))
    channel.bind(queue, exchange, "whatever")
    channel.publish("k", "x", exchange, mandatory=True)
    channel.count(queue)


# --- x-recent-history


@scenario
def recent_history_lengths_that_are_none(play: Play) -> None:
    for length in (
        0, -1, "5", True, Tagged("d", 1.5), None, [1], {"a": 1}, Tagged("B", 5), Tagged("u", 5),
        Tagged("i", 5), Tagged("T", 5), Tagged("b", -5), Tagged("x", b"5"), Tagged("d", 5.0),
    ):  # fmt: skip
        _declared(play, HISTORY, {"x-recent-history-length": length})


@scenario
def recent_history_lengths_that_are_some(play: Play) -> None:
    for tag in "bsIl":
        _declared(play, HISTORY, {"x-recent-history-length": Tagged(tag, 5)})
    _declared(play, HISTORY, {"x-recent-history-length": 2**62})


@scenario
def recent_history_goes_to_a_new_queue(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), HISTORY, arguments={"x-recent-history-length": 3})
    early, late = channel.queue(play.name("early")), channel.queue(play.name("late"))
    channel.bind(early, exchange, "k")
    for number in range(5):
        channel.publish(f"key {number}", f"{number}", exchange, app_id="a", headers={"n": number})
    channel.call("Queue.Bind", queue=late, exchange=exchange, routing_key="")
    channel.drain(late)
    channel.call("Queue.Bind", queue=late, exchange=exchange, routing_key="")
    channel.drain(late)
    channel.call("Queue.Bind", queue=late, exchange=exchange, routing_key="another")
    _found(channel, [early, late])


@scenario
def recent_history_of_twenty(play: Play) -> None:
    channel = play.channel()
    exchange, queue = channel.exchange(play.name("x"), HISTORY), channel.queue(play.name("q"))
    for number in range(25):
        channel.publish("k", f"{number}", exchange, mandatory=True)
    channel.returns(25)
    channel.bind(queue, exchange, "k")
    _found(channel, [queue])


@scenario
def recent_history_no_store(play: Play) -> None:
    channel = play.channel()
    exchange, queue = channel.exchange(play.name("x"), HISTORY), channel.queue(play.name("q"))
    for value in (True, False, 1, "true", None):
        headers = {"x-recent-history-no-store": value}
        channel.publish("k", f"{value!r}", exchange, headers=headers)
    channel.publish("k", "none", exchange, headers={"a": "x-recent-history-no-store"})
    channel.bind(queue, exchange, "k")
    _found(channel, [queue])


@scenario
def recent_history_goes_to_a_consumer(play: Play) -> None:
    channel = play.channel()
    exchange, queue = channel.exchange(play.name("x"), HISTORY), channel.queue(play.name("q"))
    channel.consume(queue, no_ack=True)
    channel.publish("k", "x", exchange)
    channel.bind(queue, exchange, "k")
    channel.deliveries()


@scenario
def recent_history_goes_through_a_new_exchange(play: Play) -> None:
    channel = play.channel()
    exchange, other = channel.exchange(play.name("x"), HISTORY), play.name("direct")
    channel.exchange(other, "direct")
    queues = [channel.queue(play.name(name)) for name in ("a", "b", "c")]
    for queue, key in zip(queues, "abc", strict=True):
        channel.bind(queue, other, key)
    channel.publish("a", "to a", exchange)
    channel.publish("b", "to b and c", exchange, headers={"CC": ["c"]})
    channel.publish("b", "to b and blindly a", exchange, headers={"BCC": ["a"]})
    channel.call("Exchange.Bind", source=exchange, destination=other, routing_key="")
    _found(channel, queues)


@scenario
def recent_history_to_an_exchange_that_leads_nowhere(play: Play) -> None:
    """The connection goes, and the binding is not made."""
    channel = play.channel()
    exchange, other = channel.exchange(play.name("x"), HISTORY), play.name("direct")
    channel.exchange(other, "direct")
    queue = channel.queue(play.name("q"))
    channel.publish("k", "x", exchange)
    channel.call("Exchange.Bind", source=exchange, destination=other, routing_key="")
    channel = play.channel()
    channel.bind(queue, other, "k")
    channel.publish("k", "y", exchange, mandatory=True)
    channel.returns()
    _found(channel, [queue])


@scenario
def recent_history_nothing_to_an_exchange_that_leads_nowhere(play: Play) -> None:
    channel = play.channel()
    exchange, other = channel.exchange(play.name("x"), HISTORY), play.name("direct")
    channel.exchange(other, "direct")
    channel.call("Exchange.Bind", source=exchange, destination=other, routing_key="")


@scenario
def recent_history_behind_another_exchange(play: Play) -> None:
    channel = play.channel()
    exchange, queue = channel.exchange(play.name("x"), HISTORY), channel.queue(play.name("q"))
    fanout = channel.exchange(play.name("fanout"), "fanout")
    channel.prepare("Exchange.Bind", source=fanout, destination=exchange, routing_key="")
    for number in range(3):
        channel.publish("k", f"{number}", fanout)
    channel.bind(queue, exchange, "k")
    channel.publish("k", "3", fanout)
    _found(channel, [queue])


@scenario
def recent_history_of_one_and_the_same_message(play: Play) -> None:
    channel = play.channel()
    exchange, queue = channel.exchange(play.name("x"), HISTORY), channel.queue(play.name("q"))
    first = channel.queue(play.name("first"))
    channel.bind(first, exchange, "k")
    for _ in range(5):
        channel.publish("k", "same", exchange)
    channel.bind(queue, exchange, "k")
    _found(channel, [first, queue])


@scenario
def recent_history_knows_rolled_back_publishes(play: Play) -> None:
    channel = play.channel()
    exchange, queue = channel.exchange(play.name("x"), HISTORY), channel.queue(play.name("q"))
    channel.prepare("Tx.Select")
    channel.publish("k", "rolled back", exchange)
    channel.prepare("Tx.Rollback")
    channel.publish("k", "not committed", exchange)
    channel.bind(queue, exchange, "k")
    _found(channel, [queue])


@scenario
def recent_history_expires_in_the_new_queue(play: Play) -> None:
    channel = play.channel()
    exchange, queue = channel.exchange(play.name("x"), HISTORY), channel.queue(play.name("q"))
    channel.publish("k", "brief", exchange, expiration="1")
    channel.publish("k", "lasting", exchange)
    channel.connection.wait(lambda: None, 0.1)
    channel.bind(queue, exchange, "k")
    channel.wait_count(queue, 1)
    channel.get(queue)


@scenario
def recent_history_respects_limits(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), HISTORY)
    queue = channel.queue(play.name("q"), arguments={"x-max-length": 2})
    for number in range(5):
        channel.publish("k", f"{number}", exchange)
    channel.bind(queue, exchange, "k")
    _found(channel, [queue])


@scenario
def recent_history_goes_with_the_exchange(play: Play) -> None:
    channel = play.channel()
    name = play.name("x")
    exchange, queue = channel.exchange(name, HISTORY), channel.queue(play.name("q"))
    channel.publish("k", "x", exchange)
    channel.prepare("Exchange.Delete", exchange=name)
    channel.exchange(name, HISTORY)
    channel.bind(queue, name, "k")
    channel.count(queue)
