"""Counters and gauges as RabbitMQ's HTTP API shows them: {"publish": 3, "publish_details": {…}}.

With an age and a step in the query (msg_rates_age, msg_rates_incr and the like) the details have
samples as well, which is what charts are drawn of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from broker.management.request import bad_request
from broker.management.statistics.samples import SLOT_MS, Samples

STILL = {"rate": 0.0}
RANGE_MAX = 500  # points of a chart
AGE_MAX_S = 10**12  # beyond all that is kept: what has more digits is an attack


class Range(NamedTuple):
    """The points of a chart. times_ms: descending, multiples of the step."""

    times_ms: range
    age_s: int

    @property
    def slots(self) -> list[int]:
        return [time_ms // SLOT_MS for time_ms in self.times_ms]


def range_of(query: Mapping[str, str], prefix: str, now_ms: int) -> Range | None:
    """What the query asks for. prefix: "msg_rates", "lengths", "data_rates" or "node_stats".

    None: no samples. Raises: Refusal, for too many points and for none.
    """
    age_s, step_s = _whole(query.get(f"{prefix}_age")), _whole(query.get(f"{prefix}_incr"))
    if age_s is None or step_s is None:
        return None
    is_sane = 0 < age_s < AGE_MAX_S and 0 < step_s < AGE_MAX_S
    if not is_sane or age_s // step_s > RANGE_MAX:
        raise bad_request(f"Invalid range parameters: age {age_s}, incr {step_s}")
    step_ms = step_s * 1000
    last_ms = now_ms - now_ms % step_ms
    return Range(range(last_ms, last_ms - age_s * 1000 - 1, -step_ms), age_s)


def _whole(text: str | None) -> int | None:
    """None: it is not there, or is no number: then RabbitMQ takes no notice of it."""
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None


def rate_of(samples: Samples | None, name: str, slot: int) -> float:
    return 0.0 if samples is None else round(samples.rate(name, slot), 1)


def details(samples: Samples | None, name: str, slot: int, wanted: Range | None) -> dict[str, Any]:
    """One name's details. slot: the last that was noted."""
    if wanted is None:
        return {"rate": rate_of(samples, name, slot)}
    count = len(wanted.times_ms)
    values = samples.history(name, wanted.slots) if samples is not None else [0.0] * count
    return charted(values, wanted)


def charted(values: list[float], wanted: Range) -> dict[str, Any]:
    """Details with samples, the newest first."""
    shown: dict[str, Any] = {
        "samples": [
            {"sample": _number(value), "timestamp": time_ms}
            for value, time_ms in zip(values, wanted.times_ms, strict=True)
        ]
    }
    step_s = -wanted.times_ms.step / 1000
    if len(values) > 1:
        shown["rate"] = round((values[0] - values[1]) / step_s, 1)
        span_s = step_s * (len(values) - 1)
        shown["avg_rate"] = round((values[0] - values[-1]) / span_s, 1)
        shown["avg"] = sum(values) / len(values)
    else:
        shown["rate"] = 0.0
    return shown


def _number(value: float) -> float:
    return int(value) if value == int(value) else value


def put(
    shown: dict[str, Any],
    values: Iterable[tuple[str, float]],
    samples: Samples | None,
    slot: int,
    wanted: Range | None = None,
) -> None:
    """Put counters or gauges and their details into what is shown of an object."""
    if wanted is not None:
        for name, value in values:
            shown[name] = value
            shown[f"{name}_details"] = details(samples, name, slot, wanted)
        return
    rates = samples.rates(slot) if samples is not None else {}
    for name, value in values:
        shown[name] = value
        shown[f"{name}_details"] = {"rate": round(rates[name], 1)} if name in rates else STILL
