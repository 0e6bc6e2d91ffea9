"""Connections, channels and consumers, as `leveretctl` lists them, and closes connections."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from broker.amqp.erlang import Atom
from broker.amqp.errors import ConnectionForced
from broker.control.actions import Asked, Rows, action
from broker.control.host import refused
from broker.control.listing import (
    Columns,
    Pids,
    address_term,
    atom_or_none,
    in_order,
    or_none,
    row_of,
    table_term,
)
from broker.management.views.connection import name_of
from broker.management.views.consumer import consumer_details
from broker.session.connection import Connection
from broker.session.consumer import ChannelConsumer
from broker.session.states import State

if TYPE_CHECKING:
    from broker.node import Node
    from broker.session.channel import Channel

log = logging.getLogger("broker.connection")

DIRECT = "DIRECT"  # the mechanism of what is no connection over the network
PROTOCOL, LEGACY_PROTOCOL = (0, 9, 1), (8, 0, 0)
PID = re.compile(r"(?:#PID)?<(.*)\.([0-9]{1,20})\.([0-9]{1,20})\.([0-9]{1,20})>\Z", re.DOTALL)


def _connections(node: Node) -> Iterator[Connection]:
    """Those that are open, over the network, in the order in which they came."""
    for peer in list(node.peers.values()):
        if isinstance(peer, Connection) and peer.is_counted and peer.state is not State.CLOSED:
            yield peer


class _Seen:
    """A connection while its row is put together: its certificate is read once."""

    __slots__ = ("_facts", "connection", "pids")

    def __init__(self, connection: Connection, pids: Pids):
        self.connection = connection
        self.pids = pids
        self._facts: dict[str, Any] = {}

    @property
    def facts(self) -> dict[str, Any]:
        if not self._facts:
            self._facts = self.connection.endpoint.facts()
        return self._facts


OF_CONNECTION: Columns = {
    "pid": lambda seen: seen.pids.of_connection(seen.connection.connection_id),
    "name": lambda seen: seen.connection.name,
    "port": lambda seen: seen.connection.endpoint.port,
    "host": lambda seen: address_term(seen.connection.endpoint.host),
    "peer_port": lambda seen: seen.connection.endpoint.peer_port,
    "peer_host": lambda seen: address_term(seen.connection.endpoint.peer_host),
    "ssl": lambda seen: seen.connection.endpoint.tls is not None,
    "ssl_protocol": lambda seen: atom_or_none(seen.facts["ssl_protocol"]),
    "ssl_key_exchange": lambda seen: atom_or_none(seen.facts["ssl_key_exchange"]),
    "ssl_cipher": lambda seen: atom_or_none(seen.facts["ssl_cipher"]),
    "ssl_hash": lambda seen: atom_or_none(seen.facts["ssl_hash"]),
    "peer_cert_subject": lambda seen: or_none(seen.facts["peer_cert_subject"]),
    "peer_cert_issuer": lambda seen: or_none(seen.facts["peer_cert_issuer"]),
    "peer_cert_validity": lambda seen: or_none(seen.facts["peer_cert_validity"]),
    "state": lambda seen: Atom(seen.connection.status),
    "channels": lambda seen: len(seen.connection.channels),
    "protocol": lambda seen: LEGACY_PROTOCOL if seen.connection.is_legacy else PROTOCOL,
    "auth_mechanism": lambda seen: seen.connection.mechanism,
    "user": lambda seen: seen.connection.user.name,
    "vhost": lambda seen: seen.connection.vhost.name,
    "timeout": lambda seen: seen.connection.heartbeat_ms // 1000,
    "frame_max": lambda seen: seen.connection.frame_max,
    "channel_max": lambda seen: seen.connection.channel_max,
    "client_properties": lambda seen: table_term(seen.connection.client_properties),
    "recv_oct": lambda seen: seen.connection.received_octets,
    "recv_cnt": lambda seen: seen.connection.received_count,
    "send_oct": lambda seen: seen.connection.sent_octets,
    "send_cnt": lambda seen: seen.connection.sent_count,
    "send_pend": lambda seen: seen.connection.outbox_octets,
    "connected_at": lambda seen: seen.connection.connected_at_ms,
}


@action()
async def list_connections(asked: Asked, columns: list[str]) -> Rows:
    node, slices, pids = asked.node, asked.slices, Pids(asked)
    for connection in _connections(node) if columns else ():
        if connection.mechanism != DIRECT:
            yield row_of(_Seen(connection, pids), columns, OF_CONNECTION)
        await slices.take()


def _uncommitted(channel: Channel) -> int:
    return len(channel.tx.publishes) if channel.tx is not None else 0


def _acks_uncommitted(channel: Channel) -> int:
    return sum(len(taken) for _, taken in channel.tx.settlements) if channel.tx is not None else 0


def _of_channel(pids: Pids) -> Columns:
    return {
        "pid": lambda channel: pids.of_channel(channel.connection.connection_id, channel.number),
        "connection": lambda channel: pids.of_connection(channel.connection.connection_id),
        "name": name_of,
        "number": lambda channel: channel.number,
        "user": lambda channel: channel.connection.user.name,
        "vhost": lambda channel: channel.connection.vhost.name,
        "transactional": lambda channel: channel.tx is not None,
        "confirm": lambda channel: channel.confirms,
        "consumer_count": lambda channel: len(channel.consumers),
        "messages_unacknowledged": lambda channel: len(channel.unacked),
        "messages_uncommitted": _uncommitted,
        "acks_uncommitted": _acks_uncommitted,
        "messages_unconfirmed": lambda channel: (
            channel.unconfirmed_count if channel.confirms else 0
        ),
        "prefetch_count": lambda channel: channel.prefetch,
        "global_prefetch_count": lambda channel: channel.global_prefetch,
    }


@action()
async def list_channels(asked: Asked, columns: list[str]) -> Rows:
    node, slices, shown = asked.node, asked.slices, _of_channel(Pids(asked))
    for connection in _connections(node) if columns else ():
        for channel in list(connection.channels.values()):
            if channel.is_open:
                yield row_of(channel, columns, shown)
            await slices.take()


def _of_consumer(pids: Pids) -> Columns:
    def status(consumer: ChannelConsumer) -> str:
        return str(consumer_details(consumer)["activity_status"])

    def pid(consumer: ChannelConsumer) -> Any:
        channel = consumer.channel
        return pids.of_channel(channel.connection.connection_id, channel.number)

    return {
        "queue_name": lambda consumer: consumer.queue.name,
        "channel_pid": pid,
        "consumer_tag": lambda consumer: consumer.tag,
        "ack_required": lambda consumer: not consumer.no_ack,
        "prefetch_count": lambda consumer: consumer.asked_prefetch,
        "active": lambda consumer: status(consumer) != "waiting",
        "activity_status": lambda consumer: Atom(status(consumer)),
        "arguments": lambda consumer: table_term(consumer.arguments),
    }


@action()
async def list_consumers(asked: Asked, vhost: str) -> Rows:
    """Queue by queue, with all columns in RabbitMQ's order: it is its tools that choose of them."""
    found, slices, shown = asked.node.vhosts.get(vhost), asked.slices, _of_consumer(Pids(asked))
    if found is None:
        return
    columns = list(shown)
    async for name in in_order(found.queues, str, slices):
        queue = found.queues.get(name)
        for consumer in list(queue.consumers) if queue is not None and queue.consumers else ():
            if isinstance(consumer, ChannelConsumer):
                yield row_of(consumer, columns, shown)
            await slices.take()
        await slices.take()


# closing


def _close(node: Node, connection: Connection, reason: str) -> None:
    log.info("closed by an operator, connection=%s reason=%s", connection.name, reason)
    connection.close(ConnectionForced(reason, ids=(0, 0)))
    node.request_turn()


@action()
async def close_connection(asked: Asked, pid: str, reason: str) -> None:
    """As RabbitMQ: one that is not there is none to close. Raises: Failure: that is no pid."""
    match = PID.match(pid)
    if match is None:
        raise refused("invalid_pid_syntax", pid)
    node, pids = asked.node, Pids(asked)
    found = node.peers.get(int(match[3]))
    is_meant = pids.of_connection(int(match[3])) == pid.removeprefix("#PID")
    if is_meant and isinstance(found, Connection) and found.is_counted:
        _close(node, found, reason)
    else:
        log.warning("asked to close a connection that is not open, pid=%s reason=%s", pid, reason)


@action()
async def close_user_connections(asked: Asked, username: str, reason: str) -> None:
    node, slices = asked.node, asked.slices
    for connection in _connections(node):
        if connection.user.name == username and connection.is_counted:
            _close(node, connection, reason)
        await slices.take()


@action()
async def close_connections(
    asked: Asked, vhost: str | None, limit: int, delay_ms: int, reason: str
) -> int:
    """vhost: None: all. limit: of those of a vhost; 0: none. Returns: how many were closed."""
    node, slices = asked.node, asked.slices
    found = [one for one in _connections(node) if vhost is None or one.vhost.name == vhost]
    if limit:
        found = found[:limit]
    for number, connection in enumerate(found):
        if number and delay_ms > 0:
            await asyncio.sleep(delay_ms / 1000)
        if connection.is_counted:  # else it has gone meanwhile
            _close(node, connection, reason)
        await slices.take()
    return len(found)
