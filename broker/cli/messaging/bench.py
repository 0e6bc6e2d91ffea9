"""`leveretctl bench`: a quick load test of any AMQP 0-9-1 broker.

This process declares, tells the others when to begin and to end, adds up what they report, and
deletes what it declared. Producers and consumers are in processes of their own, so that they are
not what is measured (`load_worker`).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import broker
from broker.cli.messaging import address, bench_report
from broker.cli.messaging.bench_plan import OPTIONS as PLAN_OPTIONS
from broker.cli.messaging.bench_plan import Plan, Stage, check, plan_of, shares
from broker.cli.messaging.bench_report import Totals
from broker.cli.messaging.clock import now_ns, now_s
from broker.cli.messaging.connection import Connection
from broker.cli.messaging.exits import EX_CANTCREAT, EX_OK, EX_SOFTWARE, EX_TEMPFAIL, Failure, usage
from broker.cli.messaging.options import CONNECTION, Given, Option, octets
from broker.cli.messaging.running import on_blocked, runs, say
from broker.cli.messaging.signals import Stopping

USAGE = "bench"
SUMMARY = "a quick load test, with progress"
OPTIONS: tuple[Option, ...] = (
    *CONNECTION,
    *PLAN_OPTIONS,
    Option("formatter", "text", "json: figures as JSON, and progress on standard error"),
)
STALL_S = 3.0  # with nothing coming any more for so long, nothing will
END_S = 5.0


@runs(OPTIONS)
def run(
    given: Given, arguments: Sequence[str], stdin: IO[Any], stdout: IO[Any], stderr: IO[str]
) -> int:
    if arguments:
        raise usage("bench takes options only")
    formatter = given.choice("formatter", ("table", "pretty_table", "json"), "table")
    out = octets(stdout)
    plan = plan_of(given)
    check(plan)
    place = address.of_options(given)
    with Stopping() as stopping:
        connection = Connection(place)
        stage = Stage(connection, plan)
        try:
            stage.set_up()
            with Crew(shares(plan, place)) as crew:
                bench = Bench(plan, connection, crew, stopping, stderr)
                bench.run()
        finally:
            _clear(stage, connection, place, stderr)
    render = bench_report.as_json if formatter == "json" else bench_report.table
    try:
        out.write(render(bench.totals, bench.elapsed_s).encode() + b"\n")
        out.flush()
    except OSError as error:
        raise Failure(f"the output cannot be written: {error.strerror}", EX_CANTCREAT) from None
    return bench.exit_code()


def _clear(stage: Stage, connection: Connection, place: address.Address, stderr: IO[str]) -> None:
    """Whatever has happened; on a new connection if the first one, or its channel, was closed."""
    with contextlib.suppress(Failure):  # the first failure is the one to tell
        stage.clear(connection)
    connection.close()
    if stage.left:
        with contextlib.suppress(Failure):
            again = Connection(place)
            try:
                stage.clear(again)
            finally:
                again.close()
    if stage.left:
        say(stderr, f"left behind: {', '.join(stage.left)}")


class Crew:
    """The processes. Ends all of them when it is left."""

    def __init__(self, plans: list[dict[str, Any]]):
        # -P: the directory that the command was called in is not searched for modules.
        command = [sys.executable, "-P", "-m", "broker.cli.messaging.load_worker"]
        package = str(Path(broker.__file__).parents[1])
        path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH", ""))))
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        self._rest: dict[int, bytes] = {}
        try:
            for plan in plans:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env=os.environ | {"PYTHONPATH": path},
                    process_group=0,  # ^C is for the command, which tells them
                )
                assert process.stdout is not None
                os.set_blocking(process.stdout.fileno(), False)
                self.processes[process.stdout.fileno()] = process
                self._tell(process, json.dumps(plan).encode() + b"\n")
        except OSError as error:
            self.__exit__()
            raise Failure(f"a process cannot be started: {error.strerror}", EX_SOFTWARE) from None

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def _tell(self, process: subprocess.Popen[bytes], order: bytes) -> None:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has told why it ended
            process.stdin.write(order)
            process.stdin.flush()

    def tell_all(self, order: bytes) -> None:
        for process in self.processes.values():
            self._tell(process, order)

    def reports(self, descriptor: int) -> tuple[list[dict[str, Any]], bool]:
        """What a process has said. Returns: the reports; whether it has ended."""
        try:
            data = os.read(descriptor, 1 << 20)
        except BlockingIOError:
            return [], False
        *lines, rest = (self._rest.get(descriptor, b"") + data).split(b"\n")
        self._rest[descriptor] = rest
        return [json.loads(line) for line in lines], not data


class Bench:
    """One run: begin, progress, end."""

    def __init__(
        self, plan: Plan, connection: Connection, crew: Crew, stopping: Stopping, stderr: IO[str]
    ):
        self._plan = plan
        self._connection = connection
        self._crew = crew
        self._stopping = stopping
        self._stderr = stderr
        self.totals = Totals()
        self.elapsed_s = 0.0
        self._part = Totals()
        self._open = set(crew.processes)  # that have not ended
        self._ready: set[int] = set()
        self._done: set[int] = set()  # producers that have sent all
        self._producing = min(plan.processes, plan.producers)
        self._last_s = now_s()  # when something was last counted
        self._is_short = False

    def run(self) -> None:
        """Raises: Failure, of any of the processes."""
        while len(self._ready) < len(self._crew.processes):
            if self._turn(None) or self._stopping.is_asked:
                return
        self._crew.tell_all(b"go\n")
        begin_ns, begin = now_ns(), now_s()
        end = None if self._plan.seconds is None else begin + self._plan.seconds
        line_at, last_line = begin + 1, begin
        while not self._is_complete() and not self._stopping.is_asked:
            now = now_s()
            if end is not None and now >= end:
                break
            if now >= line_at:
                say(self._stderr, bench_report.progress(now - begin, self._part, now - last_line))
                self._part = Totals()
                line_at, last_line = line_at + 1, now
            self._turn(min(line_at, end if end is not None else line_at) - now)
        stopped = now_s()
        self._crew.tell_all(b"stop\n")
        while self._open and now_s() < stopped + END_S:
            self._turn(0.1)
        is_timed = end is not None and not self._is_complete()
        last_s = (self.totals.last_ns - begin_ns) / 1e9
        self.elapsed_s = stopped - begin if is_timed else max(0.001, last_s)

    def _turn(self, timeout_s: float | None) -> bool:
        """Wait, and count. Returns: whether nobody is left to wait for."""
        watched = dict.fromkeys(self._open, select.POLLIN)
        watched[self._stopping.wake_fd] = select.POLLIN
        ready = self._connection.turn(timeout_s, watched)
        if ready.pop(self._stopping.wake_fd, 0):
            self._stopping.clear()
        for descriptor in ready:
            reports, has_ended = self._crew.reports(descriptor)
            for report in reports:
                self._on_report(descriptor, report)
            if has_ended:
                self._on_end(descriptor)
        return not self._open

    def _on_report(self, descriptor: int, report: dict[str, Any]) -> None:
        if "error" in report:
            raise Failure(report["error"], report["code"])
        if "blocked" in report:
            on_blocked(self._stderr)(report["blocked"])
            return
        if report.get("ready"):
            self._ready.add(descriptor)
            return
        if report.get("done"):
            self._done.add(descriptor)
        if any(report.get(name) for name in bench_report.NAMES):
            self._last_s = now_s()
        self.totals.add(report)
        self._part.add(report)

    def _on_end(self, descriptor: int) -> None:
        self._open.discard(descriptor)
        code = self._crew.processes[descriptor].wait()
        if code:
            raise Failure(f"a process of the test ended with code {code}", EX_SOFTWARE)

    def _is_complete(self) -> bool:
        """All that was to be sent has been, and what comes of it has come."""
        if self._plan.messages is None or len(self._done) < self._producing:
            return False
        numbers = self.totals.numbers
        if numbers["received"] >= self._plan.expected(numbers["sent"]):
            return True
        self._is_short = now_s() - self._last_s > STALL_S
        return self._is_short

    def exit_code(self) -> int:
        numbers = self.totals.numbers
        if self._is_short:
            expected = self._plan.expected(numbers["sent"])
            say(self._stderr, f"Error: {numbers['received']} of {expected} deliveries came")
            return EX_TEMPFAIL
        if numbers["nacked"]:
            say(self._stderr, f"Error: {numbers['nacked']} messages were refused by the broker")
            return EX_TEMPFAIL
        return EX_OK
