"""What can be known of a queue, by RabbitMQ's names for its columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from broker.amqp.erlang import Atom
from broker.control.listing import NONE, Pids, or_none, row_of, table_term
from broker.management.views.queue import BASE_OCTETS, capacity_of, head_timestamp
from broker.management.views.sizes import Sizes, sizes_of
from broker.session.consumer import ChannelConsumer

if TYPE_CHECKING:
    from broker.control.actions import Row
    from broker.node import Node
    from broker.queues.queue import Queue

QUORUM = "quorum"
RUNNING = Atom("running")


class Seen:
    """A queue while its row is put together: what several columns need is counted once."""

    __slots__ = ("_sizes", "node", "pids", "queue")

    def __init__(self, queue: Queue, node: Node, pids: Pids):
        self.queue = queue
        self.node = node
        self.pids = pids
        self._sizes: Sizes | None = None

    @property
    def sizes(self) -> Sizes:
        if self._sizes is None:
            self._sizes = sizes_of(self.queue)
        return self._sizes

    @property
    def is_quorum(self) -> bool:
        return self.queue.type_name == QUORUM

    @property
    def held(self) -> int:
        return self.queue.ready_count + self.queue.unacked_count

    @property
    def paged(self) -> int:
        log = self.queue.log
        return log.paged_count if log is not None else 0

    @property
    def persistent(self) -> int:
        log = self.queue.log
        return min(self.held, log.live_count) if log is not None and self.queue.durable else 0


Column = Callable[[Seen], Any]


def _policy(seen: Seen) -> Any:
    applied = seen.queue.applied
    return applied.policy.name if applied is not None and applied.policy is not None else NONE


def _owner_pid(seen: Seen) -> Any:
    owner = seen.queue.owner
    return seen.pids.of_connection(owner) if owner else NONE


def _exclusive_consumer_pid(seen: Seen) -> Any:
    consumer = seen.queue.exclusive_consumer
    if not isinstance(consumer, ChannelConsumer):
        return NONE
    channel = consumer.channel
    return seen.pids.of_channel(channel.connection.connection_id, channel.number)


def _exclusive_consumer_tag(seen: Seen) -> Any:
    consumer = seen.queue.exclusive_consumer
    return consumer.tag if isinstance(consumer, ChannelConsumer) else NONE


def _persistent_bytes(seen: Seen) -> int:
    held, total = seen.held, seen.sizes.total
    return round(total * seen.persistent / held) if held else 0


def _on_disk(name: str) -> Callable[[Seen], int]:
    """A count of the queue's log."""

    def count(seen: Seen) -> int:
        log = seen.queue.log
        return getattr(log, name) if log is not None else 0

    return count


def _nothing(_: Seen) -> Atom:
    return NONE


def _here(seen: Seen) -> list[Atom]:
    return [Atom(seen.node.name)]


_COMMON: dict[str, Column] = {
    "name": lambda seen: seen.queue.name,
    "durable": lambda seen: seen.queue.durable,
    "auto_delete": lambda seen: seen.queue.auto_delete,
    "arguments": lambda seen: table_term(seen.queue.arguments),
    "policy": _policy,
    "pid": lambda seen: seen.pids.of_queue(seen.queue.queue_id),
    "messages_ready": lambda seen: seen.queue.ready_count,
    "messages_unacknowledged": lambda seen: seen.queue.unacked_count,
    "messages": lambda seen: seen.held,
    "consumers": lambda seen: len(seen.queue.consumers),
    "memory": lambda seen: BASE_OCTETS + seen.queue.ready_bytes,
    "state": lambda _: RUNNING,
    "type": lambda seen: Atom(seen.queue.type_name),
}
_OF_CLASSIC: dict[str, Column] = {
    "owner_pid": _owner_pid,
    "exclusive": lambda seen: bool(seen.queue.owner),
    "exclusive_consumer_pid": _exclusive_consumer_pid,
    "exclusive_consumer_tag": _exclusive_consumer_tag,
    "messages_ready_ram": lambda seen: seen.queue.ready_count - seen.paged,
    "messages_unacknowledged_ram": lambda seen: seen.queue.unacked_count,
    "messages_ram": lambda seen: seen.held - seen.paged,
    "messages_persistent": lambda seen: seen.persistent,
    "message_bytes": lambda seen: seen.sizes.total,
    "message_bytes_ready": lambda seen: seen.sizes.ready,
    "message_bytes_unacknowledged": lambda seen: seen.sizes.unacked,
    "message_bytes_ram": lambda seen: seen.sizes.total - seen.sizes.paged,
    "message_bytes_persistent": _persistent_bytes,
    "head_message_timestamp": lambda seen: or_none(head_timestamp(seen.queue)),
    "disk_reads": _on_disk("read_count"),
    "disk_writes": _on_disk("kept_count"),
    "consumer_utilisation": lambda seen: capacity_of(seen.queue),
    "consumer_capacity": lambda seen: capacity_of(seen.queue),
}
# Of mirrors there are none as long as there is one node.
_MIRRORED = ("slave_pids", "synchronised_slave_pids", "recoverable_slaves")
_REPLICATED = ("leader", "members", "online")

CLASSIC: dict[str, Column] = (
    _COMMON | _OF_CLASSIC | dict.fromkeys((*_MIRRORED, *_REPLICATED), _nothing)
)
# RabbitMQ's quorum queues say nothing of what is not said here.
REPLICATED: dict[str, Column] = (
    dict.fromkeys(CLASSIC, _nothing)
    | _COMMON
    | {
        "messages_ram": lambda _: 0,
        "message_bytes_ram": lambda _: 0,
        "leader": lambda seen: Atom(seen.node.name),
        "members": _here,
        "online": _here,
    }
)


def queue_row(seen: Seen, wanted: list[str]) -> Row:
    return row_of(seen, wanted, REPLICATED if seen.is_quorum else CLASSIC)
