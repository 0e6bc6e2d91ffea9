"""Policies and parameters, with RabbitMQ's keys. Policies are kept as parameters there, and are
found among them if somebody asks for that component; operator policies always are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from broker.policies.policy import OPERATOR_POLICY, POLICY, Policy
from broker.vhost import VHost

Shown = dict[str, Any]


def policy(vhost: str, found: Policy) -> Shown:
    return {"vhost": vhost, "name": found.name, **_definition(found)}


def policies(vhost: VHost, kind: str = POLICY) -> Iterator[Shown]:
    """kind: POLICY or OPERATOR_POLICY."""
    for found in list(vhost.policies.by_kind[kind].values()):
        yield policy(vhost.name, found)


def parameters(vhost: VHost, component: str | None = None) -> Iterator[Shown]:
    """component: only of this one; None: of all but policies."""
    for (found, name), value in list(vhost.parameters.items()):
        if component in (None, found):
            yield _parameter(vhost.name, found, name, value)
    for kind in (POLICY, OPERATOR_POLICY):
        if component == kind or (component is None and kind == OPERATOR_POLICY):
            for one in list(vhost.policies.by_kind[kind].values()):
                yield _parameter(vhost.name, kind, one.name, _definition(one))


def parameter(vhost: VHost, component: str, name: str) -> Shown | None:
    """One of them; None: it is not there."""
    if component in vhost.policies.by_kind:
        found = vhost.policies.by_kind[component].get(name)
        if found is None:
            return None
        return _parameter(vhost.name, component, name, _definition(found))
    if (component, name) not in vhost.parameters:
        return None
    return _parameter(vhost.name, component, name, vhost.parameters[component, name])


def global_parameter(name: str, value: object) -> Shown:
    return {"name": name, "value": _shown(value)}


def _parameter(vhost: str, component: str, name: str, value: object) -> Shown:
    return {"vhost": vhost, "component": component, "name": name, "value": _shown(value)}


def _definition(found: Policy) -> Shown:
    return {
        "pattern": found.pattern,
        "apply-to": found.apply_to,
        "definition": found.definition,
        "priority": found.priority,
    }


def _shown(value: object) -> object:
    """To RabbitMQ an empty object is an empty list."""
    return [] if value == {} else value
