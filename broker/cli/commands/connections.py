"""Connections are closed."""

from __future__ import annotations

from broker.cli.command import (
    DONE,
    INTEGER,
    OPERATIONS,
    SWITCH,
    Call,
    Output,
    Said,
    command,
)
from broker.cli.elixir import inspect
from broker.cli.errors import FailedError, ReasonError, bad_argument

EXPLANATION = ("<explanation>", "Why; the client is told, and it is logged")


@command(
    "close_connection",
    usage="close_connection <connection pid> <explanation>",
    description="Closes one connection",
    section=OPERATIONS,
    topics=[("<connection pid>", "As list_connections pid shows it"), EXPLANATION],
    arity=(2, 2),
    banner="Closing connection {0}, reason: {1}...",
)
def close_connection(call: Call) -> Output:
    pid, reason = call.arguments
    try:
        call.ask("connections.close_connection", pid=pid, reason=reason)
    except ReasonError as error:
        if error.word != "invalid_pid_syntax":
            raise
        raise FailedError(f"Error:\n{inspect(error.term)}") from None
    return DONE


@command(
    "close_all_user_connections",
    usage="close_all_user_connections <username> <explanation>",
    description="Closes all connections of a user",
    section=OPERATIONS,
    topics=[("<username>", "The name of the user"), EXPLANATION],
    arity=(2, 2),
    banner="Closing connections of user {0}, reason: {1}...",
)
def close_all_user_connections(call: Call) -> Output:
    username, reason = call.arguments
    call.ask("connections.close_user_connections", username=username, reason=reason)
    return DONE


def _check_limit(call: Call) -> None:
    """Raises: InvalidError."""
    if call.options["limit"] < 0:
        raise bad_argument("the limit cannot be less than 0")


def _closing(call: Call) -> str:
    reason, limit = call.arguments[0], call.options["limit"]
    if call.options["global"]:
        where = f"connections to node {call.node} (across all vhosts)"
    else:
        where = f"connections in vhost {call.vhost}"
    how_many = limit if limit and not call.options["global"] else "all"
    return f"Closing {how_many} {where}, reason: {reason}..."


@command(
    "close_all_connections",
    usage="close_all_connections [--vhost <vhost> --limit <limit>] [-n <node> --global]"
    " [--per-connection-delay <delay>] <explanation>",
    description="Closes all connections to a virtual host, or to the node",
    section=OPERATIONS,
    topics=[
        ("--vhost <vhost>", "Which: / unless said otherwise"),
        ("--limit <number>", "No more than so many"),
        ("--global", "Those to all virtual hosts"),
        ("--per-connection-delay <milliseconds>", "Time between two of them"),
        EXPLANATION,
    ],
    switches={"global": SWITCH, "per_connection_delay": INTEGER, "limit": INTEGER},
    arity=(1, 1),
    defaults={"vhost": "/", "global": False, "per_connection_delay": 0, "limit": 0},
    validate=_check_limit,
    banner=_closing,
)
def close_all_connections(call: Call) -> Output:
    options = call.options
    is_global = bool(options["global"])
    count = call.ask(
        "connections.close_connections",
        vhost=None if is_global else call.vhost,
        limit=0 if is_global else options["limit"],
        delay_ms=options["per_connection_delay"],
        reason=call.arguments[0],
    )
    return Said(f"Closed {count} connections")
