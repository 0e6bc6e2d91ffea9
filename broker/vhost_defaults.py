"""What every new virtual host has from its beginning: the users of the settings `default_users`.

    default_users.alice.password = …        without one nobody can log in as alice by a password
    default_users.alice.vhost_pattern = ^prod-     default: all
    default_users.alice.tags = monitoring, management
    default_users.alice.configure, .read, .write   patterns, .* by default

RabbitMQ: rabbit_db_vhost_defaults, from 3.11 on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from broker.auth.passwords import hash_password
from broker.commands import AddVhost, Command, DeleteVhost, PutUser, SetPermissions
from broker.configuration.default_users import DefaultUser, default_users
from broker.node import Node

log = logging.getLogger("broker")


class VhostDefaults:
    """Watches a node's virtual hosts come. later: has a function called between two turns, for a
    change cannot be made from within another. Made when those that there are have been read."""

    def __init__(self, node: Node, later: Callable[[Callable[[], None]], object]):
        self._node = node
        self._later = later
        self._users = default_users(node.config.defaults.users)
        self._present = set(node.vhosts)
        node.observe(self._on_command, AddVhost, DeleteVhost)

    def _on_command(self, command: Command, result: object) -> None:
        if isinstance(command, DeleteVhost):
            self._present.discard(command.name)
        elif isinstance(command, AddVhost) and command.name not in self._present:
            self._present.add(command.name)
            name = command.name
            self._later(lambda: self._add_users(name))

    def _add_users(self, vhost: str) -> None:
        if vhost not in self._node.vhosts:
            return
        for user in self._users:
            if user.is_for(vhost):
                for command in self._commands(user, vhost):
                    self._node.execute(command)
                log.info("default user, name=%s vhost=%s", user.name, vhost)
        self._node.request_turn()

    def _commands(self, user: DefaultUser, vhost: str) -> Iterator[Command]:
        algorithm = self._node.config.auth.hashing_module
        present = self._node.users.get(user.name)
        if user.password is not None:
            secret = hash_password(user.password.encode(), algorithm)
            yield PutUser(user.name, secret, algorithm, user.tags)
        elif present is None:
            yield PutUser(user.name, b"", algorithm, user.tags)
        yield SetPermissions(user.name, vhost, user.configure, user.write, user.read)
