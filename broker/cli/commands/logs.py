"""The log of a node: where it is, its last lines, those that come."""

from __future__ import annotations

from broker.cli.command import (
    CONFIGURATION,
    CTL,
    DIAGNOSTICS,
    DONE,
    INTEGER,
    MONITORING,
    NODES,
    REACHABLE,
    SWITCH,
    Call,
    Output,
    Rows,
    command,
    listed,
)
from broker.cli.errors import bad_argument

ONLY = (DIAGNOSTICS,)
DURATION = ("--duration <seconds>", "For how long; without it until somebody stops the tool")


@command(
    "log_location",
    usage="log_location [--all|-a]",
    description="Shows where the log of the node is",
    section=CONFIGURATION,
    tools=ONLY,
    topics=[("--all", "All that it goes to, not only the main file")],
    has_timeout=True,
    switches={"all": SWITCH},
    letters={"a": "all"},
    defaults={"all": False},
    needs=REACHABLE,
    banner="Log file location(s) on node {node} ...",
)
def log_location(call: Call) -> Output:
    found = call.ask("logs.locations") if call.options["all"] else [call.ask("logs.location")]
    if call.options.get("formatter") == "json":
        return {"result": "ok", "node_name": call.node, "paths": found}
    return "\n".join(found)


def _check_number(call: Call) -> None:
    if call.options["number"] < 0:
        raise bad_argument("Argument must be a positive integer")


@command(
    "log_tail",
    usage="log_tail [--number|-N <number>]",
    description="Shows the last lines of the log",
    section=MONITORING,
    tools=ONLY,
    topics=[("--number <number>", "How many (50)")],
    has_timeout=True,
    switches={"number": INTEGER},
    letters={"N": "number"},
    defaults={"number": 50},
    validate=_check_number,
    needs=REACHABLE,
    banner="Last {number} log lines on node {node} ...",
)
def log_tail(call: Call) -> Output:
    return listed(call.ask("logs.tail", count=call.options["number"])) or None


def duration_of(call: Call) -> int | None:
    """Seconds; None: without an end."""
    found = call.options.get("duration")
    return found if isinstance(found, int) else None


def check_duration(call: Call) -> None:
    """Raises: InvalidError."""
    duration = duration_of(call)
    if duration is not None and duration < 0:
        raise bad_argument("Argument must be a positive integer")


def _streaming(call: Call) -> str:
    duration = duration_of(call)
    how_long = "" if duration is None else f"for {duration} seconds "
    return f"Streaming logs from node {call.node} {how_long}..."


@command(
    "log_tail_stream",
    usage="log_tail_stream [--duration|-d <seconds>]",
    description="Shows lines of the log while they are written",
    section=MONITORING,
    tools=ONLY,
    topics=[DURATION],
    has_timeout=True,
    switches={"duration": INTEGER},
    letters={"d": "duration"},
    validate=check_duration,
    needs=REACHABLE,
    banner=_streaming,
)
def log_tail_stream(call: Call) -> Output:
    lines = call.link.rows("logs.follow", None, duration_s=duration_of(call))
    return Rows(call.flushed(map(str, lines)))


@command(
    "rotate_logs",
    usage="rotate_logs",
    description="Puts the log files aside and begins new ones",
    section=NODES,
    tools=(CTL,),
)
def rotate_logs(call: Call) -> Output:
    call.ask("logs.rotate")
    return DONE
