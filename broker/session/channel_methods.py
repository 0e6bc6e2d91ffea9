"""The methods of classes channel, access, confirm and tx."""

from __future__ import annotations

from broker.amqp.errors import (
    NotImplementedByBroker,
    confirm_from_tx,
    not_transactional,
    partial_commit,
    tx_from_confirm,
)
from broker.amqp.methods import (
    AccessRequest,
    AccessRequestOk,
    ChannelFlow,
    ChannelFlowOk,
    ConfirmSelect,
    ConfirmSelectOk,
    Method,
    TxCommit,
    TxCommitOk,
    TxRollback,
    TxRollbackOk,
    TxSelect,
    TxSelectOk,
)
from broker.message import Message
from broker.queues.queue import Queue
from broker.session.channel import Channel
from broker.session.dispatch import handles
from broker.session.publish_properties import routing_headers
from broker.session.settling import Transaction


@handles(ChannelFlow)
def channel_flow(channel: Channel, command: ChannelFlow) -> Method:
    """Spec: channel.flow. RabbitMQ: active=true is confirmed, active=false refused with 540."""
    if not command.active:
        raise NotImplementedByBroker("active=false")
    return ChannelFlowOk(active=True)


@handles(AccessRequest)
def access_request(channel: Channel, command: AccessRequest) -> Method:
    """Of AMQP 0-8: everybody gets ticket 1."""
    return AccessRequestOk(ticket=1)


@handles(ConfirmSelect)
def confirm_select(channel: Channel, command: ConfirmSelect) -> Method:
    """RabbitMQ extension. Raises: PreconditionFailed on a transactional channel."""
    if channel.tx is not None:
        raise confirm_from_tx()
    if not channel.confirms:
        channel.confirms = True
        channel.connection.forget_memos()
    return ConfirmSelectOk()


@handles(TxSelect)
def tx_select(channel: Channel, command: TxSelect) -> Method:
    """Spec: tx.select. Raises: PreconditionFailed on a confirming channel."""
    if channel.confirms:
        raise tx_from_confirm()
    if channel.tx is None:
        channel.tx = Transaction()
        channel.connection.forget_memos()
    return TxSelectOk()


@handles(TxCommit)
def tx_commit(channel: Channel, command: TxCommit) -> None:
    """Publishes first, then the settlements, as RabbitMQ does. Spec: tx.commit."""
    tx = channel.tx
    if tx is None:
        raise not_transactional()
    channel.tx = None
    channel.has_rejected = False
    for message, queues, mandatory in tx.publishes:
        channel.distribute(message, _queues_by_now(channel, message, queues), mandatory)
    for outcome, taken in tx.settlements:
        channel.settle_all(taken, outcome)
    channel.tx = Transaction()
    if channel.has_rejected:
        raise partial_commit()
    channel.commit(TxCommitOk())


def _queues_by_now(channel: Channel, message: Message, queues: list[Queue]) -> list[Queue]:
    """Where a message goes that was routed a while ago. RabbitMQ knows the names of its queues;
    those of the default exchange are its routing keys, whether there was such a queue or not."""
    envelope = message.envelope
    names = [queue.name for queue in queues]
    if envelope.exchange == "":
        names = [envelope.routing_key, *envelope.blind_keys]
        if b"CC" in envelope.header:
            names[1:1] = routing_headers(envelope.properties.header_table, "CC")
            envelope.forget_properties()
    there = channel.connection.vhost.queues
    return [there[name] for name in dict.fromkeys(names) if name in there]


@handles(TxRollback)
def tx_rollback(channel: Channel, command: TxRollback) -> Method:
    """Spec: tx.rollback. What was settled in the transaction is unacked again."""
    if channel.tx is None:
        raise not_transactional()
    taken = [entry for _, settlement in channel.tx.settlements for entry in settlement]
    channel.restore_unacked(taken)
    channel.tx = Transaction()
    return TxRollbackOk()
