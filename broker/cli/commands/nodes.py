"""The process of a node and its app: whether they run, starting, stopping, resetting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from broker.cli.command import (
    CLUSTER,
    CTL,
    DIAGNOSTICS,
    DONE,
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
from broker.cli.errors import (
    EX_UNAVAILABLE,
    FailedError,
    InvalidError,
    NodeDownError,
    TimedOutError,
)
from broker.cli.node_names import long_host, short_host
from broker.cli.processes import wait_until
from broker.processes import is_alive

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
    is_local = host in ("localhost", own, long_host()) or call.is_reachable()
    if call.options["wait"] and not is_local:
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
