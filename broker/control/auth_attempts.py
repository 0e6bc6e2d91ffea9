"""How often somebody has logged in, and how often that went wrong."""

from __future__ import annotations

from broker.control.actions import Asked, action
from broker.control.status import Pairs, pairs


@action()
async def attempts(asked: Asked) -> list[Pairs]:
    """By protocol."""
    logins = asked.node.usage.logins
    return [pairs(protocol=protocol) + _counts(*counts) for protocol, counts in logins.items()]


@action()
async def attempts_by_source(asked: Asked) -> list[Pairs]:
    """By address, user and protocol, if they are told apart."""
    return [
        pairs(remote_address=address, username=username, protocol=protocol) + _counts(*counts)
        for (address, username, protocol), counts in asked.node.usage.sources.items()
    ]


@action()
async def reset(asked: Asked) -> None:
    asked.node.usage.forget_logins()


@action()
async def track_sources(asked: Asked, is_on: bool) -> None:
    """What was counted before stays, as in RabbitMQ."""
    asked.node.usage.tracks_sources = is_on


def _counts(failed: int, succeeded: int) -> Pairs:
    return pairs(
        auth_attempts=failed + succeeded,
        auth_attempts_failed=failed,
        auth_attempts_succeeded=succeeded,
    )
