"""Record transcripts from RabbitMQ, compare any broker with them.

    python -m tests.conformance record  --port 5690 --api-port 15690 [names…] [--times 5]
    python -m tests.conformance compare --port 5672 [names…] [--stage features|quirks|all] [--quiet]
    python -m tests.conformance list
    python -m tests.conformance cli-record|cli-diff|cli-list [sections…]

A name is a scenario, a module, or a pattern with `*`.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import fcntl
import fnmatch
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.conformance.fixtures import users
from tests.conformance.registry import (
    Scenario,
    load,
    read_transcripts,
    transcript_lines,
    write_transcripts,
)
from tests.conformance.wire_client import Target

SLOW_AT_ONCE = 64  # all of them: they only wait


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def chosen(names: list[str], stage: str) -> list[Scenario]:
    """Scenarios whose name or module matches; all of the stage when no names are given."""
    found = []
    for scenario in load().values():
        keys = (scenario.name, scenario.module)
        if names and not any(fnmatch.fnmatch(key, name) for key in keys for name in names):
            continue
        if names or stage in ("all", scenario.stage):
            found.append(scenario)
    return found


def play_all(target: Target, scenarios: list[Scenario]) -> dict[str, list[list[Any]]]:
    """Play in order; the slow ones meanwhile, each with a target of its own."""
    with ThreadPoolExecutor(SLOW_AT_ONCE) as pool:
        futures = {
            scenario.name: pool.submit(play_alone, target, scenario)
            for scenario in scenarios
            if scenario.slow
        }
        results = {
            scenario.name: scenario.play(target) for scenario in scenarios if not scenario.slow
        }
        results |= {name: future.result() for name, future in futures.items()}
    target.close()
    return {scenario.name: results[scenario.name] for scenario in scenarios}


def play_alone(target: Target, scenario: Scenario) -> list[list[Any]]:
    own = Target(target.port, target.host, target.api_port)
    try:
        return scenario.play(own)
    finally:
        own.close()


def diff(expected: list[list[Any]], actual: list[list[Any]], name: str) -> list[str]:
    before, after = transcript_lines(expected), transcript_lines(actual)
    if before == after:
        return []
    return list(
        difflib.unified_diff(before, after, f"{name} recorded", f"{name} played", lineterm="", n=3)
    )


def record(target: Target, scenarios: list[Scenario], times: int) -> int:
    """Write transcripts; with times > 1 only those that came out the same every time."""
    first = play_all(target, scenarios)
    unstable: set[str] = set()
    for _ in range(times - 1):
        for name, events in play_all(target, scenarios).items():
            lines = diff(first[name], events, name)
            if lines and name not in unstable:
                unstable.add(name)
                say("\n".join([*lines, ""]))
    by_module: dict[str, dict[str, list[list[Any]]]] = {}
    for scenario in scenarios:
        if scenario.module not in by_module:
            by_module[scenario.module] = read_transcripts(scenario.module)
        by_module[scenario.module][scenario.name] = first[scenario.name]
        if scenario.name in unstable:
            del by_module[scenario.module][scenario.name]
    known = load()
    for module, transcripts in by_module.items():
        write_transcripts(
            module, {name: events for name, events in transcripts.items() if name in known}
        )
    for name, events in first.items():
        for event in events:
            if event[1] == "!" and event[2] in ("timeout", "ended early", "no connection"):
                say(f"suspicious: {name}: {event}")
    say(f"recorded {len(scenarios) - len(unstable)} scenarios, {len(unstable)} unstable")
    return 1 if unstable else 0


def compare(target: Target, scenarios: list[Scenario], *, quiet: bool) -> int:
    started = time.monotonic()
    skipped = [s.name for s in scenarios if s.needs and target.api_port is None]
    played = play_all(target, [s for s in scenarios if s.name not in skipped])
    different = []
    for scenario in scenarios:
        if scenario.name in skipped:
            continue
        recorded = read_transcripts(scenario.module).get(scenario.name)
        if recorded is None:
            say(f"{scenario.name}: never recorded\n")
            different.append(scenario.name)
            continue
        lines = diff(recorded, played[scenario.name], scenario.name)
        if lines:
            different.append(scenario.name)
            say(f"differs: {scenario.module} {scenario.name}" if quiet else "\n".join([*lines, ""]))
    same = len(played) - len(different)
    seconds = time.monotonic() - started
    say(f"{same} same, {len(different)} different, {len(skipped)} skipped, {seconds:.1f} s")
    return 1 if different else 0


@contextlib.contextmanager
def alone_on(target: Target) -> Iterator[None]:
    """Names are fixed: two runs against one broker delete each other's queues, so they wait."""
    path = Path(tempfile.gettempdir()) / f"conformance-{target.port}.lock"
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    if sys.argv[1:2] and sys.argv[1].startswith("cli-"):
        from tests.conformance.cli.__main__ import main as cli_main

        return cli_main()
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("action", choices=("record", "compare", "list"))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5690)
    parser.add_argument("--api-port", type=int, help="HTTP API, for the scenarios that need users")
    parser.add_argument("--stage", choices=("core", "features", "quirks", "all"))
    parser.add_argument("--times", type=int, default=1, help="record: keep only what is stable")
    parser.add_argument("--quiet", action="store_true", help="compare: names instead of diffs")
    options = parser.parse_intermixed_args()
    stage = options.stage or ("all" if options.action == "record" else "core")
    scenarios = chosen(options.names, stage)
    if options.action == "list":
        for scenario in scenarios:
            say(f"{scenario.module:20} {scenario.name}")
        say(str(len(scenarios)))
        return 0
    target = Target(options.port, options.host, options.api_port)
    with alone_on(target), users(target):
        if options.action == "record":
            return record(target, scenarios, options.times)
        return compare(target, scenarios, quiet=options.quiet)


if __name__ == "__main__":
    sys.exit(main())
