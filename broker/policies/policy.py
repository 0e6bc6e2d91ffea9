"""Policies: which one a queue or an exchange has, and what it asks for.

A vhost has policies and operator policies. Of each kind a thing has at most one: of those whose
pattern is found in its name and which apply to things like it, the one with the highest priority.
A policy that sets something the type of a queue does not know does not apply to that queue at all.
What both ask for is merged setting by setting: of limits the lower one counts, of everything else
the operator's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from broker.patterns import compile_pattern
from broker.policies.settings import SETTINGS

POLICY: Final = "policy"
OPERATOR_POLICY: Final = "operator_policy"
Definition = dict[str, object]  # setting → value, as JSON has it

_APPLY_TO: dict[tuple[str, str], frozenset[str]] = {
    ("exchange", ""): frozenset({"all", "exchanges"}),
    ("queue", "classic"): frozenset({"all", "queues", "classic_queues"}),
    ("queue", "quorum"): frozenset({"all", "queues", "quorum_queues"}),
    ("queue", "stream"): frozenset({"all", "queues", "streams"}),
}


class Policy(NamedTuple):
    """One policy of a vhost. priority: the highest wins."""

    name: str
    pattern: str
    definition: Definition
    priority: float
    apply_to: str
    regex: re.Pattern[str]

    @classmethod
    def of(cls, name: str, pattern: str, definition: str, priority: float, apply_to: str) -> Policy:
        """definition: a JSON object. Raises: ValueError."""
        settings = json.loads(definition)
        if not isinstance(settings, dict):
            raise ValueError("the definition of a policy is a JSON object")
        return cls(name, pattern, settings, priority, apply_to, compile_pattern(pattern))

    def applies_to(self, kind: str, name: str, queue_type: str = "") -> bool:
        """kind: "queue" or "exchange". queue_type: of a queue, "" of an exchange."""
        if self.apply_to not in _APPLY_TO[kind, queue_type]:
            return False
        for setting in self.definition:
            known = SETTINGS.get(setting)
            if known is not None and queue_type in known.not_for:
                return False
        return self.regex.search(name) is not None


class Applied(NamedTuple):
    """What a queue or an exchange has of policies. definition: the effective one."""

    policy: Policy | None
    operator_policy: Policy | None
    definition: Definition


class Policies:
    """The policies of a vhost, by kind and name."""

    __slots__ = ("by_kind",)

    def __init__(self) -> None:
        self.by_kind: dict[str, dict[str, Policy]] = {POLICY: {}, OPERATOR_POLICY: {}}

    def __bool__(self) -> bool:
        return any(self.by_kind.values())

    def applied_to(self, kind: str, name: str, queue_type: str = "") -> Applied | None:
        """What a thing has of them; None: nothing. See `Policy.applies_to`."""
        if not self:
            return None
        policy = _highest(self.by_kind[POLICY].values(), kind, name, queue_type)
        operator_policy = _highest(self.by_kind[OPERATOR_POLICY].values(), kind, name, queue_type)
        if policy is None and operator_policy is None:
            return None
        return Applied(policy, operator_policy, _merged(policy, operator_policy))


def _highest(policies: Iterable[Policy], kind: str, name: str, queue_type: str) -> Policy | None:
    found = [policy for policy in policies if policy.applies_to(kind, name, queue_type)]
    return max(found, key=lambda policy: policy.priority, default=None)


def _merged(policy: Policy | None, operator_policy: Policy | None) -> Definition:
    merged = dict(policy.definition) if policy is not None else {}
    if operator_policy is None:
        return merged
    for setting, value in operator_policy.definition.items():
        known = SETTINGS.get(setting)
        if setting in merged and known is not None and known.lower_wins:
            ours = merged[setting]
            if isinstance(ours, int) and isinstance(value, int):
                value = min(ours, value)
        merged[setting] = value
    return dict(sorted(merged.items()))
