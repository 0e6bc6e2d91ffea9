"""Replicas of queues, as `rabbitmq-queues` sees them. On one node each queue has one: here.

What a quorum queue tells of its log is about the node's own: an entry is a message that was put
into the queue, and each is committed, because nobody else has to agree.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from broker.amqp.content import Properties
from broker.amqp.erlang import Atom
from broker.amqp.errors import MalformedSyntax, MalformedTable
from broker.control.actions import Asked, Rows, action
from broker.control.host import Failure, refused
from broker.control.levels import collect
from broker.control.listing import UNDEFINED, in_order, table_term
from broker.control.queue_columns import QUORUM
from broker.control.queues import find
from broker.management.operations.matching import NamePattern, TakesLongError
from broker.management.operations.walking import Walk
from broker.patterns import PatternError

if TYPE_CHECKING:
    from broker.control.actions import Slices
    from broker.management.operations.walking import Waiting
    from broker.queues.queue import Queue

PEEKED_OCTETS = 64  # of a body
MACHINE_VERSION = 2  # of the state machine that RabbitMQ 3.10 has for quorum queues
TERM = 1  # there has been one election, without opponents
COPIES = ("CC", "BCC")  # headers with more routing keys


def _quorum(asked: Asked, vhost: str, name: str) -> Queue:
    """Raises: Failure."""
    queue = find(asked, vhost, name)
    if queue.type_name != QUORUM:
        raise refused("classic_queue_not_supported")
    return queue


@action()
async def quorum_status(asked: Asked, vhost: str, name: str) -> list[Any]:
    """Raises: Failure."""
    last = _quorum(asked, vhost, name).next_seq - 1
    status = [
        ("Node Name", Atom(asked.node.name)),
        ("Raft State", Atom("leader")),
        ("Log Index", last),
        ("Commit Index", last),
        ("Snapshot Index", UNDEFINED),
        ("Term", TERM),
        ("Machine Version", MACHINE_VERSION),
    ]
    return [status]


@action()
async def stream_status(asked: Asked, vhost: str, name: str) -> None:
    """Raises: Failure, always: no queue is a stream."""
    raise refused(f"{find(asked, vhost, name).type_name}_queue_not_supported")


@action()
async def add_member(asked: Asked, vhost: str, name: str, member: str) -> None:
    """Raises: Failure."""
    _quorum(asked, vhost, name)
    if member != asked.node.name:
        raise refused("node_not_running")


@action()
async def delete_member(asked: Asked, vhost: str, name: str, member: str) -> None:
    """From where there is none, as with RabbitMQ: it is done already. Raises: Failure."""
    _quorum(asked, vhost, name)
    if member == asked.node.name:
        raise refused("last_node")


@action()
async def grow(asked: Asked, member: str) -> list[Any]:
    """Returns: what was done with queues that lack a member there: where this node is, none does;
    elsewhere is no node that runs."""
    return []


@action()
async def shrink(asked: Asked, member: str) -> Rows:
    """Queues that have a member there: it is their only one."""
    if member != asked.node.name:
        return
    slices = asked.slices
    async for queue in _replicated(asked, None, None, slices):
        yield [
            ("vhost", queue.vhost),
            ("name", queue.name),
            ("size", 1),
            ("result", "error: the last node cannot be removed"),
        ]


@action()
async def rebalance(asked: Asked, kind: str, vhosts: str, queues: str) -> list[Any]:
    """Returns: who leads how many of the queues that are meant, when all is done. kind: "quorum",
    or "classic", which are mirrored nowhere here, or "all". Raises: Failure."""
    slices, count = asked.slices, 0
    patterns = _pattern(vhosts), _pattern(queues)
    if kind != "classic":
        async for _ in _replicated(asked, *patterns, slices):
            count += 1
    if not count:
        return []
    led = [
        ("Node name", Atom(asked.node.name)),
        ("Number of quorum queues", count),
        ("Number of replicated classic queues", 0),
    ]
    return [led]


def _pattern(text: str) -> NamePattern:
    """Raises: Failure."""
    try:
        return NamePattern(text)
    except (PatternError, TakesLongError) as error:
        raise Failure(f"'{text}' cannot be used as a pattern: {error}") from None


async def _replicated(
    asked: Asked, vhosts: NamePattern | None, queues: NamePattern | None, slices: Slices
) -> AsyncIterator[Queue]:
    """Those of names that match; None: all of them. Raises: Failure."""
    for vhost in list(asked.node.vhosts.values()):
        if not _matches(vhosts, vhost.name):
            continue
        async for name in in_order(vhost.queues, str, slices):
            queue = vhost.queues.get(name)
            if queue is not None and queue.type_name == QUORUM and _matches(queues, name):
                yield queue
            await slices.take()


def _matches(pattern: NamePattern | None, name: str) -> bool:
    """Raises: Failure."""
    if pattern is None:
        return True
    if pattern.takes_long(name):
        raise Failure(f"the pattern might take too long for the name '{name}'")
    return pattern.matches(name)


@action()
async def reclaim_quorum_memory(asked: Asked, vhost: str, name: str) -> None:
    """Raises: Failure."""
    _quorum(asked, vhost, name)
    collect(asked.node)


@action()
async def peek(asked: Asked, vhost: str, name: str, position: int) -> list[Any]:
    """A message that is ready, without touching it. position: from 1 on. Returns: what RabbitMQ
    tells of it, pair by pair. Raises: Failure."""
    queue = _quorum(asked, vhost, name)
    breath = asked.slices.breath
    walk = Walk(queue, body_max=PEEKED_OCTETS)
    found: list[Waiting] = []
    if position <= queue.ready_count and await walk.skip(position - 1, breath) == position - 1:
        found = await walk.next(1, breath)
    if not found:
        raise refused("no_message_at_pos")
    try:
        return _peeked(found[0])
    except (MalformedSyntax, MalformedTable):
        raise Failure("the message at that position cannot be read") from None


def _peeked(message: Waiting) -> list[Any]:
    """Properties stand in RabbitMQ's order, which is that of the protocol the other way round."""
    envelope = message.envelope
    properties = Properties.decode(envelope.header)
    headers = table_term(properties.header_table)
    keys = [envelope.routing_key]
    for name, kind, value in headers:
        if name in COPIES and kind == "array":
            keys += [key for inner, key in value if inner == "longstr"]
    shown: list[Any] = [
        (name, value)
        for name in reversed(Properties.__slots__)
        if name != "headers" and (value := getattr(properties, name)) is not None
    ]
    shown += [
        ("routing_keys", [*keys, *envelope.blind_keys]),
        ("exchange", envelope.exchange),
        (f"payload (max {PEEKED_OCTETS} bytes)", _text(message.body[:PEEKED_OCTETS])),
    ]
    shown += [(f"header.{name}", value) for name, _, value in headers]
    shown.append(("header.x-delivery-count", max(0, message.deliveries)))
    return shown


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")
