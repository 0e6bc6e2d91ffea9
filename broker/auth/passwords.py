"""Password hashes in RabbitMQ's form: four octets of salt, then the digest of salt and password."""

from __future__ import annotations

import hashlib
import hmac
import os

SALT_SIZE = 4
ALGORITHMS = {
    "rabbit_password_hashing_sha256": "sha256",
    "rabbit_password_hashing_sha512": "sha512",
    "rabbit_password_hashing_md5": "md5",
}
DEFAULT_ALGORITHM = "rabbit_password_hashing_sha256"


def hash_password(password: bytes, algorithm: str = DEFAULT_ALGORITHM) -> bytes:
    """A salted hash. algorithm: RabbitMQ's module name, a key of ALGORITHMS."""
    return _digest(os.urandom(SALT_SIZE), password, algorithm)


def verify_password(password: bytes, password_hash: bytes, algorithm: str) -> bool:
    """Whether the password is the hashed one. An empty hash matches no password, nor does one of an
    algorithm that is not known. It takes as long whatever the hash is."""
    if algorithm not in ALGORITHMS:
        return False
    salt = password_hash[:SALT_SIZE]
    return hmac.compare_digest(_digest(salt, password, algorithm), password_hash)


def _digest(salt: bytes, password: bytes, algorithm: str) -> bytes:
    digest = hashlib.new(ALGORITHMS[algorithm], salt + password, usedforsecurity=False)
    return salt + digest.digest()
