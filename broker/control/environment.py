"""The settings that are in effect, by the applications and keys of RabbitMQ's `environment`.

What RabbitMQ has no key for is that of the application `leveret`, by its key here. Secrets are not
shown.
"""

from __future__ import annotations

from typing import Any

from broker.amqp.erlang import Atom, CharList
from broker.auth_settings import Pair, pairs_of
from broker.config import Config, settings
from broker.control.actions import Asked, action
from broker.control.secrets import MASK, is_secret, masked
from broker.transport_settings import parse_address

Pairs = list[tuple[Atom, Any]]
BACKENDS = {
    "internal": "rabbit_auth_backend_internal",
    "http": "rabbit_auth_backend_http",
    "cache": "rabbit_auth_backend_cache",
}

# Keys of RabbitMQ's `rabbit` application.
_RABBIT = {
    *("anonymous_login_user", "auth_mechanisms", "channel_max", "collect_statistics_interval"),
    *("frame_max", "handshake_timeout", "heartbeat", "max_message_size"),
    *("password_hashing_module", "proxy_protocol", "queue_index_embed_msgs_below"),
    *("ssl_cert_login_from", "ssl_cert_login_san_index", "ssl_cert_login_san_type"),
    *("ssl_handshake_timeout", "total_memory_available_override_value"),
}
_INFINITE = ("channel_max_per_node", "connection_max", "consumer_timeout")
_BINARIES = ("default_user", "default_vhost")
_GROUPS = {  # keys that begin so: whose they are, and below which key
    "auth_http.ssl_options.": ("rabbitmq_auth_backend_http", "ssl_options"),
    "auth_http.": ("rabbitmq_auth_backend_http", ""),
    "auth_cache.": ("rabbitmq_auth_backend_cache", ""),
    "management.tcp.": ("rabbitmq_management", "tcp_config"),
    "management.ssl.": ("rabbitmq_management", "ssl_config"),
    "management.cors.": ("rabbitmq_management", ""),
    "management.": ("rabbitmq_management", ""),
    "prometheus.tcp.": ("rabbitmq_prometheus", "tcp_config"),
    "prometheus.ssl.": ("rabbitmq_prometheus", "ssl_config"),
    "prometheus.": ("rabbitmq_prometheus", ""),
    "event_exchange.": ("rabbitmq_event_exchange", ""),
    "tcp_listen_options.": ("rabbit", "tcp_listen_options"),
    "ssl_options.": ("rabbit", "ssl_options"),
    "log.": ("rabbit", "log"),
}
_RENAMED = {
    "management.rates_mode": ("rabbitmq_management_agent", "rates_mode"),
    "management.http.max_body_size": ("rabbitmq_management", "max_http_body_size"),
    "management.cors.allow_origins": ("rabbitmq_management", "cors_allow_origins"),
    "management.cors.max_age": ("rabbitmq_management", "cors_max_age"),
    "management.csp.policy": ("rabbitmq_management", "content_security_policy"),
    "management.hsts.policy": ("rabbitmq_management", "strict_transport_security"),
}
_ATOMS = ("verify", "rates_mode", "http_method", "protocol", "ssl_cert_login_from")


@action(needs_app=False)
async def environment(asked: Asked) -> Pairs:
    """Of all applications, sorted as RabbitMQ sorts them."""
    return environment_of(asked.host.config)


def environment_of(config: Config) -> Pairs:
    found: dict[str, Pairs] = {"rabbit": _special(config)}
    for key, path, entry in settings():
        value: Any = config
        for name in path:
            value = getattr(value, name)
        place = _place(key)
        if place is None:
            continue
        application, inner, name = place
        if key == "default_pass":  # RabbitMQ does not show it at all
            continue
        if value and (entry.secret or is_secret(key)):
            value = MASK
        pairs = found.setdefault(application, [])
        if inner:
            pairs = _below(pairs, inner)
        pairs.append((Atom(name), _term(key, name, value, is_own=application == "leveret")))
    return [
        (Atom(application), sorted(pairs, key=lambda pair: pair[0]))
        for application, pairs in sorted(found.items())
    ]


def _place(key: str) -> tuple[str, str, str] | None:
    """Application, key of a list in it, key. None: it is among `_special`."""
    if key in _SPECIAL_KEYS:
        return None
    if key in _RENAMED:
        application, name = _RENAMED[key]
        return application, "", name
    if key in _RABBIT or key in _INFINITE or key in _BINARIES:
        return "rabbit", "", key
    for beginning, (application, inner) in _GROUPS.items():
        if key.startswith(beginning):
            return application, inner, key.removeprefix(beginning)
    return "leveret", "", key


def _below(pairs: Pairs, name: str) -> Pairs:
    for key, inner in pairs:
        if key == name:
            assert isinstance(inner, list)
            return inner
    made: Pairs = []
    pairs.append((Atom(name), made))
    return made


def _term(key: str, name: str, value: Any, *, is_own: bool) -> Any:
    """is_own: RabbitMQ has no such key, and so no kind of term for it."""
    if value is None:
        return Atom("infinity" if key in _INFINITE else "undefined")
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, tuple):
        return [_element(one, name) for one in value]
    if key in _BINARIES or value == MASK or is_own:
        return masked(str(value))
    if name in _ATOMS or key == "password_hashing_module":
        return Atom(value)
    return CharList(masked(str(value)))


def _element(one: Any, name: str) -> Any:
    """Of a list: a value, or one that may have a name."""
    if isinstance(one, str):
        return CharList(masked(one))
    given, text = one
    if name in ("versions", "auth_mechanisms"):
        return Atom(text)
    return (CharList(given), CharList(masked(text))) if given else CharList(masked(text))


# what has a shape of its own


def _special(config: Config) -> Pairs:
    alarms, defaults = config.alarms, config.defaults
    values = {
        "auth_backends": [_backend(pair) for pair in pairs_of(config.auth.chain)],
        "default_user_tags": [Atom(tag) for tag in defaults.tags],
        "disk_free_limit": _either(alarms.disk_relative, "mem_relative", alarms.disk_absolute),
        "loopback_users": list(config.loopback_users),
        "ssl_listeners": _listeners(config, config.listeners.tls),
        "tcp_listeners": _listeners(config, config.listeners.tcp),
        "vm_memory_high_watermark": _either(
            alarms.memory_absolute, "absolute", alarms.memory_relative
        ),
    }
    return [(Atom(name), value) for name, value in values.items()]


def _backend(pair: Pair) -> Any:
    authn, authz = (Atom(BACKENDS.get(name, name)) for name in pair)
    return authn if authn == authz else (authn, authz)


def _either(first: Any, name: str, second: Any) -> Any:
    """What counts where it is given; else the other one."""
    return (Atom(name), first) if first else second


def _listeners(config: Config, entries: tuple[tuple[str, str], ...]) -> list[Any]:
    found: list[Any] = []
    for _, text in entries:
        address = parse_address(text)
        host = address.host or config.listeners.bind
        found.append((CharList(host), address.port) if host else address.port)
    return found


_SPECIAL_KEYS = {
    "auth_backends",
    "default_user_tags",
    "disk_free_limit.absolute",
    "disk_free_limit.relative",
    "listeners.bind",
    "listeners.ssl",
    "listeners.tcp",
    "loopback_users",
    "vm_memory_high_watermark.absolute",
    "vm_memory_high_watermark.relative",
}
