"""Policies, parameters and limits of vhosts: what is asked for becomes commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from broker.commands import (
    ClearParameter,
    ClearPolicy,
    Command,
    SetGlobalParameter,
    SetParameter,
    SetPolicy,
)
from broker.management.operations.refused import Refused, text_of
from broker.node import Node
from broker.policies.policy import OPERATOR_POLICY, POLICY
from broker.policies.validation import as_json, check_parameter, check_policy

VHOST_LIMITS = ("vhost-limits", "limits")  # component and name


def set_policy(vhost: str, name: str, fields: Mapping[str, Any], kind: str = POLICY) -> SetPolicy:
    """fields: pattern, definition, priority, apply-to. Raises: ValidationError."""
    pattern, definition = fields.get("pattern"), fields.get("definition")
    priority, apply_to = fields.get("priority", 0), fields.get("apply-to", "all")
    check_policy(name, pattern, definition, priority, apply_to, kind)
    return SetPolicy(vhost, name, str(pattern), as_json(definition), priority, str(apply_to), kind)


def set_parameter(vhost: str, component: str, name: str, value: object) -> Command:
    """Operator policies are parameters, too. Raises: ValidationError, Refused."""
    if component == VHOST_LIMITS[0]:
        if value == []:  # so RabbitMQ shows an empty object
            value = {}
        if name != VHOST_LIMITS[1]:
            raise Refused(f"component {component} has no parameter '{name}'")
    check_parameter(component, name, value)
    if component == OPERATOR_POLICY:
        assert isinstance(value, dict)
        return set_policy(vhost, name, value, OPERATOR_POLICY)
    return SetParameter(vhost, component, name, as_json(value))


def clear_parameter(vhost: str, component: str, name: str) -> Command:
    """Raises: Refused."""
    if component == POLICY:
        raise Refused("policies may not be cleared using this method")
    if component == OPERATOR_POLICY:
        return ClearPolicy(vhost, name, OPERATOR_POLICY)
    return ClearParameter(vhost, component, name)


def set_global_parameter(name: object, value: object) -> Command:
    """Raises: Refused."""
    return SetGlobalParameter(text_of("global parameter", "name", name), as_json(value))


def vhost_limits(node: Node, vhost: str) -> dict[str, Any]:
    """Those that were set."""
    found = node.vhosts[vhost].parameters.get(VHOST_LIMITS)
    return dict(found) if isinstance(found, dict) else {}


def set_vhost_limit(node: Node, vhost: str, limit: str, value: object) -> Command:
    """Raises: ValidationError."""
    return set_parameter(vhost, *VHOST_LIMITS, {**vhost_limits(node, vhost), limit: value})


def clear_vhost_limit(node: Node, vhost: str, limit: str) -> Command:
    left = {name: value for name, value in vhost_limits(node, vhost).items() if name != limit}
    return set_parameter(vhost, *VHOST_LIMITS, left)
