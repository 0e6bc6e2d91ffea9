"""What it costs to be watched: statistics, the HTTP API, people who look at the page."""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from . import wire
from .connections import crowd
from .flow import Flow, delivery_size
from .latency import time_each
from .scenario import Meter, Metrics, Run, own_broker, scenario
from .source import Repeated
from .stage import stage
from .target import OwnBroker
from .throughput import BODY, make_pair, measure_flow
from .watchers import GUEST

QUEUE = "bench.watched"
OFF = ["--set", "management.enabled=false", "--set", "prometheus.enabled=false"]
CHARTS = "lengths_age=60&lengths_incr=5&msg_rates_age=60&msg_rates_incr=5"
OVERVIEW = f"/api/overview?{CHARTS}"
COLLECTED_S = 12.0  # two or three looks of the collector
WATCHERS, EVERY_S = 1_000, 5.0


def other_names(run: Run) -> list[str]:
    return [f"bench.other-{number:05}" for number in range(run.size(5_000, 1_000))]


@contextmanager
def stirred(broker: OwnBroker, names: list[str]) -> Iterator[None]:
    """Every queue gets a message now and then, and another is taken out: all of them change."""
    stop = threading.Event()

    def stir() -> None:
        with broker.connect() as peer:
            blocks = [
                b"".join(wire.publish("", name, BODY) for name in names[start : start + 100])
                for start in range(0, len(names), 100)
            ]
            pause_s = 4.0 / len(blocks)
            while not stop.is_set():
                for block in blocks:
                    peer.send(block)
                    if stop.wait(pause_s):
                        return

    thread = threading.Thread(target=stir)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@scenario(
    "statistics",
    "auto-ack beside 1 000 connections and 5 000 queues that change, with management and without",
    own=True,
    single=True,
)
def statistics(run: Run) -> Metrics:
    names = other_names(run)
    figures = {}
    for name, arguments in (("without", OFF), ("with", [])):
        broker = OwnBroker(name, arguments)
        broker.refresh()
        try:
            with crowd(broker) as members, stage(broker, [QUEUE, *names]):
                members.open(run.size(1_000, 300))
                with stirred(broker, names):
                    time.sleep(5)
                    figures[name] = _flow(broker, max(run.seconds, COLLECTED_S))
                    figures[name]["rss_mb"] = broker.rss_bytes() / 1e6
        finally:
            broker.stop()
    with_it, without = figures["with"], figures["without"]
    return {
        "cpu_ratio": with_it["cpu_us"] / without["cpu_us"],
        "cpu_us": with_it["cpu_us"],
        "cpu_us_alone": without["cpu_us"],
        "rate_per_s": with_it["rate_per_s"],
        "rate_per_s_alone": without["rate_per_s"],
        "rss_mb": with_it["rss_mb"],
        "rss_mb_alone": without["rss_mb"],
    }


def _flow(broker: OwnBroker, seconds: float) -> Metrics:
    with broker.connect() as sender, broker.connect() as receiver:
        source = Repeated(wire.publish("", QUEUE, BODY))
        publisher, consumer = make_pair(sender, receiver, source, QUEUE)
        run = Run(broker, seconds, None, quick=False)
        return measure_flow(run, Flow([publisher], [consumer]))


@contextmanager
def watched(broker: OwnBroker, count: int, every_s: float, path: str) -> Iterator[None]:
    """People look on meanwhile."""
    arguments = [str(broker.management_port), str(count), str(every_s), path]
    command = [sys.executable, "-m", "benchmarks.load.watchers", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as watchers:
        assert watchers.stdout is not None
        assert watchers.stdin is not None
        while int(watchers.stdout.readline()) < count:  # each has had an answer
            pass
        try:
            yield
            assert watchers.poll() is None, "the watchers have given up"
        finally:
            watchers.stdin.close()


@scenario("watchers", "what 1 000 who look at the overview every 5 s take of a core", own=True)
def watchers(run: Run) -> Metrics:
    """Measured on a broker that does nothing else: of one under full load they take as much, and
    that is what its publishers lose."""
    broker, seconds = own_broker(run), max(run.seconds, 2 * EVERY_S)
    count = run.size(WATCHERS, WATCHERS // 4)
    with watched(broker, count, EVERY_S, OVERVIEW):
        meter = Meter(broker)
        time.sleep(seconds)
        share = meter.cpu_us(per=1) / 1e6 / meter.elapsed_s()
    requests_per_s = count / EVERY_S
    return {
        "core_percent": 100 * share,
        "requests_per_s": requests_per_s,
        "cpu_us": share / requests_per_s * 1e6,
    }


PAGES = {
    "overview": OVERVIEW,
    "page": f"/api/queues?page=1&page_size=100&sort=messages&sort_reverse=true&{CHARTS}",
    "largest_page": "/api/queues?page=1&page_size=500",
    "all": "/api/queues",
}


@scenario("pages", "answers of the HTTP API with 5 000 queues and 1 000 connections", own=True)
def pages(run: Run) -> Metrics:
    broker, names = own_broker(run), other_names(run)
    metrics: Metrics = {}
    with crowd(broker) as members, stage(broker, names), stirred(broker, names):
        members.open(run.size(1_000, 300))
        time.sleep(6)
        client = http.client.HTTPConnection("127.0.0.1", broker.management_port)
        for name, path in PAGES.items():
            times_ms = []
            for _ in range(20):
                start = time.perf_counter()
                client.request("GET", path, headers={"authorization": f"Basic {GUEST}"})
                response = client.getresponse()
                octets = len(response.read())
                times_ms.append((time.perf_counter() - start) * 1000)
                assert response.status == 200, response.status
            metrics[f"{name}_ms"] = median(times_ms)
            metrics[f"{name}_max_ms"] = max(times_ms)
            metrics[f"{name}_kb"] = octets / 1000
        client.close()
    return metrics


@scenario("delays", "one message in flight while lists of 5 000 queues are served", own=True)
def delays(run: Run) -> Metrics:
    broker, names = own_broker(run), other_names(run)
    metrics: Metrics = {}
    message, tag = wire.publish("", QUEUE, BODY), "consumer-1"
    size = delivery_size(wire.read_contents(message)[0], tag)
    with (
        stage(broker, [QUEUE, *names]),
        stirred(broker, names),
        broker.connect() as sender,
        broker.connect() as receiver,
    ):
        receiver.consume(QUEUE, tag, no_ack=True)

        def round_trip() -> None:
            sender.socket.send(message)
            missing = size
            while missing > 0:
                missing -= len(receiver.socket.recv(4096))

        timed = Run(broker, max(run.seconds, 5.0), None, quick=False)
        alone = time_each(timed, round_trip)
        with watched(broker, 2, 0.2, "/api/queues"), watched(broker, 20, 0.5, OVERVIEW):
            beside = time_each(timed, round_trip)
    for name in ("p50_us", "p99_us", "p999_us", "max_us"):
        metrics[f"{name}_alone"] = alone[name]
        metrics[name] = beside[name]
    return metrics
