"""Which policy a thing has, and what comes of two of them."""

from __future__ import annotations

import json

import pytest

from broker.patterns import PatternError
from broker.policies.policy import OPERATOR_POLICY, POLICY, Policies, Policy


def policy(
    name: str,
    definition: dict[str, object],
    pattern: str = "",
    priority: float = 0,
    to: str = "all",
) -> Policy:
    return Policy.of(name, pattern, json.dumps(definition), priority, to)


def policies(*ordinary: Policy, operator: tuple[Policy, ...] = ()) -> Policies:
    made = Policies()
    made.by_kind[POLICY] = {policy.name: policy for policy in ordinary}
    made.by_kind[OPERATOR_POLICY] = {policy.name: policy for policy in operator}
    return made


def test_of_several_the_highest_priority_counts() -> None:
    low = policy("low", {"max-length": 1})
    high = policy("high", {"expires": 5}, "^q", 2)
    applied = policies(low, high).applied_to("queue", "q1", "classic")
    assert applied is not None
    assert (applied.policy, applied.operator_policy, applied.definition) == (
        high,
        None,
        {"expires": 5},
    )
    other = policies(low, high).applied_to("queue", "x", "classic")
    assert other is not None
    assert other.policy is low
    assert policies(high).applied_to("queue", "x", "classic") is None
    assert policies().applied_to("queue", "x", "classic") is None


@pytest.mark.parametrize(
    ("to", "things"),
    [
        ("all", {"exchange", "classic", "quorum", "stream"}),
        ("exchanges", {"exchange"}),
        ("queues", {"classic", "quorum", "stream"}),
        ("classic_queues", {"classic"}),
        ("quorum_queues", {"quorum"}),
        ("streams", {"stream"}),
    ],
)
def test_what_it_applies_to(to: str, things: set[str]) -> None:
    one = policy("p", {"max-length-bytes": 1}, to=to)
    found = {kind for kind in ("classic", "quorum", "stream") if one.applies_to("queue", "q", kind)}
    if one.applies_to("exchange", "e"):
        found.add("exchange")
    assert found == things


def test_a_setting_that_a_queue_does_not_know_keeps_the_whole_policy_away() -> None:
    one = policy("p", {"delivery-limit": 3, "max-length": 1})
    assert one.applies_to("queue", "q", "quorum")
    assert not one.applies_to("queue", "q", "classic")
    lazy = policy("p", {"queue-mode": "lazy"})
    assert lazy.applies_to("queue", "q", "classic")
    assert not lazy.applies_to("queue", "q", "quorum")


def test_policies_are_merged_with_those_of_operators() -> None:
    mine = policy("p", {"max-length": 10, "expires": 5, "overflow": "drop-head"})
    theirs = policy("o", {"max-length": 20, "message-ttl": 7, "overflow": "reject-publish"})
    applied = policies(mine, operator=(theirs,)).applied_to("queue", "q", "classic")
    assert applied is not None
    assert applied.definition == {
        "expires": 5,
        "max-length": 10,
        "message-ttl": 7,
        "overflow": "reject-publish",
    }
    alone = policies(operator=(theirs,)).applied_to("queue", "q", "classic")
    assert alone is not None
    assert alone.definition == theirs.definition


def test_what_is_none() -> None:
    with pytest.raises(PatternError):
        Policy.of("p", "(", "{}", 0, "all")
    with pytest.raises(ValueError, match="JSON object"):
        Policy.of("p", "", "[]", 0, "all")
