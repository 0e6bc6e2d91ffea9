"""kill -9 under load, again and again on one data directory: what was promised is kept.

LEVERET_SEED=7 replays the choices of a run (not its timing), LEVERET_ROUNDS=50 makes it longer.
LEVERET_TOLERATE='not flagged|is lost' counts what is wrong in these words, and goes on.
LEVERET_TARGET=port tries the instrument on a broker that runs already, RabbitMQ say; it is not
killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fault.torture import Torture
from tests.support.process import BrokerProcess

# Files and memory so small that a backlog is read back, and files are emptied and removed.
SMALL = ("--set", "store.segment_size=262144", "--set", "store.queue_memory=65536")
SEED = int(os.environ.get("LEVERET_SEED", "1"))
TOLERATES = tuple(filter(None, os.environ.get("LEVERET_TOLERATE", "").split("|")))


def rounds(usual: int) -> int:
    return int(os.environ.get("LEVERET_ROUNDS", usual))


def torture(
    data_dir: Path,
    seed: int,
    count: int,
    record: Callable[[str, object], None],
    flags: tuple[str, ...] = SMALL,
) -> Torture:
    """A run of so many rounds; its counts are printed and in the junit report."""
    with BrokerProcess(*flags, data_dir=data_dir) as process:
        process.stop()  # the run starts it
        run = Torture(process, seed, tolerates=TOLERATES)
        try:
            asyncio.run(run.run(count))
        finally:
            print(f"\nLEVERET_SEED={seed} LEVERET_ROUNDS={count}: {run.report()}")  # noqa: T201
    for name, number in run.counts.items():
        record(name, number)
    return run


def test_what_was_confirmed_survives_kill_9(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    run = torture(tmp_path / "data", SEED, rounds(15), record_property)
    does_what_it_is_for(run)


def does_what_it_is_for(run: Torture) -> None:
    """Each kind of event happened often enough to mean something."""
    count = run.counts["rounds"]
    assert run.counts["kills"] + run.counts["kills while starting"] >= count * 2 // 3
    for event, least in {
        "confirmed": 50,
        "delivered": 50,
        "acked": 50,
        "committed": 2,
        "requeued": 5,
        "gets": 5,
        "definitions checked": 5,
        "definitions changed": 2,
    }.items():
        assert run.counts[event] >= least * count, f"{event}: {run.report()}"
    assert run.counts["browse"] + run.counts["drain"] > 1, run.report()
    assert TOLERATES or run.counts["repeated after an ack, not flagged"] == 0


@pytest.mark.soak
@pytest.mark.parametrize(("flags", "usual"), [(SMALL, 200), ((), 100)], ids=["small", "default"])
def test_what_was_confirmed_survives_kill_9_for_long(
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    flags: tuple[str, ...],
    usual: int,
) -> None:
    seed = int(os.environ.get("LEVERET_SEED", random.SystemRandom().randrange(10**9)))
    run = torture(tmp_path / "data", seed, rounds(usual), record_property, flags)
    does_what_it_is_for(run)


def test_the_torture_accuses_nobody_when_nothing_is_killed() -> None:
    """Only the clients go, in the midst of it, and come again."""
    target = os.environ.get("LEVERET_TARGET")
    with contextlib.nullcontext() if target else BrokerProcess() as process:
        run = Torture(None, SEED, int(target or 0) if process is None else process.port)
        asyncio.run(run.run(rounds(4)))
    print(f"\n{run.report()}")  # noqa: T201
    assert run.counts["confirmed"] > 100
