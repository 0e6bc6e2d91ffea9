"""A well-behaved client in a process of its own: what hostile peers must not disturb.

It publishes to a queue of its own with confirms, consumes from it with acks, and checks that every
message is confirmed, comes once, whole and in order. Asked by a line on its standard input, it
prints its counts as JSON, once at least one whole round has been made since it was asked. Whatever
goes wrong, a wait longer than WAIT_S included, ends it with a traceback.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.conformance import wire_codec as wire
from tests.integration.support import WAIT_S, WirePeer, publish_frames

BATCH = 20


class Client:
    """The client itself."""

    def __init__(self, port: int):
        self.peer = WirePeer(port).login(channels=2, heartbeat=30)
        self.queue = self.peer.call(1, "Queue.Declare", exclusive=True)["queue"]
        self.peer.call(1, "Confirm.Select")
        self.peer.call(2, "Basic.Qos", prefetch_count=BATCH)
        self.peer.call(2, "Basic.Consume", queue=self.queue, consumer_tag="canary")
        self.confirmed = self.consumed = self.rounds = 0
        self.worst_ms = 0.0

    def round(self) -> None:
        """Publish a batch; wait until it is confirmed and has come."""
        start = time.monotonic()
        first = self.consumed
        numbers = range(first, first + BATCH)
        self.peer.send(
            b"".join(
                publish_frames(1, b"canary %d" % number, routing_key=self.queue)
                for number in numbers
            )
        )
        while self.confirmed < first + BATCH or self.consumed < first + BATCH:
            frame = self.peer.read_frame(WAIT_S)
            assert frame is not None, "the connection was closed"
            if frame[0] == 1:
                self._on_method(*wire.decode_method(frame[2]))
        self.rounds += 1
        self.worst_ms = max(self.worst_ms, (time.monotonic() - start) * 1000)

    def _on_method(self, name: str, fields: dict[str, Any]) -> None:
        if name == "Basic.Ack":
            assert fields["delivery_tag"] > self.confirmed, fields
            self.confirmed = fields["delivery_tag"]
        else:
            assert name == "Basic.Deliver", f"{name} {fields}"
            assert not fields["redelivered"]
            assert self.peer.read_content() == b"canary %d" % self.consumed
            self.consumed += 1
            assert fields["delivery_tag"] == self.consumed
            self.peer.say(2, "Basic.Ack", delivery_tag=self.consumed)


def run(port: int) -> None:
    client = Client(port)
    client.round()
    client.worst_ms = 0.0
    while True:
        asked, _, _ = select.select([0], [], [], 0.01)
        if asked and not os.read(0, 100):
            return
        client.round()
        if asked:
            report = {"rounds": client.rounds, "worst_ms": round(client.worst_ms, 1)}
            client.worst_ms = 0.0
            os.write(1, json.dumps(report).encode() + b"\n")


class Canary:
    """The process, as a test sees it."""

    def __init__(self, port: int):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fault.canary", str(port)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.worst_ms = 0.0
        self.sings()

    def sings(self) -> int:
        """Assert that it has been well until now, and still is. Returns: rounds made."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(b"?\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):  # it has ended; closed by its last words
            raise AssertionError(self._last_words()) from None
        readable, _, _ = select.select([self._process.stdout], [], [], 2 * WAIT_S)
        line = self._process.stdout.readline() if readable else b""
        if not line:
            raise AssertionError(self._last_words())
        report = json.loads(line)
        self.worst_ms = max(self.worst_ms, report["worst_ms"])
        rounds = report["rounds"]
        assert isinstance(rounds, int)
        return rounds

    def _last_words(self) -> str:
        self._process.kill()
        if self._process.stderr is None or self._process.stderr.closed:
            return "the well-behaved client was disturbed before"
        _, errors = self._process.communicate(timeout=WAIT_S)
        return f"the well-behaved client was disturbed:\n{errors.decode()[-2000:]}"

    def __enter__(self) -> Canary:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(WAIT_S)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


if __name__ == "__main__":
    run(int(sys.argv[1]))
