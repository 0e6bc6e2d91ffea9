"""/api/queues/:vhost/:queue/messages, redrive and move: what RabbitMQ's API does not have.

Messages can be looked at and searched where they are, without being consumed; dead letters go back
to where they came from, and messages to another queue. What may take long is done in parts: an
answer says what is left, and whoever asks goes on from there.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from broker.amqp.errors import locked_queue
from broker.auth.permissions import READ, WRITE
from broker.management.api.queues import find_queue
from broker.management.api.values import text, whole
from broker.management.lane import Breath
from broker.management.operations.browsing import READY, UNACKED, Wanted, browse
from broker.management.operations.moving import (
    MOVE_MAX,
    Mover,
    check_alarms,
    cursor_of,
    read_cursor,
    to_queue,
)
from broker.management.operations.permitted import entered, require
from broker.management.operations.redriving import back_from
from broker.management.operations.searching import PLACES, Search
from broker.management.request import JSON, Response, bad_request, encoded, not_found
from broker.management.routes import GET, POST, VHOST, route
from broker.session.connection import Connection

if TYPE_CHECKING:
    from broker.management.application import Context
    from broker.queues.queue import Queue
    from broker.session.access import Access

log = logging.getLogger("broker.management")

LIMIT, LIMIT_MAX = 50, 500
SEQUENCES_MAX = 1_000
DIGITS_MAX = 18
TRUNCATE, TRUNCATE_MAX = 4096, 256 * 1024


@route("/queues/:vhost/:queue/messages", GET, needs=VHOST)
async def browse_messages(context: Context) -> Response:
    """Messages of a queue, looked at without being consumed: nothing of the queue changes by it.

    Query: state: ready (default) or unacked. offset: messages to pass over (0). limit: messages in
    the answer (50, at most 500). after: `next` of an earlier answer: go on behind the message it
    ended with, whatever has come or gone since; offset is then only what positions begin with.
    truncate: octets shown of a payload (4096, at most 262144). search: only messages with this
    text, whatever its case. in: where to search: id (message-id and correlation-id), headers (names
    and values), body (its first 1048576 octets as UTF-8); all of them, unless some are listed with
    commas between them.

    Answer: items: position: counted from 0 in the order of the queue, for state=unacked of those
    who hold messages; sequence: the message's number, which it keeps as long as it is in the queue;
    payload and payload_encoding: string, or base64 for what is not UTF-8; payload_bytes: of all of
    it; exchange, routing_key, properties; redelivered; state; age: seconds in the queue, null where
    nobody knows; consumer: null, for state=unacked who holds it: consumer_tag (null: it was fetched
    with basic.get), delivery_tag, channel_details. total: messages in that state. scanned: messages
    looked at: a request looks at 5000 at most. unreadable: messages among them, or in between, that
    the disk has damaged. changed: whether messages left the queue or came back meanwhile: what came
    back before the place that was reached is not in the answer. next_offset, next: where to go on;
    null: there are no more.

    Needs permission to read the queue; an exclusive one is for the user of its connection and for
    administrators. Errors: 400: a value that is none of these, an exclusive queue of another's.
    """
    queue = find_queue(context)
    query = context.request.query
    state = query.get("state", READY)
    if state not in (READY, UNACKED):
        raise bad_request("state is neither ready nor unacked")
    wanted = Wanted(
        offset=_number(query, "offset", 0),
        limit=_number(query, "limit", LIMIT, 1, LIMIT_MAX),
        truncate=_number(query, "truncate", TRUNCATE, 0, TRUNCATE_MAX),
        search=_search(query),
        after=query.get("after", ""),
    )
    access = await entered(context.visitor, queue.vhost)
    await require(access, READ, "queue", queue.name)
    _check_owner(context, queue)
    found = await browse(queue, context.node, state, wanted, Breath(context.management.lane))
    items = found.pop("items")
    body = b'{"items":[' + b",".join(items) + b"]," + encoded(found)[1:]
    return Response(200, [("content-type", JSON), ("cache-control", "no-cache")], body)


def _check_owner(context: Context, queue: Queue) -> None:
    """An exclusive queue is its connection's: whose that is may look into it, and administrators.

    Raises: ResourceLocked.
    """
    if not queue.owner or context.visitor.is_admin:
        return
    peer = context.node.peers.get(queue.owner)
    if not isinstance(peer, Connection) or peer.user.name != context.visitor.name:
        raise locked_queue(queue.resource)


def _search(query: dict[str, str]) -> Search | None:
    """Raises: Refusal."""
    wanted = query.get("search", "")
    places = frozenset(query["in"].split(",")) if query.get("in") else frozenset(PLACES)
    if not places <= frozenset(PLACES):
        raise bad_request(f"in is a list of {', '.join(PLACES)}")
    return Search(wanted, places) if wanted else None


def _number(
    query: dict[str, str], name: str, default: int, least: int = 0, most: int | None = None
) -> int:
    """Raises: Refusal. An offset may be beyond everything."""
    given = query.get(name)
    if not given:
        return default
    if not (given.isascii() and given.isdigit()) or len(given) > DIGITS_MAX:
        raise bad_request(f"{name} is not a number")
    number = int(given)
    if number < least or (most is not None and number > most):
        raise bad_request(f"{name} is not between {least} and {most}")
    return number


@route("/queues/:vhost/:queue/redrive", POST, needs=VHOST)
async def redrive(context: Context) -> object:
    """Dead letters of a queue go back to where they came from.

    Body: either {"sequences": [numbers as `messages` shows them]}, 1000 at most, or {"all": true}.
    A request moves 1000 messages at most, and for 0.2 seconds; whoever asks goes on until `left` is
    0. after: with all, `next` of the answer before: go on behind what it has dealt with; what stays
    is not tried again, and what has come meanwhile is left alone.

    Where to: into the queue where the message died last, as the first entry of x-death says it,
    under its exchange and routing key of then; where that queue is gone, wherever the exchange
    leads. x-death and x-first-death-… are taken off once it is back in the queue where it died
    first, else the latest entry of x-death; expiration and CC are as they were. Each message is
    written where it goes before it is gone from here: a crash loses none.

    Answer: moved: messages that are gone from here. left: those that were not looked at yet; of
    sequences: how many of them, from the end. failed: those that stay: [{sequence, reason}]. next:
    see after; null: that was all.

    Needs permission to read the queue and to write to the exchanges; a queue that an exchange does
    not lead to has to be one that might be bound: permission to write to it. Errors: 400: a body
    that is none of these, a queue that is exclusive; 503: publishers are blocked.
    """
    queue = find_queue(context)
    fields = context.request.fields()
    access = await _access_to(context, queue)
    sequences = fields.get("sequences")
    plan = back_from(queue, context.vhost, access)
    breath = Breath(context.management.lane)
    if sequences is None:
        if fields.get("all") is not True:
            raise bad_request("neither sequences nor all is given")
        behind, until_seq = read_cursor(fields.get("after"))
        mover = Mover(queue, context.node, plan, breath, behind=behind, until_seq=until_seq)
        await mover.move_all(MOVE_MAX, stops=False)
        return await _moved(context, mover, mover.left, cursor_of(mover))
    numbers = _sequences(sequences)
    mover = Mover(queue, context.node, plan, breath)
    dealt_with = await mover.move_some(numbers)
    return await _moved(context, mover, len(numbers) - dealt_with, None)


@route("/queues/:vhost/:queue/move", POST, needs=VHOST)
async def move(context: Context) -> object:
    """Messages go to another queue of the vhost, in their order, headers and all.

    Body: {"destination": name of the queue, "limit": how many; all, if there is none}. A request
    moves 1000 messages at most, and for 0.2 seconds; whoever asks goes on until `left` is 0, with
    what is left of the limit. after: `next` of the answer before: what has come since the first one
    is left alone. Messages come there by the default exchange; where one of them cannot go, because
    the queue is full, those behind it stay as well. Each is written there before it is gone from
    here: a crash loses none.

    Answer: moved: messages that are gone from here. left: those that were not moved yet. failed:
    the one that stays: [{sequence, reason}]. next: see after; null: that was all.

    Needs permission to read the queue and to write to the default exchange. Errors: 400: a body
    that is none of these, a queue that is exclusive, the same queue; 404: no such destination; 503:
    publishers are blocked.
    """
    queue = find_queue(context)
    fields = context.request.fields("destination")
    destination = context.vhost.queues.get(text(fields, "destination"))
    limit = whole(fields["limit"]) if fields.get("limit") is not None else None
    if limit is not None and limit < 1:
        raise bad_request("limit is less than 1")
    access = await _access_to(context, queue)
    await require(access, WRITE, "exchange", "")
    if destination is None:
        raise not_found()
    if destination is queue:
        raise bad_request("that is the same queue")
    behind, until_seq = read_cursor(fields.get("after"))
    mover = Mover(
        queue,
        context.node,
        to_queue(destination),
        Breath(context.management.lane),
        behind=behind,
        until_seq=until_seq,
    )
    await mover.move_all(min(MOVE_MAX, limit or MOVE_MAX), stops=True)
    left = mover.left if limit is None else min(mover.left, limit - mover.moved)
    return await _moved(context, mover, left, cursor_of(mover) if left else None)


async def _access_to(context: Context, queue: Queue) -> Access:
    """Of somebody who may take messages out of a queue. Raises: Refusal, ResourceLocked."""
    access = await entered(context.visitor, queue.vhost)
    await require(access, READ, "queue", queue.name)
    if queue.owner:
        raise locked_queue(queue.resource)
    check_alarms(context.node)
    return access


async def _moved(context: Context, mover: Mover, left: int, cursor: str | None) -> object:
    """The answer, once it is safe. Raises: Refusal."""
    if mover.moved:
        log.info(
            "messages moved, path=%s user=%s count=%s",
            context.request.path,
            context.visitor.name,
            mover.moved,
        )
        await mover.committed()
    return {"moved": mover.moved, "left": left, "failed": mover.failed, "next": cursor}


def _sequences(given: Any) -> list[int]:
    """Raises: Refusal."""
    if not isinstance(given, list) or len(given) > SEQUENCES_MAX:
        raise bad_request(f"sequences is not a list of {SEQUENCES_MAX} numbers at most")
    if not all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in given):
        raise bad_request("sequences has something else than numbers")
    return list(dict.fromkeys(given))
