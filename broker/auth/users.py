"""Users: names, password hashes, tags, and permissions per vhost."""

from __future__ import annotations

from broker.auth.passwords import verify_password
from broker.auth.permissions import Permissions, TopicPermissions


class User:
    """One user. permissions: vhost → what it may do there; a vhost not in it is closed to it.

    topic_permissions: (vhost, exchange) → what routing keys it may use there; none: any. limits:
    max-connections and max-channels, where there are any.
    """

    __slots__ = (
        "hashing_algorithm",
        "limits",
        "name",
        "password_hash",
        "permissions",
        "tags",
        "topic_permissions",
    )

    def __init__(
        self,
        name: str,
        password_hash: bytes,
        hashing_algorithm: str,
        tags: tuple[str, ...] = (),
    ):
        self.name = name
        self.password_hash = password_hash
        self.hashing_algorithm = hashing_algorithm
        self.tags = tags
        self.permissions: dict[str, Permissions] = {}
        self.topic_permissions: dict[tuple[str, str], TopicPermissions] = {}
        self.limits: dict[str, int] = {}

    def tagged(self, tags: tuple[str, ...]) -> User:
        """The same user with other tags: for a login to which another backend gave some."""
        user = User(self.name, self.password_hash, self.hashing_algorithm, tags)
        user.permissions = self.permissions
        user.topic_permissions = self.topic_permissions
        user.limits = self.limits
        return user

    def has_password(self, password: bytes) -> bool:
        return verify_password(password, self.password_hash, self.hashing_algorithm)
