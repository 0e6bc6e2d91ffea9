"""The same is done to all queues whose names match a pattern, a few hundred with each request.

Each has to be allowed, as over AMQP; one that is refused does not hold up the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from broker.amqp.errors import (
    AMQPException,
    conditional_quorum_delete,
    in_use,
    locked_queue,
    not_empty,
)
from broker.auth.permissions import CONFIGURE, READ
from broker.commands import DeleteQueue
from broker.management.operations.permitted import entered, require
from broker.management.request import Refusal

if TYPE_CHECKING:
    from broker.management.application import Context
    from broker.management.lane import Breath
    from broker.management.operations.matching import NamePattern
    from broker.queues.queue import Queue
    from broker.session.access import Access
    from broker.vhost import VHost

PURGE, DELETE = "purge", "delete"
ACTIONS = (PURGE, DELETE)
QUEUES_MAX = 500  # in one request
SHOWN_MAX = 5_000  # that a request without consequences names
CHUNK = 20  # deleted in one go


@dataclass(slots=True)
class Bulk:
    """What is asked for. after: a name; only those that come behind it in the order of names, in
    that order; None: nobody asked for it."""

    pattern: NamePattern
    action: str
    dry_run: bool = False
    if_unused: bool = False
    if_empty: bool = False
    after: str | None = None


async def run(context: Context, bulk: Bulk, breath: Breath) -> dict[str, Any]:
    """Do it to as many as go into one request. Returns: the answer. Raises: Refusal."""
    vhost = context.vhost
    access = await entered(context.visitor, vhost.name)
    failed: list[dict[str, str]] = []
    names = await _matching(vhost, bulk, failed, breath)
    is_by_name = bulk.action == DELETE or bulk.after is not None
    if is_by_name:
        names.sort()
    else:  # what was purged comes last from then on: whoever asks again gets on
        names.sort(key=lambda name: (not _ready_in(vhost, name), name))
    most = SHOWN_MAX if bulk.dry_run else QUEUES_MAX
    part, rest = names[:most], names[most:]
    done = 0
    if not bulk.dry_run:
        for at in range(0, len(part), CHUNK):
            chunk = part[at : at + CHUNK]
            done += await _act(context, vhost, access, bulk, chunk, failed, breath)
    if not is_by_name:
        rest = [name for name in rest if _ready_in(vhost, name)]
    return {
        "matched": part,
        "done": done,
        "failed": failed,
        "left": len(rest),
        "next": part[-1] if rest and is_by_name else None,
    }


async def _matching(
    vhost: VHost, bulk: Bulk, failed: list[dict[str, str]], breath: Breath
) -> list[str]:
    found = []
    for name in list(vhost.queues):
        if name > (bulk.after or ""):
            if bulk.pattern.takes_long(name):
                _fail(failed, name, "the pattern might take too long for a name of this length")
            elif bulk.pattern.matches(name):
                found.append(name)
        await breath.take()
    return found


def _ready_in(vhost: VHost, name: str) -> int:
    queue = vhost.queues.get(name)
    return queue.ready_count if queue is not None else 0


async def _act(
    context: Context,
    vhost: VHost,
    access: Access,
    bulk: Bulk,
    names: list[str],
    failed: list[dict[str, str]],
    breath: Breath,
) -> int:
    """Returns: to how many it was done."""
    commands: list[DeleteQueue] = []
    done = 0
    for name in names:
        try:
            await require(access, READ if bulk.action == PURGE else CONFIGURE, "queue", name)
            queue = vhost.queues.get(name)
            if queue is None:
                _fail(failed, name, "it is gone")
            elif bulk.action == PURGE:
                _check(queue)
                queue.purge()
                done += 1
            else:
                _check(queue)
                _check_conditions(queue, bulk)
                commands.append(DeleteQueue(vhost.name, name, queue.queue_id))
        except Refusal as refusal:
            _fail(failed, name, str(refusal.reason))
        except AMQPException as refusal:
            _fail(failed, name, refusal.text)
        await breath.take()
    context.node.request_turn()
    for command, result in zip(commands, await context.execute_all(commands), strict=True):
        if isinstance(result, Exception):
            _fail(failed, command.name, getattr(result, "text", str(result)))
        else:
            done += 1
    return done


def _check(queue: Queue) -> None:
    """Raises: ResourceLocked."""
    if queue.owner:
        raise locked_queue(queue.resource)
    queue.pump()  # consumers come first


def _check_conditions(queue: Queue, bulk: Bulk) -> None:
    """Raises: PreconditionFailed, NotImplementedByBroker."""
    if queue.type_name == "quorum" and (bulk.if_unused or bulk.if_empty):
        flag = "if-unused" if bulk.if_unused else "if-empty"
        raise conditional_quorum_delete(queue.resource, flag)
    if bulk.if_empty and queue.ready_count:
        raise not_empty(queue.resource)
    if bulk.if_unused and queue.consumers:
        raise in_use(queue.resource)


def _fail(failed: list[dict[str, str]], name: str, reason: str) -> None:
    failed.append({"name": name, "reason": reason})
