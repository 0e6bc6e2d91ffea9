"""Connections and channels as the HTTP API shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from broker.management.listing import Listed
from broker.management.statistics import presented
from broker.management.statistics.counted import OCTETS, OF_CHANNELS, counts_of_channel
from broker.management.views.common import Lens, idle_since
from broker.management.views.consumer import consumer_details
from broker.management.views.pairs import deliveries_of, publishes_of
from broker.management.views.queue import NO_COLLECTOR
from broker.management.views.tables import json_of

if TYPE_CHECKING:
    from broker.session.channel import Channel
    from broker.session.connection import Connection

Shown = dict[str, Any]
Columns = dict[str, Callable[[Any], Any]]
_OF_TLS = (
    "ssl_protocol",
    "ssl_key_exchange",
    "ssl_cipher",
    "ssl_hash",
    "peer_cert_subject",
    "peer_cert_issuer",
    "peer_cert_validity",
)

# Columns that a list can be sorted, filtered and cut by without building whole entries: always,
# and of statistics.
_OF_CONNECTION: Columns = {
    "name": lambda connection: connection.name,
    "vhost": lambda connection: connection.vhost.name,
    "user": lambda connection: connection.user.name,
    "connected_at": lambda connection: connection.connected_at_ms,
    "ssl": lambda connection: connection.endpoint.tls is not None,
}
_OF_CONNECTION_STATS: Columns = {
    "state": lambda connection: connection.status,
    "channels": lambda connection: len(connection.channels),
    "recv_oct": lambda connection: connection.received_octets,
    "send_oct": lambda connection: connection.sent_octets,
}
_OF_CHANNEL: Columns = {
    "name": lambda channel: name_of(channel),
    "vhost": lambda channel: channel.connection.vhost.name,
    "user": lambda channel: channel.connection.user.name,
    "number": lambda channel: channel.number,
}
_OF_CHANNEL_STATS: Columns = {
    "state": lambda channel: state_of(channel),
    "confirm": lambda channel: channel.confirms,
    "transactional": lambda channel: channel.tx is not None,
    "prefetch_count": lambda channel: channel.prefetch,
    "consumer_count": lambda channel: len(channel.consumers),
    "messages_unacknowledged": lambda channel: len(channel.unacked),
    "messages_unconfirmed": lambda channel: channel.unconfirmed_count,
}


def list_connections(lens: Lens) -> Listed[Connection]:
    cheap = _OF_CONNECTION | _OF_CONNECTION_STATS if lens.has_stats else _OF_CONNECTION
    return Listed(lambda connection: show_connection(connection, lens), cheap)


def list_channels(lens: Lens) -> Listed[Channel]:
    cheap = _OF_CHANNEL | _OF_CHANNEL_STATS if lens.has_stats else _OF_CHANNEL
    return Listed(lambda channel: show_channel(channel, lens), cheap)


def show_connection(connection: Connection, lens: Lens) -> Shown:
    """An entry of a list, and its own page."""
    endpoint = connection.endpoint
    facts = endpoint.facts()
    is_direct = connection.mechanism == "DIRECT"
    properties = json_of(connection.client_properties)
    shown: Shown = {
        "name": connection.name,
        "node": connection.node.name,
        "type": "direct" if is_direct else "network",
        "protocol": "Direct 0-9-1" if is_direct else _protocol(connection),
        "user": connection.user.name,
        "user_who_performed_action": connection.user.name,
        "vhost": connection.vhost.name,
        "host": endpoint.host,
        "port": endpoint.port,
        "peer_host": endpoint.peer_host,
        "peer_port": endpoint.peer_port,
        "ssl": endpoint.tls is not None,
        **{name: facts[name] for name in _OF_TLS},
        "auth_mechanism": connection.mechanism,
        "channel_max": connection.channel_max,
        "frame_max": connection.frame_max,
        "timeout": connection.heartbeat_ms // 1000,
        "client_properties": properties,
        "connected_at": connection.connected_at_ms,
    }
    if "connection_name" in properties:
        shown["user_provided_name"] = properties["connection_name"]
    if not lens.has_stats:
        return shown
    octets = (connection.received_octets, connection.sent_octets)
    presented.put(
        shown, zip(OCTETS, octets, strict=True), connection.samples, lens.slot, lens.data_rates
    )
    presented.put(shown, [("reductions", 0)], None, lens.slot, lens.data_rates)
    return shown | {
        "channels": len(connection.channels),
        "state": connection.status,
        "recv_cnt": connection.received_count,
        "send_cnt": connection.sent_count,
        "send_pend": connection.outbox_octets,
        "garbage_collection": dict(NO_COLLECTOR),
    }


def _protocol(connection: Connection) -> str:
    return "AMQP 0-8" if connection.is_legacy else "AMQP 0-9-1"


def name_of(channel: Channel) -> str:
    """As RabbitMQ names a channel."""
    return f"{channel.connection.name} ({channel.number})"


def state_of(channel: Channel) -> str:
    """running, or flow: its publishes wait for the disk."""
    return "flow" if channel.connection.is_held else "running"


def show_channel(channel: Channel, lens: Lens) -> Shown:
    """An entry of a list."""
    connection = channel.connection
    endpoint = connection.endpoint
    shown: Shown = {
        "name": name_of(channel),
        "node": connection.node.name,
        "number": channel.number,
        "user": connection.user.name,
        "user_who_performed_action": connection.user.name,
        "vhost": connection.vhost.name,
        "connection_details": {
            "name": connection.name,
            "peer_host": endpoint.peer_host,
            "peer_port": endpoint.peer_port,
        },
    }
    if not lens.has_stats:
        return shown
    samples = channel.samples
    tx = channel.tx
    shown |= {
        "state": state_of(channel),
        "confirm": channel.confirms,
        "transactional": tx is not None,
        "prefetch_count": channel.prefetch,
        "global_prefetch_count": channel.global_prefetch,
        "consumer_count": len(channel.consumers),
        "messages_unacknowledged": len(channel.unacked),
        "messages_unconfirmed": channel.unconfirmed_count if channel.confirms else 0,
        "messages_uncommitted": len(tx.publishes) if tx is not None else 0,
        "acks_uncommitted": (
            sum(len(taken) for _, taken in tx.settlements) if tx is not None else 0
        ),
        "pending_raft_commands": 0,
        "reductions": 0,
        "reductions_details": {"rate": 0.0},
        "garbage_collection": dict(NO_COLLECTOR),
    }
    stats = lens.message_stats(OF_CHANNELS, counts_of_channel(channel), samples, lens.msg_rates)
    if stats:
        shown["message_stats"] = stats
    if lens.is_idle(samples):
        shown["idle_since"] = idle_since(samples)
    return shown


def show_channel_whole(channel: Channel, lens: Lens) -> Shown:
    """The same with its consumers, for its own page."""
    shown = show_channel(channel, lens)
    if lens.has_stats:
        shown["consumer_details"] = [
            consumer_details(consumer) for consumer in channel.consumers.values()
        ]
        shown["publishes"] = publishes_of(channel, lens)
        shown["deliveries"] = deliveries_of(channel, lens)
    return shown
