"""Optional parts of the broker, as `rabbitmq-plugins` sees them.

Which of them are on is what the settings say, until somebody enables or disables one; from then on
it is what the file of enabled plugins says, in RabbitMQ's form: `[rabbitmq_management].`
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from broker.config import Config, override

FILE_NAME = "enabled_plugins"
_FORM = re.compile(r"\s*\[\s*((?:'?[a-z][A-Za-z0-9_@]*'?\s*,?\s*)*)\]\s*\.\s*\Z")
_NAME = re.compile(r"[a-z][A-Za-z0-9_@]*")


class PluginsError(Exception):
    """The file cannot be used. The text is one line."""


class Plugin(NamedTuple):
    """setting: that says whether it is on; "": it is there unless it was disabled. exchange_types:
    which it brings."""

    name: str
    description: str
    dependencies: tuple[str, ...] = ()
    setting: str = ""
    exchange_types: tuple[str, ...] = ()


_WEB = ("rabbitmq_management_agent", "rabbitmq_web_dispatch")
PLUGINS = {
    plugin.name: plugin
    for plugin in (
        Plugin("rabbitmq_auth_backend_cache", "Keeps the answers of authentication backends"),
        Plugin("rabbitmq_auth_backend_http", "Authentication and authorisation over HTTP"),
        Plugin("rabbitmq_auth_mechanism_ssl", "The mechanism EXTERNAL: certificates of clients"),
        Plugin(
            "rabbitmq_consistent_hash_exchange",
            "Exchange type x-consistent-hash",
            exchange_types=("x-consistent-hash",),
        ),
        Plugin(
            "rabbitmq_event_exchange",
            "Events as messages to amq.rabbitmq.event",
            setting="event_exchange.enabled",
        ),
        Plugin(
            "rabbitmq_management",
            "The HTTP API and the page",
            dependencies=_WEB,
            setting="management.enabled",
        ),
        Plugin("rabbitmq_management_agent", "Statistics"),
        Plugin(
            "rabbitmq_prometheus",
            "Metrics",
            dependencies=_WEB,
            setting="prometheus.enabled",
        ),
        Plugin("rabbitmq_random_exchange", "Exchange type x-random", exchange_types=("x-random",)),
        Plugin(
            "rabbitmq_recent_history_exchange",
            "Exchange type x-recent-history",
            exchange_types=("x-recent-history",),
        ),
        Plugin(
            "rabbitmq_sharding",
            "Exchange type x-modulus-hash",
            exchange_types=("x-modulus-hash",),
        ),
        Plugin("rabbitmq_web_dispatch", "HTTP"),
    )
}
_ONLY_IMPLICIT = frozenset(_WEB)


def by_settings(config: Config) -> frozenset[str]:
    """Those that are explicitly on when there is no file."""
    switched = {
        "management.enabled": config.management.enabled,
        "prometheus.enabled": config.prometheus.enabled,
        "event_exchange.enabled": config.hooks.events,
    }
    return frozenset(
        name
        for name, plugin in PLUGINS.items()
        if name not in _ONLY_IMPLICIT
        and name not in config.disabled_plugins
        and switched.get(plugin.setting, True)
    )


def with_dependencies(explicit: Iterable[str]) -> frozenset[str]:
    """Those that are on because of others, too. What nobody knows is left out."""
    found: set[str] = set()
    waiting = [name for name in explicit if name in PLUGINS]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(PLUGINS[name].dependencies)
    return frozenset(found)


def dependants(name: str) -> frozenset[str]:
    """Those that cannot be on without it, itself included."""
    return frozenset(one for one in PLUGINS if name in with_dependencies([one]))


def applied(config: Config, explicit: frozenset[str]) -> Config:
    """The settings of a node with these on, and no others."""
    enabled = with_dependencies(explicit)
    for name, plugin in PLUGINS.items():
        if plugin.setting:
            config = override(config, plugin.setting, name in enabled)
    disabled = tuple(name for name in PLUGINS if name not in enabled and name not in _ONLY_IMPLICIT)
    return override(config, "plugins.disabled", disabled)


def refused_types(config: Config) -> frozenset[str]:
    """Types of exchanges that cannot be declared: their plugins are off."""
    return frozenset(
        kind
        for name in config.disabled_plugins
        if name in PLUGINS
        for kind in PLUGINS[name].exchange_types
    )


def read(path: Path) -> frozenset[str] | None:
    """The explicitly enabled ones; None: there is no file. Raises: PluginsError."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise PluginsError(f"cannot read the enabled plugins file {path}: {reason}") from None
    match = _FORM.match(text)
    if match is None:
        raise PluginsError(f"the enabled plugins file {path} is no list like [name, name].")
    return frozenset(_NAME.findall(match[1]))


def write(path: Path, explicit: Iterable[str]) -> None:
    """Raises: PluginsError."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        temporary.write_text(f"[{','.join(sorted(explicit))}].\n")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        problem = f"cannot write the enabled plugins file {path}: {error.strerror}"
        raise PluginsError(problem) from None
