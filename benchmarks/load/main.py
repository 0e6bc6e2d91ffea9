"""Command line: which brokers, which scenarios, how long; then run them in turns and report."""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
import traceback
from typing import Any

from . import (  # noqa: F401  (they register)
    backlog,
    confirms,
    connections,
    features,
    flat,
    latency,
    management,
    pinned,
    process,
    recovery,
    routing,
    throughput,
)
from . import report as reporting
from .report import FOREIGN, SUBJECT
from .scenario import SCENARIOS, Metrics, Run, Scenario
from .target import OwnBroker, Target

AGAINST_VARIABLE = "LEVERET_BENCH_AGAINST"


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Load benchmarks of Leveret, alone or in turns with another broker.",
    )
    parser.add_argument(
        "--against", metavar="HOST:PORT", help=f"a reference broker (or {AGAINST_VARIABLE}=…,PID)"
    )
    parser.add_argument("--against-pid", type=int, metavar="PID", help="its outermost process")
    parser.add_argument(
        "--target",
        action="append",
        default=[],
        metavar="NAME=HOST:PORT,PID",
        help="one more broker; may be repeated",
    )
    parser.add_argument("--port", type=int, help="measure a Leveret that already runs here")
    parser.add_argument("--pid", type=int, help="its process; only with --port")
    parser.add_argument("--no-leveret", action="store_true", help="measure only the others")
    parser.add_argument(
        "--broker-argument",
        action="append",
        default=[],
        metavar="ARG",
        help="passed on to the broker we start; may be repeated (--broker-argument=--x=y)",
    )
    parser.add_argument("--scenario", nargs="+", metavar="NAME", choices=sorted(SCENARIOS))
    parser.add_argument("--skip", nargs="+", metavar="NAME", default=[], choices=sorted(SCENARIOS))
    parser.add_argument("--seconds", type=float, help="of each run (2, or 0.7 with --quick)")
    parser.add_argument("--messages", type=int, help="in each run, instead of --seconds")
    parser.add_argument("--repeat", type=int, help="runs of each scenario (3, or 1 with --quick)")
    parser.add_argument("--quick", action="store_true", help="short and small: under 90 s")
    parser.add_argument(
        "--everywhere", action="store_true", help="also run Leveret's own scenarios on the others"
    )
    parser.add_argument("--check", action="store_true", help="exit 1 if a goal is missed")
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    return parser.parse_args(arguments)


def make_targets(options: argparse.Namespace) -> list[Target]:
    targets: list[Target] = []
    if options.port:
        targets.append(Target(SUBJECT, "127.0.0.1", options.port, options.pid))
    elif not options.no_leveret:
        targets.append(OwnBroker(SUBJECT, options.broker_argument))
    against = options.against or os.environ.get(AGAINST_VARIABLE)
    if against:
        reference = _target("reference", against)
        reference.pid = options.against_pid or reference.pid
        with reference.connect() as peer:
            reference.name = peer.product() or reference.name
        targets.append(reference)
    for text in options.target:
        name, _, place = text.partition("=")
        targets.append(_target(name, place))
    return targets


def _target(name: str, place: str) -> Target:
    """place: host:port, then optionally a comma and the process id."""
    address, _, pid = place.partition(",")
    host, _, port = address.rpartition(":")
    return Target(name, host, int(port), int(pid) if pid else None)


def run_scenario(
    scenario: Scenario, targets: list[Target], options: argparse.Namespace
) -> tuple[reporting.RunsByTarget, list[str]]:
    """All runs of one scenario, the targets taking turns. Returns: the runs, and the errors."""
    runs: reporting.RunsByTarget = {target.name: [] for target in targets}
    errors: list[str] = []
    repeats = 1 if scenario.single else options.repeat or (1 if options.quick else 3)
    seconds = options.seconds or (0.7 if options.quick else 2.0)
    for round_number in range(repeats):
        for target in targets:
            if scenario.own and target is not targets[0] and not options.everywhere:
                continue
            try:
                if round_number == 0 or scenario.isolated:
                    target.refresh()
                run = Run(target, seconds, options.messages, options.quick)
                runs[target.name].append(_measure(scenario, run))
            except Exception as error:
                # One scenario that fails must not hide the others' figures.
                errors.append(f"{scenario.name} on {target.name}: {type(error).__name__}: {error}")
                traceback.print_exc(file=sys.stderr)
    return runs, errors


def _measure(scenario: Scenario, run: Run) -> Metrics:
    """One run, and how much of the machine others used meanwhile, in cores."""
    pid, start = run.target.pid, time.perf_counter()
    before = process.busy_s() - run.target.cpu_s() - time.process_time()
    metrics = scenario.measure(run)
    after = process.busy_s() - run.target.cpu_s() - time.process_time()
    if run.target.pid == pid:  # else it was started anew in between
        metrics[FOREIGN] = max(0.0, after - before) / (time.perf_counter() - start)
    return metrics


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    if options.list:
        for scenario in SCENARIOS.values():
            remark = " (only if named)" if scenario.on_request else ""
            print(f"{scenario.name:<24}{scenario.says}{remark}")
        return 0
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))
    targets = make_targets(options)
    names = [target.name for target in targets]
    chosen = [
        scenario
        for scenario in SCENARIOS.values()
        if (scenario.name in options.scenario if options.scenario else not scenario.on_request)
        and scenario.name not in options.skip
    ]
    report: dict[str, Any] = {"machine": reporting.machine(), "targets": names, "scenarios": {}}
    failures: list[str] = []
    missed: list[str] = []
    start = time.perf_counter()
    print(reporting.header_line(names))
    try:
        for scenario in chosen:
            runs, errors = run_scenario(scenario, targets, options)
            failures += errors
            summary = reporting.summarise(runs, scenario.name)
            report["scenarios"][scenario.name] = {"says": scenario.says, "metrics": summary}
            print("\n".join(reporting.table_lines(scenario.name, summary, names)), flush=True)
            missed += [
                f"{scenario.name} {metric}"
                for metric, entry in summary.items()
                if entry.get("met") is False
            ]
    finally:
        for target in targets:
            target.stop()
    report["errors"] = failures
    path = reporting.write_json(report)
    print(f"\n{time.perf_counter() - start:.0f} s; written to {path.relative_to(path.parents[2])}")
    for line in failures:
        print(f"error: {line}")
    if missed:
        print("goals missed: " + ", ".join(missed))
    return 1 if failures or (missed and options.check) else 0
