"""One process of a load test, here without the process."""

from __future__ import annotations

import dataclasses
import io
import json
import os
from typing import Any

import pytest

from broker.amqp import methods as m
from broker.cli.messaging.exits import Failure
from broker.cli.messaging.load_worker import Worker
from tests.unit.cli.messaging.conftest import Caller
from tests.unit.cli.messaging.test_load import PLAN


def plan_for(call: Caller, **changes: Any) -> dict[str, Any]:
    address = dataclasses.asdict(call.address)
    return PLAN | {"address": address, "producers": [], "consumers": []} | changes


def test_it_tells_when_it_is_ready_and_done_and_ends_when_told(call: Caller) -> None:
    owner = call.connect()
    queue = owner.call(m.QueueDeclare(exclusive=False, auto_delete=True), m.QueueDeclareOk).queue
    reading, writing = os.pipe()

    class Reports(io.StringIO):
        """Says stop to the worker once all was sent."""

        def write(self, text: str) -> int:
            if json.loads(text).get("done"):
                os.write(writing, b"stop\n")
            return super().write(text)

    reports = Reports()
    with os.fdopen(reading, "rb", buffering=0) as orders:
        worker = Worker(plan_for(call, producers=[queue], messages=20), orders, reports)
        os.write(writing, b"go\n")
        assert worker.await_go()
        worker.run()
        worker.close()
    os.close(writing)
    first, *middle, last = [json.loads(line) for line in reports.getvalue().splitlines()]
    assert first == {"ready": True}
    assert sum(report.get("sent", 0) for report in middle) == 20
    assert last["final"]
    passive = m.QueueDeclare(queue=queue, passive=True)
    assert owner.call(passive, m.QueueDeclareOk).message_count == 20
    owner.call(m.QueueDelete(queue=queue), m.QueueDeleteOk)
    owner.close()


def test_it_does_not_begin_when_nobody_says_so(call: Caller) -> None:
    worker = Worker(plan_for(call), io.BytesIO(b""), io.StringIO())
    assert not worker.await_go()
    worker.close()


def test_what_fails_is_a_failure(call: Caller) -> None:
    with pytest.raises(Failure, match="no queue 'nope'"):
        Worker(plan_for(call, consumers=["nope"]), io.BytesIO(), io.StringIO())
    reports = io.StringIO()
    worker = Worker(plan_for(call), io.BytesIO(), reports)
    worker._on_blocked("low on memory")
    assert json.loads(reports.getvalue()) == {"blocked": "low on memory"}
