"""Queues are deleted, emptied and, where they have mirrors, synchronised."""

from __future__ import annotations

from broker.cli.command import (
    DONE,
    QUEUES_SECTION,
    REPLICATION,
    SWITCH,
    Call,
    Output,
    Said,
    command,
)
from broker.cli.errors import EX_USAGE, bad_argument
from broker.cli.reasons import ask

IN_VHOST = {"vhost": "/"}
QUEUE = ("<queue>", "Its name")
VHOST = ("--vhost <vhost>", "Where it is: / unless said otherwise")


def _check_name(call: Call) -> None:
    """Raises: InvalidError."""
    if call.arguments == [""]:
        raise bad_argument("queue name cannot be an empty string")


def _deleting(call: Call) -> str:
    conditions = [
        f"if queue is {word} "
        for word, option in (("empty", "if_empty"), ("unused", "if_unused"))
        if call.options[option]
    ]
    return (
        f"Deleting queue '{call.arguments[0]}' on vhost '{call.vhost}' {'and '.join(conditions)}..."
    )


@command(
    "delete_queue",
    usage="delete_queue <queue_name> [--if-empty|-e] [--if-unused|-u]",
    description="Deletes a queue with all that is in it",
    section=QUEUES_SECTION,
    topics=[
        ("<queue_name>", "Its name"),
        ("--if-empty", "Not if there are messages ready in it"),
        ("--if-unused", "Not if somebody consumes from it"),
        VHOST,
    ],
    switches={"if_empty": SWITCH, "if_unused": SWITCH},
    letters={"e": "if_empty", "u": "if_unused"},
    has_timeout=True,
    arity=(1, 1),
    defaults={**IN_VHOST, "if_empty": False, "if_unused": False},
    validate=_check_name,
    banner=_deleting,
)
def delete_queue(call: Call) -> Output:
    texts = {
        "not_found": "Queue not found",
        "not_empty": "Queue is not empty",
        "in_use": "Queue is in use",
    }
    dropped = ask(
        call,
        "queues.delete_queue",
        texts,
        code=EX_USAGE,
        vhost=call.vhost,
        name=call.arguments[0],
        if_empty=call.options["if_empty"],
        if_unused=call.options["if_unused"],
    )
    return f"Queue was successfully deleted with {dropped} ready messages"


@command(
    "purge_queue",
    usage="purge_queue <queue>",
    description="Drops all messages that are ready in a queue",
    section=QUEUES_SECTION,
    topics=[QUEUE, VHOST],
    has_timeout=True,
    arity=(1, 1),
    defaults=IN_VHOST,
    banner="Purging queue '{0}' in vhost '{vhost}' ...",
)
def purge_queue(call: Call) -> Output:
    ask(call, "queues.purge_queue", vhost=call.vhost, name=call.arguments[0])
    return DONE


@command(
    "sync_queue",
    usage="sync_queue [--vhost <vhost>] <queue>",
    description="Has the mirrors of a queue take over what they lack",
    section=REPLICATION,
    topics=[QUEUE, VHOST],
    arity=(1, 1),
    defaults=IN_VHOST,
    banner="Synchronising queue '{0}' in vhost '{vhost}' ...",
)
def sync_queue(call: Call) -> Output:
    ask(call, "queues.sync_queue", vhost=call.vhost, name=call.arguments[0])
    return DONE


@command(
    "cancel_sync_queue",
    usage="cancel_sync_queue [--vhost <vhost>] <queue>",
    description="Has the mirrors of a queue stop doing so",
    section=REPLICATION,
    topics=[QUEUE, VHOST],
    arity=(1, 1),
    defaults=IN_VHOST,
    banner="Stopping synchronising queue '{0}' in vhost '{vhost}' ...",
)
def cancel_sync_queue(call: Call) -> Output:
    answer = ask(call, "queues.cancel_sync_queue", vhost=call.vhost, name=call.arguments[0])
    return Said(answer)
