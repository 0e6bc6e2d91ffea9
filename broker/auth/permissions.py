"""What a user may do in a vhost: three regular expressions over resource names."""

from __future__ import annotations

import re
from typing import Final

CONFIGURE: Final = "configure"
WRITE: Final = "write"
READ: Final = "read"
DEFAULT_EXCHANGE: Final = "amq.default"  # the default exchange's name where permissions are asked


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
    """None: everything is allowed. Raises: re.error."""
    if pattern == ".*":
        return None
    return re.compile(pattern or "^$")
