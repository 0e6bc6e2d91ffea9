"""Connections, channels and queues as such: how fast they come and what they keep."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

from . import process, wire
from .flow import Flow, Publisher, get_reply_size
from .peer import (
    CLOSE,
    CLOSE_OK,
    OPEN,
    OPEN_CHANNEL,
    REPLY_TIMEOUT_S,
    START_OK,
    TUNE_OK,
    PeerError,
)
from .routing import wait_until_queued
from .scenario import Meter, Metrics, Run, own_broker, scenario
from .source import Repeated
from .stage import stage
from .target import OwnBroker, Target
from .throughput import BODY

OPENING_MAX = 32  # handshakes in progress at once: below any broker's accept queue
CLOSING_MAX = 100

# What is sent when the reply to the previous step has come, and the reply then awaited.
CONVERSATION: list[tuple[bytes, wire.Ids]] = [
    (wire.PROTOCOL_HEADER, wire.CONNECTION_START),
    (START_OK, wire.CONNECTION_TUNE),
    (TUNE_OK + OPEN, wire.CONNECTION_OPEN_OK),
    (OPEN_CHANNEL, wire.CHANNEL_OPEN_OK),
]


class Crowd:
    """Many connections with one channel each, opened side by side by real conversations."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.sockets: list[socket.socket] = []

    def open(self, connection_count: int, seconds_max: float = 1e9) -> int:
        """Open that many more, or as many as the time allows. Returns: how many are open."""
        deadline = time.perf_counter() + seconds_max
        poll = select.epoll()
        opening: dict[int, tuple[socket.socket, int]] = {}  # descriptor → socket, step
        wanted = connection_count
        while wanted or opening:
            if time.perf_counter() >= deadline:
                wanted = 0
            while wanted and len(opening) < OPENING_MAX:
                connection = socket.create_connection(self._target.address, REPLY_TIMEOUT_S)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.send(CONVERSATION[0][0])
                poll.register(connection, select.EPOLLIN)
                opening[connection.fileno()] = connection, 0
                wanted -= 1
            events = poll.poll(REPLY_TIMEOUT_S) if opening else []
            if opening and not events:
                raise TimeoutError(f"{len(self.sockets)} open, then no reply")
            for descriptor, _ in events:
                connection, step = opening[descriptor]
                _read_reply(connection, CONVERSATION[step][1])
                if step + 1 < len(CONVERSATION):
                    connection.send(CONVERSATION[step + 1][0])
                    opening[descriptor] = connection, step + 1
                else:
                    del opening[descriptor]
                    poll.unregister(descriptor)
                    self.sockets.append(connection)
        poll.close()
        return len(self.sockets)

    def count_answering(self) -> int:
        """Ask each for its server: how many still answer. Opens channel 2 on each."""
        request = wire.method(2, wire.CHANNEL_OPEN, b"\0")
        answering = 0
        for connection in self.sockets:
            with contextlib.suppress(OSError, PeerError):
                connection.send(request)
                _read_reply(connection, wire.CHANNEL_OPEN_OK)
                answering += 1
        return answering

    def close(self) -> None:
        for start in range(0, len(self.sockets), CLOSING_MAX):
            batch = self.sockets[start : start + CLOSING_MAX]
            for connection in batch:
                with contextlib.suppress(OSError):
                    connection.send(CLOSE)
            for connection in batch:
                with contextlib.suppress(OSError):
                    while (reply := connection.recv(4096)) and not reply.endswith(CLOSE_OK):
                        pass
                connection.close()
        self.sockets.clear()


def _read_reply(connection: socket.socket, ids: wire.Ids) -> None:
    """Read one method, and nothing after it."""
    data = connection.recv(4096)
    while len(data) < 7 or len(data) < struct.unpack_from(">I", data, 3)[0] + wire.FRAME_OVERHEAD:
        chunk = connection.recv(4096)
        if not chunk:
            raise PeerError(f"the broker closed a connection instead of sending {ids}")
        data += chunk
    if struct.unpack_from(">HH", data, 7) != ids:
        raise PeerError(f"expected method {ids[0]}.{ids[1]}, got {wire.describe(data[7:])}")


@contextmanager
def crowd(target: Target) -> Iterator[Crowd]:
    members = Crowd(target)
    try:
        yield members
    finally:
        members.close()


@scenario("connections", "connections opened with one channel each, 32 at a time", isolated=True)
def connections(run: Run) -> Metrics:
    with crowd(run.target) as members:
        members.open(50)
        rss_start = run.target.rss_bytes()
        generator_start_s = time.process_time()
        meter = Meter(run.target)
        count = members.open(run.size(2000, 1000), seconds_max=run.seconds * 2) - 50
        elapsed_s = meter.elapsed_s()
        metrics = {
            "rate_per_s": count / elapsed_s,
            "cpu_us": meter.cpu_us(count),
            "generator_us": (time.process_time() - generator_start_s) / count * 1e6,
            "rss_kb_each": (run.target.rss_bytes() - rss_start) / count / 1024,
        }
        meter = Meter(run.target)
        members.close()
        return metrics | {"closed_per_s": (count + 50) / meter.elapsed_s()}


@scenario("idle-connections", "5 000 connections held, then each asked", single=True, isolated=True)
def idle_connections(run: Run) -> Metrics:
    wanted = 5000
    if run.target.pid:
        limit = process.open_files_max(run.target.pid)
        if limit < wanted + 200:
            print(f"  {run.target.name}: only {limit} open files allowed")
            wanted = limit - 200
    with crowd(run.target) as members:
        rss_start = run.target.rss_bytes()
        meter = Meter(run.target)
        count = members.open(wanted)
        metrics = {
            "rate_per_s": count / meter.elapsed_s(),
            "rss_kb_each": (run.target.rss_bytes() - rss_start) / count / 1024,
        }
        meter = Meter(run.target)
        time.sleep(1)
        idle_percent = meter.cpu_us(per=1) / meter.elapsed_s() / 1e4
        return metrics | {"held": members.count_answering(), "idle_cpu_percent": idle_percent}


@scenario("queues", "queue.declare and queue.delete, pipelined; transient queues", isolated=True)
def queues(run: Run) -> Metrics:
    # RabbitMQ needs a second for 500, Leveret should not: as many as the time allows.
    names = [f"bench.declare-{number:05}" for number in range(run.size(10_000, 3_000))]
    batch = 500
    with run.target.connect() as peer:
        declared = 0
        rss_start = run.target.rss_bytes()
        meter = Meter(run.target)
        try:
            while declared < len(names) and meter.elapsed_s() < run.seconds:
                peer.declare_queues(names[declared : declared + batch])
                declared += batch
            metrics = {
                "rate_per_s": declared / meter.elapsed_s(),
                "cpu_us": meter.cpu_us(declared),
                "rss_kb_each": (run.target.rss_bytes() - rss_start) / declared / 1024,
            }
        finally:
            meter = Meter(run.target)
            peer.delete_queues(names[: declared + batch])
        return metrics | {"deleted_per_s": declared / meter.elapsed_s()}


@scenario("start", "process start to first connection; memory when idle", isolated=True)
def start(run: Run) -> Metrics:
    """Of a broker that is not ours only the memory as it is now."""
    if not isinstance(run.target, OwnBroker):
        return {"idle_rss_mb": run.target.rss_bytes() / 1e6}
    broker = own_broker(run)
    accepted_s, open_s = broker.start_timed()
    time.sleep(1)
    return {
        "accepted_ms": accepted_s * 1000,
        "open_ms": open_s * 1000,
        "idle_rss_mb": broker.rss_bytes() / 1e6,
    }


@scenario("get", "basic.get with no-ack, 100 requests pipelined, from a full queue")
def get(run: Run) -> Metrics:
    queue, batch = "bench.get", 100
    message_count = run.messages or run.size(200_000, 50_000)
    message = wire.publish("", queue, BODY)
    content = wire.read_contents(message)[0]
    request = wire.method(1, wire.BASIC_GET, b"\0\0", wire.short_string(queue), b"\x01") * batch
    with (
        stage(run.target, [queue]) as owner,
        run.target.connect() as sender,
        run.target.connect() as peer,
    ):
        Flow([Publisher(sender, Repeated(message), 1 << 60)]).run(messages=message_count)
        wait_until_queued(owner, [queue], message_count)
        reply_size = get_reply_size(content) * batch
        received = 0
        meter = Meter(run.target)
        peer.send(request)  # one batch is always under way
        while received + batch < message_count and meter.elapsed_s() < run.seconds:
            peer.send(request)
            peer.read_whole(reply_size)
            received += batch
        replies = peer.read_whole(reply_size)
        received += batch
        elapsed_s, cpu_us = meter.elapsed_s(), meter.cpu_us(received)
        assert wire.read_contents(replies) == [content] * batch, "not the messages published"
        return {"rate_per_s": received / elapsed_s, "cpu_us": cpu_us}
