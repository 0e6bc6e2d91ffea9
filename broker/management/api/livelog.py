"""/api/livelog: what RabbitMQ's API does not have. See `management/live_log.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.management.live_log import LEVELS
from broker.management.request import Response, bad_request
from broker.management.routes import GET, MONITOR, route

if TYPE_CHECKING:
    from broker.management.application import Context

EVENT_STREAM = "text/event-stream"


@route("/livelog", GET, needs=MONITOR, provides=EVENT_STREAM)
def watch_log(context: Context) -> Response:
    """The log, live: an endless text/event-stream, its last 100 lines first.

    Query: level: debug, info (default), warning, error or critical: less important lines are left
    out. There are none of a level that the log itself does not have (log.level).

    Each event: data: {"time": ISO 8601, "level", "category": the part of the broker, "message"}. A
    watcher who is 1000 lines behind loses the oldest: an event with "lost" says how many. A comment
    comes every 15 seconds when there is nothing else. The stream ends when the node stops.

    Needs tag monitoring or administrator. Errors: 400: no such level.
    """
    level = context.request.query.get("level", "info")
    if level not in LEVELS:
        raise bad_request(f"level is none of {', '.join(LEVELS)}")
    headers = [("content-type", EVENT_STREAM), ("cache-control", "no-cache, no-transform")]
    headers.append(("x-accel-buffering", "no"))  # nginx would wait for more
    return Response(200, headers, context.management.live_log.watch(LEVELS[level]))
