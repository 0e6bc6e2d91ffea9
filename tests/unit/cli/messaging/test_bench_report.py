"""What a load test tells."""

from __future__ import annotations

import json

from broker.cli.messaging.bench_report import Totals, as_json, progress, table
from broker.cli.messaging.latency import bucket_of

REPORT = {
    "sent": 10,
    "confirmed": 8,
    "nacked": 1,
    "received": 6,
    "latency": {str(bucket_of(100)): 3, str(bucket_of(2000)): 3},
    "confirm_latency": {str(bucket_of(50)): 1},
    "last_ns": 5,
}


def totals() -> Totals:
    made = Totals()
    made.add(REPORT)
    made.add({"received": 4, "last_ns": 3})
    return made


def test_sums() -> None:
    made = totals()
    assert made.numbers == {"sent": 10, "confirmed": 8, "nacked": 1, "returned": 0, "received": 10}
    assert made.last_ns == 5


def test_a_line() -> None:
    assert progress(3.0, totals(), 2.0) == (
        "   3.0 s  sent 5/s  confirmed 4/s  nacked 0/s  received 5/s  "
        "min/median/p95/p99 latency 0.100/0.100/2.00/2.00 ms"
    )
    assert progress(1.0, Totals(), 1.0) == "   1.0 s  sent 0/s  received 0/s"
    confirms = Totals()
    confirms.add({"confirmed": 1, "confirm_latency": {"50": 1}})
    assert progress(1.0, confirms, 1.0).endswith("of confirms 0.050/0.050/0.050/0.050 ms")


def test_a_table() -> None:
    lines = table(totals(), 2.0).splitlines()
    assert [line.split() for line in lines] == [
        ["messages", "a", "second"],
        ["sent", "10", "5"],
        ["confirmed", "8", "4"],
        ["nacked", "1", "0"],
        ["received", "10", "5"],
        [],
        ["ms", "min", "median", "p95", "p99"],
        ["latency", "0.100", "0.100", "2.00", "2.00"],
        ["of", "confirms", "0.050", "0.050", "0.050", "0.050"],
    ]
    assert len(table(Totals(), 0.0).splitlines()) == 3


def test_json() -> None:
    figures = json.loads(as_json(totals(), 2.0))
    assert figures["seconds"] == 2.0
    assert (figures["sent"], figures["sent_per_second"]) == (10, 5.0)
    assert figures["latency_ms"] == {"min": 0.1, "median": 0.1, "p95": 2.0, "p99": 2.0}
    assert json.loads(as_json(Totals(), 0.0))["latency_ms"] is None
