"""A consumer as the HTTP API shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from broker.management.views.tables import json_of

if TYPE_CHECKING:
    from broker.session.channel import Channel
    from broker.session.consumer import ChannelConsumer


def channel_details(channel: Channel) -> dict[str, Any]:
    """Whose it is."""
    connection = channel.connection
    endpoint = connection.endpoint
    return {
        "connection_name": connection.name,
        "name": f"{connection.name} ({channel.number})",
        "node": connection.node.name,
        "number": channel.number,
        "peer_host": endpoint.peer_host,
        "peer_port": endpoint.peer_port,
        "user": connection.user.name,
    }


def consumer_details(consumer: ChannelConsumer) -> dict[str, Any]:
    """RabbitMQ: consumer_details of a queue and of a channel, and an entry of all consumers."""
    queue = consumer.queue
    active = queue.extras.active if queue.extras is not None else None
    is_active = active is None or active is consumer
    return {
        "arguments": json_of(consumer.arguments),
        "channel_details": channel_details(consumer.channel),
        "ack_required": not consumer.no_ack,
        "active": is_active,
        "activity_status": "up" if is_active else "waiting",
        "consumer_tag": consumer.tag,
        "exclusive": consumer.exclusive,
        "prefetch_count": consumer.prefetch,
        "queue": {"name": queue.name, "vhost": queue.vhost},
    }
