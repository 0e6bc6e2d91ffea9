"""/api/queues-bulk/:vhost: what RabbitMQ's API does not have. See `operations/bulk.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.management.api.values import flag, text
from broker.management.lane import Breath
from broker.management.operations.bulk import ACTIONS, Bulk, run
from broker.management.operations.matching import NamePattern, TakesLongError
from broker.management.request import bad_request
from broker.management.routes import POST, VHOST, route
from broker.patterns import PatternError

if TYPE_CHECKING:
    from broker.management.application import Context


@route("/queues-bulk/:vhost", POST, needs=VHOST)
async def act_on_queues(context: Context) -> object:
    """All queues of a vhost whose names match a pattern are purged or deleted.

    Body: {"pattern": regular expression, searched for in the name, "action": "purge" or "delete",
    "dry_run": true: only say which they are, 5000 at most, "if_unused", "if_empty": of delete,
    "after": name}. A request deals with 500 queues at most; whoever asks goes on until `left` is 0.
    after: "" begins in the order of names, which comes to an end whatever is published meanwhile.

    Answer: matched: the names of the queues that it dealt with, or would have. done: how many were
    purged or deleted. failed: [{name, reason}]. left: queues that match and were not dealt with; of
    purge: that have messages. next: to go on with, as after: what failed is not tried again; null:
    that was all, or it was purge without after.

    Needs permission to read (purge) or to configure (delete) each queue. Errors: 400: a body that
    is none of these, a pattern that is none or might take for ever, as (a+)+ might.
    """
    fields = context.request.fields("pattern", "action")
    action, pattern = text(fields, "action"), text(fields, "pattern")
    if action not in ACTIONS:
        raise bad_request("action is neither purge nor delete")
    if not pattern:
        raise bad_request("pattern is empty")
    try:
        names = NamePattern(pattern)
    except (PatternError, TakesLongError) as error:
        raise bad_request(f"pattern: {error}") from None
    bulk = Bulk(
        names,
        action,
        dry_run=flag(fields, "dry_run"),
        if_unused=flag(fields, "if_unused"),
        if_empty=flag(fields, "if_empty"),
        after=text(fields, "after") if "after" in fields else None,
    )
    return await run(context, bulk, Breath(context.management.lane))
