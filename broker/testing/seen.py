"""What is in a queue, seen from outside: nothing is consumed, nothing counts as delivered."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from typing import Any, NamedTuple

from broker.amqp.content import PROPERTIES, Properties
from broker.amqp.wire import plain
from broker.message import Envelope
from broker.node import Node
from broker.queues.queue import Queue
from broker.queues.queued_message import original
from broker.queues.withdrawal import ready_behind
from broker.session.connection import Connection
from broker.session.settling import Unacked

READY, UNACKED = "ready", "unacked"
LOOK_MAX = 1000  # messages read from the disk in one go


class SeenMessage(NamedTuple):
    """A message in a queue.

    properties: those that are set, by their names in the specification (content_type,
    delivery_mode, …), without the headers. state: "ready", or "unacked": a consumer has it.
    redelivered: it has been delivered before; of one that is ready: it has come back.
    consumer_tag: who has it; None: nobody, or it was fetched by basic.get.
    """

    body: bytes
    exchange: str
    routing_key: str
    properties: dict[str, Any]
    headers: dict[str, Any]
    redelivered: bool
    state: str
    consumer_tag: str | None = None


def messages_of(node: Node, queue: Queue) -> list[SeenMessage]:
    """What consumers have, in the order in which it entered the queue; then what is ready, in the
    order in which it will be delivered. In the broker's thread."""
    held = sorted(_held(node, queue), key=lambda entry: entry[2])
    found = [
        _seen(
            original(message).envelope, original(message).body, count != 0, UNACKED,
            consumer.tag if consumer is not None else None,
        )
        for consumer, _, _, message, count in held
    ]  # fmt: skip
    in_memory = merge(sorted(queue.returned), ready_behind(queue, None, len(queue.ready)))
    for _, message, count in in_memory:
        found.append(_seen(message.envelope, message.body, count != 0, READY))
    found += _on_disk(queue)
    return found


def _held(node: Node, queue: Queue) -> Iterator[Unacked]:
    for peer in node.peers.values():
        if not isinstance(peer, Connection):
            continue
        for channel in peer.channels.values():
            taken = [entry for entry in channel.unacked.values() if entry[1] is queue]
            if channel.tx is not None:  # acked, and not committed
                for _, settled in channel.tx.settlements:
                    taken += [entry for _, entry in settled if entry[1] is queue]
            yield from taken


def _on_disk(queue: Queue) -> Iterator[SeenMessage]:
    log = queue.log
    if log is None or not log.paged_count:
        return
    from broker.store.looking import Looker  # what a broker in memory has not imported
    from broker.store.queue_log import QueueLog

    assert isinstance(log, QueueLog)
    looker, seq = Looker(log), 1
    while seq:
        found, seq = looker.look(seq, LOOK_MAX, None)
        for one in found:
            yield _seen(one.envelope, one.body, one.delivery_count != 0, READY)


def _seen(
    envelope: Envelope, body: bytes, redelivered: bool, state: str, consumer_tag: str | None = None
) -> SeenMessage:
    properties = Properties.decode(envelope.header)
    return SeenMessage(
        body=body,
        exchange=envelope.exchange,
        routing_key=envelope.routing_key,
        properties={
            name: value
            for name, _, _ in PROPERTIES
            if name != "headers" and (value := getattr(properties, name)) is not None
        },
        headers={name: plain(field) for name, field in properties.header_table.items()},
        redelivered=redelivered,
        state=state,
        consumer_tag=consumer_tag,
    )
