"""Users: names, password hashes, tags, and permissions per vhost."""

from __future__ import annotations

from broker.auth.passwords import verify_password
from broker.auth.permissions import Permissions


class User:
    """One user. permissions: vhost → what it may do there; a vhost not in it is closed to it."""

    __slots__ = ("hashing_algorithm", "name", "password_hash", "permissions", "tags")

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

    def has_password(self, password: bytes) -> bool:
        return verify_password(password, self.password_hash, self.hashing_algorithm)
