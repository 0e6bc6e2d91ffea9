"""The settings of authentication and authorisation: which backends are asked, and how."""

from __future__ import annotations

from typing import NamedTuple

from broker.sections import Numbered, Section, numbered, part, setting
from broker.settings import ConfigError

ALIASES = {
    "rabbit_auth_backend_internal": "internal",
    "rabbit_auth_backend_http": "http",
    "rabbit_auth_backend_cache": "cache",
}
HASHING_MODULES = (
    "rabbit_password_hashing_sha256",
    "rabbit_password_hashing_sha512",
    "rabbit_password_hashing_md5",
)


class Pair(NamedTuple):
    """One entry of the chain: the backends for authentication and for authorisation."""

    authn: str
    authz: str


def _name(text: str) -> None:
    if not text or text != text.strip():
        raise ValueError("must be the name of a backend")


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")) or not text.isascii() or " " in text:
        raise ValueError("must be a URL")
    return text


class HttpService(Section):
    """Of the backend `http`."""

    method: str = setting(
        "get", key="auth_http.http_method", choices=("get", "post"), help="How it is asked."
    )
    user_path: str = setting(
        "http://localhost:8000/auth/user",
        key="auth_http.user_path",
        help="URL that says who may come in.",
    )
    vhost_path: str = setting(
        "http://localhost:8000/auth/vhost",
        key="auth_http.vhost_path",
        help="URL that says into which vhost.",
    )
    resource_path: str = setting(
        "http://localhost:8000/auth/resource",
        key="auth_http.resource_path",
        help="URL that says what with a queue or an exchange.",
    )
    topic_path: str = setting(
        "http://localhost:8000/auth/topic",
        key="auth_http.topic_path",
        help="URL that says what with a routing key of a topic exchange.",
    )
    request_timeout_ms: int = setting(
        15_000,
        key="auth_http.request_timeout",
        unit="ms",
        bounds=(1, 3_600_000),
        help="Time for an answer, from the question on.",
    )
    connection_timeout_ms: int = setting(
        15_000,
        key="auth_http.connection_timeout",
        unit="ms",
        bounds=(1, 3_600_000),
        help="Time for a connection to the service.",
    )
    cacertfile: str = setting(
        "", key="auth_http.ssl_options.cacertfile", help="For https; empty: the system's CAs."
    )
    certfile: str = setting(
        "", key="auth_http.ssl_options.certfile", help="For https: the node's certificate."
    )
    keyfile: str = setting("", key="auth_http.ssl_options.keyfile", help="Its key.")
    verify: str = setting(
        "verify_peer",
        key="auth_http.ssl_options.verify",
        choices=("verify_peer", "verify_none"),
        help="For https: whether the service has to show a certificate that is good.",
    )


class AuthBackends(Section):
    """The chain, and what its backends need."""

    chain: tuple[tuple[str, str], ...] = numbered(
        ("internal",),
        key="auth_backends",
        check=_name,
        help="Who says who may come in and what he may do: `auth_backends.1`, `.2` and so on are"
        " asked in turn; `auth_backends.1.authn` and `.authz` are two for one entry. internal,"
        " http, cache, or an installed package's.",
    )
    http: HttpService = part(HttpService)
    cached: tuple[tuple[str, str], ...] = numbered(
        (),
        key="auth_cache.cached_backend",
        check=_name,
        help="Whose answers the backend cache keeps; also `.authn` and `.authz`.",
    )
    cache_ttl_ms: int = setting(
        15_000, key="auth_cache.cache_ttl", unit="ms", help="How long it keeps them."
    )
    cache_refusals: bool = setting(
        False, key="auth_cache.cache_refusals", help="Whether it keeps a no as well."
    )
    plugin_timeout_ms: int = setting(
        15_000,
        key="auth_plugins.timeout",
        unit="ms",
        bounds=(1, 3_600_000),
        help="Time for an answer of an installed package's backend.",
    )
    hashing_module: str = setting(
        HASHING_MODULES[0],
        key="password_hashing_module",
        live=True,
        choices=HASHING_MODULES,
        help="How passwords are hashed that are set from now on.",
    )


def pairs_of(chain: Numbered) -> list[Pair]:
    """The entries in their order. Raises: ConfigError."""
    entries: dict[str, dict[str, str]] = {}
    for at, (name, value) in enumerate(chain):
        number, _, part = (name or f"{at + 1}").partition(".")
        entry = entries.setdefault(number, {})
        if not number.isdecimal() or part not in ("", "authn", "authz"):
            raise ConfigError(f"unknown setting 'auth_backends.{name}'")
        if part in entry or (entry and "" in (part, *entry)):
            raise ConfigError(f"'auth_backends.{number}' is given twice")
        entry[part] = ALIASES.get(value, value)
    return [_pair(entries[number]) for number in sorted(entries, key=int)]


def cached_pair(settings: AuthBackends) -> Pair:
    """What the backend `cache` stands in front of. Raises: ConfigError."""
    found = {part: ALIASES.get(name, name) for part, name in settings.cached}
    if not found:
        raise ConfigError("the backend cache needs 'auth_cache.cached_backend'")
    for step in found:
        if step not in ("", "authn", "authz"):
            raise ConfigError(f"unknown setting 'auth_cache.cached_backend.{step}'")
    pair = _pair(found)
    if "cache" in pair:
        raise ConfigError("'auth_cache.cached_backend' cannot be the cache")
    return pair


def _pair(entry: dict[str, str]) -> Pair:
    """RabbitMQ: one that is not given is the other one."""
    both = entry.get("")
    authn = both or entry.get("authn") or entry["authz"]
    return Pair(authn, both or entry.get("authz") or authn)
