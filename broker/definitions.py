"""Everything that is defined, and the one function that changes it.

Vhosts, users, permissions, exchanges, queues and bindings, of a node in memory. `apply` carries out
a `Command` that has been agreed on; nothing else changes a definition. What must survive a restart
is put down in `changes`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from broker.amqp.errors import no_vhost, vhost_refused
from broker.auth.permissions import Permissions
from broker.auth.users import User
from broker.changes import Changes
from broker.commands import (
    AddVhost,
    Bind,
    ClearPermissions,
    Command,
    DeclareExchange,
    DeclareQueue,
    DeleteExchange,
    DeleteQueue,
    DeleteUser,
    DeleteVhost,
    PutUser,
    SetPermissions,
    Unbind,
)
from broker.queues.extended import extend
from broker.queues.features import Features
from broker.queues.queue import Queue
from broker.seams import Clock, MessageLog, NullLog
from broker.store.format import VOLATILE_ID
from broker.vhost import Version, VHost


class Definitions:
    """See the module. changed_queues: where queues with something to do put themselves."""

    def __init__(self, log: MessageLog, clock: Clock):
        self.log = log
        self.clock = clock
        self.vhosts: dict[str, VHost] = {}
        self.users: dict[str, User] = {}
        self.version = Version()
        self.changes = Changes()  # what must survive a restart; a replicator takes it from there
        self.changed_queues: list[Queue] = []
        self.last_queue_id = 0  # of durable queues: grows over all restarts
        self._last_volatile_id = VOLATILE_ID

    def apply(self, command: Command) -> object:
        """Carry out one agreed change: the only place where definitions change.

        Returns: what the command is about, or a count. Raises: AMQPException when it cannot be
        done; nothing is changed then.
        """
        return self._appliers[type(command)](self, command)

    def _vhost(self, name: str) -> VHost:
        vhost = self.vhosts.get(name)
        if vhost is None:
            raise no_vhost(name)
        return vhost

    def _add_vhost(self, command: AddVhost) -> VHost:
        if command.name not in self.vhosts:
            store = None if isinstance(self.log, NullLog) else self.log
            vhost = VHost(command.name, self.changed_queues, self.version, self.changes, store)
            self.changes.put("vhost", (command.name,), (command.description, command.tags))
            self.vhosts[command.name] = vhost
        return self.vhosts[command.name]

    def _delete_vhost(self, command: DeleteVhost) -> None:
        vhost = self._vhost(command.name)
        vhost.delete_everything()
        for user in self.users.values():
            self._forget_permissions(user, command.name)
        del self.vhosts[command.name]
        self.changes.drop("vhost", (command.name,))
        self.version.number += 1

    def _put_user(self, command: PutUser) -> User:
        user = User(command.name, command.password_hash, command.hashing_algorithm, command.tags)
        previous = self.users.get(command.name)
        if previous is not None:
            user.permissions = previous.permissions
        values = (command.password_hash, command.hashing_algorithm, command.tags)
        self.changes.put("user", (command.name,), values)
        self.users[command.name] = user
        self.version.number += 1
        return user

    def _delete_user(self, command: DeleteUser) -> None:
        user = self.users.pop(command.name, None)
        if user is not None:
            for vhost in list(user.permissions):
                self._forget_permissions(user, vhost)
            self.changes.drop("user", (command.name,))
        self.version.number += 1

    def _set_permissions(self, command: SetPermissions) -> None:
        self._vhost(command.vhost)
        user = self.users[command.username]
        permissions = Permissions(command.configure, command.write, command.read)
        values = (command.configure, command.write, command.read)
        self.changes.put("permissions", (command.username, command.vhost), values)
        user.permissions[command.vhost] = permissions
        self.version.number += 1

    def _clear_permissions(self, command: ClearPermissions) -> None:
        self._forget_permissions(self.users[command.username], command.vhost)
        self.version.number += 1

    def _forget_permissions(self, user: User, vhost: str) -> None:
        if user.permissions.pop(vhost, None) is not None:
            self.changes.drop("permissions", (user.name, vhost))

    def _declare_queue(self, command: DeclareQueue) -> Queue:
        vhost = self._vhost(command.vhost)
        queue_id = command.queue_id
        if not queue_id and command.name not in vhost.queues:
            queue_id = self._next_queue_id(command.durable)
        elif command.durable and queue_id > self.last_queue_id:
            self.last_queue_id = queue_id
        queue = vhost.declare_queue(command, queue_id)
        features = Features.of(queue.arguments)  # not the command's: it may have been there
        has_deadlines = queue.log is not None and queue.log.has_deadlines
        if queue.extras is None and (features is not None or has_deadlines):
            extend(queue, features or Features(), self.clock)
        return queue

    def _next_queue_id(self, durable: bool) -> int:
        """Never the same twice; those of durable queues not even after a restart."""
        if durable:
            self.last_queue_id += 1
            return self.last_queue_id
        self._last_volatile_id += 1
        return self._last_volatile_id

    def extend_queue(self, queue: Queue) -> None:
        """Make a plain queue fit for messages that expire."""
        extend(queue, Features(), self.clock)
        self.version.number += 1

    _appliers: dict[type[Command], Callable[[Definitions, Any], object]] = {
        AddVhost: _add_vhost,
        DeleteVhost: _delete_vhost,
        PutUser: _put_user,
        DeleteUser: _delete_user,
        SetPermissions: _set_permissions,
        ClearPermissions: _clear_permissions,
        DeclareExchange: lambda self, c: self._vhost(c.vhost).declare_exchange(c),
        DeleteExchange: lambda self, c: self._vhost(c.vhost).delete_exchange(
            c.name, if_unused=c.if_unused
        ),
        DeclareQueue: _declare_queue,
        DeleteQueue: lambda self, c: self._vhost(c.vhost).delete_queue(c.name, c.queue_id),
        Bind: lambda self, c: self._vhost(c.vhost).bind(c),
        Unbind: lambda self, c: self._vhost(c.vhost).unbind(c),
    }

    def open_vhost(self, name: str, user: User) -> VHost:
        """The vhost, for a user that may enter it. Raises: NotAllowed with RabbitMQ's text."""
        vhost = self._vhost(name)
        if name not in user.permissions:
            raise vhost_refused(name, user.name)
        return vhost
