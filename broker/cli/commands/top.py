"""What a node does now, looked at for a while."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from typing import Any

from broker.cli.command import (
    DIAGNOSTICS,
    INTEGER,
    MONITORING,
    SWITCH,
    TEXT,
    Call,
    Output,
    Rows,
    command,
)
from broker.cli.errors import bad_argument
from broker.cli.frames import TABLES, Row, View, page

ROWS = 20  # where there is no terminal whose height would say it
WIDTH = 120
INTERVAL_S = 5
ORDERS = "; ".join(f"{name}: {', '.join(table.orders)}" for name, table in TABLES.items())
OPTIONS = (
    ("--interval <seconds>", f"Between two frames ({INTERVAL_S})"),
    ("--once", "One frame"),
    ("--view <view>", f"{' or '.join(TABLES)} ({next(iter(TABLES))})"),
    ("--sort <order>", ORDERS),
    ("--rows <number>", f"How many, where it is not shown on a terminal ({ROWS})"),
)
FACTS: dict[str, Any] = {
    "section": MONITORING,
    "topics": OPTIONS,
    "switches": {
        "interval": INTEGER,
        "once": SWITCH,
        "view": TEXT,
        "sort": TEXT,
        "rows": INTEGER,
    },
    "letters": {"i": "interval"},
    "defaults": {"interval": INTERVAL_S, "view": "queues", "once": False, "rows": ROWS},
}


def _check(call: Call) -> None:
    options = call.options
    if not 0 < options["interval"] <= 3600:
        raise bad_argument("the interval must be between 1 and 3600 seconds")
    if options["rows"] < 1:
        raise bad_argument("the number of rows must be a positive integer")
    if options["view"] not in TABLES:
        raise bad_argument(f"the view must be one of {', '.join(TABLES)}")
    orders = TABLES[options["view"]].orders
    if options.get("sort", next(iter(orders))) not in orders:
        raise bad_argument(f"the order must be one of {', '.join(orders)}")


@command(
    "top",
    usage="top [--interval <seconds>] [--once] [--view <view>] [--sort <order>] [--rows <number>]",
    description="Shows what the node does: rates, its busiest queues and connections",
    tools=(),
    validate=_check,
    **FACTS,
)
def top(call: Call) -> Output:
    return _shown(call)


@command(
    "observer",
    usage="observer [--interval <seconds>]",
    description="Shows what the node does, on the terminal",
    tools=(DIAGNOSTICS,),
    validate=_check,
    banner="Starting a CLI observer interface on node {node}...",
    **FACTS,
)
def observer(call: Call) -> Output:
    output = _shown(call)
    return f"Disconnected from {call.node}." if output is None else output


def _shown(call: Call) -> Output:
    """None: somebody has looked at it on a terminal."""
    options = call.options
    view = View(options["view"], options.get("sort", ""))
    view.settle()
    if "formatter" in options:
        return Rows(call.flushed(_frames(call)))
    stdout = call.streams.stdout
    is_terminal = stdout is sys.stdout and stdout.isatty() and sys.stdin.isatty()
    if is_terminal and not options["once"] and _on_screen(call, view):
        return None
    width = shutil.get_terminal_size((WIDTH, 0)).columns
    pages = (page(frame, view, width=width, count=options["rows"]) for frame in _frames(call))
    return Rows(call.flushed(pages))


def _frames(call: Call) -> Iterator[Row]:
    count = 1 if call.options["once"] else None
    interval_ms = call.options["interval"] * 1000
    for frame in call.link.rows("top.frames", None, interval_ms=interval_ms, count=count):
        yield {str(key): value for key, value in frame.items()}


def _on_screen(call: Call, view: View) -> bool:
    """Whether the terminal is one that can be written all over."""
    try:
        import curses

        from broker.cli.screen import show
    except ImportError:  # a Python without it
        return False
    try:
        show(_frames(call), call.link.fileno(), view)
    except curses.error:
        return False
    except KeyboardInterrupt:
        pass
    return True
