"""Leveret: a message broker in pure Python that a program written for RabbitMQ cannot tell apart.

from broker import Broker

async with Broker() as broker:      # or: with Broker() as broker
    connect_to(broker.host, broker.port)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.version import __version__

if TYPE_CHECKING:
    from broker.boot import Broker

__all__ = ["Broker", "__version__"]


def __getattr__(name: str) -> object:
    if name == "Broker":  # imported late: the command line tools need none of it
        from broker.boot import Broker

        return Broker
    raise AttributeError(f"module 'broker' has no attribute {name!r}")
