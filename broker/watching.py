"""Who watches the definitions of a node that is being started."""

from __future__ import annotations

from collections.abc import Callable

from broker.account_lines import AccountLines
from broker.node import Node


def watch(node: Node, later: Callable[[Callable[[], None]], object]) -> None:
    """From when what it has kept is read: that is not new. later: see `VhostDefaults`."""
    AccountLines(node)
    if node.config.defaults.users:
        from broker.vhost_defaults import VhostDefaults

        VhostDefaults(node, later)
