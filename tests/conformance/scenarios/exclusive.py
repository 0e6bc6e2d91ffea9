"""Exclusive queues: locked for other connections, gone with their own."""

from __future__ import annotations

from tests.conformance.registry import scenario
from tests.conformance.wire_client import Play


@scenario
def exclusive_locked_for_everything(play: Play) -> None:
    owner = play.channel()
    queue = owner.queue(play.name("q"), exclusive=True)
    other = play.connection()
    for method, fields in (
        ("Queue.Declare", {}),
        ("Queue.Declare", {"exclusive": True}),
        ("Queue.Declare", {"passive": True}),
        ("Queue.Declare", {"exclusive": True, "durable": True, "auto_delete": True}),
        ("Basic.Consume", {"consumer_tag": "c"}),
        ("Basic.Get", {}),
        ("Queue.Purge", {}),
        ("Queue.Delete", {}),
        ("Queue.Delete", {"if_unused": True, "if_empty": True}),
        ("Queue.Bind", {"exchange": "amq.direct", "routing_key": "k"}),
        ("Queue.Bind", {"exchange": play.name("nope"), "routing_key": "k"}),
        ("Queue.Unbind", {"exchange": "amq.direct", "routing_key": "k"}),
    ):
        other.channel().call(method, queue=queue, **fields)


@scenario
def exclusive_unbind_of_existing_binding_from_outside(play: Play) -> None:
    owner = play.channel()
    queue, exchange = owner.queue(play.name("q"), exclusive=True), owner.exchange(play.name("x"))
    owner.bind(queue, exchange, "k")
    play.channel().call("Queue.Unbind", queue=queue, exchange=exchange, routing_key="k")


@scenario
def exclusive_may_be_published_to(play: Play) -> None:
    owner, other = play.channel(), play.channel()
    queue = owner.queue(play.name("q"), exclusive=True)
    owner.consume(queue)
    other.publish(queue, "from outside", mandatory=True)
    owner.deliveries()
    other.nothing_more()


@scenario
def exclusive_shared_by_channels_of_its_connection(play: Play) -> None:
    connection = play.connection()
    first, second = connection.channel(), connection.channel()
    queue = first.queue(play.name("q"), exclusive=True)
    second.call("Queue.Declare", queue=queue, exclusive=True)
    second.fill(queue, "1")
    second.call("Basic.Consume", queue=queue, consumer_tag="c", no_ack=True)
    second.deliveries()
    second.call("Queue.Delete", queue=queue)


@scenario
def exclusive_survives_its_channel(play: Play) -> None:
    connection = play.connection()
    first = connection.channel()
    queue = first.queue(play.name("q"), exclusive=True)
    first.call("Channel.Close")
    connection.channel(2).count(queue)


@scenario
def exclusive_gone_after_connection_close(play: Play) -> None:
    owner = play.channel()
    queue = owner.queue(play.name("q"), exclusive=True, durable=True)
    owner.fill(queue, "1")
    owner.connection.close()
    other = play.channel()
    other.count(queue)
    other.reopen()
    other.call("Queue.Declare", queue=queue)


@scenario
def exclusive_gone_after_drop(play: Play) -> None:
    owner, other = play.channel(), play.channel()
    queue = owner.queue(play.name("q"), exclusive=True)
    owner.connection.drop()
    for _ in range(200):
        with play.unrecorded():
            reply = other.call("Queue.Declare", queue=queue, passive=True)
        if reply.fields.get("reply_code") == 404:
            play.note("gone", text=reply["reply_text"])
            return
        if reply.name == "Channel.Close":
            other.reopen()


@scenario
def exclusive_gone_drops_bindings(play: Play) -> None:
    owner, other = play.channel(), play.channel()
    exchange = other.exchange(play.name("x"), "fanout")
    queue = owner.queue(play.name("q"), exclusive=True)
    owner.bind(queue, exchange)
    owner.connection.close()
    other.publish("", "x", exchange, mandatory=True)
    other.returns()


@scenario
def exclusive_refused_for_existing_shared_queue(play: Play) -> None:
    owner = play.channel()
    queue = owner.queue(play.name("q"))
    play.channel().call("Queue.Declare", queue=queue, exclusive=True)


@scenario
def exclusive_passive_from_owner(play: Play) -> None:
    owner = play.channel()
    queue = owner.queue(play.name("q"), exclusive=True)
    owner.call("Queue.Declare", queue=queue, passive=True)
    owner.call("Queue.Declare", queue=queue, passive=True, exclusive=True)
