"""What the management layer costs a large node: python -m benchmarks.bench_management

A node with 5 000 queues, 300 of them with traffic, and 1 000 connections with a channel each, all
without sockets. CPU time, the best of some runs; the longest slice is how long a delivery may have
to wait. --profile NAME prints where the time of one measurement goes.
"""

from __future__ import annotations

import asyncio
import cProfile
import gc
import json
import pstats
import sys
import time
import tracemalloc
from base64 import b64encode
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

from broker.config import Config
from broker.management.application import Application
from broker.management.remembered import Remembered
from broker.management.request import Request, parse_query
from broker.management.service import Management
from broker.management.statistics.samples import SLOT_MS
from broker.node import Node
from tests.support.peer import Peer, World

QUEUES, BUSY, CONNECTIONS = 5_000, 300, 1_000
RUNS = 5
HEADERS = {"authorization": "Basic " + b64encode(b"guest:guest").decode()}


class Setting:
    """The node and its peers."""

    def __init__(self) -> None:
        self.world = World()
        self.world.checks = False
        self.node: Node = self.world.node
        self.peers: list[Peer] = []
        for _ in range(CONNECTIONS):
            peer = self.world.peer(vhost=Config().defaults.vhost)
            peer.opens_channel(1)
            self.peers.append(peer)
        first = self.peers[0]
        for number in range(QUEUES):
            first.declares(1, f"queue-{number:05}", durable=number % 2 == 0)
        for number in range(BUSY):
            self.peers[number].consumes(1, f"queue-{number:05}", no_ack=number % 2 == 0)
        self.management = Management(self.node)
        self.application = Application(self.management)
        self.pieces: list[bytes] = []
        self.slot = self.world.clock.epoch_ms() // SLOT_MS

    def traffic(self) -> None:
        """Some messages for every busy queue; half of the consumers do not ack."""
        for number in range(BUSY):
            self.peers[number].publishes(1, f"queue-{number:05}", *[b"x" * 100] * 5)

    def slices(self) -> Iterator[None]:
        """One look of the collector."""
        self.slot += 1
        return self.management.collector.look(self.slot)

    async def get(self, path: str) -> bytes:
        """The answer; one that comes in pieces is left in `pieces`."""
        target, _, query = path.partition("?")
        response = await self.application.handle(
            Request(
                "GET",
                f"/api{target}",
                parse_query(query),
                dict(HEADERS),
                peer="127.0.0.1:1",
                is_loopback=True,
            )
        )
        assert response.status == 200, response
        if isinstance(response.body, bytes):
            return response.body
        self.pieces = [piece async for piece in response.body]
        return b""


class Watch:
    """Time of the slices between the waits of a coroutine, in seconds of CPU."""

    def __init__(self) -> None:
        self.slices: list[float] = []

    async def time(self, work: Coroutine[Any, Any, bytes]) -> bytes:
        """Each slice is one turn of the loop."""
        task = asyncio.get_running_loop().create_task(work)
        while not task.done():
            began = time.process_time()
            await asyncio.sleep(0)
            self.slices.append(time.process_time() - began)
        return task.result()


def report(name: str, runs: list[list[float]]) -> None:
    best = min(runs, key=sum)
    longest = min(max(slices) for slices in runs)
    print(
        f"{name:<46} {1000 * sum(best):8.2f} ms   longest slice {1000 * longest:6.2f} ms"
        f"   slices {len(best):4}"
    )


async def look(setting: Setting) -> list[float]:
    setting.traffic()
    slices, steps = [], setting.slices()
    while True:
        began = time.process_time()
        is_over = next(steps, steps) is steps
        slices.append(time.process_time() - began)
        if is_over:
            return slices


PATHS = {
    "queues": "/queues",
    "page by name": "/queues?page=1&page_size=100&sort=name",
    "page by messages": "/queues?page=1&page_size=100&sort=messages&sort_reverse=true",
    "page by rate": "/queues?page=1&page_size=100&sort=message_stats.publish_details.rate",
    "page by pattern": "/queues?page=1&page_size=100&name=0%5B0-9%5D%2B7&use_regex=true",
    "names": "/queues?columns=name,vhost",
    "page with charts": "/queues?page=1&page_size=100&lengths_age=600&lengths_incr=5"
    "&msg_rates_age=600&msg_rates_incr=5",
    "queue with charts": "/queues/%2f/queue-00001?lengths_age=600&lengths_incr=5"
    "&msg_rates_age=600&msg_rates_incr=5",
    "connections": "/connections",
    "channels": "/channels",
    "consumers": "/consumers",
    "bindings": "/bindings",
    "overview": "/overview",
    "overview with charts": "/overview?lengths_age=3600&lengths_incr=60&msg_rates_age=3600"
    "&msg_rates_incr=60",
    "overview of a fresh second": "/overview",
    "nodes": "/nodes",
    "vhosts": "/vhosts",
}


async def request(setting: Setting, name: str) -> list[float]:
    watch = Watch()
    if name == "overview of a fresh second":
        setting.world.clock.time_ms += 1_000
    setting.management.remembered = Remembered()
    setting.pieces = []
    whole = await watch.time(setting.get(PATHS[name]))
    json.loads(whole or b"".join(setting.pieces))
    return watch.slices


async def memory(setting: Setting) -> None:
    """What the samples of all objects take once their rings are there."""
    tracemalloc.start()
    before = tracemalloc.take_snapshot()
    await look(setting)
    after = tracemalloc.take_snapshot()
    tracemalloc.stop()
    found = [
        stat
        for stat in after.compare_to(before, "filename")
        if "statistics" in stat.traceback[0].filename
    ]
    octets = sum(stat.size_diff for stat in found)
    print(f"samples take {octets / 1e6:.2f} MB")


async def main(arguments: list[str]) -> None:
    setting = Setting()
    gc.collect()
    gc.freeze()
    work: dict[str, Callable[[], Awaitable[list[float]]]] = {"look": lambda: look(setting)}
    for name in PATHS:
        work[name] = lambda name=name: request(setting, name)  # type: ignore[misc]
    if arguments[:1] == ["--profile"]:
        for _ in range(3):
            await work[arguments[1]]()
        profile = cProfile.Profile()
        profile.enable()
        await work[arguments[1]]()
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        return
    await memory(setting)
    for name, measure in work.items():
        report(name, [await measure() for _ in range(RUNS)])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
