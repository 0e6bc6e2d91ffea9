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
    status = "up"
    if queue.extras is not None and queue.extras.features.single_active_consumer:
        status = "single_active" if queue.extras.active is consumer else "waiting"
    return {
        "arguments": json_of(consumer.arguments),
        "channel_details": channel_details(consumer.channel),
        "ack_required": not consumer.no_ack,
        "active": status != "waiting",
        "activity_status": status,
        "consumer_tag": consumer.tag,
        "exclusive": consumer.exclusive,
        "prefetch_count": consumer.asked_prefetch,
        "queue": {"name": queue.name, "vhost": queue.vhost},
    }
