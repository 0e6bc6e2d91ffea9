"""What scenarios ask of RabbitMQ's HTTP API, carried out by commands on an embedded node."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.error import URLError
from urllib.parse import unquote

from broker import Broker
from broker.amqp.errors import AMQPException
from broker.auth.passwords import DEFAULT_ALGORITHM, hash_password
from broker.commands import (
    AddVhost,
    ClearParameter,
    ClearPermissions,
    ClearPolicy,
    ClearTopicPermissions,
    Command,
    DeleteUser,
    DeleteVhost,
    PutUser,
    SetParameter,
    SetPermissions,
    SetPolicy,
    SetTopicPermissions,
    SetTracing,
    SetUserLimits,
)
from broker.node import Node
from broker.policies.validation import as_json, check_policy

Body = dict[str, Any]
Api = Callable[[str, str, Any], Any]
_ROUTES: list[tuple[str, re.Pattern[str], Callable[..., Command]]] = []


def api_of(broker: Broker) -> Api:
    """For `Target.commands`: a broker started by a plain `with`."""

    def api(verb: str, path: str, body: Any = None) -> None:
        for wanted, pattern, make in _ROUTES:
            found = pattern.fullmatch(path)
            if wanted == verb and found is not None:
                try:
                    broker.call(partial(_execute, make, body or {}, found.groups()))
                except AMQPException as refusal:
                    raise URLError(refusal.text) from None
                return
        raise LookupError(f"{verb} {path}")

    return api


def _execute(make: Callable[..., Command], body: Body, names: tuple[str, ...], node: Node) -> None:
    command = make(node, body, *map(unquote, names))
    command.actor = "guest"
    node.execute(command)


def _route(verb: str, path: str) -> Callable[[Callable[..., Command]], Callable[..., Command]]:
    """Enter what makes the command of a call. path: `*` stands for an argument."""

    def enter(make: Callable[..., Command]) -> Callable[..., Command]:
        _ROUTES.append((verb, re.compile(path.replace("*", "([^/]+)")), make))
        return make

    return enter


@_route("PUT", "vhosts/*")
def _put_vhost(node: Node, body: Body, name: str) -> Command:
    if "tracing" in body:
        return SetTracing(name, bool(body["tracing"]))
    tags = tuple(tag for tag in body.get("tags", "").split(",") if tag)
    return AddVhost(name, body.get("description", ""), tags, body.get("default_queue_type", ""))


@_route("DELETE", "vhosts/*")
def _delete_vhost(node: Node, body: Body, name: str) -> Command:
    return DeleteVhost(name)


@_route("PUT", "users/*")
def _put_user(node: Node, body: Body, name: str) -> Command:
    tags = tuple(tag for tag in body["tags"].split(",") if tag)
    password_hash = hash_password(body["password"].encode()) if "password" in body else b""
    return PutUser(name, password_hash, DEFAULT_ALGORITHM, tags)


@_route("DELETE", "users/*")
def _delete_user(node: Node, body: Body, name: str) -> Command:
    return DeleteUser(name)


@_route("PUT", "permissions/*/*")
def _put_permissions(node: Node, body: Body, vhost: str, user: str) -> Command:
    return SetPermissions(user, vhost, body["configure"], body["write"], body["read"])


@_route("DELETE", "permissions/*/*")
def _delete_permissions(node: Node, body: Body, vhost: str, user: str) -> Command:
    return ClearPermissions(user, vhost)


@_route("PUT", "topic-permissions/*/*")
def _put_topic_permissions(node: Node, body: Body, vhost: str, user: str) -> Command:
    return SetTopicPermissions(user, vhost, body["exchange"], body["write"], body["read"])


@_route("DELETE", "topic-permissions/*/*")
def _delete_topic_permissions(node: Node, body: Body, vhost: str, user: str) -> Command:
    return ClearTopicPermissions(user, vhost)


@_route("PUT", "policies/*/*")
def _put_policy(node: Node, body: Body, vhost: str, name: str, kind: str = "policy") -> Command:
    priority, apply_to = body.get("priority", 0), body.get("apply-to", "all")
    check_policy(name, body["pattern"], body["definition"], priority, apply_to, kind)
    definition = as_json(body["definition"])
    return SetPolicy(vhost, name, body["pattern"], definition, priority, apply_to, kind)


@_route("PUT", "operator-policies/*/*")
def _put_operator_policy(node: Node, body: Body, vhost: str, name: str) -> Command:
    return _put_policy(node, body, vhost, name, "operator_policy")


@_route("DELETE", "policies/*/*")
def _delete_policy(node: Node, body: Body, vhost: str, name: str) -> Command:
    return ClearPolicy(vhost, name)


@_route("DELETE", "operator-policies/*/*")
def _delete_operator_policy(node: Node, body: Body, vhost: str, name: str) -> Command:
    return ClearPolicy(vhost, name, "operator_policy")


@_route("PUT", "vhost-limits/*/*")
def _put_vhost_limit(node: Node, body: Body, vhost: str, name: str) -> Command:
    limits = dict(node.vhosts[vhost].parameters.get(("vhost-limits", "limits")) or {})  # type: ignore[call-overload]
    limits[name] = body["value"]
    return SetParameter(vhost, "vhost-limits", "limits", as_json(limits))


@_route("DELETE", "vhost-limits/*/*")
def _delete_vhost_limit(node: Node, body: Body, vhost: str, name: str) -> Command:
    return ClearParameter(vhost, "vhost-limits", "limits")


@_route("PUT", "user-limits/*/*")
def _put_user_limit(node: Node, body: Body, user: str, name: str) -> Command:
    return SetUserLimits(user, json.dumps({**node.users[user].limits, name: body["value"]}))


@_route("DELETE", "user-limits/*/*")
def _delete_user_limit(node: Node, body: Body, user: str, name: str) -> Command:
    limits = {key: value for key, value in node.users[user].limits.items() if key != name}
    return SetUserLimits(user, json.dumps(limits))
