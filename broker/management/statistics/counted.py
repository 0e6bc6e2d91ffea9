"""What is counted of each kind of object: names, and where the counts are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.management.statistics.samples import BASIC, DETAILED, GLOBAL, Kind
from broker.session.channel import COUNTED, Channel
from broker.session.pairs import DELIVER, GET_NO_ACK, TAKEN, Counted

if TYPE_CHECKING:
    from broker.queues.queue import Queue

OF_CHANNELS = (*COUNTED, "deliver_get")
LENGTHS = ("messages", "messages_ready", "messages_unacknowledged")
OCTETS = ("recv_oct", "send_oct")
DISK = ("disk_reads", "disk_writes")
CHURN = (
    "connection_created",
    "connection_closed",
    "channel_created",
    "channel_closed",
    "queue_declared",
    "queue_created",
    "queue_deleted",
)
OF_QUEUES = (
    "publish",
    "ack",
    "deliver",
    "deliver_no_ack",
    "get",
    "get_no_ack",
    "get_empty",
    "redeliver",
    "deliver_get",
)

QUEUE = Kind(OF_QUEUES, LENGTHS, BASIC)
EXCHANGE = Kind(("publish_in", "publish_out"), (), BASIC)
CHANNEL = Kind(OF_CHANNELS, (), DETAILED)
CONNECTION = Kind(OCTETS, (), DETAILED)
PUBLISHED_PAIR = Kind(("publish",), (), DETAILED)
TAKEN_PAIR = Kind((*TAKEN, "deliver_get"), (), DETAILED)
VHOST = Kind((*OF_CHANNELS, *OCTETS), LENGTHS, BASIC)
OVERVIEW = Kind((*OF_CHANNELS, *DISK, *CHURN), LENGTHS, GLOBAL)


def counts_of_queue(queue: Queue) -> tuple[int, ...]:
    """In the order of QUEUE."""
    delivered = queue.delivered - queue.delivered_no_ack - queue.got - queue.got_no_ack
    ready, unacked = queue.ready_count, queue.unacked_count
    return (
        queue.published,
        queue.acked,
        delivered,
        queue.delivered_no_ack,
        queue.got,
        queue.got_no_ack,
        queue.get_empty,
        queue.redelivered,
        queue.delivered,
        ready + unacked,
        ready,
        unacked,
    )


def counts_of_channel(channel: Channel) -> tuple[int, ...]:
    """In the order of CHANNEL."""
    return with_deliver_get(channel.counts)


def with_deliver_get(counts: tuple[int, ...]) -> tuple[int, ...]:
    """What RabbitMQ calls deliver_get is every delivery, by whatever way."""
    return (*counts, counts[5] + counts[6] + counts[7] + counts[8])


def counts_taken(pair: Counted) -> tuple[int, ...]:
    """In the order of TAKEN_PAIR."""
    counts = pair.counts
    return (*counts, sum(counts[DELIVER : GET_NO_ACK + 1]))
