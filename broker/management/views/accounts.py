"""Users and what they may do, with RabbitMQ's keys."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from broker.auth.permissions import Permissions, TopicPermissions
from broker.auth.users import User
from broker.node import Node

Shown = dict[str, Any]


def user(found: User) -> Shown:
    """For administrators: with the hash of the password."""
    return {
        "name": found.name,
        "password_hash": base64.b64encode(found.password_hash).decode(),
        "hashing_algorithm": found.hashing_algorithm,
        "tags": list(found.tags),
        "limits": dict(found.limits),
    }


def permissions(username: str, vhost: str, found: Permissions) -> Shown:
    return {
        "user": username,
        "vhost": vhost,
        "configure": found.configure,
        "write": found.write,
        "read": found.read,
    }


def topic_permissions(username: str, vhost: str, exchange: str, found: TopicPermissions) -> Shown:
    return {
        "user": username,
        "vhost": vhost,
        "exchange": exchange,
        "write": found.write,
        "read": found.read,
    }


def all_permissions(node: Node) -> Iterator[Shown]:
    for found in list(node.users.values()):
        yield from permissions_of(found)


def permissions_of(found: User) -> Iterator[Shown]:
    for vhost, patterns in list(found.permissions.items()):
        yield permissions(found.name, vhost, patterns)


def all_topic_permissions(node: Node) -> Iterator[Shown]:
    for found in list(node.users.values()):
        yield from topic_permissions_of(found)


def topic_permissions_of(found: User) -> Iterator[Shown]:
    for (vhost, exchange), patterns in list(found.topic_permissions.items()):
        yield topic_permissions(found.name, vhost, exchange, patterns)
