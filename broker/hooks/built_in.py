"""The interceptors that RabbitMQ brings, with its settings: `message_interceptors.*`.

RabbitMQ 4.x: rabbit_msg_interceptor_timestamp, rabbit_msg_interceptor_routing_node.
"""

from __future__ import annotations

from broker.amqp.wire import Field
from broker.config import Hooks
from broker.hooks.interceptor import InterceptedMessage, Interceptor

TIMESTAMP, ROUTED_BY, SENT_TIME = "timestamp_in_ms", "x-routed-by", "x-opt-rabbitmq-sent-time"


class SetHeaderTimestamp(Interceptor):
    """When the message came in: a header in milliseconds, and the property timestamp in seconds.

    overwrite: also what the publisher has set.
    """

    name = "set_header_timestamp"

    def __init__(self, overwrite: bool):
        self._overwrite = overwrite

    def on_publish(self, message: InterceptedMessage) -> InterceptedMessage | None:
        changes: dict[str, object] = {}
        if self._overwrite or message.properties.timestamp is None:
            changes["timestamp"] = message.now_ms // 1000
        headers = None
        if self._overwrite or TIMESTAMP not in message.properties.header_table:
            headers = {TIMESTAMP: Field("l", message.now_ms)}
        if not changes and headers is None:
            return None
        return message.changed(headers=headers, **changes)  # type: ignore[arg-type]


class SetHeaderRoutingNode(Interceptor):
    """The node that the message came in at. overwrite: also what the publisher has set."""

    name = "set_header_routing_node"

    def __init__(self, overwrite: bool):
        self._overwrite = overwrite

    def on_publish(self, message: InterceptedMessage) -> InterceptedMessage | None:
        if not self._overwrite and ROUTED_BY in message.properties.header_table:
            return None
        return message.changed(headers={ROUTED_BY: message.node})


class SentTime(Interceptor):
    """When the message goes out to a consumer, in milliseconds, as a header."""

    name = "timestamp"

    def on_deliver(self, message: InterceptedMessage) -> InterceptedMessage | None:
        return message.changed(headers={SENT_TIME: Field("l", message.now_ms)})


def built_in(settings: Hooks) -> list[Interceptor]:
    """Those that the settings ask for."""
    found: list[Interceptor] = []
    if settings.routing_node is not None:
        found.append(SetHeaderRoutingNode(settings.routing_node))
    if settings.timestamp is not None:
        found.append(SetHeaderTimestamp(settings.timestamp))
    if settings.sent_time:
        found.append(SentTime())
    return found
