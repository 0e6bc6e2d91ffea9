"""What happens, told while it does: `rabbitmq-diagnostics consume_event_stream`.

These are the events of `broker/hooks/events.py`, whether or not they are published as well.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any

from broker.amqp.erlang import Atom, flat
from broker.control.actions import Asked, action
from broker.control.host import refused
from broker.hooks.events import Facts, Resource
from broker.management.operations.matching import NamePattern, TakesLongError
from broker.patterns import PatternError

PENDING_MAX = 10_000  # events that wait for who has asked; more of them are lost
KEY_MAX = 32  # letters of an event's key
BATCH = 20  # that are written down in one go
POLL_S = 0.1

Pairs = list[tuple[Atom, Any]]


@action()
async def stream(
    asked: Asked, pattern: str, duration_s: float | None
) -> AsyncIterator[Pairs | None]:
    """pattern: a regular expression that is in the events' keys. Raises: Failure."""
    try:
        wanted = NamePattern(pattern)
    except (PatternError, TakesLongError) as error:
        raise refused("invalid_regexp", pattern, str(error)) from None
    if wanted.takes_long(" " * KEY_MAX):
        raise refused("invalid_regexp", pattern, "it might take for ever")
    pending: deque[tuple[str, Facts]] = deque()

    def hear(key: str, facts: Facts) -> None:
        if len(pending) < PENDING_MAX and wanted.matches(key):
            pending.append((key, facts))

    node = asked.node
    node.hearing.begin(hear)
    clock = asyncio.get_running_loop().time
    end = None if duration_s is None else clock() + duration_s
    try:
        while asked.host.node is node and (end is None or clock() < end):
            for _ in range(min(BATCH, len(pending))):
                yield as_pairs(*pending.popleft())
            yield None
            await asyncio.sleep(0 if pending else POLL_S)
    finally:
        node.hearing.end(hear)


def as_pairs(key: str, facts: Facts) -> Pairs:
    """As RabbitMQ shows an event: its key, then the facts, the last first."""
    return [(Atom("event"), key), *_pairs(facts)]


def _pairs(facts: Facts) -> Pairs:
    found: Pairs = []
    for name, value in reversed(facts):
        if isinstance(value, Resource):
            found += [(Atom(name), value.name), (Atom("vhost"), value.vhost)]
        else:
            found.append((Atom(name), _shown(value)))
    return found


def _shown(value: object) -> Any:
    if value is None:
        return "undefined"
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return _pairs([(str(name), inner) for name, inner in value.items()])
    if isinstance(value, list):
        return [_shown(one) for one in value]
    return str(value) if isinstance(value, str) else flat(value)
