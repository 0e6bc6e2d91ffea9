"""Connections, channels and consumers."""

from __future__ import annotations

from broker.management.openapi.forms import (
    ANYTHING,
    DATA,
    DETAILED,
    PAGED,
    RATES,
    STATS,
    WITH_EXCHANGE,
    WITH_QUEUE,
    Paths,
    Schema,
    by_name,
    counted,
    deletes,
    each,
    flag,
    lists,
    or_null,
    ref,
    shape,
    shows,
    text,
    whole,
)

TAG, ABOUT = "Connections, channels, consumers", "Who is connected, and what he does."

_OWN = "Monitors see all of them, others their own."
_OF_ERLANG: dict[str, Schema] = {
    "reductions": whole("Of Erlang: 0."),
    "reductions_details": ref("Rate"),
    "garbage_collection": ref("GarbageCollection"),
}
_CHANNEL: dict[str, Schema] = {
    "name": text("The connection's, and the number in brackets."),
    "node": text(),
    "number": whole("In its connection."),
    "user": text(),
    "user_who_performed_action": text(),
    "vhost": text(),
    "connection_details": ref("ConnectionDetails"),
}
_OF_CHANNEL: dict[str, Schema] = {
    "state": text("`running`, or `flow`: it is slowed down."),
    "confirm": flag("Whether it asked for confirms."),
    "transactional": flag("Whether it is in tx mode."),
    "prefetch_count": whole("For new consumers, each."),
    "global_prefetch_count": whole("For all of its consumers together."),
    "consumer_count": whole(),
    "messages_unacknowledged": whole("Delivered, not acknowledged."),
    "messages_unconfirmed": whole("Published, not confirmed."),
    "messages_uncommitted": whole("Published, in a transaction that goes on."),
    "acks_uncommitted": whole("Acknowledged, in a transaction that goes on."),
    "pending_raft_commands": whole("Of RabbitMQ's quorum queues: 0."),
    "message_stats": ref("MessageStats"),
    "idle_since": text("When something last happened."),
    **_OF_ERLANG,
}

SHAPES: dict[str, Schema] = {
    "ConnectionDetails": shape(
        "A connection, in short; empty: it is gone.",
        {},
        {"name": text(), "peer_host": text(), "peer_port": whole()},
    ),
    "ChannelDetails": shape(
        "A channel, in short.",
        {
            "name": text(),
            "number": whole(),
            "connection_name": text(),
            "node": text(),
            "user": text(),
            "peer_host": text(),
            "peer_port": whole(),
        },
    ),
    "Connection": shape(
        "A client's connection.",
        {
            "name": text("Both ends, or what the client called it."),
            "node": text(),
            "type": text("`network` or `direct`."),
            "protocol": text(),
            "user": text(),
            "user_who_performed_action": text(),
            "vhost": text(),
            "host": text("Our end."),
            "port": whole("Our end."),
            "peer_host": text("The client's end."),
            "peer_port": whole("The client's end."),
            "ssl": flag("Whether it is encrypted."),
            "ssl_protocol": or_null(text("As `tlsv1.3`.")),
            "ssl_key_exchange": or_null(text()),
            "ssl_cipher": or_null(text()),
            "ssl_hash": or_null(text()),
            "peer_cert_subject": or_null(text()),
            "peer_cert_issuer": or_null(text()),
            "peer_cert_validity": or_null(text()),
            "auth_mechanism": text("How the client logged in."),
            "channel_max": whole("Channels it may have; 0: any number."),
            "frame_max": whole("Octets of a frame."),
            "timeout": whole("Seconds between heartbeats."),
            "client_properties": by_name(ANYTHING, "What the client says of itself."),
            "connected_at": whole("Milliseconds since 1970."),
        },
        {
            "user_provided_name": text("The client's property `connection_name`."),
            **counted({"recv_oct": "Octets received.", "send_oct": "Octets sent."}),
            "channels": whole(),
            "state": text("`running`, `blocked`, `flow`, …"),
            "recv_cnt": whole("Packets received."),
            "send_cnt": whole("Packets sent."),
            "send_pend": whole("Octets that wait to be sent."),
            **_OF_ERLANG,
        },
    ),
    "ConnectionOfUser": shape(
        "A connection of a user, by whose name it was asked for.",
        {"name": text(), "node": text(), "user": text(), "vhost": text()},
    ),
    "Channel": shape("A channel.", _CHANNEL, _OF_CHANNEL),
    "WholeChannel": shape(
        "A channel on a page of its own: as in lists, and its consumers.",
        _CHANNEL,
        {
            **_OF_CHANNEL,
            "consumer_details": each(ref("Consumer")),
            "publishes": each(WITH_EXCHANGE, f"To which exchanges. {DETAILED}"),
            "deliveries": each(WITH_QUEUE, f"From which queues. {DETAILED}"),
        },
    ),
    "Consumer": shape(
        "Who takes messages from a queue.",
        {
            "consumer_tag": text("Unique in its channel."),
            "queue": shape("", {"name": text(), "vhost": text()}),
            "channel_details": ref("ChannelDetails"),
            "ack_required": flag("Whether it acknowledges."),
            "exclusive": flag("Whether it alone may take from the queue."),
            "active": flag("False: another one is the single active consumer."),
            "activity_status": text("`up`, `single_active` or `waiting`."),
            "prefetch_count": whole("Messages it may have unacknowledged; 0: any number."),
            "arguments": by_name(ANYTHING),
        },
    ),
}

_CONNECTIONS = (*PAGED, *STATS, *DATA)
_CHANNELS = (*PAGED, *STATS, *RATES)

PATHS: Paths = {
    "/connections": {"GET": lists("Connection", "All connections", _OWN, _CONNECTIONS)},
    "/vhosts/:vhost/connections": {
        "GET": lists("Connection", "The connections to a vhost", _OWN, _CONNECTIONS)
    },
    "/connections/username/:username": {
        "GET": lists("ConnectionOfUser", "The connections of a user"),
        "DELETE": deletes("Close the connections of a user", headers=("X-Reason",)),
    },
    "/connections/:connection": {
        "GET": shows(
            ref("Connection"), "A connection", "What does not apply is empty.", (*STATS, *DATA)
        ),
        "DELETE": deletes("Close a connection", headers=("X-Reason",)),
    },
    "/connections/:connection/channels": {
        "GET": lists("Channel", "The channels of a connection", "", _CHANNELS)
    },
    "/channels": {"GET": lists("Channel", "All channels", _OWN, _CHANNELS)},
    "/vhosts/:vhost/channels": {
        "GET": lists("Channel", "The channels in a vhost", _OWN, _CHANNELS)
    },
    "/channels/:channel": {
        "GET": shows(ref("WholeChannel"), "A channel", "", ("columns", *STATS, *RATES))
    },
    "/consumers": {"GET": lists("Consumer", "All consumers", _OWN)},
    "/consumers/:vhost": {"GET": lists("Consumer", "The consumers in a vhost", _OWN)},
}
