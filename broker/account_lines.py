"""What the log tells of users, permissions, virtual hosts and policies: who did what when.

The sentences are RabbitMQ's, with the user who asked for it behind them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

from broker.commands import (
    INTERNAL_USER,
    AddVhost,
    ClearPermissions,
    ClearTopicPermissions,
    Command,
    DeleteUser,
    DeleteVhost,
    PutUser,
    SetPermissions,
    SetPolicy,
    SetTopicPermissions,
    SetTracing,
)
from broker.log_lines import on_one_line
from broker.node import Node

log = logging.getLogger("broker")


class AccountLines:
    """Made when the definitions that there are have been read."""

    def __init__(self, node: Node):
        self._users = dict(node.users)  # as they were last told of
        self._node = node
        node.observe(self._on_command, PutUser, DeleteUser, *_LINES)

    def _on_command(self, command: Command, result: object) -> None:
        by = "" if command.actor == INTERNAL_USER else f", by={command.actor}"
        for text in self._told(command, result):
            log.info("%s", on_one_line(f"{text}{by}"))

    def _told(self, command: Command, result: object) -> Iterator[str]:
        if isinstance(command, PutUser):
            yield from self._user_put(command)
        elif isinstance(command, DeleteUser):
            if self._users.pop(command.name, None) is not None:
                yield f"Deleted user '{command.name}'"
        else:
            yield _LINES[type(command)](command)

    def _user_put(self, command: PutUser) -> Iterator[str]:
        name, before = command.name, self._users.get(command.name)
        self._users[name] = self._node.users[name]
        if before is None:
            yield f"Created user '{name}'"
        elif not command.password_hash and before.password_hash:
            yield f"Clearing password for '{name}'"
        elif before.password_hash != command.password_hash:
            yield f"Successfully changed password for user '{name}'"
        if command.tags != (() if before is None else before.tags):
            yield f"Successfully set user tags for user '{name}' to [{','.join(command.tags)}]"


def _vhost(one: AddVhost) -> str:
    tags = ",".join(one.tags)
    return f"Adding vhost '{one.name}' (description: '{one.description}', tags: [{tags}])"


def _permissions(one: SetPermissions) -> str:
    return (
        f"Successfully set permissions for '{one.username}' in virtual host '{one.vhost}'"
        f" to '{one.configure}', '{one.write}', '{one.read}'"
    )


def _topic_permissions(one: SetTopicPermissions) -> str:
    return (
        f"Successfully set topic permissions on exchange '{one.exchange}' for '{one.username}'"
        f" in virtual host '{one.vhost}' to '{one.write}', '{one.read}'"
    )


def _topic_permissions_gone(one: ClearTopicPermissions) -> str:
    which = "" if one.exchange is None else f" on exchange '{one.exchange}'"
    return (
        f"Successfully cleared topic permissions{which} for '{one.username}'"
        f" in virtual host '{one.vhost}'"
    )


def _policy(one: SetPolicy) -> str:
    kind = one.kind.replace("_", " ")
    return (
        f"Successfully set {kind} '{one.name}' matching {one.apply_to} names"
        f" in virtual host '{one.vhost}' using pattern '{one.pattern}'"
    )


_LINES: dict[type[Command], Callable[[Any], str]] = {
    AddVhost: _vhost,
    DeleteVhost: lambda one: f"Deleting vhost '{one.name}'",
    SetPermissions: _permissions,
    ClearPermissions: lambda one: (
        f"Successfully cleared permissions for '{one.username}' in virtual host '{one.vhost}'"
    ),
    SetTopicPermissions: _topic_permissions,
    ClearTopicPermissions: _topic_permissions_gone,
    SetPolicy: _policy,
    SetTracing: lambda one: (
        f"{'Enabling' if one.is_on else 'Disabling'} tracing for vhost '{one.vhost}'"
    ),
}
