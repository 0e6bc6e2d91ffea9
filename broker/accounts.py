"""Users, and what they may do.

The part of `Definitions` that deals with them: accounts, permissions, topic permissions, limits.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from broker.amqp.errors import (
    no_vhost,
    user_channel_limit,
    user_connection_limit,
    vhost_connection_limit,
)
from broker.auth.permissions import Permissions, TopicPermissions
from broker.auth.usage import Usage
from broker.auth.users import User
from broker.changes import Changes
from broker.commands import (
    ClearPermissions,
    ClearTopicPermissions,
    Command,
    DeleteUser,
    PutUser,
    SetPermissions,
    SetTopicPermissions,
    SetUserLimits,
)
from broker.policies.validation import as_json
from broker.vhost import Version, VHost


class Accounts:
    """See the module. Changed by `Definitions.apply` only."""

    def __init__(self) -> None:
        self.vhosts: dict[str, VHost] = {}
        self.users: dict[str, User] = {}
        self.usage = Usage()
        self.version = Version()
        self.changes = Changes()  # what must survive a restart; a replicator takes it from there

    def _vhost(self, name: str) -> VHost:
        vhost = self.vhosts.get(name)
        if vhost is None:
            raise no_vhost(name)
        return vhost

    def check_connection_limits(self, vhost_name: str, username: str) -> VHost:
        """Whether there may be one more connection. Raises: NotAllowed, also without the vhost."""
        vhost = self._vhost(vhost_name)
        limit = vhost.limit("max-connections")
        if limit is not None and self.usage.connections_in[vhost_name] >= limit:
            raise vhost_connection_limit(vhost_name, username, limit)
        limit = self._user_limit(username, "max-connections")
        if limit is not None and self.usage.connections_of[username] >= limit:
            raise user_connection_limit(username, limit)
        return vhost

    def check_channel_limit(self, username: str) -> None:
        """Whether there may be one more channel. Raises: NotAllowed."""
        limit = self._user_limit(username, "max-channels")
        if limit is not None and self.usage.channels_of[username] >= limit:
            raise user_channel_limit(username, limit)

    def _user_limit(self, username: str, name: str) -> int | None:
        """RabbitMQ: below 0 is none. Users of other backends have none."""
        user = self.users.get(username)
        found = user.limits.get(name) if user is not None else None
        return found if found is not None and found >= 0 else None

    def _user(self, name: str) -> User:
        """Raises: KeyError: whoever proposes a change has seen that the user is there."""
        return self.users[name]

    def _put_user(self, command: PutUser) -> User:
        user = User(command.name, command.password_hash, command.hashing_algorithm, command.tags)
        previous = self.users.get(command.name)
        if previous is not None:
            user.permissions = previous.permissions
            user.topic_permissions = previous.topic_permissions
            user.limits = previous.limits
        if command.limits:
            user.limits = json.loads(command.limits)
        self._put_down_user(user)
        self.users[command.name] = user
        self.version.number += 1
        return user

    def _put_down_user(self, user: User) -> None:
        values = (
            user.password_hash,
            user.hashing_algorithm,
            user.tags,
            as_json(user.limits) if user.limits else "",
        )
        self.changes.put("user", (user.name,), values)

    def _delete_user(self, command: DeleteUser) -> User | None:
        """Returns: the user; None: there was none."""
        user = self.users.pop(command.name, None)
        if user is not None:
            for vhost in self.vhosts:
                self._forget_permissions(user, vhost)
            self.changes.drop("user", (command.name,))
        self.version.number += 1
        return user

    def _set_user_limits(self, command: SetUserLimits) -> None:
        user = self._user(command.username)
        user.limits = json.loads(command.limits)
        self._put_down_user(user)

    def _set_permissions(self, command: SetPermissions) -> None:
        self._vhost(command.vhost)
        user = self._user(command.username)
        permissions = Permissions(command.configure, command.write, command.read)
        values = (command.configure, command.write, command.read)
        self.changes.put("permissions", (command.username, command.vhost), values)
        user.permissions[command.vhost] = permissions
        self.version.number += 1

    def _clear_permissions(self, command: ClearPermissions) -> None:
        user = self._user(command.username)
        if user.permissions.pop(command.vhost, None) is not None:
            self.changes.drop("permissions", (user.name, command.vhost))
        self.version.number += 1

    def _set_topic_permissions(self, command: SetTopicPermissions) -> None:
        self._vhost(command.vhost)
        user = self._user(command.username)
        permissions = TopicPermissions(command.write, command.read)
        key = (command.username, command.vhost, command.exchange)
        self.changes.put("topic_permissions", key, (command.write, command.read))
        user.topic_permissions[command.vhost, command.exchange] = permissions
        self.version.number += 1

    def _clear_topic_permissions(self, command: ClearTopicPermissions) -> None:
        user = self._user(command.username)
        self._forget_topic_permissions(user, command.vhost, command.exchange)
        self.version.number += 1

    def _forget_topic_permissions(self, user: User, vhost: str, wanted: str | None = None) -> None:
        """wanted: an exchange; None: all."""
        for key in list(user.topic_permissions):
            if key[0] == vhost and wanted in (None, key[1]):
                del user.topic_permissions[key]
                self.changes.drop("topic_permissions", (user.name, *key))

    def _forget_permissions(self, user: User, vhost: str) -> None:
        """All that a user has in a vhost."""
        self._forget_topic_permissions(user, vhost)
        if user.permissions.pop(vhost, None) is not None:
            self.changes.drop("permissions", (user.name, vhost))

    _account_appliers: dict[type[Command], Callable[[Any, Any], object]] = {
        PutUser: _put_user,
        DeleteUser: _delete_user,
        SetUserLimits: _set_user_limits,
        SetPermissions: _set_permissions,
        ClearPermissions: _clear_permissions,
        SetTopicPermissions: _set_topic_permissions,
        ClearTopicPermissions: _clear_topic_permissions,
    }
