"""What a node does now, in frames: for `leveretctl top`.

A frame has what has moved since the one before it, and only the queues and connections that are
first in some order: however many there are, a frame is small, and it is put together in slices.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from heapq import nlargest
from typing import Any, NamedTuple

from broker.control.actions import Asked, action
from broker.node import Node
from broker.queues.queue import Queue
from broker.session.connection import Connection

LIMIT = 100  # queues and connections in a frame, for each order
BATCH = 50  # that are looked at in one go
FIRST_MS = 1_000  # rates of the first frame are of so long, or of the interval if that is less
INTERVALS_MS = 100, 3_600_000


class QueueRow(NamedTuple):
    """Rates are per second."""

    vhost: str
    name: str
    kind: str
    ready: int
    unacked: int
    consumers: int
    publish_rate: float
    deliver_rate: float
    ack_rate: float


class ConnectionRow(NamedTuple):
    """Likewise. pending: octets that it does not take."""

    name: str
    user: str
    vhost: str
    state: str
    channels: int
    receive_rate: float
    send_rate: float
    pending: int


Row = QueueRow | ConnectionRow
QUEUE_ORDERS: tuple[Callable[[Any], float], ...] = (
    lambda row: row.publish_rate + row.deliver_rate,
    lambda row: row.ready + row.unacked,
    lambda row: row.ready,
    lambda row: row.unacked,
    lambda row: row.publish_rate,
    lambda row: row.deliver_rate,
    lambda row: row.consumers,
)
CONNECTION_ORDERS: tuple[Callable[[Any], float], ...] = (
    lambda row: row.receive_rate + row.send_rate,
    lambda row: row.channels,
    lambda row: row.pending,
)


class _Best:
    """Rows that are first in some order."""

    def __init__(self, orders: Iterable[Callable[[Any], float]]):
        self._orders = {order: list[Any]() for order in orders}

    def add(self, rows: list[Any]) -> None:
        for order, best in self._orders.items():
            self._orders[order] = nlargest(LIMIT, [*best, *rows], order)

    def rows(self) -> list[Any]:
        """Each once."""
        return list(dict.fromkeys(row for best in self._orders.values() for row in best))


class Sampler:
    """Compares what it counts with what it counted before."""

    def __init__(self, node: Node):
        self._node = node
        self._at_s = time.perf_counter()
        self._cpu_s = time.process_time()
        self._queues: dict[int, tuple[int, ...]] = {}  # by identity: counts of the last time
        self._connections: dict[int, tuple[int, ...]] = {}

    async def look(self) -> dict[str, Any]:
        """The next frame."""
        now_s, cpu_s = time.perf_counter(), time.process_time()
        elapsed_s = max(now_s - self._at_s, 0.001)
        cpu = (cpu_s - self._cpu_s) / elapsed_s
        self._at_s, self._cpu_s = now_s, cpu_s
        queues, queue_totals = await self._look_at_queues(elapsed_s)
        connections, octet_rates = await self._look_at_connections(elapsed_s)
        return {
            **self._facts(),
            "cpu": round(cpu, 3),
            **queue_totals,
            **octet_rates,
            "queue_rows": [row._asdict() for row in queues],
            "connection_rows": [row._asdict() for row in connections],
        }

    def _facts(self) -> dict[str, Any]:
        node = self._node
        levels = node.watermarks.snapshot() if node.watermarks is not None else None
        return {
            "node": node.name,
            "version": node.config.identity.product_version,
            "alarms": list(node.alarms),
            "memory_used": levels.memory_used if levels is not None else 0,
            "memory_limit": levels.memory_limit if levels is not None else 0,
            "disk_free": (levels.disk_free or 0) if levels is not None else 0,
            "disk_limit": levels.disk_limit if levels is not None else 0,
            "connections": len(node.peers),
            "channels": node.usage.channel_count,
            "vhosts": len(node.vhosts),
        }

    async def _look_at_queues(self, elapsed_s: float) -> tuple[list[Any], dict[str, Any]]:
        best, before, after = _Best(QUEUE_ORDERS), self._queues, dict[int, tuple[int, ...]]()
        sums = [0, 0, 0]
        rates = [0.0, 0.0, 0.0]
        count = 0
        for vhost in list(self._node.vhosts.values()):
            queues = list(vhost.queues.values())
            count += len(queues)
            for at in range(0, len(queues), BATCH):
                rows = []
                for queue in queues[at : at + BATCH]:
                    counts = after[id(queue)] = (queue.published, queue.delivered, queue.acked)
                    row = _queue_row(queue, _rates(before.get(id(queue)), counts, elapsed_s))
                    rows.append(row)
                    sums[0] += row.ready
                    sums[1] += row.unacked
                    sums[2] += row.consumers
                    for number, rate in enumerate(row[-3:]):
                        rates[number] += rate
                best.add(rows)
                await asyncio.sleep(0)
        self._queues = after
        totals = dict(zip(("ready", "unacked", "consumers"), sums, strict=True))
        names = ("publish_rate", "deliver_rate", "ack_rate")
        return best.rows(), {"queues": count, **totals, **dict(zip(names, rates, strict=True))}

    async def _look_at_connections(self, elapsed_s: float) -> tuple[list[Any], dict[str, float]]:
        best, before = _Best(CONNECTION_ORDERS), self._connections
        after: dict[int, tuple[int, ...]] = {}
        received = sent = 0.0
        peers = [peer for peer in self._node.peers.values() if isinstance(peer, Connection)]
        for at in range(0, len(peers), BATCH):
            rows = []
            for peer in peers[at : at + BATCH]:
                counts = after[peer.connection_id] = (peer.received_octets, peer.sent_octets)
                known = before.get(peer.connection_id)
                rates = _rates(known, counts, elapsed_s)
                received, sent = received + rates[0], sent + rates[1]
                if peer.is_counted:
                    rows.append(_connection_row(peer, rates))
            best.add(rows)
            await asyncio.sleep(0)
        self._connections = after
        return best.rows(), {"receive_rate": received, "send_rate": sent}


def _rates(
    before: tuple[int, ...] | None, now: tuple[int, ...], elapsed_s: float
) -> tuple[float, ...]:
    """Of what was not there before: none."""
    if before is None:
        return (0.0,) * len(now)
    return tuple(
        round(max(0, count - then) / elapsed_s, 1) for count, then in zip(now, before, strict=True)
    )


def _queue_row(queue: Queue, rates: tuple[float, ...]) -> QueueRow:
    publish_rate, deliver_rate, ack_rate = rates
    return QueueRow(
        queue.vhost,
        queue.name,
        queue.type_name,
        queue.ready_count,
        queue.unacked_count,
        len(queue.consumers),
        publish_rate,
        deliver_rate,
        ack_rate,
    )


def _connection_row(peer: Connection, rates: tuple[float, ...]) -> ConnectionRow:
    receive_rate, send_rate = rates
    return ConnectionRow(
        peer.name,
        peer.user.name,
        peer.vhost.name,
        peer.status,
        len(peer.channels),
        receive_rate,
        send_rate,
        peer.outbox_octets,
    )


@action()
async def frames(
    asked: Asked, interval_ms: int, count: int | None
) -> AsyncIterator[dict[str, Any] | None]:
    """count: None: until nobody wants them any more."""
    least, most = INTERVALS_MS
    interval_s = min(max(interval_ms, least), most) / 1000
    node = asked.node
    sampler = Sampler(node)
    await sampler.look()
    await asyncio.sleep(min(interval_s, FIRST_MS / 1000))
    number = 0
    while asked.host.node is node:
        yield {**await sampler.look(), "uptime_s": asked.host.uptime_s}
        yield None
        number += 1
        if count is not None and number >= count:
            return
        await asyncio.sleep(interval_s)
