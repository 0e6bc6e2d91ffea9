"""What a node is busy with, and whether anything in it is stuck."""

from __future__ import annotations

from typing import Any

from broker.amqp.erlang import Atom
from broker.cli.command import (
    DIAGNOSTICS,
    INTEGER,
    MONITORING,
    Call,
    Output,
    Rows,
    command,
)
from broker.cli.errors import bad_argument

ONLY = (DIAGNOSTICS,)
COLUMNS = ("user", "system", "sleep")


@command(
    "maybe_stuck",
    usage="maybe_stuck",
    description="Looks for threads and connections that make no progress, for 5 seconds",
    section=MONITORING,
    tools=ONLY,
    has_timeout=True,
    banner="Asking node {node} to detect potentially stuck Erlang processes...",
)
def maybe_stuck(call: Call) -> Output:
    return Rows(call.flushed(map(str, call.stream("activity.stuck"))))


def _check_interval(call: Call) -> None:
    if not 0 < call.options["sample_interval"] <= 3600:
        raise bad_argument("Argument must be a positive integer")


@command(
    "runtime_thread_stats",
    usage="runtime_thread_stats [--sample-interval <interval>]",
    description="Shows what the threads of the node spend their time with",
    section=MONITORING,
    tools=ONLY,
    topics=[("--sample-interval <seconds>", "For how long they are watched (5)")],
    switches={"sample_interval": INTEGER},
    letters={"i": "sample_interval"},
    defaults={"sample_interval": 5},
    validate=_check_interval,
    banner="Will collect runtime thread stats on {node} for {sample_interval} seconds...",
)
def runtime_thread_stats(call: Call) -> Output:
    found = call.ask("activity.threads", interval_ms=call.options["sample_interval"] * 1000)
    rows = [_row(*row) for row in found["threads"]]
    if "formatter" in call.options:
        return Rows([[(Atom(name), value) for name, value in row.items()] for row in rows])
    elapsed_us = found["real_time_us"]
    run_us = sum(elapsed_us * (1 - row["sleep"]) for row in rows)
    lines = [
        f"Average thread real-time    : {elapsed_us} us",
        f"Accumulated system run-time : {round(run_us)} us",
        f"Average thread run-time     : {round(run_us / max(1, len(rows)))} us",
        "\n" + f"{'Thread':>24}" + "".join(f"{name:>9}" for name in COLUMNS) + "\n",
        "Stats per thread:",
    ]
    lines += [
        f"{row['name'][:16]:>16}({row['thread']:>6})"[:24].rjust(24)
        + "".join(f"{row[name]:>9.2%}" for name in COLUMNS)
        for row in rows
    ]
    return "\n".join(lines)


def _row(name: str, thread: int, user: float, system: float) -> dict[str, Any]:
    sleep = max(0.0, 1 - user - system)
    shares = {"user": user, "system": system, "sleep": sleep}
    return {"name": name, "thread": thread, **{key: round(one, 4) for key, one in shares.items()}}
