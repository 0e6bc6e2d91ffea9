"""Random conversations of several peers with one node: nothing is lost, doubled or out of order.

The seeds are fixed, so that a red build stays red; `LEVERET_SEED=7 pytest tests/simulation` replays
another, and the soak test tries new ones.
"""

from __future__ import annotations

import logging
import os
import random
from collections import Counter

import pytest

from tests.simulation.sim import Simulation

SEEDS = [int(os.environ["LEVERET_SEED"])] if "LEVERET_SEED" in os.environ else [1, 2, 3, 4]
STEPS = int(os.environ.get("LEVERET_STEPS", "2500"))


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="broker")


def play(seed: int, steps: int) -> Simulation:
    simulation = Simulation(seed)
    try:
        simulation.run(steps)
    except BaseException:
        print(f"\nreplay with: LEVERET_SEED={seed} LEVERET_STEPS={steps}")  # noqa: T201
        raise
    return simulation


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_doubled_or_out_of_order(seed: int) -> None:
    play(seed, STEPS)


def test_the_simulation_does_what_it_is_for() -> None:
    """Each kind of event happens often enough to mean something."""
    done = sum((play(seed, 1000).done for seed in range(100, 106)), Counter[str]())
    for event, least in {
        "published": 10_000,
        "delivered": 8_000,
        "ack": 500,
        "requeue": 200,
        "discard": 200,
        "dropped": 20,
        "closed 404": 1,
        "closed 405": 20,
        "closed 406": 10,
        "closed 200": 20,
        "queue.purge-ok": 20,
        "queue.delete-ok": 20,
        "confirm.select-ok": 20,
    }.items():
        assert done[event] >= least, f"{event}: {done[event]} of {dict(done)}"


@pytest.mark.soak
def test_nothing_is_lost_doubled_or_out_of_order_in_long_runs() -> None:
    seeds = random.SystemRandom()
    for _ in range(int(os.environ.get("LEVERET_RUNS", "40"))):
        play(seeds.randrange(10**9), 10_000)
