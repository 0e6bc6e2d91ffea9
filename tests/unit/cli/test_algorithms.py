"""Algorithms by RabbitMQ's names."""

from __future__ import annotations

import hashlib

import pytest

from broker.cli import algorithms
from broker.configuration import encrypted_values


def test_those_that_the_system_has(monkeypatch: pytest.MonkeyPatch) -> None:
    assert algorithms.hashes() == [name for name in algorithms.HASHES if name in _known()]
    monkeypatch.setattr(hashlib, "algorithms_available", {"sha1", "md5"})
    assert algorithms.hashes() == ["sha", "md5"]


def _known() -> set[str]:
    return {*hashlib.algorithms_available, "sha"}


def test_no_cipher_is_named_twice_or_unsafe() -> None:
    assert len(set(algorithms.CIPHERS)) == len(algorithms.CIPHERS)
    for name in algorithms.CIPHERS:
        assert name.startswith(("aes_", "chacha20"))


def test_they_are_those_that_a_configuration_may_have() -> None:
    assert sorted(algorithms.CIPHERS) == encrypted_values.supported_ciphers()
    assert sorted(algorithms.hashes()) == encrypted_values.supported_hashes()
