"""Waiting until a node serves clients, or until enough of them do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from broker.amqp.erlang import Atom
from broker.cli.command import (
    CLUSTER,
    CTL,
    DIAGNOSTICS,
    DONE,
    INTEGER,
    NODES,
    NOTHING,
    Call,
    Output,
    Rows,
    command,
)
from broker.cli.elixir import inspect
from broker.cli.errors import (
    EX_SOFTWARE,
    EX_USAGE,
    FailedError,
    InvalidError,
    TimedOutError,
    bad_argument,
)
from broker.cli.processes import wait_until
from broker.processes import is_alive

BOTH = (CTL, DIAGNOSTICS)


@command(
    "await_startup",
    usage="await_startup",
    description="Waits until the node serves clients; one named by a file: also until it runs",
    section=NODES,
    timeout_ms=300_000,
    needs=NOTHING,
)
def await_startup(call: Call) -> Output:
    _await_process(call)
    call.ask("nodes.await_startup")
    return DONE


def _await_process(call: Call) -> None:
    """By its name a node that does not run is an error at once, as with RabbitMQ."""
    if not (call.options.get("data_dir") or call.options.get("ready_file")):
        return
    timeout_ms = call.timeout_ms
    if not wait_until(call.is_reachable, None if timeout_ms is None else timeout_ms / 1000):
        raise call.timed_out()


def _check_count(call: Call) -> None:
    count = call.arguments[0]
    if not count.isascii() or not count.isdigit() or not int(count):
        raise bad_argument("Argument must be a positive integer")


def _count_banner(call: Call) -> str:
    assert call.timeout_ms is not None
    return (
        f"Will wait for at least {call.arguments[0]} nodes to join the cluster of {call.node}."
        f" Timeout: {call.timeout_ms // 1000} seconds."
    )


@command(
    "await_online_nodes",
    usage="await_online_nodes <count>",
    description="Waits until so many nodes of the cluster run",
    section=CLUSTER,
    topics=[("<count>", "How many; 1: the node itself")],
    has_timeout=True,
    timeout_ms=300_000,
    arity=(1, 1),
    validate=_check_count,
    banner=_count_banner,
)
def await_online_nodes(call: Call) -> Output:
    count = int(call.arguments[0])
    timeout_ms = call.timeout_ms
    seconds = None if timeout_ms is None else timeout_ms / 1000
    if not wait_until(lambda: call.ask("nodes.running_count") >= count, seconds):
        raise FailedError(
            f"Error: timed out while waiting. Not enough nodes joined {call.node}'s cluster.",
            EX_SOFTWARE,
        )
    return DONE


def _check_wait(call: Call) -> None:
    has_pid = "pid" in call.options
    if call.arguments and has_pid:
        raise InvalidError('"Cannot specify both pid and pidfile"', EX_USAGE)
    if not call.arguments and not has_pid:
        raise InvalidError('"No pid or pidfile specified"', EX_USAGE)


@command(
    "wait",
    usage="wait [<pidfile>] [--pid|-P <pid>]",
    description="Waits until the node of a pid file, or of a process, serves clients",
    section=NODES,
    tools=BOTH,
    topics=[("<pidfile>", "The file"), ("--pid <pid>", "The process")],
    has_timeout=True,
    timeout_ms=10_000,
    switches={"pid": INTEGER},
    letters={"P": "pid"},
    arity=(0, 1),
    validate=_check_wait,
    needs=NOTHING,
)
def wait(call: Call) -> Output:
    return Rows(line for line in _waiting(call) if not call.options.get("quiet"))


def _waiting(call: Call) -> Iterator[str]:
    """Raises: ToolError."""
    timeout_ms = call.timeout_ms or 0
    if call.arguments:
        path = Path(call.arguments[0])
        yield f"Waiting for pid file '{path}' to appear"
        pid = _pid_of(call, path, timeout_ms)
        yield f"pid is {pid}"
    else:
        pid = call.options["pid"]
    yield (
        f"Waiting for erlang distribution on node '{call.node}' while OS process '{pid}' is running"
    )
    found = wait_until(lambda: call.is_reachable() or not is_alive(pid), timeout_ms / 1000)
    if not is_alive(pid):
        raise FailedError("process_not_running")
    if not found:
        raise _in_vain(call)
    yield f"Waiting for applications 'rabbit_and_plugins' to start on node '{call.node}'"
    call.ask("nodes.await_startup")
    yield f"Applications 'rabbit_and_plugins' are running on node '{call.node}'"


def _pid_of(call: Call, path: Path, timeout_ms: int) -> int:
    """What is in the file, once the process is there. Raises: ToolError."""
    pid = 0

    def is_there() -> bool:
        nonlocal pid
        try:
            text = path.read_text().split()
        except FileNotFoundError:
            return False
        except (OSError, UnicodeDecodeError) as error:
            word = errno.errorcode.get(getattr(error, "errno", 0), "eio").lower()
            reason = (Atom("could_not_read_pid"), Atom(word))
            raise FailedError(inspect(reason)) from None
        if not text or not text[0].isdigit():
            raise FailedError(inspect((Atom("garbage_in_pid_file"), str(path))))
        pid = int(text[0])
        return is_alive(pid) and call.is_reachable()

    if not wait_until(is_there, timeout_ms / 1000):
        raise _in_vain(call)
    return pid


def _in_vain(call: Call) -> Any:
    return TimedOutError("wait", call.node, call.timeout_ms)
