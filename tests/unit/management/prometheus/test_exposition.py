"""Prometheus' text format, as its own parser reads it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from broker.management.prometheus.exposition import (
    LINES,
    Family,
    Table,
    escaped,
    histogram_lines,
    labels,
    number,
    sample,
    written,
)
from broker.management.statistics.histogram import Histogram

READY = Family("ready", "gauge", "Messages \\ that wait\nfor somebody")


def test_a_family_is_written_with_what_it_is() -> None:
    table = Table([labels(vhost="/", queue="q"), labels(vhost="/", queue="r")], {"ready": [3, 4]})
    assert b"".join(written("rabbitmq_", [READY], table)).decode() == (
        "# TYPE rabbitmq_ready gauge\n"
        "# HELP rabbitmq_ready Messages \\\\ that wait\\nfor somebody\n"
        'rabbitmq_ready{vhost="/",queue="q"} 3\n'
        'rabbitmq_ready{vhost="/",queue="r"} 4\n'
    )


def test_without_samples_a_family_is_there_all_the_same() -> None:
    for table in (Table([], {}), Table([""], {"ready": [None]})):
        text = b"".join(written("", [READY], table)).decode()
        assert text.startswith("# TYPE ready gauge\n")
        assert text.count("\n") == 2


def test_many_lines_come_in_pieces() -> None:
    count = 3 * LINES + 1
    names = [labels(queue=str(at)) for at in range(count)]
    pieces = list(written("", [READY], Table(names, {"ready": list(range(count))})))
    assert [piece.count(b"ready{") for piece in pieces] == [LINES, LINES, LINES, 1]


@given(values=st.dictionaries(st.from_regex(r"[a-z][a-z_]{0,9}", fullmatch=True), st.text()))
def test_labels_are_read_as_they_were(values: dict[str, str]) -> None:
    values = {
        name: text.encode("utf-8", "backslashreplace").decode() for name, text in values.items()
    }
    line = sample("metric", labels(**values), 1)
    if "\r" in line or any(len(part.splitlines()) > 1 for part in values.values()):
        return  # the parser splits lines where the format does not
    (family,) = text_string_to_metric_families(line)
    (found,) = family.samples
    assert found.labels == values


def test_octets_that_are_not_utf_8_stay_apart() -> None:
    names = [octets.decode("utf-8", "surrogateescape") for octets in (b"\xff", b"\xfe")]
    assert [escaped(name) for name in names] == ["\\\\udcff", "\\\\udcfe"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(3, "3"), (0.5, "0.5"), (math.nan, "NaN"), (math.inf, "+Inf"), (-math.inf, "-Inf")],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


def test_a_histogram_counts_up_to_each_bound() -> None:
    histogram = Histogram((0.1, 5))
    for value in (0.0625, 0.0625, 3.0, 10.0):
        histogram.observe(value)
    assert histogram_lines("wait", {"queue": "q"}, histogram) == (
        'wait_bucket{queue="q",le="0.1"} 2\n'
        'wait_bucket{queue="q",le="5"} 3\n'
        'wait_bucket{queue="q",le="+Inf"} 4\n'
        'wait_sum{queue="q"} 13.125\n'
        'wait_count{queue="q"} 4\n'
    )
