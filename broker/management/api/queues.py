"""/api/queues: lists, declaring, deleting, purging, getting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from broker.amqp.methods import (
    BasicGet,
    BasicGetOk,
    BasicNack,
    QueueDeclare,
    QueueDelete,
    QueuePurge,
)
from broker.management import direct
from broker.management.api.values import flag, table, whole
from broker.management.api.visible import lens_of_list, vhosts_of_path
from broker.management.direct import DirectChannel, Reply
from broker.management.lane import Breath
from broker.management.listing import Listed, columns_of, prune, reply_list, tree_of
from broker.management.request import JSON, Response, bad_request, encoded, not_found
from broker.management.routes import ADMIN, DELETE, GET, POST, PUT, VHOST, route
from broker.management.views.properties import shown_payload, shown_properties
from broker.management.views.queue import (
    CHEAP,
    CHEAP_DEFINITION,
    CHEAP_TOTALS,
    show_bare_entry,
    show_queue,
    show_queue_whole,
    show_totals,
)

if TYPE_CHECKING:
    from broker.management.application import Context
    from broker.queues.queue import Queue

BASIC = frozenset(  # columns for which RabbitMQ looks at no statistics
    {
        "vhost",
        "name",
        "durable",
        "auto_delete",
        "exclusive",
        "owner_pid",
        "arguments",
        "pid",
        "state",
    }
)
ACTIONS = ("sync", "cancel_sync")
REJECTS = {"reject_requeue_true": True, "reject_requeue_false": False}  # whether to requeue
ACK_MODES = ("ack_requeue_true", "ack_requeue_false", *REJECTS)
GET_MAX_OCTETS = 128 * 1024 * 1024  # of the messages in one answer
REPLY_OCTETS = 512  # that one takes beside its header and body, about


def find_queue(context: Context) -> Queue:
    """That of the path. Raises: Refusal (404)."""
    queue = context.vhost.queues.get(context.params["queue"])
    if queue is None:
        raise not_found()
    return queue


@route("/queues", GET)
@route("/queues/:vhost", GET, needs=VHOST)
async def list_queues(context: Context) -> Response:
    lens = lens_of_list(context, BASIC)
    vhosts = await vhosts_of_path(context)
    queues = (queue for vhost in vhosts for queue in list(vhost.queues.values()))
    show, cheap = show_queue, CHEAP
    if not lens.has_stats:
        show, cheap = show_bare_entry, CHEAP_DEFINITION
        if context.request.is_set("enable_queue_totals"):
            show, cheap = show_totals, CHEAP_TOTALS
    return await reply_list(context, queues, Listed(lambda queue: show(queue, lens), cheap))


@route("/queues/:vhost/:queue", GET, needs=VHOST)
def get_queue(context: Context) -> object:
    return context.cut(show_queue_whole(find_queue(context), context.lens()))


@route("/queues/:vhost/:queue", PUT, needs=VHOST)
async def declare_queue(context: Context) -> Response:
    vhost, name = direct.vhost_of(context), context.params["queue"]
    fields, is_new = context.request.fields(), name not in vhost.queues
    method = QueueDeclare(
        queue=name,
        auto_delete=flag(fields, "auto_delete"),  # they are read in RabbitMQ's order
        durable=flag(fields, "durable"),
        arguments=table(fields, "arguments"),
        passive=flag(fields, "passive"),
    )
    if flag(fields, "exclusive"):  # to nobody: it is nothing but not durable
        method.durable = False
    await direct.request(context, method, fields)
    return Response(201 if is_new else 204)


@route("/queues/:vhost/:queue", DELETE, needs=VHOST)
async def delete_queue(context: Context) -> None:
    find_queue(context)
    method = QueueDelete(
        queue=context.params["queue"],
        if_unused=context.request.is_set("if-unused"),
        if_empty=context.request.is_set("if-empty"),
    )
    await direct.request(context, method)


@route("/queues/:vhost/:queue/contents", DELETE, needs=VHOST, varies=False)
async def purge_queue(context: Context) -> None:
    find_queue(context)
    await direct.request(context, QueuePurge(queue=context.params["queue"]))


@route("/queues/:vhost/:queue/actions", POST, needs=ADMIN, varies=False)
def act_on_queue(context: Context) -> None:
    """sync, cancel_sync: of a mirrored queue; here every copy is in step."""
    action = context.request.fields("action")["action"]
    find_queue(context)
    if action not in ACTIONS:
        raise bad_request(["unknown", action])


@route("/queues/:vhost/:queue/get", POST, needs=VHOST)
async def get_messages(context: Context) -> Response:
    fields = context.request.fields("ackmode", "count", "encoding")
    async with context.direct() as channel:
        mode, count = fields["ackmode"], whole(fields["count"])
        if mode not in ACK_MODES:
            raise bad_request(["unknown", mode])
        if fields["encoding"] not in ("auto", "base64"):
            raise bad_request("Unsupported encoding. Please use auto or base64.")
        truncate = whole(fields["truncate"]) if "truncate" in fields else None
        if truncate is not None and truncate < 0:
            raise bad_request(["not_a_size", truncate])
        found = await _get(channel, context.params["queue"], count, mode == "ack_requeue_false")
        if mode in REJECTS and found:
            await channel.tell(BasicNack(0, multiple=True, requeue=REJECTS[mode]))
        # the rest of what is to be requeued is when the channel is closed
    tree, breath = tree_of(columns_of(context.request.query)), Breath(context.management.lane)
    pieces = []
    for reply in found:
        pieces.append(encoded(prune(_show(reply, fields["encoding"], truncate), tree)))
        await breath.take()
    headers = [("content-type", JSON), ("cache-control", "no-cache")]
    return Response(200, headers, b"[" + b",".join(pieces) + b"]")


async def _get(channel: DirectChannel, queue: str, count: int, no_ack: bool) -> list[Reply]:
    """RabbitMQ: a negative count means all there is."""
    found: list[Reply] = []
    octets = 0
    while len(found) != count and octets < GET_MAX_OCTETS:
        reply = await channel.call(BasicGet(queue=queue, no_ack=no_ack))
        if not isinstance(reply.method, BasicGetOk):
            break
        octets += len(reply.body) + len(reply.header) + REPLY_OCTETS
        found.append(reply)
    return found


def _show(reply: Reply, encoding: str, truncate: int | None) -> dict[str, Any]:
    method, header, body = reply
    assert isinstance(method, BasicGetOk)
    payload, payload_encoding = shown_payload(body[:truncate], encoding)
    return {
        "payload_bytes": len(body),
        "redelivered": method.redelivered,
        "exchange": method.exchange,
        "routing_key": method.routing_key,
        "message_count": method.message_count,
        "properties": shown_properties(header) or [],  # as RabbitMQ shows an empty list of pairs
        "payload": payload,
        "payload_encoding": payload_encoding,
    }
