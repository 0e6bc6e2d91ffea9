"""Events of connections, channels and consumers, with the facts that RabbitMQ gives them.

Called only where the node tells events (`Node.events`), and put together only when somebody hears.
What RabbitMQ has a process for gets something that looks like its pid.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from broker.amqp.erlang import flat
from broker.commands import INTERNAL_USER
from broker.hooks.events import Events, Facts, Resource, arguments_of

if TYPE_CHECKING:
    from broker.session.channel import Channel
    from broker.session.connection import Connection
    from broker.session.consumer import ChannelConsumer

Pairs = list[tuple[str, object]]
# The mechanisms of connections inside the process, over which nobody logged in; of those that are
# there for one request of the HTTP API nobody hears.
DIRECT, REQUEST = "DIRECT", "REQUEST"
_TLS = ("ssl_protocol", "ssl_key_exchange", "ssl_cipher", "ssl_hash")
_CERTIFICATE = ("peer_cert_subject", "peer_cert_issuer", "peer_cert_validity")
_OF_LOGINS = (
    "ssl",
    "ssl_protocol",
    "ssl_cipher",
    "peer_cert_issuer",
    "peer_cert_subject",
    "peer_cert_validity",
)


def _hearing(connection: Connection) -> Events | None:
    events = connection.node.events
    if events is None or connection.mechanism == REQUEST or not events.is_heard:
        return None
    return events


def connection_opened(connection: Connection) -> None:
    """connection.created: it is in its vhost."""
    events = _hearing(connection)
    if events is None:
        return
    ends = _ends(connection)
    user = connection.user.name
    facts: Pairs = _provided_name(connection)
    facts += [
        ("type", "direct" if connection.mechanism == DIRECT else "network"),
        ("pid", events.pid(connection.connection_id)),
        ("name", connection.name),
        *((name, ends[name]) for name in ("port", "peer_port", "host", "peer_host")),
        *((name, ends[name]) for name in ("ssl", *_CERTIFICATE)),
        ("auth_mechanism", connection.mechanism),
        *((name, ends[name]) for name in _TLS),
        ("protocol", _protocol(connection)),
        ("user", user),
        ("vhost", connection.vhost.name),
        ("timeout", connection.heartbeat_ms // 1000),
        ("frame_max", connection.frame_max),
        ("channel_max", connection.channel_max),
        ("client_properties", arguments_of(connection.client_properties)),
        ("connected_at", connection.connected_at_ms),
        ("node", connection.node.name),
        ("user_who_performed_action", user),
    ]
    events.emit("connection.created", facts)


def connection_closed(connection: Connection) -> None:
    """connection.closed: its transport is gone, however far it had come."""
    events = _hearing(connection)
    if events is not None:
        facts: Pairs = _provided_name(connection)
        facts += [
            ("name", connection.name),
            ("pid", events.pid(connection.connection_id)),
            ("node", connection.node.name),
            ("client_properties", arguments_of(connection.client_properties)),
        ]
        events.emit("connection.closed", facts)


def logged_in(connection: Connection, username: str, problem: str = "") -> None:
    """user.authentication.success; with a problem, in words for the log, failure."""
    events = _hearing(connection)
    if events is None:
        return
    ends = _ends(connection)
    facts: Pairs = [
        ("connection_type", "network"),
        *([("name", username)] if username else []),
        ("host", ends["host"]),
        ("connection_name", connection.name),
        ("peer_host", ends["peer_host"]),
        ("peer_port", ends["peer_port"]),
        ("protocol", _protocol(connection)),
        ("auth_mechanism", connection.mechanism),
        *((name, ends[name]) for name in _OF_LOGINS if ends[name] != ""),
    ]
    if problem:  # RabbitMQ sends the text as a list of its characters
        facts.append(("error", [ord(letter) for letter in problem]))
        events.emit("user.authentication.failure", facts)
    else:
        events.emit("user.authentication.success", facts)


def channel_opened(channel: Channel) -> None:
    """channel.created."""
    connection = channel.connection
    events = _hearing(connection)
    if events is not None:
        user = connection.user.name
        facts = [
            ("pid", events.pid(connection.connection_id, channel.number)),
            ("name", f"{connection.name} ({channel.number})"),
            ("connection", events.pid(connection.connection_id)),
            ("number", channel.number),
            ("user", user),
            ("vhost", connection.vhost.name),
            ("user_who_performed_action", user),
        ]
        events.emit("channel.created", facts)


def channel_closed(channel: Channel) -> None:
    """channel.closed: by its peer, by a refusal, with its connection."""
    connection = channel.connection
    events = _hearing(connection)
    if events is not None:
        facts = [
            ("pid", events.pid(connection.connection_id, channel.number)),
            ("user_who_performed_action", connection.user.name),
        ]
        events.emit("channel.closed", facts)


def consumer_created(consumer: ChannelConsumer) -> None:
    """consumer.created."""
    channel, queue = consumer.channel, consumer.queue
    connection = channel.connection
    events = _hearing(connection)
    if events is not None:
        facts = [
            ("consumer_tag", consumer.tag),
            ("exclusive", consumer.exclusive),
            ("ack_required", not consumer.no_ack),
            ("channel", events.pid(connection.connection_id, channel.number)),
            ("queue", Resource(queue.name, queue.vhost)),
            ("prefetch_count", channel.prefetch),
            ("arguments", arguments_of(consumer.arguments)),
            ("user_who_performed_action", connection.user.name),
        ]
        events.emit("consumer.created", facts)


def consumer_deleted(consumer: ChannelConsumer) -> None:
    """consumer.deleted: cancelled by its peer, or gone with its channel."""
    channel = consumer.channel
    events = _hearing(channel.connection)
    if events is not None:
        user = channel.connection.user.name if channel.is_open else INTERNAL_USER
        facts = [*_of_consumer(events, consumer), ("user_who_performed_action", user)]
        events.emit("consumer.deleted", facts)


def consumer_lost_queue(consumer: ChannelConsumer) -> None:
    """consumer.deleted: who did that is known when the deletion of the queue is told."""
    events = _hearing(consumer.channel.connection)
    if events is not None:
        events.noted_consumers.append(_of_consumer(events, consumer))


def _of_consumer(events: Events, consumer: ChannelConsumer) -> Facts:
    channel, queue = consumer.channel, consumer.queue
    return [
        ("consumer_tag", consumer.tag),
        ("channel", events.pid(channel.connection.connection_id, channel.number)),
        ("queue", Resource(queue.name, queue.vhost)),
    ]


def _provided_name(connection: Connection) -> Pairs:
    field = connection.client_properties.get("connection_name")
    if field is None or not isinstance(field.value, str):
        return []
    return [("user_provided_name", field.value)]


def _protocol(connection: Connection) -> str:
    version = "{0,8,0}" if connection.is_legacy else "{0,9,1}"
    return f"{{'Direct',{version}}}" if connection.mechanism == DIRECT else version


def _ends(connection: Connection) -> dict[str, object]:
    """Both ends and what protects them: addresses as Erlang prints them, "" for what is not so."""
    facts = {
        name: "" if fact is None else fact for name, fact in connection.endpoint.facts().items()
    }
    for name in ("host", "peer_host"):
        facts[name] = _address(str(facts[name]))
    return facts


def _address(host: str) -> str:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 4:
        return flat(tuple(address.packed))
    groups = address.exploded.split(":")
    return flat(tuple(int(group, 16) for group in groups))
