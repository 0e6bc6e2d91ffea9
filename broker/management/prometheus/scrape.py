"""An answer to a scrape, in pieces: generators that yield some lines, or nothing between two slices
of work; whoever runs them decides when the node has its turn.

    aggregated    sums over all objects
    per object    the same families, a sample for each object
    detailed      the groups that were asked for, under names of their own
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from typing import TYPE_CHECKING

from broker.management.prometheus import aggregated, channels, cluster, node, queues
from broker.management.prometheus.exposition import (
    Family,
    Pieces,
    Table,
    head,
    histogram_lines,
    written,
)
from broker.management.prometheus.families import CLUSTER, FAMILIES, GROUPS, OWN
from broker.management.prometheus.sums import Sums, summed
from broker.management.statistics.histogram import Histogram

if TYPE_CHECKING:
    from broker.management.service import Management

PREFIX, DETAILED, OF_CLUSTER = "rabbitmq_", "rabbitmq_detailed_", "rabbitmq_cluster_"
OURS, OURS_DETAILED = "leveret_", "leveret_detailed_"
PAUSE = b""


def metrics(management: Management, *, per_object: bool) -> Pieces:
    """/metrics and /metrics/per-object."""
    sums = yield from _paused(summed(management.node))
    for group in GROUPS:
        if group == "queue_consumer_count" or (
            group == "auth_attempt_detailed_metrics" and not per_object
        ):
            continue  # RabbitMQ: they are in other groups as well
        if per_object:
            yield from _of_objects(management, group, OURS if group in OWN else PREFIX)
        elif group in OWN:
            yield from _own(management)
        else:
            yield from written(PREFIX, FAMILIES[group], _aggregated(management, group, sums))
    yield from written(PREFIX, FAMILIES["totals"], aggregated.totals(management, sums))
    yield from _info(management)
    yield from _global(sums)
    if not per_object:
        yield from written(PREFIX, FAMILIES["alarms"], node.alarms(management))
        yield from written(
            "", FAMILIES["process"], node.single(process_start_time_seconds=management.started_s)
        )


def detailed(
    management: Management, groups: Collection[str], vhosts: Collection[str] | None
) -> Pieces:
    """/metrics/detailed. vhosts: whose queues are wanted; None: all."""
    for group in GROUPS:
        if group not in groups or (group == "queue_consumer_count" and "queue_metrics" in groups):
            continue
        prefix = OURS_DETAILED if group in OWN else DETAILED
        yield from _of_objects(management, group, prefix, vhosts)
    for group in CLUSTER:
        if group in groups:
            yield from _of_objects(management, group, OF_CLUSTER)
    yield from _info(management)


def _paused(working: Generator[None, None, Sums]) -> Generator[bytes, None, Sums]:
    """Have slices of work done, with pauses between them."""
    while True:
        try:
            next(working)
        except StopIteration as done:
            found: Sums = done.value
            return found
        yield PAUSE


def _aggregated(management: Management, group: str, sums: Sums) -> Table:
    if group in node.GROUPS:
        return node.GROUPS[group](management)
    return aggregated.GROUPS[group](sums)


def _of_objects(
    management: Management, group: str, prefix: str, vhosts: Collection[str] | None = None
) -> Pieces:
    if group in node.GROUPS:
        yield from written(prefix, FAMILIES[group], node.GROUPS[group](management))
        return
    if group in queues.GROUPS:
        collecting = queues.GROUPS[group](management.node, vhosts)
    else:
        collecting = (channels.GROUPS | cluster.GROUPS)[group](management.node)
    while True:
        try:
            next(collecting)
        except StopIteration as done:
            table: Table = done.value
            break
        yield PAUSE
    families = [family for family in FAMILIES[group] if family.kind != "histogram"]
    yield from written(prefix, families, table)
    if group == "queue_ages":
        yield from _times_in_queues(management, prefix, vhosts)


def _times_in_queues(management: Management, prefix: str, vhosts: Collection[str] | None) -> Pieces:
    """A histogram for each queue that anything has left."""
    family = _family("queue_ages", "queue_time_in_queue_seconds")
    name = prefix + family.name
    text = head(name, family)
    for vhost in list(management.node.vhosts.values()):
        if vhosts is not None and vhost.name not in vhosts:
            continue
        for queue in list(vhost.queues.values()):
            if queue.ages is not None and queue.ages.waits is not None:
                pairs = {"vhost": queue.vhost, "queue": queue.name}
                text += histogram_lines(name, pairs, queue.ages.waits)
                if len(text) > 16_000:
                    yield text.encode()
                    text = ""
    yield text.encode()


def _family(group: str, name: str) -> Family:
    return next(family for family in FAMILIES[group] if family.name == name)


def _own(management: Management) -> Pieces:
    """Ages of the node's messages: what is oldest, and two histograms."""
    observer = management.observer
    oldest, times = FAMILIES["queue_ages"]
    yield from written(OURS, [oldest], node.single(**{oldest.name: observer.oldest_s}))
    yield _histogram(times, observer.waits)
    (ages,) = FAMILIES["node_ages"]
    yield _histogram(ages, observer.ages)


def _histogram(family: Family, histogram: Histogram) -> bytes:
    name = OURS + family.name
    return (head(name, family) + histogram_lines(name, {}, histogram)).encode()


def _info(management: Management) -> Pieces:
    build, identity = FAMILIES["info"]
    yield from written(PREFIX, [build], node.build_info(management))
    yield from written(PREFIX, [identity], node.identity_info(management))


def _global(sums: Sums) -> Pieces:
    tables = [aggregated.of_protocol(sums), aggregated.of_types(sums)]
    tables += [aggregated.deaths(sums, reason) for reason in aggregated.DEATHS]
    for family in FAMILIES["global"]:
        (table,) = (table for table in tables if family.name in table.columns)
        yield from written(PREFIX, [family], table)
