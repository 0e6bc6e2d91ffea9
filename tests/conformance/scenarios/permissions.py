"""What a user without permissions reads. The users are made by fixtures.py."""

from __future__ import annotations

from typing import Any

from tests.conformance.fixtures import PASSWORD, VHOST
from tests.conformance.registry import scenario
from tests.conformance.wire_client import Play

NEEDS = {"users"}


def _try(play: Play, user: str, *methods: tuple[str, dict[str, Any]]) -> None:
    """Each method on a channel of its own, as this user."""
    connection = play.connection(user=user, password=PASSWORD)
    for method, fields in methods:
        connection.channel().call(method, **fields)


@scenario(needs=NEEDS)
def permissions_vhost_refused(play: Play) -> None:
    play.connection(user="conf-outsider", password=PASSWORD)


@scenario(needs=NEEDS)
def permissions_other_vhost_refused(play: Play) -> None:
    play.connection(vhost=VHOST, user="conf-reader", password=PASSWORD)


@scenario(needs=NEEDS)
def permissions_unknown_vhost(play: Play) -> None:
    play.connection(vhost="nowhere", user="conf-reader", password=PASSWORD)


@scenario(needs=NEEDS)
def permissions_declare(play: Play) -> None:
    owner = play.channel()
    queue, exchange = owner.queue(play.name("q")), owner.exchange(play.name("x"))
    _try(
        play,
        "conf-nothing",
        ("Queue.Declare", {"queue": play.name("new")}),
        ("Queue.Declare", {"queue": queue}),
        ("Queue.Declare", {"queue": queue, "passive": True}),
        ("Queue.Declare", {"queue": ""}),
        ("Queue.Declare", {"queue": "amq.reserved"}),
        ("Queue.Delete", {"queue": queue}),
        ("Queue.Delete", {"queue": play.name("nope")}),
        ("Exchange.Declare", {"exchange": play.name("new"), "type": "direct"}),
        ("Exchange.Declare", {"exchange": exchange, "type": "direct"}),
        ("Exchange.Declare", {"exchange": exchange, "type": "direct", "passive": True}),
        ("Exchange.Delete", {"exchange": exchange}),
        ("Exchange.Delete", {"exchange": play.name("nope")}),
        ("Exchange.Delete", {"exchange": "amq.direct"}),
    )


@scenario(needs=NEEDS)
def permissions_read(play: Play) -> None:
    owner = play.channel()
    queue = owner.queue(play.name("q"))
    _try(
        play,
        "conf-nothing",
        ("Basic.Get", {"queue": queue}),
        ("Basic.Get", {"queue": play.name("nope")}),
        ("Basic.Consume", {"queue": queue, "consumer_tag": "c"}),
        ("Queue.Purge", {"queue": queue}),
    )


@scenario(needs=NEEDS)
def permissions_bind(play: Play) -> None:
    owner = play.channel()
    queue, exchange = owner.queue(play.name("q")), owner.exchange(play.name("x"))
    binding = {"queue": queue, "exchange": exchange, "routing_key": "k"}
    e2e = {"destination": exchange, "source": "amq.direct", "routing_key": "k"}
    for user in ("conf-reader", "conf-writer", "conf-configurer"):
        _try(
            play,
            user,
            ("Queue.Bind", binding),
            ("Queue.Unbind", binding),
            ("Queue.Bind", {**binding, "exchange": ""}),
            ("Exchange.Bind", e2e),
            ("Exchange.Unbind", e2e),
        )


@scenario(needs=NEEDS)
def permissions_publish(play: Play) -> None:
    owner = play.channel()
    exchange = owner.exchange(play.name("x"))
    internal = owner.exchange(play.name("i"), internal=True)
    connection = play.connection(user="conf-nothing", password=PASSWORD)
    for name in (exchange, "", internal, play.name("nope")):
        channel = connection.channel()
        channel.publish("k", "x", name, mandatory=True)
        channel.reply()


@scenario(needs=NEEDS)
def permissions_declare_with_dead_letter_exchange(play: Play) -> None:
    _try(
        play,
        "conf-configurer",
        (
            "Queue.Declare",
            {"queue": play.name("q"), "arguments": {"x-dead-letter-exchange": "amq.fanout"}},
        ),
        (
            "Exchange.Declare",
            {
                "exchange": play.name("x"),
                "type": "direct",
                "arguments": {"alternate-exchange": "amq.fanout"},
            },
        ),
    )


@scenario(needs=NEEDS)
def permissions_each_sufficient(play: Play) -> None:
    owner = play.channel()
    queue = owner.queue(play.name("q"))
    owner.fill(queue, "1")
    _try(play, "conf-reader", ("Basic.Get", {"queue": queue, "no_ack": True}))
    _try(play, "conf-configurer", ("Queue.Declare", {"queue": play.name("new")}))
    writer = play.channel(user="conf-writer", password=PASSWORD)
    writer.publish(queue, "x")
    writer.call("Basic.Qos")


@scenario(needs=NEEDS)
def permissions_topic_write(play: Play) -> None:
    connection = play.connection(user="conf-topic", password=PASSWORD)
    for key in ("w.allowed", "r.refused"):
        channel = connection.channel()
        channel.publish(key, "x", "amq.topic", mandatory=True)
        channel.arrivals(1)


@scenario(needs=NEEDS)
def permissions_topic_read(play: Play) -> None:
    queue = play.channel().queue(play.name("q"))
    _try(
        play,
        "conf-topic",
        ("Queue.Bind", {"queue": queue, "exchange": "amq.topic", "routing_key": "r.allowed"}),
        ("Queue.Bind", {"queue": queue, "exchange": "amq.topic", "routing_key": "w.refused"}),
        ("Queue.Unbind", {"queue": queue, "exchange": "amq.topic", "routing_key": "w.refused"}),
    )


@scenario(needs=NEEDS)
def permissions_impersonator(play: Play) -> None:
    channel = play.channel(user="conf-impersonator", password=PASSWORD)
    channel.publish("nowhere", "x", user_id="somebody-else", mandatory=True)
    channel.arrivals(1)


@scenario(needs=NEEDS)
def permissions_user_id_of_another(play: Play) -> None:
    channel = play.channel(user="conf-writer", password=PASSWORD)
    channel.publish("nowhere", "x", user_id="guest")
    channel.reply()


@scenario(needs=NEEDS)
def permissions_names_are_per_vhost(play: Play) -> None:
    play.target.api(
        "PUT", f"permissions/{VHOST}/guest", {"configure": ".*", "write": ".*", "read": ".*"}
    )
    here, there = play.channel(), play.channel(vhost=VHOST)
    queue = here.queue(play.name("q"))
    there.call("Queue.Declare", queue=queue, passive=True)
    there.reopen()
    there.call("Queue.Declare", queue=queue, durable=True, exclusive=True)
    there.call("Exchange.Declare", exchange="amq.direct", passive=True)
