"""The process of a node and its app: whether they run, starting, stopping, resetting."""

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
    MONITORING,
    NODES,
    NOTHING,
    REACHABLE,
    STOPPED,
    SWITCH,
    Call,
    Output,
    Rows,
    command,
)
from broker.cli.elixir import inspect
from broker.cli.errors import (
    EX_SOFTWARE,
    EX_UNAVAILABLE,
    EX_USAGE,
    FailedError,
    InvalidError,
    NodeDownError,
    TimedOutError,
    bad_argument,
)
from broker.cli.node_names import long_host, short_host
from broker.cli.processes import is_alive, wait_until

BOTH = (CTL, DIAGNOSTICS)
STOP_S = 120.0  # for a node to end once it was asked to


def _stop(call: Call) -> None:
    """And wait for the end. Raises: ToolError."""
    call.ask("nodes.stop")
    if not call.link.wait_for_the_end(STOP_S):
        raise call.timed_out()


def _stop_banner(call: Call) -> str:
    monitored = f" (will monitor pid file {call.arguments[0]})" if call.arguments else ""
    return f"Stopping and halting node {call.node}{monitored} ..."


@command(
    "stop",
    usage="stop [--idempotent] [<pidfile>]",
    description="Stops the node and its process",
    section=NODES,
    topics=[
        ("<pidfile>", "Wait for the process of this pid file as well"),
        ("--idempotent", "It is no error when the node does not run"),
    ],
    switches={"idempotent": SWITCH},
    arity=(0, 1),
    defaults={"idempotent": False},
    needs=NOTHING,
    banner=_stop_banner,
)
def stop(call: Call) -> Output:
    if not call.arguments:
        try:
            _stop(call)
        except NodeDownError:
            if not call.options["idempotent"]:
                raise
            return f"Node {call.node} is no longer running"
        return DONE
    path = call.arguments[0]
    try:
        pid = int(Path(path).read_text())
    except ValueError:
        raise FailedError(f"could not read pid from file {path}") from None
    except OSError as error:
        text = f"could not read pid from file {path}. Error: {error.strerror}"
        raise FailedError(text) from None
    _stop(call)
    if not wait_until(lambda: not is_alive(pid), STOP_S):
        raise call.timed_out()
    return f"process {pid} (take from pid file {path}) is no longer running"


def _check_host(call: Call) -> None:
    """Raises: InvalidError: it cannot be seen from here when that process has ended."""
    host, own = call.node.rpartition("@")[2], short_host()
    if call.options["wait"] and host not in ("localhost", own, long_host()):
        raise InvalidError(
            f"\nThis command can only --wait for shutdown of local nodes but node {call.node} seems"
            f" to be remote (local hostname: {own}, remote: {host}).\n"
            f"Pass --no-wait to shut node {call.node} down without waiting.\n"
        )


@command(
    "shutdown",
    usage="shutdown [--wait]",
    description="Stops the node and its process, and says how far it is",
    section=NODES,
    topics=[
        ("--wait", "Wait until the process has ended (as without it)"),
        ("--no-wait", "Do not wait"),
    ],
    has_timeout=True,
    switches={"wait": SWITCH},
    defaults={"wait": True},
    validate=_check_host,
    needs=NOTHING,
)
def shutdown(call: Call) -> Output:
    if not call.options["wait"]:
        call.ask("nodes.stop")
        return DONE
    return Rows(_shutting_down(call))


def _shutting_down(call: Call) -> Iterator[str]:
    pid = call.ask("nodes.pid")
    yield f"Shutting down RabbitMQ node {call.node} running at PID {pid}"
    call.ask("nodes.stop")
    yield f"Waiting for PID {pid} to terminate"
    is_gone = call.link.wait_for_the_end(STOP_S) and wait_until(lambda: not is_alive(pid), STOP_S)
    if not is_gone:
        raise call.timed_out()
    yield f"RabbitMQ node {call.node} running at PID {pid} successfully shut down"


@command(
    "stop_app",
    usage="stop_app",
    description="Stops the broker; its process stays and answers these tools",
    section=NODES,
    needs=REACHABLE,
    banner="Stopping rabbit application on node {node} ...",
)
def stop_app(call: Call) -> Output:
    call.ask("nodes.stop_app")
    return DONE


@command(
    "start_app",
    usage="start_app",
    description="Starts the broker again in its process",
    section=NODES,
    needs=REACHABLE,
    banner="Starting node {node} ...",
)
def start_app(call: Call) -> Output:
    call.ask("nodes.start_app")
    return DONE


@command(
    "reset",
    usage="reset",
    description="Makes the node forget everything, and leave its cluster",
    section=NODES,
    needs=STOPPED,
    banner="Resetting node {node} ...",
)
def reset(call: Call) -> Output:
    call.ask("nodes.reset")
    return DONE


@command(
    "force_reset",
    usage="force_reset",
    description="Makes the node forget everything, without a word to its cluster",
    section=CLUSTER,
    needs=STOPPED,
    banner="Forcefully resetting node {node} ...",
)
def force_reset(call: Call) -> Output:
    call.ask("nodes.reset")
    return DONE


@command(
    "ping",
    usage="ping",
    description="Asks whether the node's process answers these tools",
    section=MONITORING,
    tools=BOTH,
    has_timeout=True,
    timeout_ms=60_000,
    needs=NOTHING,
    banner="Will ping {node}. This only checks if the OS process is running and registered with"
    " epmd. Timeout: {timeout} ms.",
)
def ping(call: Call) -> Output:
    try:
        call.ask("nodes.ping")
    except (NodeDownError, TimedOutError):
        timeout = call.options["timeout"]
        text = f"Failed to connect and authenticate to {call.node} in {timeout} ms"
        raise FailedError(text) from None
    return "Ping succeeded"


def _said(call: Call, is_so: bool, text: str) -> Output:
    if call.options.get("formatter") == "json":
        return {"result": is_so, "message": text}
    return text


def _running_text(call: Call, is_running: bool) -> str:
    state = (
        "is fully booted and running"
        if is_running
        else "is not running or has not fully booted yet (check with is_booting)"
    )
    return f"RabbitMQ on node {call.node} {state}"


@command(
    "is_running",
    usage="is_running",
    description="Says whether the node serves clients",
    section=MONITORING,
    tools=(DIAGNOSTICS,),
    has_timeout=True,
    needs=REACHABLE,
    banner="Asking node {node} for its status ...",
)
def is_running(call: Call) -> Output:
    found = call.ask("nodes.state")["running"]
    return _said(call, found, _running_text(call, found))


@command(
    "is_booting",
    usage="is_booting",
    description="Says whether the node is about to serve clients",
    section=MONITORING,
    tools=(DIAGNOSTICS,),
    has_timeout=True,
    needs=REACHABLE,
    banner="Asking node {node} for its boot status ...",
)
def is_booting(call: Call) -> Output:
    found = call.ask("nodes.state")["booting"]
    state = (
        "is booting"
        if found
        else "is fully booted (check with is_running), stopped or has not started booting yet"
    )
    return _said(call, found, f"RabbitMQ on node {call.node} {state}")


@command(
    "check_running",
    usage="check_running",
    description="Health check: the node serves clients",
    section=MONITORING,
    tools=(DIAGNOSTICS,),
    has_timeout=True,
    needs=REACHABLE,
    banner="Checking if RabbitMQ is running on node {node} ...",
)
def check_running(call: Call) -> Output:
    found = call.ask("nodes.state")["running"]
    if not found:
        raise FailedError(_running_text(call, found), EX_UNAVAILABLE)
    return _running_text(call, found)


# waiting


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
