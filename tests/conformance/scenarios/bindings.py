"""Bindings of queues and exchanges, and the routing they make; alternate exchanges, CC and BCC."""

from __future__ import annotations

from tests.conformance.registry import scenario
from tests.conformance.wire_client import Channel, Play
from tests.conformance.wire_codec import Tagged


def _reaches(channel: Channel, queue: str, exchange: str, routing_key: str) -> None:
    """Publish once and record how many copies the queue got."""
    channel.publish(routing_key, "x", exchange)
    channel.call("Queue.Purge", queue=queue)


@scenario
def bind_and_unbind(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Queue.Bind", queue=queue, exchange="amq.direct", routing_key="bind_and_unbind")
    _reaches(channel, queue, "amq.direct", "bind_and_unbind")
    channel.call("Queue.Unbind", queue=queue, exchange="amq.direct", routing_key="bind_and_unbind")
    _reaches(channel, queue, "amq.direct", "bind_and_unbind")


@scenario
def bind_nowait(play: Play) -> None:
    channel = play.channel()
    queue, exchange = channel.queue(play.name("q")), channel.exchange(play.name("x"))
    channel.send("Queue.Bind", queue=queue, exchange=exchange, routing_key="k", nowait=True)
    _reaches(channel, queue, exchange, "k")


@scenario
def bind_nowait_refused(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.send("Queue.Bind", queue=queue, exchange=play.name("nope"), nowait=True)
    channel.reply()


@scenario
def bind_twice_delivers_once(play: Play) -> None:
    channel = play.channel()
    queue, exchange = channel.queue(play.name("q")), channel.exchange(play.name("x"))
    channel.call("Queue.Bind", queue=queue, exchange=exchange, routing_key="k")
    channel.call("Queue.Bind", queue=queue, exchange=exchange, routing_key="k")
    _reaches(channel, queue, exchange, "k")
    channel.call("Queue.Unbind", queue=queue, exchange=exchange, routing_key="k")
    _reaches(channel, queue, exchange, "k")


@scenario
def bind_two_keys_delivers_once(play: Play) -> None:
    channel = play.channel()
    queue, exchange = channel.queue(play.name("q")), channel.exchange(play.name("x"), "topic")
    for key in ("a.*", "*.b", "#", "a.b"):
        channel.bind(queue, exchange, key)
    _reaches(channel, queue, exchange, "a.b")


@scenario
def bind_unknown_exchange(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Queue.Bind", queue=queue, exchange=play.name("nope"), routing_key="k")


@scenario
def bind_unknown_queue(play: Play) -> None:
    channel = play.channel()
    channel.call("Queue.Bind", queue=play.name("nope"), exchange="amq.direct", routing_key="k")


@scenario
def bind_unknown_both(play: Play) -> None:
    channel = play.channel()
    channel.call("Queue.Bind", queue=play.name("q"), exchange=play.name("x"), routing_key="k")


@scenario
def bind_default_exchange(play: Play) -> None:
    connection = play.connection()
    queue = connection.channel().queue(play.name("q"))
    for method in ("Queue.Bind", "Queue.Unbind"):
        connection.channel().call(method, queue=queue, exchange="", routing_key="k")
    connection.channel().call("Queue.Unbind", queue=queue, exchange="", routing_key=queue)


@scenario
def bind_default_exchange_unknown_queue(play: Play) -> None:
    play.channel().call("Queue.Bind", queue=play.name("nope"), exchange="", routing_key="k")


@scenario
def bind_internal_exchange(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    exchange = channel.exchange(play.name("x"), internal=True)
    channel.call("Queue.Bind", queue=queue, exchange=exchange, routing_key="k")


@scenario
def unbind_nonexistent_binding(play: Play) -> None:
    channel = play.channel()
    queue, exchange = channel.queue(play.name("q")), channel.exchange(play.name("x"))
    channel.bind(queue, exchange, "k")
    channel.call("Queue.Unbind", queue=queue, exchange=exchange, routing_key="other")
    _reaches(channel, queue, exchange, "k")


@scenario
def unbind_unknown_exchange(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.call("Queue.Unbind", queue=queue, exchange=play.name("nope"), routing_key="k")


@scenario
def unbind_unknown_queue(play: Play) -> None:
    channel = play.channel()
    channel.call("Queue.Unbind", queue=play.name("nope"), exchange="amq.direct", routing_key="k")


@scenario
def unbind_unknown_both(play: Play) -> None:
    channel = play.channel()
    channel.call("Queue.Unbind", queue=play.name("q"), exchange=play.name("x"), routing_key="k")


@scenario
def bind_arguments_tell_bindings_apart(play: Play) -> None:
    channel = play.channel()
    queue, exchange = channel.queue(play.name("q")), channel.exchange(play.name("x"))
    channel.bind(queue, exchange, "k", arguments={"n": 1})
    channel.bind(queue, exchange, "k", arguments={"n": 2})
    channel.call(
        "Queue.Unbind", queue=queue, exchange=exchange, routing_key="k", arguments={"n": 1}
    )
    _reaches(channel, queue, exchange, "k")
    channel.call("Queue.Unbind", queue=queue, exchange=exchange, routing_key="k")
    _reaches(channel, queue, exchange, "k")
    channel.call(
        "Queue.Unbind", queue=queue, exchange=exchange, routing_key="k", arguments={"n": 2}
    )
    _reaches(channel, queue, exchange, "k")


@scenario
def bind_arguments_type_tells_bindings_apart(play: Play) -> None:
    channel = play.channel()
    queue, exchange = channel.queue(play.name("q")), channel.exchange(play.name("x"))
    channel.bind(queue, exchange, "k", arguments={"n": 1})
    channel.call(
        "Queue.Unbind",
        queue=queue,
        exchange=exchange,
        routing_key="k",
        arguments={"n": Tagged("l", 1)},
    )
    _reaches(channel, queue, exchange, "k")


@scenario
def bind_arguments_order_does_not_matter(play: Play) -> None:
    channel = play.channel()
    queue, exchange = channel.queue(play.name("q")), channel.exchange(play.name("x"))
    channel.bind(queue, exchange, "k", arguments={"a": 1, "b": 2})
    channel.call(
        "Queue.Unbind",
        queue=queue,
        exchange=exchange,
        routing_key="k",
        arguments={"b": 2, "a": 1},
    )
    _reaches(channel, queue, exchange, "k")


@scenario
def bind_survives_purge_and_consumers(play: Play) -> None:
    channel = play.channel()
    queue, exchange = channel.queue(play.name("q")), channel.exchange(play.name("x"), "fanout")
    channel.bind(queue, exchange)
    channel.call("Queue.Purge", queue=queue)
    channel.consume(queue)
    channel.call("Basic.Cancel", consumer_tag="c")
    _reaches(channel, queue, exchange, "anything")


@scenario
def bind_name_loses_line_ends(play: Play) -> None:
    channel = play.channel()
    queue, exchange = channel.queue(play.name("q")), channel.exchange(play.name("x"))
    channel.call("Queue.Bind", queue=f"{queue}\n", exchange=f"{exchange}\r", routing_key="k")
    _reaches(channel, queue, exchange, "k")


@scenario
def bind_routing_key_keeps_line_ends(play: Play) -> None:
    channel = play.channel()
    queue, exchange = channel.queue(play.name("q")), channel.exchange(play.name("x"))
    channel.call("Queue.Bind", queue=queue, exchange=exchange, routing_key="k\n")
    _reaches(channel, queue, exchange, "k")
    _reaches(channel, queue, exchange, "k\n")


@scenario
def bind_direct_is_exact(play: Play) -> None:
    channel = play.channel()
    queue, exchange = channel.queue(play.name("q")), channel.exchange(play.name("x"))
    channel.bind(queue, exchange, "a.*")
    for key in ("a.b", "a.*", "A.*", "a.* ", ""):
        _reaches(channel, queue, exchange, key)


@scenario
def bind_fanout_ignores_keys(play: Play) -> None:
    channel = play.channel()
    queue, exchange = channel.queue(play.name("q")), channel.exchange(play.name("x"), "fanout")
    channel.bind(queue, exchange, "only")
    channel.bind(queue, exchange, "other", arguments={"x": 1})
    for key in ("only", "none", ""):
        _reaches(channel, queue, exchange, key)


@scenario
def bind_direct_several_queues(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"))
    queues = [channel.queue(play.name(f"q{n}")) for n in range(4)]
    for queue in queues[:3]:
        channel.bind(queue, exchange, "k")
    channel.publish("k", "to three", exchange)
    for queue in queues:
        channel.settled(queue)
        channel.drain(queue)


@scenario
def bind_predeclared_fanout(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.bind(queue, "amq.fanout")
    _reaches(channel, queue, "amq.fanout", "")


# --- topic


def _topic(play: Play, patterns: list[str], keys: list[str]) -> None:
    """One queue per pattern; for every key, note which patterns it reached."""
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), "topic")
    queues = {}
    for place, pattern in enumerate(patterns):
        queues[pattern] = channel.queue(play.name(f"q{place}"))
        channel.bind(queues[pattern], exchange, pattern)
    for key in keys:
        with play.unrecorded():
            channel.publish(key, key, exchange)
        reached = []
        for pattern, queue in queues.items():
            if channel.prepare("Queue.Purge", queue=queue)["message_count"]:
                reached.append(pattern)
        play.note("reached", key=key, patterns=reached)


@scenario
def topic_wildcards(play: Play) -> None:
    _topic(
        play,
        ["#", "*", "a", "a.*", "a.#", "*.b", "#.b", "a.*.c", "a.#.c", "#.b.#", "*.*", "*.#"],
        ["", "a", "b", "a.b", "a.c", "a.b.c", "a.b.b.c", "a.b.c.b", "b.a", "x.y.z"],
    )


@scenario
def topic_odd_patterns(play: Play) -> None:
    _topic(
        play,
        ["", ".", "a.", ".a", "a..b", "#.#", "*.#.*", "#.*.#", "##", "**", "a#", "a.*b", "#.a.#.b"],
        [
            "",
            ".",
            "..",
            "a",
            "a.",
            ".a",
            "a..b",
            "a.b",
            "a#",
            "a.xb",
            "##",
            "**",
            "#",
            "*",
            "a.x.b",
        ],
    )


@scenario
def topic_is_case_sensitive_and_unicode(play: Play) -> None:
    _topic(play, ["ä.*", "Ä.*", "*.日本", "#.🐇"], ["ä.x", "Ä.日本", "a.日本", "🐇", "x.y.🐇"])


@scenario
def topic_unbind_one_of_overlapping(play: Play) -> None:
    channel = play.channel()
    queue, exchange = channel.queue(play.name("q")), channel.exchange(play.name("x"), "topic")
    for key in ("a.*", "a.#", "a.b"):
        channel.bind(queue, exchange, key)
    for key in ("a.*", "a.b", "a.#"):
        channel.call("Queue.Unbind", queue=queue, exchange=exchange, routing_key=key)
        _reaches(channel, queue, exchange, "a.b")


@scenario
def topic_long_key(play: Play) -> None:
    _topic(play, ["#.z", "a.#"], [".".join("abcdefghijklmnopqrstuvwxyz"), ".".join("a" * 127)])


# --- headers


def _headers(
    play: Play, bindings: dict[str, dict[str, object]], messages: dict[str, dict[str, object]]
) -> None:
    """One queue per binding; for every message's headers, note which bindings it reached."""
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), "headers")
    for label, arguments in bindings.items():
        channel.bind(channel.queue(play.name(label)), exchange, "", arguments=arguments)
    for label, headers in messages.items():
        with play.unrecorded():
            channel.publish("ignored", label, exchange, headers=headers)
        reached = [
            name
            for name in bindings
            if channel.prepare("Queue.Purge", queue=play.name(name))["message_count"]
        ]
        play.note("reached", message=label, bindings=reached)


@scenario
def headers_all_and_any(play: Play) -> None:
    _headers(
        play,
        {
            "all": {"x-match": "all", "a": 1, "b": "two"},
            "any": {"x-match": "any", "a": 1, "b": "two"},
            "default": {"a": 1, "b": "two"},
            "empty_all": {"x-match": "all"},
            "empty_any": {"x-match": "any"},
            "nothing": {},
        },
        {
            "both": {"a": 1, "b": "two"},
            "more": {"a": 1, "b": "two", "c": True},
            "first": {"a": 1},
            "second": {"b": "two"},
            "other_value": {"a": 2, "b": "two"},
            "none": {"c": 1},
            "empty": {},
        },
    )


@scenario
def headers_without_headers_property(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), "headers")
    everything, some = channel.queue(play.name("all")), channel.queue(play.name("some"))
    channel.bind(everything, exchange, arguments={"x-match": "all"})
    channel.bind(some, exchange, arguments={"a": 1})
    channel.publish("", "no headers at all", exchange)
    channel.call("Queue.Purge", queue=everything)
    channel.call("Queue.Purge", queue=some)


@scenario
def headers_types_are_compared(play: Play) -> None:
    _headers(
        play,
        {
            "int": {"a": 1},
            "long": {"a": Tagged("l", 1)},
            "string": {"a": "1"},
            "double": {"a": Tagged("d", 1.0)},
            "bool": {"a": True},
            "void": {"a": None},
            "table": {"a": {"b": 1}},
            "array": {"a": [1, 2]},
            "timestamp": {"a": Tagged("T", 1)},
            "binary": {"a": Tagged("x", "1")},
        },
        {
            "int": {"a": 1},
            "short": {"a": Tagged("s", 1)},
            "long": {"a": Tagged("l", 1)},
            "string": {"a": "1"},
            "double": {"a": Tagged("d", 1.0)},
            "float": {"a": Tagged("f", 1.0)},
            "bool": {"a": True},
            "void": {"a": None},
            "table": {"a": {"b": 1}},
            "other_table": {"a": {"b": 2}},
            "array": {"a": [1, 2]},
            "timestamp": {"a": Tagged("T", 1)},
            "binary": {"a": Tagged("x", "1")},
            "absent": {"b": 1},
        },
    )


@scenario
def headers_x_prefixed_are_ignored(play: Play) -> None:
    _headers(
        play,
        {
            "all": {"x-match": "all", "x-a": 1, "b": 1},
            "any": {"x-match": "any", "x-a": 1, "b": 1},
            "only_x": {"x-match": "all", "x-a": 1},
            "any_only_x": {"x-match": "any", "x-a": 1},
            "all_with_x": {"x-match": "all-with-x", "x-a": 1, "b": 1},
            "any_with_x": {"x-match": "any-with-x", "x-a": 1, "b": 1},
        },
        {
            "both": {"x-a": 1, "b": 1},
            "only_x": {"x-a": 1},
            "only_b": {"b": 1},
            "wrong_x": {"x-a": 2, "b": 1},
            "none": {"c": 1},
        },
    )


@scenario
def headers_invalid_x_match(play: Play) -> None:
    connection = play.connection()
    channel = connection.channel()
    queue, exchange = channel.queue(play.name("q")), channel.exchange(play.name("x"), "headers")
    for value in ("some", "", "ALL", 1, True, None, Tagged("x", "all"), {"a": 1}):
        connection.channel().call(
            "Queue.Bind", queue=queue, exchange=exchange, arguments={"x-match": value}
        )


@scenario
def headers_invalid_x_match_on_direct_is_fine(play: Play) -> None:
    channel = play.channel()
    queue, exchange = channel.queue(play.name("q")), channel.exchange(play.name("x"))
    channel.call("Queue.Bind", queue=queue, exchange=exchange, arguments={"x-match": "some"})


@scenario
def headers_invalid_x_match_on_unbind(play: Play) -> None:
    channel = play.channel()
    queue, exchange = channel.queue(play.name("q")), channel.exchange(play.name("x"), "headers")
    channel.call("Queue.Unbind", queue=queue, exchange=exchange, arguments={"x-match": "some"})


@scenario
def headers_same_queue_twice(play: Play) -> None:
    channel = play.channel()
    queue, exchange = channel.queue(play.name("q")), channel.exchange(play.name("x"), "headers")
    channel.bind(queue, exchange, "", arguments={"a": 1})
    channel.bind(queue, exchange, "", arguments={"b": 1})
    channel.publish("", "once", exchange, headers={"a": 1, "b": 1})
    channel.settled(queue)
    channel.drain(queue)


@scenario
def headers_routing_key_tells_bindings_apart(play: Play) -> None:
    channel = play.channel()
    queue, exchange = channel.queue(play.name("q")), channel.exchange(play.name("x"), "headers")
    channel.bind(queue, exchange, "one", arguments={"a": 1})
    channel.bind(queue, exchange, "two", arguments={"a": 1})
    channel.call(
        "Queue.Unbind", queue=queue, exchange=exchange, routing_key="one", arguments={"a": 1}
    )
    channel.publish("", "still bound", exchange, headers={"a": 1})
    channel.call("Queue.Purge", queue=queue)


# --- exchange to exchange


@scenario
def e2e_bind_and_unbind(play: Play) -> None:
    channel = play.channel()
    source, target = channel.exchange(play.name("s"), "topic"), channel.exchange(play.name("t"))
    queue = channel.queue(play.name("q"))
    channel.bind(queue, target, "a.b")
    channel.call("Exchange.Bind", destination=target, source=source, routing_key="a.*")
    for key in ("a.b", "a.c"):
        _reaches(channel, queue, source, key)
    channel.call("Exchange.Unbind", destination=target, source=source, routing_key="a.*")
    _reaches(channel, queue, source, "a.b")


@scenario
def e2e_nowait(play: Play) -> None:
    channel = play.channel()
    source, target = channel.exchange(play.name("s")), channel.exchange(play.name("t"), "fanout")
    queue = channel.queue(play.name("q"))
    channel.bind(queue, target)
    fields = {"destination": target, "source": source, "routing_key": "k", "nowait": True}
    channel.send("Exchange.Bind", **fields)
    _reaches(channel, queue, source, "k")
    channel.send("Exchange.Unbind", **fields)
    _reaches(channel, queue, source, "k")


@scenario
def e2e_cycle_delivers_once(play: Play) -> None:
    channel = play.channel()
    names = [channel.exchange(play.name(label), "fanout") for label in "abc"]
    queue = channel.queue(play.name("q"))
    for source, target in zip(names, names[1:] + names[:1], strict=True):
        channel.prepare("Exchange.Bind", destination=target, source=source)
    for name in names:
        channel.bind(queue, name)
    _reaches(channel, queue, names[0], "k")


@scenario
def e2e_to_itself(play: Play) -> None:
    channel = play.channel()
    exchange, queue = channel.exchange(play.name("x"), "fanout"), channel.queue(play.name("q"))
    channel.bind(queue, exchange)
    channel.call("Exchange.Bind", destination=exchange, source=exchange)
    _reaches(channel, queue, exchange, "k")


@scenario
def e2e_key_and_exchange_name_are_the_published_ones(play: Play) -> None:
    channel = play.channel()
    source, target = channel.exchange(play.name("s")), channel.exchange(play.name("t"), "fanout")
    queue = channel.queue(play.name("q"))
    channel.bind(queue, target, "bound")
    channel.prepare("Exchange.Bind", destination=target, source=source, routing_key="k")
    channel.publish("k", "x", source)
    channel.settled(queue)
    channel.get(queue)


@scenario
def e2e_unknown_source(play: Play) -> None:
    channel = play.channel()
    target = channel.exchange(play.name("t"))
    channel.call("Exchange.Bind", destination=target, source=play.name("nope"))


@scenario
def e2e_unknown_destination(play: Play) -> None:
    channel = play.channel()
    source = channel.exchange(play.name("s"))
    channel.call("Exchange.Bind", destination=play.name("nope"), source=source)


@scenario
def e2e_unknown_both(play: Play) -> None:
    connection = play.connection()
    fields = {"destination": play.name("t"), "source": play.name("s")}
    connection.channel().call("Exchange.Bind", **fields)
    connection.channel().call("Exchange.Unbind", **fields)


@scenario
def e2e_default_exchange(play: Play) -> None:
    connection = play.connection()
    exchange = connection.channel().exchange(play.name("x"))
    for method in ("Exchange.Bind", "Exchange.Unbind"):
        connection.channel().call(method, destination=exchange, source="")
        connection.channel().call(method, destination="", source=exchange)


@scenario
def e2e_unbind_nonexistent(play: Play) -> None:
    channel = play.channel()
    source, target = channel.exchange(play.name("s")), channel.exchange(play.name("t"))
    channel.call("Exchange.Unbind", destination=target, source=source, routing_key="k")


@scenario
def e2e_direction_matters(play: Play) -> None:
    channel = play.channel()
    source = channel.exchange(play.name("s"), "fanout")
    target = channel.exchange(play.name("t"), "fanout")
    queue = channel.queue(play.name("q"))
    channel.bind(queue, source)
    channel.prepare("Exchange.Bind", destination=target, source=source)
    channel.publish("", "not upwards", target, mandatory=True)
    channel.returns()


@scenario
def e2e_through_internal(play: Play) -> None:
    channel = play.channel()
    source = channel.exchange(play.name("s"), "fanout")
    internal = channel.exchange(play.name("i"), "fanout", internal=True)
    queue = channel.queue(play.name("q"))
    channel.bind(queue, internal)
    channel.prepare("Exchange.Bind", destination=internal, source=source)
    _reaches(channel, queue, source, "")
    channel.publish("", "direct", internal)
    channel.reply()


@scenario
def e2e_invalid_x_match(play: Play) -> None:
    channel = play.channel()
    source, target = channel.exchange(play.name("s"), "headers"), channel.exchange(play.name("t"))
    channel.call(
        "Exchange.Bind", destination=target, source=source, arguments={"x-match": "sometimes"}
    )


@scenario
def e2e_same_names_as_queue(play: Play) -> None:
    channel = play.channel()
    name = play.name("same")
    source = channel.exchange(play.name("s"), "fanout")
    channel.queue(name)
    channel.exchange(name, "fanout")
    channel.bind(name, source)
    channel.prepare("Exchange.Bind", destination=name, source=source)
    channel.bind(name, name)
    _reaches(channel, name, source, "")
    channel.call("Queue.Unbind", queue=name, exchange=source)
    _reaches(channel, name, source, "")


# --- alternate exchange


@scenario
def alternate_takes_the_unroutable(play: Play) -> None:
    channel = play.channel()
    alternate = channel.exchange(play.name("ae"), "fanout")
    exchange = channel.exchange(play.name("x"), arguments={"alternate-exchange": alternate})
    rest, queue = channel.queue(play.name("rest")), channel.queue(play.name("q"))
    channel.bind(rest, alternate)
    channel.bind(queue, exchange, "k")
    channel.publish("k", "routed", exchange, mandatory=True)
    channel.publish("other", "rerouted", exchange, mandatory=True)
    for name in (queue, rest):
        channel.settled(name)
        channel.drain(name)
    channel.nothing_more()


@scenario
def alternate_unknown_means_unroutable(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), arguments={"alternate-exchange": play.name("nope")})
    channel.publish("k", "lost", exchange, mandatory=True)
    channel.returns()


@scenario
def alternate_cannot_route_either(play: Play) -> None:
    channel = play.channel()
    alternate = channel.exchange(play.name("ae"))
    exchange = channel.exchange(play.name("x"), arguments={"alternate-exchange": alternate})
    channel.publish("k", "lost", exchange, mandatory=True)
    channel.returns()


@scenario
def alternate_chain_and_cycle(play: Play) -> None:
    channel = play.channel()
    names = [play.name(label) for label in ("a", "b", "c")]
    for name, alternate in zip(names, names[1:] + names[:1], strict=True):
        channel.exchange(name, arguments={"alternate-exchange": alternate})
    queue = channel.queue(play.name("q"))
    channel.publish("k", "round and round", names[0], mandatory=True)
    channel.returns()
    channel.bind(queue, names[2], "k")
    channel.publish("k", "third", names[0], mandatory=True)
    channel.settled(queue)
    channel.drain(queue)


@scenario
def alternate_is_default_exchange(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), arguments={"alternate-exchange": ""})
    queue = channel.queue(play.name("q"))
    channel.publish(queue, "by queue name", exchange, mandatory=True)
    channel.settled(queue)
    channel.drain(queue)


@scenario
def alternate_through_e2e(play: Play) -> None:
    channel = play.channel()
    alternate = channel.exchange(play.name("ae"), "fanout")
    target = channel.exchange(play.name("t"), arguments={"alternate-exchange": alternate})
    source = channel.exchange(play.name("s"), "fanout")
    queue = channel.queue(play.name("q"))
    channel.bind(queue, alternate)
    channel.prepare("Exchange.Bind", destination=target, source=source)
    channel.publish("k", "through the target's alternate", source, mandatory=True)
    channel.settled(queue)
    channel.drain(queue)


@scenario
def alternate_not_used_when_cc_routes(play: Play) -> None:
    channel = play.channel()
    alternate = channel.exchange(play.name("ae"), "fanout")
    exchange = channel.exchange(play.name("x"), arguments={"alternate-exchange": alternate})
    rest, queue = channel.queue(play.name("rest")), channel.queue(play.name("q"))
    channel.bind(rest, alternate)
    channel.bind(queue, exchange, "cc")
    channel.publish("other", "routed by CC", exchange, headers={"CC": ["cc"]})
    for name in (queue, rest):
        channel.settled(name)
        channel.drain(name)


# --- CC and BCC


@scenario
def cc_and_bcc(play: Play) -> None:
    channel = play.channel()
    names = [channel.queue(play.name(label)) for label in ("to", "cc", "bcc", "none")]
    channel.publish(
        names[0], "to three", headers={"CC": [names[1]], "BCC": [names[2]], "other": "stays"}
    )
    for name in names:
        channel.settled(name)
        channel.drain(name)


@scenario
def cc_same_queue_twice(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.publish(queue, "once", headers={"CC": [queue, queue], "BCC": [queue]})
    channel.settled(queue)
    channel.drain(queue)


@scenario
def cc_through_exchanges(play: Play) -> None:
    channel = play.channel()
    for kind in ("direct", "topic", "fanout"):
        exchange = channel.exchange(play.name(kind), kind)
        queue = channel.queue(play.name(f"{kind}-queue"))
        channel.bind(queue, exchange, "cc")
        channel.publish("to", kind, exchange, headers={"CC": ["cc"]})
        channel.settled(queue)
        channel.drain(queue)


@scenario
def cc_empty_routing_key_in_array(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.publish("nowhere", "x", headers={"CC": ["", queue], "BCC": []})
    channel.settled(queue)
    channel.drain(queue)


@scenario
def cc_malformed(play: Play) -> None:
    connection = play.connection()
    queue = connection.channel().queue(play.name("q"))
    for headers in (
        {"CC": "a string"},
        {"CC": 5},
        {"CC": {"a": 1}},
        {"CC": [1]},
        {"CC": ["fine", 2]},
        {"BCC": "a string"},
        {"BCC": [None]},
        {"CC": None},
        {"CC": ["a"], "BCC": 7},
    ):
        channel = connection.channel()
        channel.publish(queue, "x", headers=headers)
        channel.call("Basic.Qos")


@scenario
def cc_lower_case_is_no_cc(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.publish("nowhere", "x", headers={"cc": [queue]}, mandatory=True)
    channel.returns()


@scenario
def bcc_removed_only_from_delivery(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    channel.publish("nowhere", "returned", headers={"BCC": ["nowhere-too"]}, mandatory=True)
    channel.returns()
    channel.publish(queue, "delivered", headers={"BCC": ["x"]}, mandatory=True)
    channel.settled(queue)
    channel.drain(queue)


@scenario
def e2e_nowait_refused(play: Play) -> None:
    channel = play.channel()
    fields = {"destination": "amq.direct", "source": play.name("nope"), "nowait": True}
    channel.send("Exchange.Unbind", **fields)
    channel.nothing_more()
    channel.send("Exchange.Bind", **fields)
    channel.reply()


@scenario
def e2e_predeclared_exchanges(play: Play) -> None:
    channel = play.channel()
    queue = channel.queue(play.name("q"))
    fields = {"destination": "amq.fanout", "source": "amq.topic", "routing_key": play.name("k")}
    channel.bind(queue, "amq.fanout")
    channel.call("Exchange.Bind", **fields)
    channel.publish(play.name("k"), "x", "amq.topic")
    channel.call("Exchange.Unbind", **fields)
    channel.drain(queue)


@scenario
def e2e_topic_routes_by_each_exchange(play: Play) -> None:
    """Every exchange on the way looks at the routing key in its own manner."""
    channel = play.channel()
    top, left, right = (channel.exchange(play.name(n), "topic") for n in ("top", "left", "right"))
    queue = channel.queue(play.name("q"))
    channel.prepare("Exchange.Bind", destination=left, source=top, routing_key="a.#")
    channel.prepare("Exchange.Bind", destination=right, source=left, routing_key="#.z")
    channel.bind(queue, right, "a.*.z")
    for key in ("a.b.z", "a.b.c.z", "b.b.z", "a.z"):
        _reaches(channel, queue, top, key)


@scenario
def bind_many_keys(play: Play) -> None:
    channel = play.channel()
    queue, exchange = channel.queue(play.name("q")), channel.exchange(play.name("x"))
    for n in range(100):
        channel.bind(queue, exchange, f"key{n}")
    with play.unrecorded():
        for n in range(0, 200, 5):
            channel.publish(f"key{n}", "x", exchange)
    channel.call("Queue.Purge", queue=queue)
