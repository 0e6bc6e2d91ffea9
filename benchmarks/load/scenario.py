"""What a scenario is: a name, a sentence, and a function that measures one target once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .flow import FlowResult
from .target import OwnBroker, Target

Metrics = dict[str, float]


@dataclass(slots=True)
class Run:
    """One measurement: of whom, and how long."""

    target: Target
    seconds: float
    messages: int | None
    quick: bool

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full


@dataclass(slots=True, frozen=True)
class Scenario:
    """measure: makes one run. single: dear, so made once. own: Leveret only, unless asked for.

    isolated: starts Leveret anew before each run, because it measures memory or disk use.
    on_request: too long for every day, so run only if named.
    """

    name: str
    says: str
    measure: Callable[[Run], Metrics]
    single: bool = False
    own: bool = False
    isolated: bool = False
    on_request: bool = False


SCENARIOS: dict[str, Scenario] = {}


Measure = Callable[[Run], Metrics]


def scenario(name: str, says: str, **traits: Any) -> Callable[[Measure], Measure]:
    """Register a measuring function under a name."""

    def register(measure: Measure) -> Measure:
        SCENARIOS[name] = Scenario(name, says, measure, **traits)
        return measure

    return register


class Meter:
    """Broker CPU and wall time since it was made."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._cpu_start_s = target.cpu_s()
        self._start = time.perf_counter()

    def elapsed_s(self) -> float:
        return time.perf_counter() - self._start

    def cpu_us(self, per: int) -> float:
        """Broker CPU since the start, in µs for each of `per`."""
        return (self._target.cpu_s() - self._cpu_start_s) / per * 1e6


def flow_metrics(result: FlowResult, meter: Meter, copies: int = 1) -> Metrics:
    """copies: queues each message goes to; rates and costs are per copy."""
    total = result.message_count * copies
    return {
        "rate_per_s": total / result.elapsed_s,
        "cpu_us": meter.cpu_us(total),
        "generator_us": result.generator_cpu_s / total * 1e6,
    }


def own_broker(run: Run) -> OwnBroker:
    assert isinstance(run.target, OwnBroker), "this scenario starts the broker itself"
    return run.target
