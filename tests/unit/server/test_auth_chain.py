from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from broker.auth.cached import CachedBackend
from broker.config import Config, ConfigError, override
from broker.node import Node
from broker.server.auth_chain import AuthChain
from broker.server.http_backend import HttpBackend


def chain_of(settings: dict[str, object], look: Callable[[AuthChain, Node], None]) -> None:
    async def main() -> None:
        config = Config()
        for key, value in settings.items():
            config = override(config, key, value)
        node = Node(config)
        chain = AuthChain(node, config.auth)
        look(chain, node)
        await chain.close()

    asyncio.run(main())


def test_by_default_the_node_knows_its_users() -> None:
    def look(chain: AuthChain, node: Node) -> None:
        internal = node.backends.internal
        assert chain.backends.entries == ((internal, internal),)
        assert chain.backends.internal is internal

    chain_of({}, look)


def test_each_backend_is_made_once() -> None:
    def look(chain: AuthChain, node: Node) -> None:
        internal = node.backends.internal
        (first, second, third) = chain.backends.entries
        assert isinstance(first.authn, HttpBackend)
        assert first.authz is first.authn is second.authn
        assert second.authz is third.authn is internal

    settings: dict[str, object] = {
        "auth_backends.1": "http",
        "auth_backends.2.authn": "http",
        "auth_backends.2.authz": "internal",
        "auth_backends.3": "internal",
    }
    chain_of(settings, look)


def test_a_cache_stands_before_one_backend_or_two() -> None:
    def look(chain: AuthChain, node: Node) -> None:
        (entry,) = chain.backends.entries
        assert isinstance(entry.authn, CachedBackend)
        assert isinstance(entry.authn.backend, HttpBackend)
        assert entry.authn is entry.authz

    def look_at_two(chain: AuthChain, node: Node) -> None:
        (entry,) = chain.backends.entries
        assert isinstance(entry.authn, CachedBackend)
        assert isinstance(entry.authz, CachedBackend)
        assert entry.authn.backend is node.backends.internal
        assert isinstance(entry.authz.backend, HttpBackend)

    cache = {"auth_backends.1": "cache", "auth_cache.cached_backend": "http"}
    chain_of(dict(cache), look)
    two: dict[str, object] = {
        "auth_backends.1": "cache",
        "auth_cache.cached_backend.authn": "internal",
        "auth_cache.cached_backend.authz": "http",
    }
    chain_of(two, look_at_two)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"auth_backends.1": "ldap"}, "there is no auth backend 'ldap'"),
        ({"auth_backends.1": "cache"}, "needs 'auth_cache.cached_backend'"),
        (
            {
                "auth_backends.1": "http",
                "auth_http.user_path": "https://x/",
                "auth_http.ssl_options.cacertfile": "/nowhere",
            },
            "'auth_http.ssl_options': ",
        ),
    ],
)
def test_a_chain_that_cannot_be(settings: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        chain_of(settings, lambda chain, node: None)


def test_https_verifies_unless_told_otherwise() -> None:
    def verifies(expected: bool) -> Callable[[AuthChain, Node], None]:
        def look(chain: AuthChain, node: Node) -> None:
            backend = chain.backends.entries[0].authn
            assert isinstance(backend, HttpBackend)
            tls = backend._client._tls
            assert tls is not None
            assert (tls.check_hostname, bool(tls.verify_mode)) == (expected, expected)

        return look

    settings: dict[str, object] = {"auth_backends.1": "http", "auth_http.user_path": "https://x/"}
    chain_of(settings, verifies(True))
    chain_of({**settings, "auth_http.ssl_options.verify": "verify_none"}, verifies(False))
