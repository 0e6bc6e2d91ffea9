"""Events of users, permissions, policies and parameters.

Odd names are RabbitMQ 3.x's: a global parameter that is cleared is `parameter.set` without a value,
topic permissions on one exchange go as `permission.deleted`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from broker.commands import (
    ClearGlobalParameter,
    ClearParameter,
    ClearPermissions,
    ClearPolicy,
    ClearTopicPermissions,
    DeleteUser,
    PutUser,
    SetGlobalParameter,
    SetParameter,
    SetPermissions,
    SetPolicy,
    SetTopicPermissions,
    SetUserLimits,
)
from broker.hooks.events import ACTOR, Context, Noted, Pairs, Told, ordered, parameter
from broker.hooks.topology_events import erlang_type

LIMITS = ("vhost-limits", "limits")
ACTING = ("user_who_performed_action", ACTOR)


def user_put(_: Context, command: PutUser, noted: list[Noted]) -> Iterator[Told]:
    """What is new of a user, if anything is."""
    name = ("name", command.name)
    for change in noted:
        before = change.before
        if before is None:
            yield Told("user.created", [name])
        elif before.password_hash != command.password_hash:
            has_one = bool(command.password_hash)
            yield Told("user.password.changed" if has_one else "user.password.cleared", [name])
        if command.tags if before is None else before.tags != command.tags:
            yield Told("user.tags.set", [name, ("tags", list(command.tags))])
        if command.limits and (before is None or before.limits != json.loads(command.limits)):
            yield _limits(command.name, command.limits)


def user_gone(_: Context, command: DeleteUser, noted: list[Noted]) -> Iterator[Told]:
    """Nothing is said of its permissions."""
    if any(change.kind == "user" for change in noted):
        yield Told("user.deleted", [("name", command.name)])


def user_limits(_: Context, command: SetUserLimits, _noted: list[Noted]) -> Iterator[Told]:
    yield _limits(command.username, command.limits)


def _limits(username: str, limits: str) -> Told:
    wanted = json.loads(limits)
    facts: Pairs = [("name", "limits"), ACTING, ("username", username)]
    if wanted:
        return Told("user.limits.set", [*facts, *sorted(wanted.items())])
    return Told("user.limits.cleared", facts)


def permissions(_: Context, command: SetPermissions, _noted: list[Noted]) -> Iterator[Told]:
    names = ("vhost", "configure", "write", "read")
    facts = [("user", command.username), *((name, getattr(command, name)) for name in names)]
    yield Told("permission.created", facts)


def permissions_gone(_: Context, command: ClearPermissions, noted: list[Noted]) -> Iterator[Told]:
    if any(change.kind == "permissions" for change in noted):
        facts = [("user", command.username), ("vhost", command.vhost)]
        yield Told("permission.deleted", facts)


def topic_permissions(
    _: Context, command: SetTopicPermissions, _noted: list[Noted]
) -> Iterator[Told]:
    names = ("vhost", "exchange", "write", "read")
    facts = [("user", command.username), *((name, getattr(command, name)) for name in names)]
    yield Told("topic.permission.created", facts)


def topic_permissions_gone(
    _: Context, command: ClearTopicPermissions, _noted: list[Noted]
) -> Iterator[Told]:
    key = "permission.deleted" if command.exchange is not None else "topic.permission.deleted"
    yield Told(key, [("user", command.username), ("vhost", command.vhost)])


def policy(context: Context, command: SetPolicy, noted: list[Noted]) -> Iterator[Told]:
    """A policy, and before it the queues that have another one by it."""
    term: Pairs = [
        ("pattern", command.pattern),
        ("definition", ordered(json.loads(command.definition))),
        ("priority", command.priority),
        ("apply-to", command.apply_to),
    ]
    if command.kind == "operator_policy":
        facts = parameter(command.vhost, command.kind, command.name)
        yield Told("parameter.set", [*facts, ("value", dict(term))])
    for queue in _queues(context, noted):
        yield Told("queue.policy.updated", [*queue, ACTING, *term])
    named: Pairs = [("name", command.name), ("vhost", command.vhost)]
    yield Told("policy.set", [*named, ACTING, *term])


def policy_gone(context: Context, command: ClearPolicy, noted: list[Noted]) -> Iterator[Told]:
    if not any(change.kind == "policy" for change in noted):
        return
    is_operator = command.kind == "operator_policy"
    if is_operator:
        facts = parameter(command.vhost, command.kind, command.name)
        yield Told("parameter.cleared", facts)
    for queue in _queues(context, noted):
        yield Told("queue.policy.cleared", queue)
    named = [("name", command.name), ("vhost", command.vhost)]
    yield Told("operator.policy.cleared" if is_operator else "policy.cleared", named)


def _queues(context: Context, noted: list[Noted]) -> Iterator[Pairs]:
    """The queues to which another policy applies now."""
    for change in noted:
        if change.kind == "queue_policy":
            vhost, name = change.key
            kind = erlang_type(context.definitions.vhosts[vhost].queues[name])
            yield [("name", name), ("vhost", vhost), ("type", kind)]


def parameter_set(_: Context, command: SetParameter, _noted: list[Noted]) -> Iterator[Told]:
    value = ordered(json.loads(command.value))
    facts = parameter(command.vhost, command.component, command.name)
    yield Told("parameter.set", [*facts, ("value", value)])
    if (command.component, command.name) == LIMITS:
        limits = list(value.items()) if isinstance(value, dict) else []
        yield Told("vhost.limits.set", [("name", "limits"), ACTING, *limits])


def parameter_gone(_: Context, command: ClearParameter, noted: list[Noted]) -> Iterator[Told]:
    if any(change.kind == "parameter" for change in noted):
        facts = parameter(command.vhost, command.component, command.name)
        yield Told("parameter.cleared", facts)
        if (command.component, command.name) == LIMITS:
            yield Told("vhost.limits.cleared", [("name", "limits")])


def global_parameter(
    _: Context, command: SetGlobalParameter, _noted: list[Noted]
) -> Iterator[Told]:
    value = ordered(json.loads(command.value))
    facts = [("component", "global"), ("name", command.name), ("value", value)]
    yield Told("parameter.set", facts)


def global_parameter_gone(
    _: Context, command: ClearGlobalParameter, noted: list[Noted]
) -> Iterator[Told]:
    if any(change.kind == "global_parameter" for change in noted):
        yield Told("parameter.set", [("component", "global"), ("name", command.name)])
