"""For test suites: a broker in memory, as fixtures of pytest. See docs/testing.md.

The plugin is loaded by every run of pytest where Leveret is installed, so nothing here imports more
than it needs: the broker itself comes with the first test that asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from broker.testing.amqp_broker import AmqpBroker, SeenConnection
    from broker.testing.amqp_clock import AmqpClock
    from broker.testing.faults import Fault
    from broker.testing.seen import SeenMessage

__all__ = [
    "AmqpBroker",
    "AmqpClock",
    "Fault",
    "LeftOpenWarning",
    "SeenConnection",
    "SeenMessage",
]

_PLACES = {
    "AmqpBroker": "amqp_broker",
    "AmqpClock": "amqp_clock",
    "Fault": "faults",
    "SeenConnection": "amqp_broker",
    "SeenMessage": "seen",
}


class LeftOpenWarning(UserWarning):
    """A test left connections open in its vhost; they have been closed."""


def __getattr__(name: str) -> object:
    if name in _PLACES:
        from importlib import import_module

        return getattr(import_module(f"broker.testing.{_PLACES[name]}"), name)
    raise AttributeError(f"module 'broker.testing' has no attribute {name!r}")
