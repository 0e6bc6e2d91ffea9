"""What survives the broker's end, and how soon it is there again."""

from __future__ import annotations

import time

from . import wire
from .backlog import BACKLOG_COUNT, BODY_BYTES, drain, fill
from .numbered import Numbered
from .scenario import Metrics, Run, own_broker, scenario
from .target import OwnBroker

QUEUE = "bench.recovery"
WINDOW = 10_000
RECOVERY_TIMEOUT_S = 60


@scenario(
    "recovery",
    "start with 1 000 000 persistent messages, after kill -9 and after a clean stop",
    single=True,
    own=True,
    isolated=True,
)
def recovery(run: Run) -> Metrics:
    """All of them were confirmed, so all of them must be there, in order."""
    broker = own_broker(run)
    message_count = run.messages or run.size(BACKLOG_COUNT, BACKLOG_COUNT // 5)
    source = Numbered(QUEUE, BODY_BYTES, wire.PERSISTENT)
    with broker.connect() as owner:
        owner.declare_queues([QUEUE], durable=True)
    filled = fill(broker, source, message_count, WINDOW)
    metrics = {
        "rate_per_s": message_count / filled.elapsed_s,
        "disk_mb": broker.disk_bytes() / 1e6,
    }
    broker.kill()
    metrics["killed_s"] = _start_again(broker, message_count)
    metrics["killed_rss_mb"] = broker.rss_bytes() / 1e6
    metrics["stop_s"] = broker.terminate()
    assert broker.exit_code == 0, f"not a clean stop: exit code {broker.exit_code}"
    metrics["stopped_s"] = _start_again(broker, message_count)
    metrics["stopped_rss_mb"] = broker.rss_bytes() / 1e6
    drained = drain(broker, source, message_count)
    return metrics | {"drain_per_s": message_count / drained.elapsed_s}


def _start_again(broker: OwnBroker, message_count: int) -> float:
    """Returns: seconds from the start of the process until the queue shows all its messages."""
    start = time.perf_counter()
    broker.restart_timed()
    with broker.connect() as peer:
        while (found := peer.message_counts([QUEUE])[0]) != message_count:
            if time.perf_counter() - start > RECOVERY_TIMEOUT_S:
                raise TimeoutError(f"{found} of {message_count} messages after the start")
            time.sleep(0.005)
    return time.perf_counter() - start
