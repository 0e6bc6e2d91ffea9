"""The load test with its processes."""

from __future__ import annotations

import io
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from broker import Broker
from broker.amqp import methods as m
from broker.cli.messaging import bench
from broker.cli.messaging.address import Address
from broker.cli.messaging.bench_plan import OPTIONS, plan_of, shares
from broker.cli.messaging.exits import Failure
from broker.cli.messaging.options import Given
from tests.support.certificates import Authority
from tests.unit.cli.messaging.conftest import Caller


def assert_nothing_is_left(call: Caller) -> None:
    connection = call.connect()
    passive = m.QueueDeclare(queue=f"leveretctl-bench-{os.getpid()}-0000", passive=True)
    with pytest.raises(Failure, match="NOT_FOUND"):
        connection.call(passive, m.QueueDeclareOk)
    connection.close()


def test_so_many_messages(call: Caller) -> None:
    said = call(bench, messages=3000, confirm=500, formatter="json", processes=1)
    assert (said.code, said.err) == (0, "")
    figures = json.loads(said.out)
    names = ("sent", "confirmed", "received", "nacked", "returned")
    assert [figures[name] for name in names] == [3000, 3000, 3000, 0, 0]
    assert figures["latency_ms"]["min"] <= figures["latency_ms"]["p99"]
    assert_nothing_is_left(call)


def test_for_so_long_with_progress(call: Caller) -> None:
    said = call(bench, seconds="1.2", rate="100", exchange_type="fanout", autoack=True)
    assert said.code == 0
    assert said.out.split()[:3] == [b"messages", b"a", b"second"]
    assert "latency" in said.err
    assert_nothing_is_left(call)


def test_a_signal_ends_it_and_what_was_declared_is_deleted(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_report = bench.Bench._on_report

    def interrupting(self: bench.Bench, descriptor: int, report: dict[str, Any]) -> None:
        on_report(self, descriptor, report)
        if report.get("received") and not self._stopping.is_asked:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(bench.Bench, "_on_report", interrupting)
    said = call(bench, seconds="600", rate="1000", processes=1)
    assert said.code == 0
    assert b"received" in said.out
    assert_nothing_is_left(call)


@pytest.mark.parametrize(
    ("options", "arguments", "code", "text"),
    [
        ({"producers": 0, "consumers": 0}, [], 64, "nothing to do"),
        ({}, ["q"], 64, "options only"),
        ({"port": 1}, [], 69, "connection refused"),
        ({"password": "wrong"}, [], 77, "ACCESS_REFUSED"),
        ({"queue": "nope"}, [], 65, "no queue 'nope'"),
        ({"exchange_type": "nope"}, [], 65, "invalid exchange type 'nope'"),
        ({"formatter": "erlang"}, [], 64, "--formatter"),
    ],
)
def test_what_goes_wrong(
    call: Caller, options: dict[str, Any], arguments: list[str], code: int, text: str
) -> None:
    said = call(bench, *arguments, **options)
    assert (said.code, said.out) == (code, b"")
    assert text in said.err


def test_what_a_process_cannot_do_ends_it(call: Caller) -> None:
    connection = call.connect()
    exclusive = m.QueueDeclare(exclusive=True)
    queue = connection.call(exclusive, m.QueueDeclareOk).queue
    taken = m.BasicConsume(queue=queue, exclusive=True)
    connection.call(taken, m.BasicConsumeOk)
    said = call(bench, queue=queue, messages=5, processes=1)
    assert said.code == 65
    assert "RESOURCE_LOCKED" in said.err
    connection.close()


def test_what_is_declared_is_deleted_though_the_channel_was_closed(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The type is accepted, the binding is not: a weight that is no number."""
    monkeypatch.setattr(bench.Stage, "key_of", lambda self, queue: "heavy")
    said = call(bench, exchange_type="x-consistent-hash")
    assert said.code == 65
    assert "PRECONDITION_FAILED" in said.err
    assert "left behind" not in said.err
    assert_nothing_is_left(call)


def test_deliveries_that_do_not_come(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "STALL_S", 0.0)
    connection = call.connect()
    queue = connection.call(m.QueueDeclare(queue="short"), m.QueueDeclareOk).queue
    bind = m.BasicConsume(queue=queue, consumer_tag="other")
    connection.call(bind, m.BasicConsumeOk)  # takes half of the messages
    said = call(bench, queue="short", messages=100, processes=1)
    assert said.code == 75
    assert "of 100 deliveries came" in said.err
    connection.call(m.QueueDelete(queue="short"), m.QueueDeleteOk)
    connection.close()


def test_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with Broker(authority.server_settings(authority.issue("server"))) as broker:
        given = {"uri": broker.tls_url, "cacert": authority.ca, "formatter": "json"}
        given |= {"messages": 300, "size": 20_000, "confirm": 20, "processes": 1}
        out, err = io.BytesIO(), io.StringIO()
        assert bench.run(given, [], io.BytesIO(), out, err) == 0, err.getvalue()
    assert json.loads(out.getvalue())["received"] == 300


def test_no_process_outlives_its_crew() -> None:
    with bench.Crew(shares(plan_of(Given({}, OPTIONS)), Address(port=1))) as crew:
        processes = list(crew.processes.values())
    assert len(processes) == 2
    assert all(process.returncode is not None for process in processes)
