"""Feature flags: RabbitMQ's, all of them on."""

from __future__ import annotations

from broker.amqp.erlang import Atom
from broker.control.actions import Asked, action
from broker.control.host import USAGE, Failure
from broker.control.status import Pairs, feature_flags

ALL = "all"


@action(needs_app=False)
async def flags(asked: Asked) -> list[Pairs]:
    return feature_flags()


@action()
async def enable(asked: Asked, name: str) -> None:
    """Each is on already. Raises: Failure: there is none of that name."""
    if name != ALL and all(name != dict(flag)[Atom("name")] for flag in feature_flags()):
        text = f"This feature flag is not supported by node {asked.node.name}"
        raise Failure(text, USAGE)
