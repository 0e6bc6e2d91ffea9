"""`@hot` names a scenario that exists; a function it marks needs no other excuse for its length."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.tidy.source import ROOT, benches_of, modules

MARKED = [
    (f"{module.path}: {name}", bench)
    for module in modules()
    for name, function in module.functions()
    for bench in benches_of(function)
]


@pytest.fixture(scope="module")
def scenarios() -> set[str]:
    listed = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--list"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.split()[0] for line in listed.stdout.splitlines() if line.strip()}


@pytest.mark.parametrize(("where", "bench"), MARKED, ids=[where for where, _ in MARKED])
def test_a_mark_names_a_scenario(where: str, bench: str, scenarios: set[str]) -> None:
    assert bench in scenarios, f"{where}: there is no benchmark {bench!r}"


def test_the_hot_path_is_marked() -> None:
    marked = {where.rpartition(" ")[2] for where, _ in MARKED}
    assert {"Scanner.absorb", "Outbox.flush", "ChannelConsumer.deliver"} <= marked
