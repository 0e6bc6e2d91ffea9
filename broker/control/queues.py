"""Queues, as `leveretctl` lists, empties and deletes them."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from broker.amqp.erlang import Atom
from broker.amqp.errors import conditional_quorum_delete
from broker.commands import DeleteQueue
from broker.control.actions import Asked, Rows, action
from broker.control.host import Failure, refused
from broker.control.listing import Pids, in_order
from broker.control.queue_columns import QUORUM, Seen, queue_row

if TYPE_CHECKING:
    from broker.queues.queue import Queue


@action()
async def list_queues(asked: Asked, vhost: str, columns: list[str]) -> Rows:
    """Of a vhost that is not there: none, as with RabbitMQ."""
    node, slices, pids = asked.node, asked.slices, Pids(asked)
    found = node.vhosts.get(vhost)
    if found is None or not columns:
        return
    async for name in in_order(found.queues, str, slices):
        queue = found.queues.get(name)
        if queue is not None:
            yield queue_row(Seen(queue, node, pids), columns)
        await slices.take()


@action()
async def list_unresponsive(
    asked: Asked, vhost: str, columns: list[str], queue_timeout_ms: int
) -> Rows:
    """Queues of which it takes longer than that to say what they are. They all are in the one
    thread of the node: if one of them held it, nobody would be answered."""
    node, slices, pids = asked.node, asked.slices, Pids(asked)
    found = node.vhosts.get(vhost)
    if found is None or not columns:
        return
    async for name in in_order(found.queues, str, slices):
        queue = found.queues.get(name)
        if queue is not None:
            began = perf_counter()
            row = queue_row(Seen(queue, node, pids), columns)
            if (perf_counter() - began) * 1000 > queue_timeout_ms:
                yield row
        await slices.take()


def find(asked: Asked, vhost: str, name: str) -> Queue:
    """Raises: Failure."""
    there = asked.node.vhosts.get(vhost)
    queue = there.queues.get(name) if there is not None else None
    if queue is None:
        raise refused("not_found")
    return queue


@action()
async def delete_queue(asked: Asked, vhost: str, name: str, if_empty: bool, if_unused: bool) -> int:
    """Whosever it is. Returns: ready messages that it had. Raises: Failure."""
    queue = find(asked, vhost, name)
    if queue.type_name == QUORUM and (if_unused or if_empty):
        flag = "if-unused" if if_unused else "if-empty"
        raise Failure(conditional_quorum_delete(queue.resource, flag).text)
    queue.pump()  # consumers come first
    if if_empty and queue.ready_count:
        raise refused("not_empty")
    if if_unused and queue.consumers:
        raise refused("in_use")
    dropped = await asked.execute(DeleteQueue(vhost, name, queue.queue_id))
    return int(str(dropped))


@action()
async def purge_queue(asked: Asked, vhost: str, name: str) -> None:
    """Raises: Failure."""
    queue = find(asked, vhost, name)
    queue.pump()
    queue.purge()
    asked.node.request_turn()


@action()
async def sync_queue(asked: Asked, vhost: str, name: str) -> None:
    """Raises: Failure: there are no mirrors with one node."""
    _check_classic(find(asked, vhost, name))
    raise refused("not_mirrored")


@action()
async def cancel_sync_queue(asked: Asked, vhost: str, name: str) -> Atom:
    """Raises: Failure."""
    _check_classic(find(asked, vhost, name))
    return Atom("not_syncing")


def _check_classic(queue: Queue) -> None:
    """Raises: Failure."""
    if queue.type_name == QUORUM:
        raise refused("quorum_queue_not_supported")
