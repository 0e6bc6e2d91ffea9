"""Limits of memory and disk, memory that is given back, and what is logged."""

from __future__ import annotations

import gc
from math import isfinite
from typing import TYPE_CHECKING

from broker.control.actions import Asked, action
from broker.control.host import Failure

if TYPE_CHECKING:
    from broker.node import Node


def collect(node: Node) -> None:
    """Find what nobody can reach any more, and give memory back to the system.

    The node does nothing else meanwhile: 1 s for some million objects.
    """
    gc.collect()
    if node.watermarks is not None:
        node.watermarks.give_back()


@action(needs_app=False)
async def force_gc(asked: Asked) -> None:
    """An app that is stopped has nothing left to give back."""
    if asked.host.node is not None:
        collect(asked.host.node)


@action()
async def set_memory_limit(asked: Asked, relative: float | None, absolute: int | None) -> None:
    """relative: a share of the memory; None: absolute, in octets."""
    node = asked.node
    if node.watermarks is not None:
        if relative is None:
            node.watermarks.set_memory_limit(absolute=absolute or 0)
        else:
            node.watermarks.set_memory_limit(relative=relative)
    _judge(node)


@action()
async def set_disk_limit(asked: Asked, relative: float | None, absolute: int | None) -> None:
    """relative: a multiple of the memory; None: absolute, in octets. Raises: Failure."""
    node = asked.node
    if node.watermarks is not None:
        if relative is None:
            node.watermarks.set_disk_limit(absolute=absolute or 0)
        elif not isfinite(relative * node.watermarks.snapshot().memory_total):
            raise Failure("the limit is too large")
        else:
            node.watermarks.set_disk_limit(relative=relative)
    _judge(node)


def _judge(node: Node) -> None:
    """By what the limits are now."""
    node.check_alarms(node.clock.now_ms())
    node.request_turn()


@action(needs_app=False)
async def set_log_level(asked: Asked, level: str) -> None:
    """Raises: Failure: there is no such level."""
    try:
        asked.host.set_log_level(level)
    except ValueError as error:
        raise Failure(str(error)) from None
