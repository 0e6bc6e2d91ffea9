"""What happens in a node, shown while it does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from broker.cli.command import (
    DIAGNOSTICS,
    INTEGER,
    MONITORING,
    REACHABLE,
    TEXT,
    Call,
    Output,
    Rows,
    command,
)
from broker.cli.commands.logs import DURATION, check_duration, duration_of
from broker.cli.formatters import to_json

JSON_STREAM = "json_stream"


@command(
    "consume_event_stream",
    usage="consume_event_stream [--duration|-d <seconds>] [--pattern <pattern>]",
    description="Shows events as JSON while they happen",
    section=MONITORING,
    tools=(DIAGNOSTICS,),
    topics=[DURATION, ("--pattern <pattern>", "Which: a regular expression (all)")],
    has_timeout=True,
    switches={"duration": INTEGER, "pattern": TEXT},
    letters={"d": "duration"},
    defaults={"pattern": ".*", "quiet": True},
    validate=check_duration,
    needs=REACHABLE,
    formatter=JSON_STREAM,
)
def consume_event_stream(call: Call) -> Output:
    if call.options.get("formatter", JSON_STREAM) != JSON_STREAM:
        return Rows(_events(call))
    for event in _events(call):
        call.streams.stdout.write(f"{to_json(event)}\n")
    call.streams.stdout.write("\n")  # as there: tells who reads that this was the end
    return None


def _events(call: Call) -> Iterator[Any]:
    pattern, duration_s = str(call.options["pattern"]), duration_of(call)
    events = call.link.rows("events.stream", None, pattern=pattern, duration_s=duration_s)
    return call.flushed(events)
