"""The methods of class basic, but for publish and the common ack, which the hot files have."""

from __future__ import annotations

from secrets import token_urlsafe

from broker.amqp.errors import (
    NotImplementedByBroker,
    PreconditionFailed,
    consumer_tag_reuse,
    exclusive_consumer,
    resource,
    single_active_get,
    unknown_consumer_tag,
)
from broker.amqp.methods import (
    BasicAck,
    BasicCancel,
    BasicCancelOk,
    BasicConsume,
    BasicConsumeOk,
    BasicCredit,
    BasicCreditOk,
    BasicGet,
    BasicGetEmpty,
    BasicGetOk,
    BasicNack,
    BasicQos,
    BasicQosOk,
    BasicRecover,
    BasicRecoverAsync,
    BasicRecoverOk,
    BasicReject,
    Method,
)
from broker.auth.permissions import READ
from broker.queues.arguments import check_consumer_arguments, drains
from broker.queues.queue import Queue
from broker.session import reports
from broker.session.channel import REPLY_TO, Channel
from broker.session.consumer import ChannelConsumer
from broker.session.dispatch import handles
from broker.session.pairs import GET, GET_NO_ACK, REDELIVER
from broker.session.tapping import get_tapped


@handles(BasicQos)
def basic_qos(channel: Channel, command: BasicQos) -> Method:
    """Spec: basic.qos with RabbitMQ's meaning: not global is for consumers made from now on,
    global is for the channel. Setting the former lifts the latter."""
    if command.prefetch_size:
        raise NotImplementedByBroker(f"prefetch_size!=0 ({command.prefetch_size})")
    if command.is_global:
        if not channel.global_prefetch:
            channel.count_gets()
        channel.global_prefetch = command.prefetch_count
    else:
        channel.prefetch = command.prefetch_count
        channel.global_prefetch = 0
    channel.let_in()
    return BasicQosOk()


@handles(BasicConsume)
def basic_consume(channel: Channel, command: BasicConsume) -> Method | None:
    """Spec: basic.consume. Raises: NotFound, AccessRefused, ResourceLocked, NotAllowed (tag)."""
    connection = channel.connection
    name = channel.queue_name(command.queue)
    if name == REPLY_TO:
        return _consume_replies(channel, command)
    if command.consumer_tag in channel.consumers:
        raise consumer_tag_reuse(command.consumer_tag)
    what = resource("queue", name, connection.vhost.name)
    channel.require(READ, "queue", name)
    tag = command.consumer_tag or f"amq.ctag-{token_urlsafe(16)}"
    queue = connection.vhost.find_queue(name)
    channel.check_owner(queue)
    check_consumer_arguments(command.arguments, queue.type_name, what)
    if queue.type_name == "quorum" and channel.global_prefetch:
        raise NotImplementedByBroker(f"{what} does not support global qos")
    exclusive = command.exclusive and queue.type_name != "quorum"  # which take no notice of it
    if queue.exclusive_consumer is not None or (exclusive and not queue.allows_exclusive_consumer):
        raise exclusive_consumer(what)
    consumer = ChannelConsumer(
        channel,
        queue,
        tag,
        no_ack=command.no_ack,
        exclusive=exclusive,
        prefetch=channel.prefetch,
        arguments=command.arguments,
    )
    channel.consumers[tag] = consumer
    queue.add_consumer(consumer)
    if drains(command.arguments):
        channel.drain(consumer)
    if connection.node.events is not None:
        reports.consumer_created(consumer)
    connection.node.request_turn()
    return BasicConsumeOk(tag)


def _consume_replies(channel: Channel, command: BasicConsume) -> Method | None:
    """Direct reply-to: a consumer without a queue. RabbitMQ extension."""
    if command.consumer_tag in channel.consumers:
        raise consumer_tag_reuse(command.consumer_tag)
    if not command.no_ack:
        raise PreconditionFailed("reply consumer cannot acknowledge")
    if channel.reply_tag is not None:
        raise PreconditionFailed("reply consumer already set")
    channel.reply_tag = command.consumer_tag or f"amq.ctag-{token_urlsafe(16)}"
    channel.reply_token = token_urlsafe(24)
    channel.connection.node.reply_consumers[channel.reply_token] = channel
    return BasicConsumeOk(channel.reply_tag)


@handles(BasicCancel)
def basic_cancel(channel: Channel, command: BasicCancel) -> Method:
    """Spec: basic.cancel. An unknown tag is ignored. Nothing is delivered after the cancel-ok."""
    tag = command.consumer_tag
    if tag == channel.reply_tag:
        channel.connection.node.reply_consumers.pop(channel.reply_token, None)
        channel.reply_tag = None
        return BasicCancelOk(tag)
    consumer = channel.consumers.get(tag)
    if consumer is not None:
        consumer.queue.pump()
        channel.cancel(tag)
    return BasicCancelOk(tag)


@handles(BasicGet)
def basic_get(channel: Channel, command: BasicGet) -> Method | None:
    """Spec: basic.get. Raises: NotFound, AccessRefused, ResourceLocked."""
    vhost = channel.connection.vhost
    name = channel.queue_name(command.queue)
    channel.require(READ, "queue", name)
    queue = vhost.find_queue(name)
    channel.check_owner(queue)
    if queue.extras is not None and queue.extras.features.single_active_consumer:
        _check_single_active(queue)
    if queue.is_changed:
        queue.pump()  # consumers come first
    delivery = queue.pop(no_ack=command.no_ack)
    while delivery is None and queue.extras is not None and queue.extras.dead and queue.has_ready:
        channel.connection.node.send_on(queue)  # more have expired than are dead letters in a turn
        delivery = queue.pop(no_ack=command.no_ack)
    if delivery is None:
        channel.get_empty += 1
        return BasicGetEmpty()
    seq, message, count = delivery
    channel.last_delivery_tag += 1
    if count:
        channel.redelivered += 1
    if command.no_ack:
        channel.got_no_ack += 1
    else:
        channel.got += 1
        queue.unacked_count += 1
        channel.unacked[channel.last_delivery_tag] = (None, queue, seq, message, count)
    if channel.pairs is not None:
        channel.pairs.take(queue, GET_NO_ACK if command.no_ack else GET, 1)
        if count:
            channel.pairs.take(queue, REDELIVER, 1)
    tap = vhost.tap
    if tap is not None:
        message = get_tapped(channel, tap, queue, message, count)
    envelope = message.envelope
    method = BasicGetOk(
        channel.last_delivery_tag,
        count != 0,
        envelope.exchange,
        envelope.routing_key,
        queue.ready_count,
    )
    channel.send_content(method, envelope.header, message.body)
    return None


def _check_single_active(queue: Queue) -> None:
    """Raises: ResourceLocked: only the active consumer of a quorum queue gets its messages."""
    if queue.type_name == "quorum":
        raise single_active_get(queue.resource)


@handles(BasicAck)
def basic_ack(channel: Channel, command: BasicAck) -> None:
    """Spec: basic.ack. Raises: PreconditionFailed, unknown delivery tag."""
    channel.settle(command.delivery_tag, command.multiple, "ack")


@handles(BasicReject)
def basic_reject(channel: Channel, command: BasicReject) -> None:
    """Spec: basic.reject."""
    channel.settle(command.delivery_tag, False, "requeue" if command.requeue else "discard")


@handles(BasicNack)
def basic_nack(channel: Channel, command: BasicNack) -> None:
    """RabbitMQ extension: basic.reject for several."""
    outcome = "requeue" if command.requeue else "discard"
    channel.settle(command.delivery_tag, command.multiple, outcome)


@handles(BasicCredit)
def basic_credit(channel: Channel, command: BasicCredit) -> None:
    """RabbitMQ 3.x extension. From the first basic.credit on, a consumer gets what it has credit
    for; drain gives back what the queue could not use. Raises: PreconditionFailed."""
    consumer = channel.consumers.get(command.consumer_tag)
    if consumer is None:
        raise unknown_consumer_tag(command.consumer_tag)
    available = consumer.queue.ready_count
    consumer.credit = command.credit
    channel.wake(consumer)
    channel.send(BasicCreditOk(available))
    if command.drain:
        channel.drain(consumer)
    elif channel.draining is not None:
        channel.draining.pop(consumer, None)


@handles(BasicRecover)
def basic_recover(channel: Channel, command: BasicRecover) -> Method:
    """Spec: basic.recover. RabbitMQ: requeue=false is refused with 540."""
    _recover(channel, command.requeue)
    return BasicRecoverOk()


@handles(BasicRecoverAsync)
def basic_recover_async(channel: Channel, command: BasicRecoverAsync) -> None:
    """Spec: basic.recover-async."""
    _recover(channel, command.requeue)


def _recover(channel: Channel, requeue: bool) -> None:
    if not requeue:
        raise NotImplementedByBroker("requeue=false")
    channel.settle_all(channel.take_unacked(0, True), "requeue")
