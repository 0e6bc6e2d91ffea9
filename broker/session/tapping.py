"""Messages of a vhost with a tap: interceptors and the firehose. See `broker.hooks.tap`.

The ways in and out come here before anything else where there is a tap, and nowhere else. What is
remembered of messages elsewhere is not used here and not made: a message that looks the same may
be treated otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from broker.amqp.wire import encode_shortstr
from broker.hooks.firehose import Who
from broker.hooks.interceptor import InterceptedMessage
from broker.hooks.tap import Chain, Tap
from broker.message import Envelope, Message
from broker.queues.queue import Queue
from broker.session.routes import Route

if TYPE_CHECKING:
    from broker.session.channel import Channel
    from broker.session.consumer import ChannelConsumer


def publish_tapped(channel: Channel, tap: Tap, payload: bytes, header: bytes, body: bytes) -> None:
    """`Channel.publish` with a tap: checked, intercepted, checked again if changed, then routed.

    Raises: whatever a publish may be refused with; what an interceptor refuses it with.
    """
    connection = channel.connection
    route: Route | None = connection.routes.get(payload)
    if route is None or connection.routes_version != connection.version.number:
        route = channel.resolve(payload, header)
    if tap.chain is not None:
        came = _shown(channel, route.exchange.name, route.routing_key, header, body)
        left = _intercepted(channel, tap.chain, came)
        if left is not None and left is not came:
            address = encode_shortstr(left.exchange) + encode_shortstr(left.routing_key)
            route = Route(route.exchange, left.routing_key, route.mandatory, address)
            header, body = left.header, left.body
        elif left is None:
            route = None
    if route is None:
        _count_dropped(channel)
    else:
        _carry_on(channel, tap, route, header, body)
    if not connection.has_published:
        connection.has_published = True
        connection.on_alarms_changed()


def _intercepted(
    channel: Channel, chain: Chain, came: InterceptedMessage
) -> InterceptedMessage | None:
    """What interceptors leave of a message that may be published as it came; None: they drop it.

    It is not routed yet: an exchange may keep what it has seen. So it is checked as if it went to
    the default exchange, which is a look-up.
    """
    default = channel.connection.vhost.exchanges[""]

    def check(message: InterceptedMessage) -> None:
        address = encode_shortstr(message.exchange) + encode_shortstr(message.routing_key)
        route = Route(default, message.routing_key, mandatory=False, address=address)
        channel.open_envelope(route, message.header, message.body)

    check(came)
    return chain.on_publish(came, check)


def _carry_on(channel: Channel, tap: Tap, route: Route, header: bytes, body: bytes) -> None:
    """Route, trace and distribute what is left."""
    if route.envelope is None or route.envelope.header != header:
        channel.open_envelope(route, header, body)
        assert route.envelope is not None
    message = Message(route.envelope, body)
    if tap.firehose is not None:
        names = [queue.name for queue in route.queues]
        tap.firehose.published(message, names, _who(channel))
    channel.distribute(message, route.queues, route.mandatory)
    route.exchange.published += 1
    route.exchange.routed += len(route.queues)
    if channel.pairs is not None:
        channel.pairs.publish(route.exchange, route.queues, 1)
    if not route.is_memorable:
        route.envelope = None


def _shown(
    channel: Channel, exchange: str, routing_key: str, header: bytes, body: bytes, **rest: Any
) -> InterceptedMessage:
    connection, node = channel.connection, channel.connection.node
    return InterceptedMessage(
        exchange=exchange,
        routing_key=routing_key,
        header=header,
        body=body,
        vhost=connection.vhost.name,
        user=connection.user.name,
        connection=connection.name,
        node=node.name,
        now_ms=node.clock.epoch_ms(),
        **rest,
    )


def _count_dropped(channel: Channel) -> None:
    """Confirm it like any other: its publisher has nothing more to do for it."""
    if channel.tx is not None:
        return
    channel.published += 1
    if channel.confirms:
        channel.publish_seqno += 1
        if not channel.has_confirms_due:
            channel.connection.mark_confirms(channel)


def deliver_tapped(
    consumer: ChannelConsumer,
    tap: Tap,
    messages: Sequence[Message],
    seq: int,
    stride: int,
    count: int,
) -> int:
    """`ChannelConsumer.deliver` with a tap. What goes out may differ from what the queue has: that
    is what comes back, should it be requeued."""
    channel = consumer.channel
    queue, vhost = consumer.queue, channel.connection.vhost
    shown = messages
    if tap.chain is not None and tap.chain.sees_deliveries:
        shown = [_delivery(channel, tap.chain, queue, message, count) for message in messages]
    first_tag = channel.last_delivery_tag + 1
    vhost.tap = None  # the hot way itself, without this detour
    try:
        taken = consumer.deliver(shown, seq, stride, count)
    finally:
        vhost.tap = tap
    if shown is not messages and not consumer.no_ack:
        for index in range(taken):
            channel.unacked[first_tag + index] = (
                consumer,
                queue,
                seq + index * stride,
                messages[index],
                count,
            )
    if tap.firehose is not None:
        who = _who(channel)
        for message in messages[:taken]:
            tap.firehose.delivered(message, queue.name, count != 0, who)
    return taken


def get_tapped(channel: Channel, tap: Tap, queue: Queue, message: Message, count: int) -> Message:
    """The same for basic.get. Returns: the message to be shown."""
    if tap.firehose is not None:
        tap.firehose.delivered(message, queue.name, count != 0, _who(channel))
        channel.connection.node.outlet.flush()
    if tap.chain is None or not tap.chain.sees_deliveries:
        return message
    return _delivery(channel, tap.chain, queue, message, count)


def _delivery(
    channel: Channel, chain: Chain, queue: Queue, message: Message, count: int
) -> Message:
    envelope = message.envelope
    came = _shown(
        channel,
        envelope.exchange,
        envelope.routing_key,
        envelope.header,
        message.body,
        queue=queue.name,
        redelivered=count != 0,
    )
    left = chain.on_deliver(came, _check_delivery)
    if left is came:
        return message
    return Message(Envelope(envelope.exchange, left.routing_key, left.header), left.body)


def _check_delivery(message: InterceptedMessage) -> None:
    encode_shortstr(message.routing_key)


def _who(channel: Channel) -> Who:
    connection = channel.connection
    return connection.name, channel.number, connection.user.name
