"""A queue as the HTTP API shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from broker.amqp.content import Properties
from broker.management.statistics import presented
from broker.management.statistics.ages import oldest_message_age
from broker.management.statistics.counted import LENGTHS, OF_QUEUES, counts_of_queue
from broker.management.views.common import Lens, idle_since
from broker.management.views.consumer import consumer_details
from broker.management.views.pairs import deliveries_of_queue, incoming_of_queue
from broker.management.views.sizes import sizes_of
from broker.management.views.tables import json_of
from broker.queues.priority_lanes import PriorityLanes
from broker.session.consumer import ChannelConsumer

if TYPE_CHECKING:
    from broker.queues.queue import Queue

Shown = dict[str, Any]
Columns = dict[str, Callable[[Any], Any]]
HAS_TIMESTAMP = 1 << 6  # among the flags of a content header
QUORUM = "quorum"
BASE_OCTETS = 1_500  # of a queue without messages, about


# Columns that a list can be sorted, filtered and cut by without building whole entries: of what a
# queue is, and of what statistics say of it.
CHEAP_DEFINITION: Columns = {
    "name": lambda queue: queue.name,
    "vhost": lambda queue: queue.vhost,
    "durable": lambda queue: queue.durable,
    "auto_delete": lambda queue: queue.auto_delete,
    "exclusive": lambda queue: bool(queue.owner),
    "type": lambda queue: queue.type_name,
    "arguments": lambda queue: json_of(queue.arguments),
}
CHEAP_TOTALS: Columns = CHEAP_DEFINITION | {
    "exclusive": lambda queue: None if queue.type_name == QUORUM else bool(queue.owner),
    "state": lambda queue: "running",
    "messages": lambda queue: queue.ready_count + queue.unacked_count,
    "messages_ready": lambda queue: queue.ready_count,
    "messages_unacknowledged": lambda queue: queue.unacked_count,
}
CHEAP: Columns = CHEAP_TOTALS | {
    "exclusive": CHEAP_DEFINITION["exclusive"],
    "consumers": lambda queue: len(queue.consumers),
}


def show_queue(queue: Queue, lens: Lens) -> Shown:
    """An entry of a list."""
    applied = queue.applied
    policy = applied.policy if applied is not None else None
    operator = applied.operator_policy if applied is not None else None
    shown = _definition(queue)
    shown |= {
        "node": lens.node.name,
        "state": "running",
        "policy": policy.name if policy is not None else None,
        "operator_policy": operator.name if operator is not None else None,
        "effective_policy_definition": applied.definition if applied is not None else {},
    }
    counts = counts_of_queue(queue)
    samples = queue.samples
    stats = lens.message_stats(OF_QUEUES, counts[:-3], samples, lens.msg_rates)
    if stats:
        shown["message_stats"] = stats
    lengths = zip(LENGTHS, counts[-3:], strict=True)
    presented.put(shown, lengths, samples, lens.slot, lens.lengths)
    if lens.is_idle(samples):
        shown["idle_since"] = idle_since(samples)
    _put_contents(shown, queue)
    age = oldest_message_age(queue, lens.node.clock.now_ms())
    shown["oldest_message_age"] = None if age is None else round(age, 3)  # RabbitMQ has no such key
    if queue.type_name == QUORUM:
        _as_quorum(shown, queue, lens)
    return shown


def _definition(queue: Queue) -> Shown:
    return {
        "name": queue.name,
        "vhost": queue.vhost,
        "durable": queue.durable,
        "auto_delete": queue.auto_delete,
        "exclusive": bool(queue.owner),
        "arguments": json_of(queue.arguments),
        "type": queue.type_name,
    }


def show_bare(queue: Queue, lens: Lens) -> Shown:
    """Without statistics: what RabbitMQ has in its database."""
    return _definition(queue) | _place(queue, lens) | {"state": "live"}


def show_bare_entry(queue: Queue, lens: Lens) -> Shown:
    return show_bare(queue, lens) | _policy(queue)


def show_totals(queue: Queue, lens: Lens) -> Shown:
    """The same with enable_queue_totals. Of quorum queues RabbitMQ does not say that they belong to
    nobody."""
    ready, unacked = queue.ready_count, queue.unacked_count
    shown = show_bare(queue, lens) | _policy(queue)
    shown |= {"state": "running", "exclusive": CHEAP_TOTALS["exclusive"](queue)}
    return shown | dict(zip(LENGTHS, (ready + unacked, ready, unacked), strict=True))


def _policy(queue: Queue) -> Shown:
    policy = queue.applied.policy if queue.applied is not None else None
    return {"policy": policy.name} if policy is not None else {}


def _place(queue: Queue, lens: Lens) -> Shown:
    """Where it is."""
    node = lens.node.name
    if queue.type_name == QUORUM:
        return {"leader": node, "members": [node], "online": [node]}
    return {"node": node}


def show_queue_whole(queue: Queue, lens: Lens) -> Shown:
    """For its own page: also whose it is, who consumes from it and where messages come from."""
    if not lens.has_stats:
        return show_bare(queue, lens)
    shown = show_queue(queue, lens)
    if queue.owner:
        shown["owner_pid_details"] = _owner(queue, lens)
    shown["incoming"] = incoming_of_queue(queue, lens)
    shown["deliveries"] = deliveries_of_queue(queue, lens)
    shown["consumer_details"] = [
        consumer_details(consumer)
        for consumer in queue.consumers
        if isinstance(consumer, ChannelConsumer)
    ]
    return shown


def _owner(queue: Queue, lens: Lens) -> Shown:
    peer: Any = lens.node.peers.get(queue.owner)
    if peer is None:
        return {}
    endpoint = peer.endpoint
    return {
        "name": peer.name,
        "peer_port": endpoint.peer_port,
        "peer_host": endpoint.peer_host,
    }


def _put_contents(shown: Shown, queue: Queue) -> None:
    """What is in it and who takes it."""
    ready, unacked = queue.ready_count, queue.unacked_count
    paged = queue.log.paged_count if queue.log is not None else 0
    sizes = sizes_of(queue)
    is_quorum = queue.type_name == QUORUM
    persistent = queue.log.live_count if queue.log is not None and queue.durable else 0
    active = queue.extras.active if queue.extras is not None else None
    is_full_share = persistent >= ready + unacked
    shown |= {
        "consumers": len(queue.consumers),
        "consumer_capacity": (capacity := capacity_of(queue)),
        "consumer_utilisation": capacity,
        "exclusive_consumer_tag": _tag(queue.exclusive_consumer),
        "single_active_consumer_tag": _tag(active),
        "memory": BASE_OCTETS + queue.ready_bytes,
        "message_bytes": sizes.total,
        "message_bytes_ready": sizes.ready,
        "message_bytes_unacknowledged": sizes.unacked,
        "message_bytes_ram": 0 if is_quorum else sizes.total - sizes.paged,
        "message_bytes_paged_out": sizes.paged,
        "message_bytes_persistent": sizes.total
        if is_full_share and persistent
        else (round(sizes.total * persistent / (ready + unacked)) if ready + unacked else 0),
        "messages_ram": 0 if is_quorum else ready + unacked - paged,
        "messages_ready_ram": ready - paged,
        "messages_unacknowledged_ram": unacked,
        "messages_paged_out": paged,
        "messages_persistent": min(persistent, ready + unacked),
        "head_message_timestamp": head_timestamp(queue),
        "recoverable_slaves": None,
        "backing_queue_status": _backing_queue_status(queue, ready),
        "reductions": 0,
        "reductions_details": {"rate": 0.0},
        "garbage_collection": dict(NO_COLLECTOR),
    }


# Of an Erlang process; RabbitMQ's page and some exporters want to find the keys.
NO_COLLECTOR = {
    "fullsweep_after": 0,
    "max_heap_size": 0,
    "min_bin_vheap_size": 0,
    "min_heap_size": 0,
    "minor_gcs": 0,
}
_NOT_OF_QUORUM = (
    "backing_queue_status",
    "exclusive_consumer_tag",
    "head_message_timestamp",
    "message_bytes_paged_out",
    "messages_paged_out",
    "messages_ready_ram",
    "messages_unacknowledged_ram",
    "recoverable_slaves",
    "single_active_consumer_tag",
)


def _as_quorum(shown: Shown, queue: Queue, lens: Lens) -> None:
    """A quorum queue shows who its members are instead."""
    for name in _NOT_OF_QUORUM:
        del shown[name]
    extras = queue.extras
    stuck = len(extras.stuck) if extras is not None and extras.stuck else 0
    shown |= {
        **_place(queue, lens),
        "open_files": {lens.node.name: 0},
        "messages_dlx": stuck,
        "message_bytes_dlx": 0,
        "single_active_consumer_ctag": _tag(extras.active if extras is not None else None),
    }


def _tag(consumer: Any) -> str | None:
    return consumer.tag if consumer is not None else None


def capacity_of(queue: Queue) -> float:
    """RabbitMQ: the share of time in which consumers would take more. Here: whether any would now,
    with what is waiting for them."""
    if not queue.consumers:
        return 0
    return 1.0 if queue.ring.top is not None or not queue.has_ready else 0.0


def head_timestamp(queue: Queue) -> int | None:
    """The timestamp property of the message at the head, where it has one."""
    if queue.returned:
        message = queue.returned[0].message
    elif queue.ready:
        message = queue.ready[0]
    else:
        return None
    header = message.envelope.header
    if not (header[12] << 8 | header[13]) & HAS_TIMESTAMP:
        return None
    return Properties.decode(header).timestamp


def _backing_queue_status(queue: Queue, ready: int) -> Shown:
    """As of RabbitMQ's message store: what is in memory is its q4, what is not its delta."""
    paged = queue.log.paged_count if queue.log is not None else 0
    next_seq = queue.next_seq - 1
    shown: Shown = {
        "mode": "lazy" if queue.is_lazy else "default",
        "q1": 0,
        "q2": 0,
        "delta": ["delta", "undefined", paged, 0, "undefined"],
        "q3": 0,
        "q4": ready - paged,
        "len": ready,
        "target_ram_count": "infinity",
        "next_seq_id": next_seq,
        "next_deliver_seq_id": next_seq,
        "avg_ingress_rate": 0.0,
        "avg_egress_rate": 0.0,
        "avg_ack_ingress_rate": 0.0,
        "avg_ack_egress_rate": 0.0,
        "version": 1,
    }
    if isinstance(queue.ready, PriorityLanes):
        lengths = queue.ready.lengths()
        shown["delta"] = ["delta", "todo", "todo", "todo", "todo"]  # there is one for each rank
        shown["priority_lengths"] = {str(rank): count for rank, count in enumerate(lengths)}
    return shown
