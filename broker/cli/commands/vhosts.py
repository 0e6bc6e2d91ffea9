"""Virtual hosts and their metadata."""

from __future__ import annotations

from broker.amqp.erlang import Atom
from broker.cli import info_items
from broker.cli.command import (
    ACCESS,
    CTL,
    DIAGNOSTICS,
    DONE,
    TEXT,
    VHOSTS,
    Call,
    Output,
    Said,
    command,
    listed,
)
from broker.cli.elixir import inspect
from broker.cli.errors import EX_DATA, EX_SOFTWARE, FailedError, ReasonError

COLUMNS = ("name", "description", "tags", "default_queue_type", "tracing", "cluster_state")


@command(
    "add_vhost",
    usage='add_vhost <vhost> [--description <description> --tags "<tag1>,<tag2>,<...>"'
    " --default-queue-type <quorum|classic|stream>]",
    description="Adds a virtual host, which nobody may use yet",
    section=VHOSTS,
    topics=[
        ("<vhost>", "Its name"),
        ("--description <description>", "What it is for"),
        ("--tags <tags>", "Tags between commas"),
        ("--default-queue-type <quorum|classic|stream>", "Of queues declared without a type"),
    ],
    switches={"description": TEXT, "tags": TEXT, "default_queue_type": TEXT},
    letters={"d": "description"},
    arity=(1, 1),
    defaults={"description": "", "tags": ""},
    banner='Adding vhost "{0}" ...',
)
def add_vhost(call: Call) -> Output:
    options = call.options
    call.ask(
        "vhosts.add_vhost",
        name=call.arguments[0],
        description=options["description"],
        tags=options["tags"],
        queue_type=options.get("default_queue_type"),
    )
    return DONE


@command(
    "delete_vhost",
    usage="delete_vhost <vhost>",
    description="Deletes a virtual host and all that is in it",
    section=VHOSTS,
    topics=[("<vhost>", "Its name")],
    arity=(1, 1),
    banner='Deleting vhost "{0}" ...',
)
def delete_vhost(call: Call) -> Output:
    call.ask("vhosts.delete_vhost", name=call.arguments[0])
    return DONE


def _tags_banner(call: Call) -> str:
    name, *tags = call.arguments
    return f'Setting tags for virtual host "{name}" to [{", ".join(tags)}] ...'


@command(
    "set_vhost_tags",
    usage="set_vhost_tags <vhost> <tag> [...]",
    description="Gives a virtual host tags in place of those that it has",
    section=VHOSTS,
    topics=[("<vhost>", "Its name"), ("<tag>", "Any; none: no tag")],
    arity=(1, None),
    banner=_tags_banner,
)
def set_vhost_tags(call: Call) -> Output:
    name, *tags = call.arguments
    try:
        call.ask("vhosts.set_vhost_tags", name=name, tags=tags)
    except ReasonError as error:
        if error.word != "no_such_vhost":
            raise
        text = f'Virtual host "{name}" does not exist'
        document = {"result": "error", "node": call.node, "message": f"{text}s"}
        raise FailedError(text, EX_DATA, document) from None
    return DONE


@command(
    "restart_vhost",
    usage="restart_vhost [--vhost <vhost>]",
    description="Starts a virtual host that has failed; here none ever has",
    section=VHOSTS,
    topics=[("--vhost", "Its name")],
    has_timeout=True,
    defaults={"vhost": "/"},
    banner="Trying to restart vhost '{vhost}' on node '{node}' ...",
)
def restart_vhost(call: Call) -> Output:
    try:
        call.ask("vhosts.check_vhost", name=call.vhost)
    except ReasonError as error:
        raise FailedError(
            f"Failed to start vhost '{call.vhost}' on node '{call.node}'"
            f"Reason: {inspect(error.term)}",
            EX_SOFTWARE,
        ) from None
    return f"Vhost '{call.vhost}' is already running on node '{call.node}'"


@command(
    "list_vhosts",
    usage="list_vhosts [--no-table-headers] [<column> ...]",
    description="Lists virtual hosts",
    section=ACCESS,
    tools=(CTL, DIAGNOSTICS),
    topics=[info_items.topic(COLUMNS)],
    has_timeout=True,
    arity=(0, None),
    default_arguments=("name",),
    defaults={"table_headers": True},
    validate=lambda call: info_items.check(call.arguments, COLUMNS),
    banner="Listing vhosts ...",
    formatter="table",
)
def list_vhosts(call: Call) -> Output:
    names = [Atom(name) for name in info_items.wanted(call.arguments)]
    return listed(info_items.only(row, names) for row in call.rows("vhosts.list_vhosts"))


@command(
    "trace_on",
    usage="trace_on [--vhost <vhost>]",
    description="Switches the firehose of a virtual host on",
    section=VHOSTS,
    defaults={"vhost": "/"},
    arity=(0, None),  # RabbitMQ does not mind them
    banner='Starting tracing for vhost "{vhost}" ...',
)
def trace_on(call: Call) -> Output:
    call.ask("vhosts.set_tracing", name=call.vhost, is_on=True)
    return Said(f"Trace enabled for vhost {call.vhost}")


@command(
    "trace_off",
    usage="trace_off [--vhost <vhost>]",
    description="Switches the firehose of a virtual host off",
    section=VHOSTS,
    defaults={"vhost": "/"},
    arity=(0, None),
    banner='Stopping tracing for vhost "{vhost}" ...',
)
def trace_off(call: Call) -> Output:
    call.ask("vhosts.set_tracing", name=call.vhost, is_on=False)
    return Said(f"Trace disabled for vhost {call.vhost}")
