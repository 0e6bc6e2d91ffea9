"""The HTTP API under fuzzed requests: no 500, no hang, and clients beside it notice nothing.

A run prints its seed; `LEVERET_SEED=<seed>` repeats it. LEVERET_FUZZ_REQUESTS sets
how many requests the soak makes.
"""

from __future__ import annotations

import os
import sys

import pytest

from tests.fault.api_fuzzing import Fuzz, Tally, prepare
from tests.fault.fuzzing import seed_of_run
from tests.fault.victim import Victim

CASES = 500
CASES_IN_SOAK = int(os.environ.get("LEVERET_FUZZ_REQUESTS", "5000"))
GROWTH_MAX_MB = 60.0  # by what was declared, and by what the interpreter keeps


def fuzz(cases: int, rounds: int, per_round: int) -> Tally:
    seed = int(seed_of_run().partition(":")[0])
    sys.stdout.write(f"LEVERET_SEED={seed}\n")
    with Victim("--set", "management.login_failures_max=none") as victim:
        prepare(victim.http_port)
        run = Fuzz(victim.http_port, seed)
        tally = run.tally
        before_mb = victim.rss_mb
        try:
            run.run(rounds, per_round, lambda: tally.cases >= cases)
        finally:
            run.close()
        sys.stdout.write(f"{tally}\n{before_mb:.0f} MB before, {victim.rss_mb:.0f} MB after\n")
        assert tally.problems == {}, "\n".join(map(": ".join, tally.problems.items()))
        victim.stands()
        assert victim.rss_mb - before_mb < GROWTH_MAX_MB
    return tally


def test_some_fuzzed_requests() -> None:
    assert fuzz(CASES, 4, 1).cases >= CASES


@pytest.mark.soak
def test_thousands_of_fuzzed_requests() -> None:
    tally = fuzz(CASES_IN_SOAK, CASES_IN_SOAK, 5)
    assert tally.cases >= CASES_IN_SOAK
    assert len(tally.routes) > 130
