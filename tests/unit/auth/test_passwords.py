from __future__ import annotations

import base64
import hashlib

import pytest

from broker.auth.passwords import ALGORITHMS, SALT_SIZE, hash_password, verify_password


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_password_is_its_own_and_no_other(algorithm: str) -> None:
    password_hash = hash_password(b"secret", algorithm)
    assert verify_password(b"secret", password_hash, algorithm)
    assert not verify_password(b"Secret", password_hash, algorithm)
    assert not verify_password(b"", password_hash, algorithm)


def test_the_hash_is_rabbitmqs() -> None:
    """The example of RabbitMQ's documentation on passwords: salt 908DC60A, password test12."""
    documented = base64.b64decode("kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR")
    assert verify_password(b"test12", documented, "rabbit_password_hashing_sha256")
    assert documented[SALT_SIZE:] == hashlib.sha256(documented[:SALT_SIZE] + b"test12").digest()


def test_every_hash_has_a_salt_of_its_own() -> None:
    assert hash_password(b"x") != hash_password(b"x")


def test_an_empty_hash_matches_no_password() -> None:
    for password_hash in (b"", b"salt"):
        assert not verify_password(b"", password_hash, "rabbit_password_hashing_sha256")


@pytest.mark.parametrize(
    ("algorithm", "made_by_rabbitmq"),
    [
        ("sha256", "f+cHDXMpBhJqzQTn0qxL1Wr8GlT8IupqZ0XL0sqHkjieE51r"),
        (
            "sha512",
            "60nPaZGeMi56FS6ivGk9cep/ColidJABy6qD1H+mzzlAa4TwcZJYOOW8sDJ/pa6SdFXmRPqBGgSLjceVK1km"
            "cRZ85M4=",
        ),
        ("md5", "M/oO1wLM4sUPeEY8GuvJKVJ/OeQ="),
    ],
)
def test_hashes_that_rabbitmq_made(algorithm: str, made_by_rabbitmq: str) -> None:
    """By 3.10.8, with each password_hashing_module."""
    password_hash = base64.b64decode(made_by_rabbitmq)
    module = f"rabbit_password_hashing_{algorithm}"
    assert verify_password("päss word".encode(), password_hash, module)
    assert not verify_password(b"pass word", password_hash, module)


def test_a_hash_of_an_unknown_algorithm_matches_nothing() -> None:
    assert not verify_password(b"x", hash_password(b"x"), "my_password_hashing")
