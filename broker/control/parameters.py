"""Runtime parameters, policies and limits, as `leveretctl` sees and changes them.

Values are JSON, as the user wrote them. RabbitMQ looks at them before it looks for the vhost.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from broker.amqp.erlang import Atom
from broker.commands import (
    ClearGlobalParameter,
    ClearPolicy,
    Command,
    SetUserLimits,
)
from broker.control.actions import Asked, Row, Rows, action
from broker.control.host import Failure
from broker.management.operations import parameters
from broker.management.operations.parameters import VHOST_LIMITS, vhost_limits
from broker.management.operations.refused import Refused
from broker.policies.policy import OPERATOR_POLICY, POLICY, Policy
from broker.policies.validation import ValidationError, as_json, check_user_limits

T = TypeVar("T")
MISSING = "Parameter does not exist"


def _decoded(text: str) -> Any:
    """Raises: Failure."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Failure("JSON decoding error. Reason: badarg") from None


def _checked(make: Callable[[], T]) -> T:
    """What a change is made of. Raises: Failure."""
    try:
        return make()
    except (Refused, ValidationError) as error:
        raise Failure(str(error)) from None


async def _carry_out(asked: Asked, vhost: str, command: Command) -> None:
    """Raises: Failure: there is no such vhost."""
    asked.vhost(vhost)
    await asked.execute(command)


# parameters


@action()
async def set_parameter(asked: Asked, vhost: str, component: str, name: str, value: str) -> None:
    """Raises: Failure."""
    if component == POLICY:
        raise Failure("policies may not be set using this method")
    decoded = _decoded(value)
    command = _checked(lambda: parameters.set_parameter(vhost, component, name, decoded))
    await _carry_out(asked, vhost, command)


@action()
async def clear_parameter(asked: Asked, vhost: str, component: str, name: str) -> None:
    """Raises: Failure."""
    command = _checked(lambda: parameters.clear_parameter(vhost, component, name))
    found = asked.node.vhosts.get(vhost)
    if found is None or not (
        (component, name) in found.parameters
        or (component == OPERATOR_POLICY and name in found.policies.by_kind[component])
    ):
        raise Failure(MISSING)
    await asked.execute(command)


@action()
async def list_parameters(asked: Asked, vhost: str) -> Rows:
    """Raises: Failure."""
    found = asked.vhost(vhost)
    for (component, name), value in list(found.parameters.items()):
        yield [("component", component), ("name", name), ("value", as_json(value))]
    for policy in list(found.policies.by_kind[OPERATOR_POLICY].values()):
        value = as_json(
            {
                "pattern": policy.pattern,
                "apply-to": policy.apply_to,
                "definition": policy.definition,
                "priority": policy.priority,
            }
        )
        yield [("component", OPERATOR_POLICY), ("name", policy.name), ("value", value)]


@action()
async def set_global_parameter(asked: Asked, name: str, value: str) -> None:
    """Raises: Failure."""
    await asked.execute(parameters.set_global_parameter(name, _decoded(value)))


@action()
async def clear_global_parameter(asked: Asked, name: str) -> None:
    """Raises: Failure."""
    if name not in asked.node.global_parameters:
        raise Failure(MISSING)
    await asked.execute(ClearGlobalParameter(name))


@action()
async def list_global_parameters(asked: Asked) -> Rows:
    for name, value in list(asked.node.global_parameters.items()):
        yield [("name", Atom(name)), ("value", as_json(value))]


# policies


@action()
async def set_policy(
    asked: Asked,
    kind: str,
    vhost: str,
    name: str,
    pattern: str,
    definition: str,
    priority: int,
    apply_to: str,
) -> None:
    """kind: "policy" or "operator_policy". Raises: Failure."""
    fields = {
        "pattern": pattern,
        "definition": _decoded(definition),
        "priority": priority,
        "apply-to": apply_to,
    }
    command = _checked(lambda: parameters.set_policy(vhost, name, fields, kind))
    await _carry_out(asked, vhost, command)


@action()
async def clear_policy(asked: Asked, kind: str, vhost: str, name: str) -> None:
    """Raises: Failure."""
    found = asked.node.vhosts.get(vhost)
    if found is None or name not in found.policies.by_kind[kind]:
        raise Failure(MISSING)
    await asked.execute(ClearPolicy(vhost, name, kind))


@action()
async def list_policies(asked: Asked, kind: str, vhost: str) -> Rows:
    """Raises: Failure."""
    for policy in list(asked.vhost(vhost).policies.by_kind[kind].values()):
        yield _policy(vhost, policy)


def _policy(vhost: str, policy: Policy) -> Row:
    return [
        ("vhost", vhost),
        ("name", policy.name),
        ("pattern", policy.pattern),
        ("apply-to", policy.apply_to),
        ("definition", as_json(policy.definition)),
        ("priority", policy.priority),
    ]


# limits


@action()
async def set_vhost_limits(asked: Asked, vhost: str, definition: str) -> None:
    """Raises: Failure."""
    decoded = _decoded(definition)
    if not isinstance(decoded, dict):
        raise Failure("limits should be a JSON object")
    command = _checked(lambda: parameters.set_parameter(vhost, *VHOST_LIMITS, decoded))
    await _carry_out(asked, vhost, command)


@action()
async def clear_vhost_limits(asked: Asked, vhost: str) -> None:
    """Raises: Failure."""
    await clear_parameter(asked, vhost, *VHOST_LIMITS)


@action()
async def get_vhost_limits(asked: Asked, vhost: str) -> str | None:
    """As JSON; None: there are none. Raises: Failure."""
    asked.vhost(vhost)
    found = vhost_limits(asked.node, vhost)
    return as_json(found) if found else None


@action()
async def list_vhost_limits(asked: Asked) -> Rows:
    """Of all vhosts that have some."""
    for vhost in list(asked.node.vhosts):
        there = asked.node.vhosts.get(vhost)  # it may have gone meanwhile
        if there is not None and VHOST_LIMITS in there.parameters:
            yield [("vhost", vhost), ("limits", as_json(vhost_limits(asked.node, vhost)))]


@action()
async def set_user_limits(asked: Asked, name: str, definition: str) -> None:
    """In addition to those that he has. Raises: Failure."""
    decoded = _decoded(definition)
    _checked(lambda: check_user_limits(decoded))
    user = asked.user(name)
    await asked.execute(SetUserLimits(name, as_json({**user.limits, **decoded})))


@action()
async def clear_user_limits(asked: Asked, name: str, limit: str) -> None:
    """limit: "all": every one. Raises: Failure."""
    user = asked.user(name)
    left = {key: value for key, value in user.limits.items() if limit not in (key, "all")}
    await asked.execute(SetUserLimits(name, as_json(left)))


@action()
async def get_user_limits(asked: Asked, name: str) -> str:
    """As JSON. Raises: Failure."""
    return as_json(asked.user(name).limits)


@action()
async def list_user_limits(asked: Asked) -> Rows:
    """Of all users that have some."""
    for user in list(asked.node.users.values()):
        if user.limits:
            yield [("user", user.name), ("limits", as_json(user.limits))]
