"""Other settings for a node that runs.

What is `live` (`sections.py`) is taken up at once, most of it because it is asked of `node.config`
when it is needed; new connections get new limits, those that are open keep what was negotiated. All
else waits for a restart, and `node.config` goes on saying what is so.
"""

from __future__ import annotations

from typing import NamedTuple

from broker.config import Config
from broker.configuration.differences import Change, differences, with_live
from broker.node import Node


class Reconfigured(NamedTuple):
    """taken: what has an effect by now. waiting: what will after a restart."""

    taken: tuple[Change, ...]
    waiting: tuple[Change, ...]


def reconfigure(node: Node, config: Config) -> Reconfigured:
    """Take up what can be. In the node's own thread."""
    found = differences(node.config, config)
    before, node.config = node.config, with_live(node.config, config)
    if node.config.limits.consumer_timeout_ms is not None:
        node.has_ack_timeouts = True
    node.counts_pairs = node.config.management.rates_mode == "detailed"
    if node.watermarks is not None and node.config.alarms != before.alarms:
        node.watermarks.configure(node.config.alarms)
        node.check_alarms(node.clock.now_ms())
    node.request_turn()
    return Reconfigured(found.live, found.needs_restart)
