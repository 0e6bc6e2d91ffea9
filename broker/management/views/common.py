"""What several views show: times, ends of connections, statistics."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from broker.management.statistics import presented
from broker.management.statistics.counted import OF_CHANNELS
from broker.management.statistics.presented import Range
from broker.management.statistics.samples import SLOT_MS, Samples

if TYPE_CHECKING:
    from broker.management.statistics.collector import Collector
    from broker.node import Node

# RabbitMQ has two tables of them, and shows one only if something of it was counted.
PUBLISHED = frozenset({"publish", "confirm", "return_unroutable", "drop_unroutable"})
IDLE_SLOTS = 2  # without a change, and it is called idle


class Lens:
    """How objects are shown to somebody: what charts he wants, whether with statistics at all."""

    __slots__ = (
        "data_rates",
        "has_rates",
        "has_stats",
        "lengths",
        "msg_rates",
        "node",
        "node_stats",
        "slot",
    )

    def __init__(self, node: Node, collector: Collector, query: Mapping[str, str] | None = None):
        """Raises: Refusal, for a chart with too many points."""
        query = query or {}
        ranges = query if query.get("disable_stats") != "true" else {}
        self.node = node
        self.slot = collector.complete_slot
        # charts end with what is known: between a slot and the look at it nothing would have grown
        now_ms = self.slot * SLOT_MS or node.clock.epoch_ms()
        self.has_rates = node.config.management.rates_mode != "none"
        self.has_stats = collector.is_on and query.get("disable_stats") != "true"
        self.msg_rates = presented.range_of(ranges, "msg_rates", now_ms)
        self.lengths = presented.range_of(ranges, "lengths", now_ms)
        self.data_rates = presented.range_of(ranges, "data_rates", now_ms)
        self.node_stats = presented.range_of(ranges, "node_stats", now_ms)

    def message_stats(
        self,
        names: tuple[str, ...],
        counts: tuple[int, ...],
        samples: Samples | None,
        wanted: Range | None = None,
        always: frozenset[str] = frozenset(),
    ) -> dict[str, Any]:
        """Counters and their rates. always: shown also if nothing was counted."""
        if not self.has_rates or not (always or any(counts)):
            return {}
        groups: dict[bool, list[tuple[str, float]]] = {True: [], False: []}
        has_any = {True: False, False: False}
        for name, count in zip(names, counts, strict=True):
            group = name in PUBLISHED
            groups[group].append((name, count))
            if count:
                has_any[group] = True
        found: dict[str, Any] = {}
        for group, pairs in groups.items():
            if has_any[group]:
                presented.put(found, pairs, samples, self.slot, wanted)
            elif always:
                kept = [pair for pair in pairs if pair[0] in always]
                presented.put(found, kept, samples, self.slot, wanted)
        return found

    def is_idle(self, samples: Samples | None) -> bool:
        return samples is not None and self.slot - samples.changed >= IDLE_SLOTS


def timestamp(epoch_ms: int) -> str:
    """As RabbitMQ writes a point in time: 2026-11-21T19:02:07.898+00:00."""
    moment = datetime.fromtimestamp(epoch_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds")


def idle_since(samples: Samples) -> str:
    return timestamp(samples.changed * SLOT_MS)


__all__ = ["OF_CHANNELS", "Lens", "idle_since", "timestamp"]
