"""exchange.declare, exchange.delete: types, flags, arguments, equivalence, lifetimes."""

from __future__ import annotations

from tests.conformance.registry import scenario
from tests.conformance.wire_client import Play
from tests.conformance.wire_codec import Tagged


@scenario
def exchange_declare_types(play: Play) -> None:
    channel = play.channel()
    for kind in ("direct", "fanout", "topic", "headers"):
        channel.call("Exchange.Declare", exchange=play.name(kind), type=kind)


@scenario
def exchange_declare_flags(play: Play) -> None:
    channel = play.channel()
    for flag in ("durable", "auto_delete", "internal"):
        channel.call("Exchange.Declare", exchange=play.name(flag), type="direct", **{flag: True})


@scenario
def exchange_declare_nowait(play: Play) -> None:
    channel = play.channel()
    exchange = play.name("x")
    channel.send("Exchange.Declare", exchange=exchange, type="direct", nowait=True)
    channel.call("Exchange.Declare", exchange=exchange, passive=True)


@scenario
def exchange_declare_nowait_refused(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"))
    channel.send("Exchange.Declare", exchange=exchange, type="fanout", nowait=True)
    channel.reply()


@scenario
def exchange_declare_unknown_type(play: Play) -> None:
    play.channel().call("Exchange.Declare", exchange=play.name("x"), type="exotic")


@scenario
def exchange_declare_empty_type(play: Play) -> None:
    play.channel().call("Exchange.Declare", exchange=play.name("x"), type="")


@scenario
def exchange_declare_type_of_another_registry_kind(play: Play) -> None:
    # "PLAIN" is a name RabbitMQ knows, but not as an exchange type.
    play.channel().call("Exchange.Declare", exchange=play.name("x"), type="PLAIN")


@scenario
def exchange_declare_type_in_capitals(play: Play) -> None:
    play.channel().call("Exchange.Declare", exchange=play.name("x"), type="Direct")


@scenario
def exchange_declare_unknown_type_of_existing(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"))
    channel.call("Exchange.Declare", exchange=exchange, type="exotic")


@scenario
def exchange_declare_reserved_name(play: Play) -> None:
    play.channel().call("Exchange.Declare", exchange="amq.conformance", type="direct")


@scenario
def exchange_declare_reserved_name_passive(play: Play) -> None:
    play.channel().call("Exchange.Declare", exchange="amq.conformance", type="direct", passive=True)


@scenario
def exchange_declare_predeclared(play: Play) -> None:
    channel = play.channel()
    for name, kind in (
        ("amq.direct", "direct"),
        ("amq.fanout", "fanout"),
        ("amq.topic", "topic"),
        ("amq.headers", "headers"),
        ("amq.match", "headers"),
    ):
        channel.call("Exchange.Declare", exchange=name, type=kind, durable=True)
    channel.call("Exchange.Declare", exchange="amq.rabbitmq.trace", passive=True)
    channel.call(
        "Exchange.Declare", exchange="amq.rabbitmq.trace", type="topic", durable=True, internal=True
    )


@scenario
def exchange_declare_predeclared_inequivalent(play: Play) -> None:
    play.channel().call("Exchange.Declare", exchange="amq.topic", type="direct", durable=True)


@scenario
def exchange_declare_default(play: Play) -> None:
    connection = play.connection()
    connection.channel().call("Exchange.Declare", exchange="", type="direct", durable=True)
    connection.channel().call("Exchange.Declare", exchange="", type="direct", passive=True)
    connection.channel().call("Exchange.Delete", exchange="")


@scenario
def exchange_declare_default_with_unknown_type(play: Play) -> None:
    play.channel().call("Exchange.Declare", exchange="", type="exotic")


@scenario
def exchange_declare_passive_unknown(play: Play) -> None:
    play.channel().call("Exchange.Declare", exchange=play.name("nope"), passive=True)


@scenario
def exchange_declare_passive_ignores_the_rest(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"))
    channel.call(
        "Exchange.Declare",
        exchange=exchange,
        type="exotic",
        passive=True,
        durable=True,
        arguments={"alternate-exchange": 5},
    )


@scenario
def exchange_declare_passive_nowait_unknown(play: Play) -> None:
    channel = play.channel()
    channel.send("Exchange.Declare", exchange=play.name("nope"), passive=True, nowait=True)
    channel.reply()


@scenario
def exchange_declare_name_loses_line_ends(play: Play) -> None:
    channel = play.channel()
    exchange = play.name("x")
    channel.call("Exchange.Declare", exchange=f"{exchange}\n", type="direct")
    channel.call("Exchange.Declare", exchange=exchange, type="direct", passive=True)
    channel.call("Exchange.Delete", exchange=f"\r{exchange}")
    channel.call("Exchange.Declare", exchange=exchange, type="direct", passive=True)


@scenario
def exchange_declare_inequivalent_type(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), "topic")
    channel.call("Exchange.Declare", exchange=exchange, type="fanout")


@scenario
def exchange_declare_inequivalent_durable(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"))
    channel.call("Exchange.Declare", exchange=exchange, type="direct", durable=True)


@scenario
def exchange_declare_inequivalent_auto_delete(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), auto_delete=True)
    channel.call("Exchange.Declare", exchange=exchange, type="direct")


@scenario
def exchange_declare_inequivalent_internal(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"))
    channel.call("Exchange.Declare", exchange=exchange, type="direct", internal=True)


@scenario
def exchange_declare_inequivalent_everything(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"))
    channel.call(
        "Exchange.Declare",
        exchange=exchange,
        type="topic",
        durable=True,
        auto_delete=True,
        internal=True,
        arguments={"alternate-exchange": "y"},
    )


@scenario
def exchange_declare_inequivalent_alternate(play: Play) -> None:
    connection = play.connection()
    exchange = play.name("x")
    channel = connection.channel()
    channel.exchange(exchange, arguments={"alternate-exchange": "one"})
    channel.call(
        "Exchange.Declare",
        exchange=exchange,
        type="direct",
        arguments={"alternate-exchange": "two"},
    )
    connection.channel().call("Exchange.Declare", exchange=exchange, type="direct")


@scenario
def exchange_declare_alternate_added(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"))
    channel.call(
        "Exchange.Declare",
        exchange=exchange,
        type="direct",
        arguments={"alternate-exchange": "two"},
    )


@scenario
def exchange_declare_alternate_wrong_type(play: Play) -> None:
    play.channel().call(
        "Exchange.Declare",
        exchange=play.name("x"),
        type="direct",
        arguments={"alternate-exchange": Tagged("I", 5)},
    )


@scenario
def exchange_declare_unknown_arguments_are_not_compared(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), arguments={"x-mine": 1})
    channel.call("Exchange.Declare", exchange=exchange, type="direct", arguments={"x-mine": "2"})


@scenario
def exchange_declare_name_of_255_bytes(play: Play) -> None:
    channel = play.channel()
    name = play.owns("exchange_declare_name_of_255_bytes." + "x" * 220)
    channel.call("Exchange.Declare", exchange=name, type="direct")
    channel.call("Exchange.Delete", exchange=name)


# --- exchange.delete


@scenario
def exchange_delete(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"))
    channel.call("Exchange.Delete", exchange=exchange)
    channel.call("Exchange.Declare", exchange=exchange, passive=True)


@scenario
def exchange_delete_unknown(play: Play) -> None:
    play.channel().call("Exchange.Delete", exchange=play.name("nope"))


@scenario
def exchange_delete_unknown_if_unused(play: Play) -> None:
    play.channel().call("Exchange.Delete", exchange=play.name("nope"), if_unused=True)


@scenario
def exchange_delete_nowait(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"))
    channel.send("Exchange.Delete", exchange=exchange, nowait=True)
    channel.call("Exchange.Declare", exchange=exchange, passive=True)


@scenario
def exchange_delete_predeclared(play: Play) -> None:
    connection = play.connection()
    connection.channel().call("Exchange.Delete", exchange="amq.direct")
    connection.channel().call("Exchange.Delete", exchange="amq.unknown")


@scenario
def exchange_delete_if_unused_in_use_by_queue(play: Play) -> None:
    channel = play.channel()
    exchange, queue = channel.exchange(play.name("x")), channel.queue(play.name("q"))
    channel.bind(queue, exchange)
    channel.call("Exchange.Delete", exchange=exchange, if_unused=True)
    channel.reopen()
    channel.call("Exchange.Declare", exchange=exchange, passive=True)


@scenario
def exchange_delete_if_unused_in_use_by_exchange(play: Play) -> None:
    channel = play.channel()
    source, target = channel.exchange(play.name("s")), channel.exchange(play.name("t"))
    channel.prepare("Exchange.Bind", destination=target, source=source)
    channel.call("Exchange.Delete", exchange=target, if_unused=True)
    channel.call("Exchange.Delete", exchange=target)
    channel.call("Exchange.Delete", exchange=source, if_unused=True)


@scenario
def exchange_delete_if_unused_source_in_use(play: Play) -> None:
    channel = play.channel()
    source, target = channel.exchange(play.name("s")), channel.exchange(play.name("t"))
    channel.prepare("Exchange.Bind", destination=target, source=source)
    channel.call("Exchange.Delete", exchange=source, if_unused=True)


@scenario
def exchange_delete_if_unused_free(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"))
    channel.call("Exchange.Delete", exchange=exchange, if_unused=True)


@scenario
def exchange_delete_drops_bindings(play: Play) -> None:
    channel = play.channel()
    exchange, queue = channel.exchange(play.name("x")), channel.queue(play.name("q"))
    channel.bind(queue, exchange, "k")
    channel.call("Exchange.Delete", exchange=exchange)
    channel.exchange(exchange)
    channel.publish("k", "lost", exchange, mandatory=True)
    channel.returns()


# --- auto-delete


@scenario
def exchange_auto_delete_after_last_unbind(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), auto_delete=True)
    queue = channel.queue(play.name("q"))
    channel.bind(queue, exchange, "one")
    channel.bind(queue, exchange, "two")
    channel.call("Queue.Unbind", queue=queue, exchange=exchange, routing_key="one")
    channel.call("Exchange.Declare", exchange=exchange, passive=True)
    channel.call("Queue.Unbind", queue=queue, exchange=exchange, routing_key="two")
    channel.call("Exchange.Declare", exchange=exchange, passive=True)


@scenario
def exchange_auto_delete_when_queue_goes(play: Play) -> None:
    channel = play.channel()
    exchange = channel.exchange(play.name("x"), "fanout", auto_delete=True)
    queue = channel.queue(play.name("q"))
    channel.bind(queue, exchange)
    channel.call("Queue.Delete", queue=queue)
    channel.call("Exchange.Declare", exchange=exchange, passive=True)


@scenario
def exchange_auto_delete_never_bound_stays(play: Play) -> None:
    connection = play.connection()
    exchange = connection.channel().exchange(play.name("x"), auto_delete=True)
    connection.close()
    play.channel().call("Exchange.Declare", exchange=exchange, passive=True)


@scenario
def exchange_auto_delete_chain(play: Play) -> None:
    channel = play.channel()
    first = channel.exchange(play.name("first"), "fanout", auto_delete=True)
    second = channel.exchange(play.name("second"), "fanout", auto_delete=True)
    queue = channel.queue(play.name("q"))
    channel.prepare("Exchange.Bind", destination=second, source=first)
    channel.bind(queue, second)
    channel.call("Queue.Delete", queue=queue)
    channel.call("Exchange.Declare", exchange=second, passive=True)
    channel.reopen()
    channel.call("Exchange.Declare", exchange=first, passive=True)


@scenario
def exchange_auto_delete_as_target_stays(play: Play) -> None:
    channel = play.channel()
    source = channel.exchange(play.name("s"))
    target = channel.exchange(play.name("t"), auto_delete=True)
    channel.prepare("Exchange.Bind", destination=target, source=source)
    channel.prepare("Exchange.Unbind", destination=target, source=source)
    channel.call("Exchange.Declare", exchange=target, passive=True)
