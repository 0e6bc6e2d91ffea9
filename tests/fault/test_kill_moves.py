"""kill -9 while dead letters go back and messages go to another queue: each is somewhere, once.

LEVERET_SEED and LEVERET_ROUNDS as in `test_kill`.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.fault.test_kill import SEED, SMALL, rounds
from tests.integration.support import WAIT_S, WirePeer
from tests.support.builders import publish_frames, table
from tests.support.process import BrokerProcess

COUNT = 4_000
OPEN = ("--management-port", "0")
HEADERS = {"authorization": "Basic " + base64.b64encode(b"guest:guest").decode()}


class Operator:
    """Somebody at the HTTP API."""

    def __init__(self, broker: BrokerProcess):
        port = broker.ports["management"]
        self._client = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)

    def __enter__(self) -> Operator:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def asks(self, method: str, path: str, body: object = None) -> Any:
        octets = None if body is None else json.dumps(body)
        self._client.request(method, f"/api/queues/%2f/{path}", octets, HEADERS)
        response = self._client.getresponse()
        data = response.read()
        assert response.status == 200, data
        return json.loads(data)

    def browses(self, queue: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        after: str | None = ""
        while after is not None:
            found = self.asks("GET", f"{queue}/messages?limit=500&after={after}")
            assert not found["unreadable"]
            items += found["items"]
            after = found["next"]
        return items

    def goes_on(self, path: str, body: dict[str, Any]) -> Iterator[int]:
        """Until nothing is left, or the broker is gone. Gives: messages moved so far."""
        moved, after = 0, None
        with contextlib.suppress(OSError, http.client.HTTPException):
            while True:
                found = self.asks("POST", path, {**body, "after": after})
                assert not found["failed"]
                moved, after = moved + found["moved"], found["next"]
                yield moved
                if after is None:
                    return


def fill(port: int) -> None:
    """Dead letters of queue work in queue dead."""
    death = {"queue": "work", "exchange": "x", "routing-keys": ["k"], "reason": "rejected"}
    headers = table(x_death=[death], kept=1)
    with WirePeer(port) as peer:
        peer.login()
        for queue in ("work", "dead"):
            peer.call(1, "Queue.Declare", queue=queue, durable=True)
        peer.call(1, "Confirm.Select")
        for number in range(COUNT):
            body = b"%07d" % number + b"." * (number % 97)
            octets = publish_frames(1, "", "dead", body, headers=headers, delivery_mode=2)
            peer.send(octets)
        confirmed = 0
        while confirmed < COUNT:
            confirmed = peer.hear("Basic.Ack")[1]["delivery_tag"]
        peer.close()


def kill_while(
    broker: BrokerProcess, path: str, body: dict[str, Any], share: float, *, stops: bool
) -> None:
    """It is killed when about that share was moved, and started again. stops: nothing is moved at
    that moment."""
    may_be_killed = threading.Event()

    def work() -> None:
        with Operator(broker) as operator:
            if not share:
                may_be_killed.set()
            for moved in operator.goes_on(path, body):
                if moved >= share * COUNT:
                    may_be_killed.set()
                    if stops:
                        return

    thread = threading.Thread(target=work)
    thread.start()
    assert may_be_killed.wait(WAIT_S)
    broker.stop(signal.SIGKILL)
    thread.join()
    broker.start()


def test_moving_loses_nothing_when_the_broker_is_killed(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    moved_at_kills = []
    with BrokerProcess(*SMALL, *OPEN, data_dir=tmp_path / "data") as broker:
        fill(broker.port)
        source, target, path = "dead", "work", "dead/redrive"
        body: dict[str, Any] = {"all": True}
        for number in range(rounds(6)):
            share = chance.choice((0, 0.2, 0.5)) if number else 0.5
            kill_while(broker, path, body, share, stops=number % 2 == 0)
            with Operator(broker) as operator:
                left, there = operator.browses(source), operator.browses(target)
                moved_at_kills.append(len(there))
                numbers = [int(one["payload"][:7]) for one in there + left]
                assert numbers == list(range(COUNT)), Counter(numbers).most_common(3)
                moved = list(operator.goes_on(path, body))
                shown = operator.browses(target)
            assert moved[-1] == len(left)
            if path == "dead/redrive":
                assert all(one["properties"]["headers"] == {"kept": 1} for one in shown)
                assert {(one["exchange"], one["routing_key"]) for one in shown} == {("x", "k")}
            source, target = target, source
            path, body = f"{source}/move", {"destination": target}
    print(f"\nLEVERET_SEED={SEED}: moved when it was killed: {moved_at_kills}")  # noqa: T201
    assert 0 < moved_at_kills[0] < COUNT
