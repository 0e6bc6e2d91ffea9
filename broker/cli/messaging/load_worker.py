"""One process of a load test: `python -m broker.cli.messaging.load_worker`.

It reads its plan from a line of standard input, connects, says that it is ready, and begins when
told "go". It reports about once a second in lines of JSON, and ends when told to, or when its input
ends: so none is left when the command is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
from typing import IO, Any

from broker.cli.messaging.address import Address
from broker.cli.messaging.clock import now_s
from broker.cli.messaging.connection import Connection
from broker.cli.messaging.exits import EX_OK, Failure
from broker.cli.messaging.load import Consumer, Counts, Party, Producer

REPORT_S = 0.5
IDLE_S = 0.05  # with nothing to do for so long, what there is is reported at once


class Worker:
    """The parties of one process, driven by one poll."""

    def __init__(self, plan: dict[str, Any], orders: IO[bytes], reports: IO[str]):
        self._orders = orders
        self._reports = reports
        self.counts = Counts()
        self.parties: list[Party] = []
        self._connections: list[Connection] = []
        self._is_producing = bool(plan["producers"])
        address = Address(**plan["address"])
        try:
            for kind, places in ((Consumer, plan["consumers"]), (Producer, plan["producers"])):
                for where in places:
                    connection = Connection(address, self._on_blocked)
                    self._connections.append(connection)
                    self.parties.append(kind(connection, plan, where, self.counts))
        except BaseException:
            self._drop()
            raise

    def _on_blocked(self, reason: str | None) -> None:
        self.tell({"blocked": reason})

    def tell(self, report: dict[str, Any]) -> None:
        self._reports.write(json.dumps(report) + "\n")
        self._reports.flush()

    def await_go(self) -> bool:
        self.tell({"ready": True})
        return self._orders.readline() == b"go\n"

    def run(self) -> None:
        """Until the next order, which is to end. Raises: Failure."""
        poller = select.poll()
        poller.register(self._orders, select.POLLIN)
        parties = {party.connection.transport.fileno(): party for party in self.parties}
        masks = dict.fromkeys(parties, 0)
        report_at, is_told_done, has_news = now_s() + REPORT_S, False, False
        while True:
            for descriptor, party in parties.items():
                party.pump()
                mask = select.POLLIN | (select.POLLOUT if party.wants_write else 0)
                if mask != masks[descriptor]:
                    masks[descriptor] = mask
                    poller.register(descriptor, mask)
            events = poller.poll(self._wait_s(report_at, has_news=has_news) * 1000)
            for descriptor, event in events:
                if descriptor not in parties:
                    return
                if event & ~select.POLLOUT:
                    parties[descriptor].on_readable()
            for party in self.parties:  # what TLS holds already, no poll shows
                if party.connection.transport.has_pending:
                    party.on_readable()
            has_news = has_news or bool(events)
            is_done = self._is_producing and all(party.is_done for party in self.parties)
            if now_s() >= report_at or (has_news and not events) or (is_done and not is_told_done):
                report = self.counts.taken() | {"done": is_done}
                is_told_done, has_news = is_done, False
                report_at = now_s() + REPORT_S
                self.tell(report)

    def _wait_s(self, report_at: float, *, has_news: bool) -> float:
        wait_s = max(0.0, report_at - now_s())
        for party in self.parties:
            if party.connection.transport.has_pending:
                return 0.0
            due_s = party.due_s()
            if due_s is not None:
                wait_s = min(wait_s, max(0.001, due_s))
            elif has_news:
                wait_s = min(wait_s, IDLE_S)
        return wait_s

    def close(self) -> None:
        """The last report; connections are dropped: what they declared is not theirs."""
        self.tell(self.counts.taken() | {"final": True})
        self._drop()

    def _drop(self) -> None:
        for connection in self._connections:
            connection.drop()


def main() -> int:
    """Returns: the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command is asked, and tells
    orders = os.fdopen(os.dup(0), "rb", buffering=0)
    with orders, contextlib.suppress(BrokenPipeError):
        plan = json.loads(orders.readline())
        try:
            worker = Worker(plan, orders, sys.stdout)
            if worker.await_go():
                worker.run()
            worker.close()
        except Failure as failure:
            sys.stdout.write(json.dumps({"error": str(failure), "code": failure.code}) + "\n")
            sys.stdout.flush()
            return failure.code
    return EX_OK


if __name__ == "__main__":
    sys.exit(main())
