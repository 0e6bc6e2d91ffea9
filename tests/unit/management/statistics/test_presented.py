from __future__ import annotations

import json

import pytest

from broker.management.request import Refusal
from broker.management.statistics import presented
from broker.management.statistics.presented import Range, range_of
from broker.management.statistics.samples import BASIC, SLOT_MS, Kind, Samples

NOW_MS = 1_700_000_003_123
SLOT = NOW_MS // SLOT_MS
KIND = Kind(("publish",), ("messages",), BASIC)


@pytest.fixture
def samples() -> Samples:
    """20 messages came in each of the last three slots; half of them are left."""
    samples = Samples(KIND, SLOT - 3)
    for turn, slot in enumerate(range(SLOT - 2, SLOT + 1), 1):
        samples.note(slot, (20 * turn, 10 * turn))
    return samples


def query(age: object, step: object) -> dict[str, str]:
    return {"msg_rates_age": str(age), "msg_rates_incr": str(step)}


def test_points_are_multiples_of_the_step_the_newest_first() -> None:
    found = range_of(query(15, 5), "msg_rates", NOW_MS)
    assert found == Range(range(1_700_000_000_000, 1_699_999_985_000 - 1, -5000), 15)
    assert list(found.times_ms) == [1_700_000_000_000 - 5000 * point for point in range(4)]
    assert found.slots == [SLOT - point for point in range(4)]


@pytest.mark.parametrize(
    ("age", "step"),
    [("", 5), (60, ""), ("x", 5), (60, "5s"), ("1e3", 5), (60.5, 5)],
)
def test_what_is_no_range_is_not_noticed(age: object, step: object) -> None:
    assert range_of(query(age, step), "msg_rates", NOW_MS) is None


def test_half_a_range_is_none() -> None:
    assert range_of({"msg_rates_age": "60"}, "msg_rates", NOW_MS) is None
    assert range_of(query(60, 5), "lengths", NOW_MS) is None


@pytest.mark.parametrize(("age", "step"), [(2505, 5), (60, 0), (60, -5), (0, 5), (-1, 5)])
def test_too_many_points_and_none_are_refused(age: int, step: int) -> None:
    assert range_of(query(2500, 5), "msg_rates", NOW_MS) is not None
    with pytest.raises(Refusal) as refused:
        range_of(query(age, step), "msg_rates", NOW_MS)
    assert (refused.value.status, refused.value.error) == (400, "bad_request")
    assert refused.value.reason == f"Invalid range parameters: age {age}, incr {step}"


@pytest.mark.parametrize("digits", [19, 310, 4200])
def test_times_beyond_all_times_are_refused(digits: int) -> None:
    huge = "9" * digits
    with pytest.raises(Refusal):
        range_of(query(huge, huge), "msg_rates", NOW_MS)
    with pytest.raises(Refusal):
        range_of(query(5, huge), "msg_rates", NOW_MS)


def test_without_a_range_there_is_the_rate_of_the_last_slot(samples: Samples) -> None:
    assert presented.details(samples, "publish", SLOT, None) == {"rate": 4.0}
    assert presented.details(samples, "messages", SLOT, None) == {"rate": 2.0}
    assert presented.details(samples, "publish", SLOT + 1, None) == {"rate": 0.0}
    assert presented.details(None, "publish", SLOT, None) == {"rate": 0.0}


def test_details_of_a_range_have_samples_and_averages(samples: Samples) -> None:
    wanted = range_of(query(15, 5), "msg_rates", NOW_MS)
    assert presented.details(samples, "publish", SLOT, wanted) == {
        "samples": [
            {"sample": 60, "timestamp": 1_700_000_000_000},
            {"sample": 40, "timestamp": 1_699_999_995_000},
            {"sample": 20, "timestamp": 1_699_999_990_000},
            {"sample": 0, "timestamp": 1_699_999_985_000},
        ],
        "rate": 4.0,
        "avg_rate": 4.0,
        "avg": 30.0,
    }


def test_a_single_point_has_no_rate(samples: Samples) -> None:
    wanted = range_of(query(4, 5), "msg_rates", NOW_MS)
    assert presented.details(samples, "publish", SLOT, wanted) == {
        "samples": [{"sample": 60, "timestamp": 1_700_000_000_000}],
        "rate": 0.0,
    }


def test_of_what_was_never_noted_the_samples_are_0() -> None:
    wanted = range_of(query(5, 5), "msg_rates", NOW_MS)
    found = presented.details(None, "publish", SLOT, wanted)
    assert [point["sample"] for point in found["samples"]] == [0, 0]
    assert (found["rate"], found["avg"], found["avg_rate"]) == (0.0, 0.0, 0.0)


def test_whole_samples_are_written_as_such(samples: Samples) -> None:
    wanted = range_of(query(4, 5), "msg_rates", NOW_MS)
    assert wanted is not None
    assert json.dumps(presented.charted([3.0], wanted)["samples"]) == (
        '[{"sample": 3, "timestamp": 1700000000000}]'
    )
    assert presented.charted([2.5], wanted)["samples"][0]["sample"] == 2.5


@pytest.mark.parametrize("is_noted", [True, False])
def test_values_are_put_beside_their_details(samples: Samples, is_noted: bool) -> None:
    shown = {"name": "q"}
    presented.put(shown, [("publish", 60), ("messages", 30)], samples if is_noted else None, SLOT)
    assert shown == {
        "name": "q",
        "publish": 60,
        "publish_details": {"rate": 4.0 if is_noted else 0.0},
        "messages": 30,
        "messages_details": {"rate": 2.0 if is_noted else 0.0},
    }


def test_values_are_put_beside_their_charts(samples: Samples) -> None:
    shown: dict[str, object] = {}
    wanted = range_of(query(5, 5), "msg_rates", NOW_MS)
    presented.put(shown, [("publish", 60)], samples, SLOT, wanted)
    assert shown == {
        "publish": 60,
        "publish_details": presented.details(samples, "publish", SLOT, wanted),
    }
