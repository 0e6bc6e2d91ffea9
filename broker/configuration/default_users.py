"""The users that every new virtual host has, out of the setting `default_users`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from broker.patterns import PatternError, compile_pattern
from broker.sections import Numbered
from broker.settings import ConfigError

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
