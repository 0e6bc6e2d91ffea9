"""What a user may do in a vhost: three regular expressions over resource names."""

from __future__ import annotations

import re
from typing import Final

from broker.patterns import PatternError, compile_pattern

CONFIGURE: Final = "configure"
WRITE: Final = "write"
READ: Final = "read"
DEFAULT_EXCHANGE: Final = "amq.default"  # the default exchange's name where permissions are asked


class TopicPermissions:
    """Which routing keys a user may use on one topic exchange: to publish (write), to bind (read).

    RabbitMQ expands {username} and {vhost} in the patterns.
    """

    __slots__ = ("_compiled", "read", "write")

    def __init__(self, write: str, read: str):
        self.write = write
        self.read = read
        self._compiled: dict[tuple[str, str, str], re.Pattern[str] | None] = {}
        for pattern in (write, read):
            _compile(pattern)

    def allows(self, permission: str, routing_key: str, *, username: str, vhost: str) -> bool:
        """permission: WRITE or READ. A name with which the pattern makes no sense is refused."""
        key = (permission, username, vhost)
        if key not in self._compiled:
            pattern = self.write if permission == WRITE else self.read
            for name, value in (("{username}", username), ("{vhost}", vhost)):
                pattern = pattern.replace(name, value)
            try:
                self._compiled[key] = _compile(pattern)
            except PatternError:
                return False
        compiled = self._compiled[key]
        return compiled is None or compiled.search(routing_key) is not None


class Permissions:
    """configure, write and read patterns, searched for unanchored, as RabbitMQ does.

    The empty pattern matches only the empty name; ".*", what nearly everybody has, is not run.
    """

    __slots__ = ("_compiled", "configure", "read", "write")

    def __init__(self, configure: str, write: str, read: str):
        self.configure = configure
        self.write = write
        self.read = read
        self._compiled = {
            CONFIGURE: _compile(configure),
            WRITE: _compile(write),
            READ: _compile(read),
        }

    def allows(self, permission: str, name: str) -> bool:
        """permission: CONFIGURE, WRITE or READ. name: of the resource."""
        pattern = self._compiled[permission]
        return pattern is None or pattern.search(name) is not None


def _compile(pattern: str) -> re.Pattern[str] | None:
    """None: everything is allowed. Raises: PatternError."""
    if pattern == ".*":
        return None
    return compile_pattern(pattern or "^$")
