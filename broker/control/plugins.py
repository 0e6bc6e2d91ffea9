"""The optional parts: which are enabled, which are on, and switching them while the node runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import broker
from broker.amqp.erlang import Atom
from broker.control.actions import Asked, action
from broker.control.host import SOFTWARE, Failure
from broker.plugins import CHANGES, PLUGINS, UnknownPluginsError, with_dependencies


@action(needs_app=False)
async def state(asked: Asked) -> dict[str, Any]:
    """enabled: explicitly, by the file as it is now; running: while the app does."""
    host = asked.host
    return {
        "enabled": sorted(host.enabled_plugins),
        "running": host.active_plugins,
        "version": host.config.identity.product_version,
    }


@action(needs_app=False)
async def directories(asked: Asked) -> dict[str, str]:
    """There are no archives that would be unpacked: all parts are in the broker's own directory."""
    place = str(Path(broker.__file__).parent)
    return {
        "plugins_dir": place,
        "plugins_expand_dir": place,
        "enabled_plugins_file": asked.host.enabled_plugins_file,
    }


@action(needs_app=False)
async def change(asked: Asked, how: str, names: list[str] | None) -> dict[str, Any]:
    """how: of `CHANGES`; names: None: all there are.

    Returns: what was enabled before and is now, with dependencies, and what has been started and
    stopped; is_online: whether the app runs. Raises: Failure.
    """
    host = asked.host
    before, ran = with_dependencies(host.enabled_plugins), set(host.active_plugins)
    wanted = list(PLUGINS) if names is None else names
    try:
        await host.change_plugins(lambda explicit: CHANGES[how](explicit, wanted))
    except UnknownPluginsError as error:
        reason = (Atom("plugins_not_found"), [Atom(name) for name in error.names])
        raise Failure(str(error), SOFTWARE, kind="reason", reason=reason) from None
    runs = set(host.active_plugins)
    return {
        "before": sorted(before),
        "set": sorted(with_dependencies(host.enabled_plugins)),
        "started": sorted(runs - ran),
        "stopped": sorted(ran - runs),
        "is_online": host.node is not None,
    }
