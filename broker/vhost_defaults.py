"""What every new virtual host has from its beginning: the users of the settings `default_users`.

    default_users.alice.password = …        without one nobody can log in as alice by a password
    default_users.alice.vhost_pattern = ^prod-     default: all
    default_users.alice.tags = monitoring, management
    default_users.alice.configure, .read, .write   patterns, .* by default

RabbitMQ: rabbit_db_vhost_defaults, from 3.11 on.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from broker.auth.passwords import hash_password
from broker.commands import AddVhost, Command, DeleteVhost, PutUser, SetPermissions
from broker.config import ConfigError
from broker.node import Node
from broker.patterns import PatternError, compile_pattern
from broker.settings import Numbered

log = logging.getLogger("broker")

_FIELDS = ("password", "tags", "vhost_pattern", "configure", "read", "write")


@dataclass(slots=True)
class DefaultUser:
    """A user of the settings; None as a password: whoever is there keeps his."""

    name: str
    password: str | None = None
    tags: tuple[str, ...] = ()
    vhost_pattern: str = ".*"
    configure: str = ".*"
    read: str = ".*"
    write: str = ".*"

    def is_for(self, vhost: str) -> bool:
        return re.search(self.vhost_pattern, vhost) is not None


def default_users(values: Numbered) -> list[DefaultUser]:
    """values: as the setting has them, "alice.password" and its value. Raises: ConfigError."""
    users: dict[str, DefaultUser] = {}
    for path, value in values:
        name, _, field = path.rpartition(".")
        if not name or field not in _FIELDS:
            raise ConfigError(f"unknown setting 'default_users.{path}'")
        user = users.setdefault(name, DefaultUser(name))
        if field == "tags":
            user.tags = tuple(tag.strip() for tag in value.split(",") if tag.strip())
            continue
        if field != "password":
            try:
                compile_pattern(value)
                re.compile(value)
            except (PatternError, re.error):
                problem = f"must be a regular expression, not '{value}'"
                raise ConfigError(f"'default_users.{path}' {problem}") from None
        setattr(user, field, value)
    return list(users.values())


class VhostDefaults:
    """Watches a node's virtual hosts come. later: has a function called between two turns, for a
    change cannot be made from within another. Made when those that there are have been read."""

    def __init__(self, node: Node, later: Callable[[Callable[[], None]], object]):
        self._node = node
        self._later = later
        self._users = default_users(node.config.defaults.users)
        self._present = set(node.vhosts)
        if self._users:
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
