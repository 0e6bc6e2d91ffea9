"""Confirms for many publishers at once, and for many queues."""

from __future__ import annotations

import select
import time
from collections.abc import Iterable
from contextlib import ExitStack
from statistics import quantiles

from . import disk, wire
from .flow import STALL_S, Flow, Publisher, StalledError
from .peer import Peer, PeerError
from .scenario import Meter, Metrics, Run, scenario
from .source import Source
from .stage import stage
from .throughput import BODY, WINDOW, measure_flow

PUBLISHER_COUNT = 50
QUEUE_COUNT = 1000
WARM_UP_S = 0.1
TYPED = b"\x90\x00" + wire.short_string("text/plain") + b"\x02"  # persistent as well


class OneAtATime:
    """Publishers that each wait for the confirm of a message before they send the next."""

    def __init__(self, peers: Iterable[Peer], message: bytes) -> None:
        self._message = message
        self._peers = {peer.socket.fileno(): peer for peer in peers}
        self._confirmed = dict.fromkeys(self._peers, 0)

    @property
    def confirmed(self) -> int:
        return sum(self._confirmed.values())

    def run(self, seconds: float) -> list[int]:
        """Returns: how long each confirm took, in ns."""
        now = time.perf_counter_ns
        message, confirmed = self._message, self._confirmed
        times_ns: list[int] = []
        sent_ns: dict[int, int] = {}
        poll = select.epoll()
        deadline_ns = now() + int(seconds * 1e9)
        for descriptor, peer in self._peers.items():
            poll.register(descriptor, select.EPOLLIN)
            sent_ns[descriptor] = now()
            peer.send(message)
        while sent_ns:
            events = poll.poll(STALL_S)
            if not events:
                raise StalledError(f"{len(sent_ns)} publishers wait for a confirm")
            for descriptor, _ in events:
                connection = self._peers[descriptor].socket
                received = connection.recv(4096)
                tag = confirmed[descriptor] = confirmed[descriptor] + 1
                if received not in (wire.ack(tag, multiple=False), wire.ack(tag)):
                    raise PeerError(f"instead of the confirm of {tag}: {received!r:.300}")
                time_ns = now()
                times_ns.append(time_ns - sent_ns.pop(descriptor))
                if time_ns < deadline_ns:
                    sent_ns[descriptor] = time_ns
                    connection.send(message)
        poll.close()
        return times_ns


@scenario("confirm-publishers", "50 connections, each with one persistent message unconfirmed")
def confirm_publishers(run: Run) -> Metrics:
    queue = "bench.confirm-publishers"
    with stage(run.target, [queue], durable=True) as owner, ExitStack() as stack:
        peers = [stack.enter_context(run.target.connect()) for _ in range(PUBLISHER_COUNT)]
        for peer in peers:
            peer.confirm_select()
        publishers = OneAtATime(peers, wire.publish("", queue, BODY, wire.PERSISTENT))
        publishers.run(WARM_UP_S)
        generator_start_s = time.process_time()
        meter = Meter(run.target)
        times_ns = publishers.run(run.seconds)
        elapsed_s, cpu_us = meter.elapsed_s(), meter.cpu_us(len(times_ns))
        generator_s = time.process_time() - generator_start_s
        (found,) = owner.message_counts([queue])
        assert found == publishers.confirmed, f"{publishers.confirmed} confirmed, {found} queued"
    points = quantiles(times_ns, n=100)
    return {
        "rate_per_s": len(times_ns) / elapsed_s,
        "cpu_us": cpu_us,
        "generator_us": generator_s / len(times_ns) * 1e6,
        "p50_us": points[49] / 1000,
        "p99_us": points[98] / 1000,
        "fdatasync_us": disk.fdatasync_us(),
    }


@scenario(
    "many-queues", "confirms in a window of 1000, 1 000 durable queues in turn, and one alone"
)
def many_queues(run: Run) -> Metrics:
    """varied_…: the same with two content headers in turn, so that no frame is like the last one.

    Into one queue all frames repeat, so a broker that remembers them is as much faster there.
    """
    names = [f"bench.many-{number:04}" for number in range(QUEUE_COUNT)]
    metrics: Metrics = {}
    for prefix, headers in (("", [wire.PERSISTENT]), ("varied_", [wire.PERSISTENT, TYPED])):
        one = _publish(run, names[:1], headers)
        many = _publish(run, names, headers)
        metrics |= {
            f"{prefix}rate_per_s": many["rate_per_s"],
            f"{prefix}cpu_us": many["cpu_us"],
            f"{prefix}rate_per_s_one": one["rate_per_s"],
            f"{prefix}cpu_us_one": one["cpu_us"],
            f"{prefix}rate_ratio": many["rate_per_s"] / one["rate_per_s"],
        }
    return metrics | {"generator_us": many["generator_us"]}


def _publish(run: Run, queues: list[str], headers: list[bytes]) -> Metrics:
    """To each queue in turn; nobody consumes. headers: property lists, used in turn as well."""
    messages = [
        wire.publish("", queues[index % len(queues)], BODY, headers[index % len(headers)])
        for index in range(QUEUE_COUNT)
    ]
    source = Source(messages, wire.read_contents(messages[0]))
    with stage(run.target, queues, durable=True) as owner, run.target.connect() as sender:
        sender.confirm_select()
        publisher = Publisher(sender, source, 1 << 60, window=WINDOW)
        metrics = measure_flow(run, Flow([publisher]))
        counts = owner.message_counts(queues)
        assert sum(counts) == publisher.published, f"{publisher.published} confirmed: {counts}"
        assert max(counts) - min(counts) <= 1, f"not in turn: {counts}"
    return metrics
