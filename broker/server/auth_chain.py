"""The chain of auth backends that the settings ask for."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

from broker.auth.backends import Backend, Backends, Entry
from broker.auth.cached import CachedBackend
from broker.auth_settings import AuthBackends, HttpService, cached_pair, pairs_of
from broker.server.asking import Asking
from broker.server.auth_plugins import PluginBackend, PluginError, load_plugin
from broker.settings import ConfigError

if TYPE_CHECKING:
    from broker.node import Node


class AuthChain:
    """Makes each backend once, however often it is named. `close` when the node has stopped."""

    def __init__(self, node: Node, settings: AuthBackends):
        """Raises: ConfigError."""
        self._settings = settings
        self._internal = node.backends.internal
        self._now_ms: Callable[[], int] = node.clock.now_ms
        self._made: dict[str, Backend] = {"internal": self._internal}
        entries = []
        for authn, authz in pairs_of(settings.chain):
            entries.append(Entry(self._backend(authn, 0), self._backend(authz, 1)))
        self.backends = Backends(self._internal.users, entries, self._internal)

    def _backend(self, name: str, part: int) -> Backend:
        """part: 0: for authentication, 1: for authorisation."""
        if name == "cache":
            name = cached_pair(self._settings)[part]
            return self._make(f"cache {name}", lambda: self._cached(self._backend(name, part)))
        return self._make(name, lambda: self._plain(name))

    def _make(self, key: str, make: Callable[[], Backend]) -> Backend:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def _cached(self, backend: Backend) -> Backend:
        settings = self._settings
        return CachedBackend(
            backend,
            self._now_ms,
            ttl_ms=settings.cache_ttl_ms,
            keeps_refusals=settings.cache_refusals,
        )

    def _plain(self, name: str) -> Backend:
        if name == "http":
            from broker.server.http_backend import HttpBackend  # where it is asked for only

            return HttpBackend(self._settings.http, _tls(self._settings.http))
        try:
            plugin = load_plugin(name)
        except PluginError as error:
            raise ConfigError(str(error)) from error
        return PluginBackend(name, plugin, self._settings.plugin_timeout_ms / 1000)

    async def close(self) -> None:
        for backend in self._made.values():
            if isinstance(backend, Asking):
                await backend.close()


def _tls(settings: HttpService) -> ssl.SSLContext | None:
    """None: nothing is asked for over https. Raises: ConfigError."""
    paths = (
        settings.user_path,
        settings.vhost_path,
        settings.resource_path,
        settings.topic_path,
    )
    if not any(path.startswith("https:") for path in paths):
        return None
    try:
        context = ssl.create_default_context(cafile=settings.cacertfile or None)
        if settings.certfile:
            context.load_cert_chain(settings.certfile, settings.keyfile or None)
    except OSError as error:
        raise ConfigError(f"'auth_http.ssl_options': {error}") from None
    if settings.verify == "verify_none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
