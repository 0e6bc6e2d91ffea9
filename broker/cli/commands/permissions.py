"""What users may do in virtual hosts."""

from __future__ import annotations

from typing import Any

from broker.cli.command import (
    ACCESS,
    CTL,
    DIAGNOSTICS,
    DONE,
    Call,
    Output,
    command,
    listed,
)
from broker.cli.errors import EX_NOUSER, EX_UNAVAILABLE, FailedError, ReasonError

BOTH = (CTL, DIAGNOSTICS)
USERNAME = ("<username>", "The name of the user")
IN_VHOST = {"vhost": "/"}
LISTED = {"vhost": "/", "table_headers": True}


def _ask(call: Call, what: str, **given: Any) -> Output:
    """Unknown users and vhosts are RabbitMQ's sentences. Raises: ToolError."""
    try:
        call.ask(what, vhost=call.vhost, name=call.arguments[0], **given)
    except ReasonError as error:
        texts = {
            "no_such_user": (f"User {error.about} does not exist", EX_NOUSER),
            "no_such_vhost": (f"Virtual host {error.about} does not exist", EX_UNAVAILABLE),
        }
        if error.word not in texts:
            raise
        text, code = texts[error.word]
        document = {"result": "error", "node": call.node, "message": text}
        raise FailedError(text, code, document) from None
    return DONE


@command(
    "set_permissions",
    usage="set_permissions [--vhost <vhost>] <username> <conf> <write> <read>",
    description="Says what a user may do in a virtual host",
    section=ACCESS,
    topics=[
        USERNAME,
        ("<conf>", "Regular expression of what may be declared and deleted"),
        ("<write>", "Regular expression of what may be published to"),
        ("<read>", "Regular expression of what may be consumed from"),
    ],
    arity=(4, 4),
    defaults=IN_VHOST,
    banner='Setting permissions for user "{0}" in vhost "{vhost}" ...',
)
def set_permissions(call: Call) -> Output:
    _, configure, write, read = call.arguments
    return _ask(call, "permissions.set_permissions", configure=configure, write=write, read=read)


@command(
    "clear_permissions",
    usage="clear_permissions [--vhost <vhost>] <username>",
    description="Takes a user's permissions in a virtual host away",
    section=ACCESS,
    topics=[USERNAME],
    arity=(1, 1),
    defaults=IN_VHOST,
    banner='Clearing permissions for user "{0}" in vhost "{vhost}" ...',
)
def clear_permissions(call: Call) -> Output:
    return _ask(call, "permissions.clear_permissions")


@command(
    "list_permissions",
    usage="list_permissions [--vhost <vhost>] [--no-table-headers]",
    description="Lists who may do what in a virtual host",
    section=ACCESS,
    tools=BOTH,
    has_timeout=True,
    defaults=LISTED,
    banner='Listing permissions for vhost "{vhost}" ...',
    formatter="table",
)
def list_permissions(call: Call) -> Output:
    return listed(call.rows("permissions.list_permissions", vhost=call.vhost))


@command(
    "list_user_permissions",
    usage="list_user_permissions [--no-table-headers] <username>",
    description="Lists what a user may do, in all virtual hosts",
    section=ACCESS,
    tools=BOTH,
    topics=[USERNAME],
    has_timeout=True,
    arity=(1, 1),
    defaults={"table_headers": True},
    banner='Listing permissions for user "{0}" ...',
    formatter="table",
)
def list_user_permissions(call: Call) -> Output:
    return listed(call.rows("permissions.list_user_permissions", name=call.arguments[0]))


@command(
    "set_topic_permissions",
    usage="set_topic_permissions [--vhost <vhost>] <username> <exchange> <write> <read>",
    description="Says which routing keys a user may use on a topic exchange",
    section=ACCESS,
    topics=[
        USERNAME,
        ("<exchange>", "The topic exchange"),
        ("<write>", "Regular expression of the routing keys to publish with"),
        ("<read>", "Regular expression of the routing keys to bind with"),
    ],
    arity=(4, 4),
    defaults=IN_VHOST,
    banner='Setting topic permissions on "{1}" for user "{0}" in vhost "{vhost}" ...',
)
def set_topic_permissions(call: Call) -> Output:
    _, exchange, write, read = call.arguments
    what = "permissions.set_topic_permissions"
    return _ask(call, what, exchange=exchange, write=write, read=read)


def _clearing(call: Call) -> str:
    on = f' on "{call.arguments[1]}"' if len(call.arguments) > 1 else ""
    name = call.arguments[0]
    return f'Clearing topic permissions{on} for user "{name}" in vhost "{call.vhost}" ...'


@command(
    "clear_topic_permissions",
    usage="clear_topic_permissions [--vhost <vhost>] <username> [<exchange>]",
    description="Takes a user's topic permissions in a virtual host away",
    section=ACCESS,
    topics=[USERNAME, ("<exchange>", "Only those on this exchange")],
    arity=(1, 2),
    defaults=IN_VHOST,
    banner=_clearing,
)
def clear_topic_permissions(call: Call) -> Output:
    exchange = call.arguments[1] if len(call.arguments) > 1 else None
    return _ask(call, "permissions.clear_topic_permissions", exchange=exchange)


@command(
    "list_topic_permissions",
    usage="list_topic_permissions [--vhost <vhost>] [--no-table-headers]",
    description="Lists topic permissions in a virtual host",
    section=ACCESS,
    tools=BOTH,
    has_timeout=True,
    defaults=LISTED,
    banner='Listing topic permissions for vhost "{vhost}" ...',
    formatter="table",
)
def list_topic_permissions(call: Call) -> Output:
    return listed(call.rows("permissions.list_topic_permissions", vhost=call.vhost))


@command(
    "list_user_topic_permissions",
    usage="list_user_topic_permissions [--no-table-headers] <username>",
    description="Lists the topic permissions of a user, in all virtual hosts",
    section=ACCESS,
    tools=BOTH,
    topics=[USERNAME],
    has_timeout=True,
    arity=(1, 1),
    defaults={"table_headers": False},  # RabbitMQ's: there is no header unless asked for
    banner='Listing topic permissions for user "{0}" ...',
    formatter="table",
)
def list_user_topic_permissions(call: Call) -> Output:
    return listed(call.rows("permissions.list_user_topic_permissions", name=call.arguments[0]))
