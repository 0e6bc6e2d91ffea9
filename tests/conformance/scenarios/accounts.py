"""Limits of users and vhosts, what becomes of connections when either goes, defaults of a vhost.

Each scenario makes a user and a vhost of its own, through the API of the target.
"""

from __future__ import annotations

import contextlib
import urllib.error
from collections.abc import Iterator
from typing import Any

from tests.conformance.fixtures import PASSWORD
from tests.conformance.registry import scenario
from tests.conformance.wire_client import Channel, Connection, EndedError, Play

NEEDS = {"users"}
ALL = {"configure": ".*", "write": ".*", "read": ".*"}


@contextlib.contextmanager
def _home(play: Play, **vhost: Any) -> Iterator[str]:
    """A vhost and a user, both of this name."""
    name = f"conf-{play.scenario}"
    play.target.api("PUT", f"vhosts/{name}", vhost)
    play.target.api("PUT", f"users/{name}", {"password": PASSWORD, "tags": ""})
    play.target.api("PUT", f"permissions/{name}/{name}", ALL)
    try:
        yield name
    finally:
        for path in (f"vhosts/{name}", f"users/{name}"):
            with contextlib.suppress(urllib.error.URLError):
                play.target.api("DELETE", path)


def _opens(play: Play, name: str, *, vhost: str = "", password: str = PASSWORD) -> Connection:
    connection = play.connection(user=name, password=password, vhost=vhost or name)
    play.note("opened", who=connection.letter)
    return connection


def _tries(play: Play, name: str, **how: str) -> None:
    """The handshake is shown if it is refused."""
    with contextlib.suppress(EndedError):
        _opens(play, name, **how)


def _limits(play: Play, kind: str, name: str, limit: str, value: int) -> None:
    play.target.api("PUT", f"{kind}-limits/{name}/{limit}", {"value": value})
    play.note("limited", kind=kind, limit=limit, value=value)


@scenario(needs=NEEDS)
def limits_vhost_connections(play: Play) -> None:
    with _home(play) as name:
        _limits(play, "vhost", name, "max-connections", 1)
        first = _opens(play, name)
        _tries(play, name)
        first.channel().queue("still-works")
        _limits(play, "vhost", name, "max-connections", -1)
        _tries(play, name)
        _limits(play, "vhost", name, "max-connections", 0)
        _tries(play, name)
        first.channel().count("still-works")


@scenario(needs=NEEDS)
def limits_user_connections(play: Play) -> None:
    with _home(play) as name:
        _limits(play, "user", name, "max-connections", 1)
        first = _opens(play, name)
        _tries(play, name)
        _limits(play, "user", name, "max-connections", -1)
        _tries(play, name)
        _limits(play, "user", name, "max-connections", 0)
        _tries(play, name)
        first.channel().queue("still-works")


@scenario(needs=NEEDS)
def limits_of_vhost_come_first(play: Play) -> None:
    with _home(play) as name:
        _limits(play, "vhost", name, "max-connections", 0)
        _limits(play, "user", name, "max-connections", 0)
        _tries(play, name)
        _limits(play, "vhost", name, "max-connections", -1)
        play.target.api("DELETE", f"permissions/{name}/{name}")
        _tries(play, name)  # the limit comes before the permission
        _tries(play, name, vhost="nowhere")


@scenario(needs=NEEDS)
def limits_user_channels(play: Play) -> None:
    with _home(play) as name:
        _limits(play, "user", name, "max-channels", 2)
        first = _opens(play, name)
        channel, other = first.channel(), first.channel()
        channel.call("Channel.Close", reply_code=200)
        second = _opens(play, name)
        second.channel()
        second.raw_channel().call("Channel.Open")
        other.queue("still-works")


@scenario(needs=NEEDS)
def limits_user_channels_zero(play: Play) -> None:
    with _home(play) as name:
        _limits(play, "user", name, "max-channels", 0)
        _opens(play, name).raw_channel().call("Channel.Open")


@scenario(needs=NEEDS)
def limits_vhost_queues(play: Play) -> None:
    with _home(play) as name:
        channel = _opens(play, name).channel()
        channel.queue("q")
        _limits(play, "vhost", name, "max-queues", 1)
        for fields in (
            {"queue": "q"},
            {"queue": "q", "passive": True},
            {"queue": "q", "durable": True},
            {"queue": "more", "passive": True},
            {"queue": "more"},
            {"queue": "more", "exclusive": True},
            {"queue": "more", "nowait": True},
            {"queue": ""},
            {"queue": "amq.more"},
            {"queue": "more", "arguments": {"x-dead-letter-exchange": 5}},
            {"queue": "more", "arguments": {"x-queue-type": "nope"}},
            {"queue": "more", "arguments": {"x-max-length": "nope"}},
        ):
            if channel.call("Queue.Declare", **fields).name == "Channel.Close":
                channel.reopen()
        channel.call("Queue.Delete", queue="q")
        channel.call("Queue.Declare", queue="more")


@scenario(needs=NEEDS)
def user_deleted(play: Play) -> None:
    """In every vhost, and whatever it does; others stay."""
    with _home(play) as name:
        busy, idle = _opens(play, name).channel(), _opens(play, name)
        other = play.channel()
        busy.queue("q")
        busy.consume("q")
        busy.fill("q", "1")
        busy.deliveries()
        play.target.api("DELETE", f"users/{name}")
        for zero in (busy.connection.zero, idle.zero):
            zero.reply("Connection.Close")
            zero.connection.closed()
        other.call("Basic.Qos")
        _tries(play, name)


@scenario(needs=NEEDS)
def vhost_deleted(play: Play) -> None:
    with _home(play) as name:
        channel = _opens(play, name).channel()
        channel.queue("q")
        channel.queue("mine", exclusive=True)
        channel.consume("q")
        play.target.api("DELETE", f"vhosts/{name}")
        channel.connection.zero.reply("Connection.Close")
        channel.connection.closed()
        _tries(play, name)


@scenario(needs=NEEDS)
def password_changed(play: Play) -> None:
    """Who is in stays in; the old password is worth nothing."""
    with _home(play) as name:
        channel = _opens(play, name).channel()
        play.target.api("PUT", f"users/{name}", {"password": "other", "tags": ""})
        channel.call("Queue.Declare", queue="q")
        _opens(play, name, password="other")
        _tries(play, name)


@scenario(needs=NEEDS)
def password_removed(play: Play) -> None:
    with _home(play) as name:
        play.target.api("PUT", f"users/{name}", {"password_hash": "", "tags": ""})
        _tries(play, name)
        _tries(play, name, password="")


@scenario(needs=NEEDS)
def tags_are_those_of_the_login(play: Play) -> None:
    with _home(play) as name:
        channel = _opens(play, name).channel()
        play.target.api("PUT", f"users/{name}", {"password": PASSWORD, "tags": "impersonator"})
        channel.publish("nowhere", "x", user_id="guest", mandatory=True)
        channel.reply()
        later = _opens(play, name).channel()
        later.publish("nowhere", "x", user_id="guest", mandatory=True)
        later.returns()


@scenario(needs=NEEDS)
def permissions_cleared(play: Play) -> None:
    """The connection stays; nothing new is allowed."""
    with _home(play) as name:
        connection = _opens(play, name)
        play.target.api("DELETE", f"permissions/{name}/{name}")
        connection.channel().call("Queue.Declare", queue="q")
        connection.channel().call("Basic.Qos")
        _tries(play, name)


def _declares(channel: Channel, **fields: Any) -> None:
    if channel.call("Queue.Declare", **fields).name == "Channel.Close":
        channel.reopen()


@scenario(needs=NEEDS)
def default_queue_type(play: Play) -> None:
    with _home(play, default_queue_type="quorum", defaultqueuetype="quorum") as name:
        channel = _opens(play, name).channel()
        for fields in (
            {"queue": "q", "durable": True},
            {"queue": "q", "durable": True},
            {"queue": "q", "durable": True, "arguments": {"x-queue-type": "classic"}},
            {"queue": "q", "durable": True, "arguments": {"x-queue-type": "quorum"}},
            {"queue": "q", "durable": True, "passive": True},
            {"queue": "q"},
            {"queue": "transient"},
            {"queue": "transient", "durable": True},
            {"queue": "exclusive", "durable": True, "exclusive": True},
            {"queue": "auto-delete", "durable": True, "auto_delete": True},
            {"queue": "auto-delete", "durable": True, "auto_delete": True},
            {"queue": "", "durable": True},
            {"queue": "lazy", "durable": True, "arguments": {"x-queue-mode": "lazy"}},
        ):
            _declares(channel, **fields)
        channel.call("Queue.Delete", queue="q", if_unused=True)


@scenario(needs=NEEDS)
def topic_permissions_know_the_user(play: Play) -> None:
    with _home(play) as name:
        play.target.api(
            "PUT",
            f"topic-permissions/{name}/{name}",
            {"exchange": "amq.topic", "write": r"^{username}\.{vhost}$", "read": "^{vhost}"},
        )
        connection = _opens(play, name)
        for key in (f"{name}.{name}", "other.x", ""):
            channel = connection.channel()
            channel.publish(key, "x", "amq.topic", mandatory=True)
            channel.arrivals(1)
        channel = connection.channel()
        channel.queue("q")
        for source in ("amq.topic", "amq.direct"):
            for key in ("other", name):
                fields = {"queue": "q", "exchange": source, "routing_key": key}
                if channel.call("Queue.Bind", **fields).name == "Channel.Close":
                    channel.reopen()


@scenario(needs=NEEDS)
def topic_permissions_of_bindings_between_exchanges(play: Play) -> None:
    with _home(play) as name:
        play.target.api(
            "PUT",
            f"topic-permissions/{name}/{name}",
            {"exchange": "amq.topic", "write": "^w", "read": "^r"},
        )
        connection = _opens(play, name)
        for source, destination in (("amq.topic", "amq.direct"), ("amq.direct", "amq.topic")):
            for key in ("r", "w"):
                fields = {"source": source, "destination": destination, "routing_key": key}
                connection.channel().call("Exchange.Bind", **fields)
                connection.channel().call("Exchange.Unbind", **fields)


@scenario(needs=NEEDS)
def topic_permissions_and_copies(play: Play) -> None:
    """Only the routing key of the method is asked about."""
    with _home(play) as name:
        play.target.api(
            "PUT",
            f"topic-permissions/{name}/{name}",
            {"exchange": "amq.topic", "write": "^w", "read": "^r"},
        )
        channel = _opens(play, name).channel()
        channel.publish("w", "x", "amq.topic", headers={"CC": ["r"]}, mandatory=True)
        channel.returns()
        channel.publish("r", "x", "amq.topic", headers={"CC": ["w"]}, mandatory=True)
        channel.reply()


@scenario(needs=NEEDS)
def topic_permissions_changed(play: Play) -> None:
    """A channel that is opened later knows of it."""
    with _home(play) as name:
        connection = _opens(play, name)
        for write in ("^w", "^x", ""):
            play.target.api(
                "PUT",
                f"topic-permissions/{name}/{name}",
                {"exchange": "amq.topic", "write": write, "read": ".*"},
            )
            channel = connection.channel()
            channel.publish("w", "x", "amq.topic", mandatory=True)
            channel.arrivals(1)
