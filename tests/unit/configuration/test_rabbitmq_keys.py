from __future__ import annotations

import pytest

from broker.config import Config
from broker.configuration.rabbitmq_keys import (
    GROUPED,
    RENAMED,
    all_keys,
    at_path,
    find,
    parts_of,
    reason_of,
    without_effect,
)
from broker.settings import find_setting


def test_keys_are_sorted_and_each_is_there_once() -> None:
    patterns = [known.pattern for known in all_keys()]
    assert len(patterns) == len(set(patterns)) > 900
    assert patterns == sorted(patterns)


@pytest.mark.parametrize(
    ("key", "pattern"),
    [
        ("heartbeat", "heartbeat"),
        ("listeners.tcp.1", "listeners.tcp.$name"),
        ("listeners.tcp.default", "listeners.tcp.$name"),
        ("default_users.a\\.b.password", "default_users.$name.password"),
        ("auth_backends.1.authn", "auth_backends.$num.authn"),
        ("log.file.rotation.date", "log.file.rotation.date"),
    ],
)
def test_a_key_is_found(key: str, pattern: str) -> None:
    known = find(key)
    assert known is not None
    assert known.pattern == pattern


@pytest.mark.parametrize("key", ["hartbeat", "listeners", "listeners.tcp.1.2", "", "heartbeat.x"])
def test_a_key_that_rabbitmq_does_not_know(key: str) -> None:
    assert find(key) is None


def test_parts_of_a_key() -> None:
    assert parts_of("a.b\\.c.d") == ["a", "b.c", "d"]


def test_a_key_by_its_place_among_terms() -> None:
    found = at_path("rabbit.heartbeat")
    assert found is not None
    assert found.pattern == "heartbeat"
    assert at_path("rabbit.nothing") is None


def test_every_key_has_an_effect_or_a_reason_why_not() -> None:
    ignored = {key for _, keys in without_effect() for key in keys}
    for known in all_keys():
        key = known.pattern
        has_effect = (
            key in RENAMED or key.startswith(GROUPED) or find_setting(Config, key) is not None
        )
        assert has_effect == (key not in ignored), key
        assert (reason_of(key) is None) == has_effect


def test_the_keys_that_operators_use_most_have_an_effect() -> None:
    for key in (
        *("listeners.tcp.default", "listeners.ssl.default", "ssl_options.cacertfile", "heartbeat"),
        *("vm_memory_high_watermark.relative", "disk_free_limit.absolute", "loopback_users.guest"),
        *("default_user", "default_pass", "default_vhost", "default_permissions.read"),
        *("management.tcp.port", "prometheus.tcp.port", "load_definitions", "channel_max"),
        *("default_users.alice.password", "product.name", "auth_backends.1", "consumer_timeout"),
    ):
        assert reason_of(key) is None, key


def test_renamed_keys_are_rabbitmqs_and_ours() -> None:
    for old, new in RENAMED.items():
        assert find(old) is not None
        assert find_setting(Config, new) is not None
