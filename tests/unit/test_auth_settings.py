from __future__ import annotations

import pytest

from broker.auth_settings import Pair, cached_pair, pairs_of
from broker.config import Config, ConfigError, override


def configured(settings: dict[str, object]) -> Config:
    config = Config()
    for key, value in settings.items():
        config = override(config, key, value)
    return config


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [("internal", "internal")]),
        ({"auth_backends": ["http", "mine"]}, [("http", "http"), ("mine", "mine")]),
        (
            {"auth_backends.2": "internal", "auth_backends.10": "mine", "auth_backends.1": "http"},
            [("http", "http"), ("internal", "internal"), ("mine", "mine")],
        ),
        (
            {"auth_backends.1.authn": "http", "auth_backends.1.authz": "internal"},
            [("http", "internal")],
        ),
        ({"auth_backends.1.authn": "http"}, [("http", "http")]),
        ({"auth_backends.1.authz": "http"}, [("http", "http")]),
        ({"auth_backends.1": "rabbit_auth_backend_http"}, [("http", "http")]),
    ],
)
def test_the_chain(settings: dict[str, object], expected: list[Pair]) -> None:
    assert pairs_of(configured(settings).auth.chain) == expected


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"auth_backends.x": "http"}, "unknown setting 'auth_backends.x'"),
        ({"auth_backends.1.auth": "http"}, "unknown setting 'auth_backends.1.auth'"),
        (
            {"auth_backends.1": "http", "auth_backends.1.authz": "internal"},
            "'auth_backends.1' is given twice",
        ),
    ],
)
def test_a_chain_that_makes_no_sense(settings: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigError, match=f"^{text}$"):
        pairs_of(configured(settings).auth.chain)


def test_a_backend_has_a_name() -> None:
    with pytest.raises(ConfigError, match="must be the name of a backend"):
        configured({"auth_backends.1": ""})


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"auth_cache.cached_backend": "http"}, ("http", "http")),
        (
            {
                "auth_cache.cached_backend.authn": "internal",
                "auth_cache.cached_backend.authz": "http",
            },
            ("internal", "http"),
        ),
        ({"auth_cache.cached_backend.authn": "rabbit_auth_backend_http"}, ("http", "http")),
    ],
)
def test_what_is_behind_the_cache(settings: dict[str, object], expected: Pair) -> None:
    assert cached_pair(configured(settings).auth) == expected


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "needs 'auth_cache.cached_backend'"),
        ({"auth_cache.cached_backend": "cache"}, "cannot be the cache"),
        ({"auth_cache.cached_backend.x": "http"}, "unknown setting"),
    ],
)
def test_a_cache_of_nothing(settings: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        cached_pair(configured(settings).auth)
