"""Which settings belong to the optional parts, and how the file of enabled plugins sets them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

from broker import plugins
from broker.config import Config, override
from broker.plugins import ONLY_IMPLICIT, PLUGINS, with_dependencies

log = logging.getLogger("broker.plugins")


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
        if name not in ONLY_IMPLICIT
        and name not in config.disabled_plugins
        and switched.get(plugin.setting, True)
    )


def running(config: Config) -> frozenset[str]:
    """Those that are on in a node with these settings, and no file."""
    return with_dependencies(by_settings(config))


def applied(config: Config, explicit: frozenset[str]) -> Config:
    """The settings of a node with these on, and no others."""
    enabled = with_dependencies(explicit)
    for name, plugin in PLUGINS.items():
        if plugin.setting:
            config = override(config, plugin.setting, name in enabled)
    disabled = tuple(name for name in PLUGINS if name not in enabled and name not in ONLY_IMPLICIT)
    return override(config, "plugins.disabled", disabled)


def refused_types(config: Config) -> frozenset[str]:
    """Types of exchanges that cannot be declared: their plugins are off."""
    return frozenset(
        kind
        for name in config.disabled_plugins
        if name in PLUGINS
        for kind in PLUGINS[name].exchange_types
    )


class Chosen:
    """Which are on in a process, while its broker comes and goes.

    file: where that is kept; None: nowhere, or in the data directory, if there is one. wanted: what
    the file is to say from the start on; None: whatever it says already.
    Raises: PluginsError.
    """

    def __init__(self, config: Config, file: Path | None, wanted: Iterable[str] | None = None):
        self._settings = config
        self.file = file
        if file is None and config.kept_in:
            self.file = plugins.in_data_directory(Path(config.kept_in))
        self.explicit: frozenset[str] | None = None  # None: as the settings say
        if wanted is not None:
            self.choose(frozenset(wanted))
            self._warn()
        else:
            self.look()

    def look(self) -> None:
        """Somebody may have changed the file. Raises: PluginsError."""
        if self.file is None or not os.access(self.file.parent, os.X_OK):
            return  # whoever needs the directory says what is the matter with it
        found = plugins.read(self.file)
        if found is None or found == self.explicit:
            return
        self.explicit = found
        self._warn()

    def _warn(self) -> None:
        unknown = sorted(self.enabled - PLUGINS.keys())
        if unknown:
            log.warning("plugins currently enabled but missing: %s", ", ".join(unknown))

    @property
    def enabled(self) -> frozenset[str]:
        """Explicitly."""
        return by_settings(self._settings) if self.explicit is None else self.explicit

    @property
    def running(self) -> frozenset[str]:
        """Those that are on whenever the broker is."""
        return with_dependencies(self.enabled)

    def config(self, config: Config) -> Config:
        """Settings with the switches as the file says; without one as they are."""
        return config if self.explicit is None else applied(config, self.explicit)

    def choose(self, explicit: frozenset[str] | None) -> None:
        """Keep it from now on. None: as before there was a file. Raises: PluginsError."""
        before, self.explicit = self.explicit, explicit
        try:
            self._keep()
        except plugins.PluginsError:
            self.explicit = before
            raise

    def _keep(self) -> None:
        if self.file is None:
            return
        if self.explicit is not None:
            plugins.write(self.file, self.explicit)
        else:
            self.file.unlink(missing_ok=True)
