"""Replicas of queues: the commands of `rabbitmq-queues`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from broker.cli.command import (
    CLUSTER,
    DIAGNOSTICS,
    DONE,
    MONITORING,
    OPERATIONS,
    QUEUES,
    REPLICATION,
    SWITCH,
    TEXT,
    Call,
    Output,
    Rows,
    Said,
    command,
    listed,
)
from broker.cli.elixir import inspect
from broker.cli.errors import FailedError, InvalidError
from broker.cli.reasons import ask

IN_VHOST = {"vhost": "/"}
BOTH = (DIAGNOSTICS, QUEUES)
ANY = ".*"
KINDS = ("all", "classic", "quorum")
STRATEGIES = ("all", "even")
ADD_TIMEOUT_MS = 5_000
POSITION = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
QUEUE = ("<queue>", "The name of a quorum queue")
VHOST = ("--vhost <vhost>", "Where it is: / unless said otherwise")
NODE = ("<node>", "The name of the node")
PATTERNS = [
    ("--queue-pattern <pattern>", "Regular expression of names of queues"),
    ("--vhost-pattern <pattern>", "Regular expression of names of virtual hosts"),
]
ERRORS_ONLY = ("--errors-only", "Only queues with which it could not be done")
SINGLE_NODE = "the only one in a single node cluster, the check does not apply"


def _of_queue(call: Call, what: str, texts: Mapping[str, str], **given: Any) -> Any:
    """Raises: ToolError."""
    return ask(call, what, texts, vhost=call.vhost, name=call.arguments[0], **given)


def _or_document(call: Call, what: str, texts: Mapping[str, str], **given: Any) -> Any:
    """Likewise; as JSON a failure is a document. Raises: ToolError."""
    not_found = f"Target queue was not found in virtual host '{call.vhost}'"
    try:
        return _of_queue(call, what, {"not_found": not_found, **texts}, **given)
    except FailedError as error:
        text = (error.text or "").removeprefix("Error:\n")
        is_sentence = text.startswith("Target queue")
        message = text if is_sentence else f"Failed to perform the operation: {text}"
        document = {"result": "error", "message": message}
        raise FailedError(text, error.code, document) from None


@command(
    "quorum_status",
    usage="quorum_status [--vhost <vhost>] <queue>",
    description="Shows how the members of a quorum queue are doing",
    section=MONITORING,
    tools=BOTH,
    topics=[QUEUE, VHOST],
    arity=(1, 1),
    defaults=IN_VHOST,
    banner="Status of quorum queue {0} on node {node} ...",
    formatter="pretty_table",
)
def quorum_status(call: Call) -> Output:
    classic = "Cannot get quorum status of a classic queue"
    return Rows(_of_queue(call, "replicas.quorum_status", {"classic_queue_not_supported": classic}))


@command(
    "stream_status",
    usage="stream_status [--vhost <vhost>] [--tracking] <stream>",
    description="Shows how the members of a stream are doing",
    section=MONITORING,
    tools=BOTH,
    topics=[
        ("<stream>", "Its name"),
        ("--tracking", "Instead of that, how far consumers and publishers have got"),
        VHOST,
    ],
    switches={"tracking": SWITCH},
    arity=(1, 1),
    defaults={**IN_VHOST, "tracking": False},
    banner="Status of stream {0} on node {node} ...",
    formatter="pretty_table",
)
def stream_status(call: Call) -> Output:
    texts = {
        f"{kind}_queue_not_supported": f"Cannot get stream status of a {kind} queue"
        for kind in ("classic", "quorum")
    }
    return _of_queue(call, "replicas.stream_status", texts)


def _check(call: Call) -> Output:
    """What a check says of a cluster of one node, whose queues nobody else could go on with."""
    if call.options.get("formatter") == "json":
        return {"result": "ok", "message": f"Target node seems to be {SINGLE_NODE}"}
    if call.options.get("silent"):
        return None
    return f"Node {call.node} seems to be {SINGLE_NODE}"


@command(
    "check_if_node_is_quorum_critical",
    usage="check_if_node_is_quorum_critical",
    description="Fails if quorum queues would lose their quorum without the node",
    section=MONITORING,
    tools=BOTH,
    has_timeout=True,
    banner="Checking if node {node} is critical for quorum of any quorum queues ...",
)
def check_if_node_is_quorum_critical(call: Call) -> Output:
    return _check(call)


@command(
    "check_if_node_is_mirror_sync_critical",
    usage="check_if_node_is_mirror_sync_critical",
    description="Fails if mirrored queues would lose their only synchronised replica with the node",
    section=MONITORING,
    tools=BOTH,
    has_timeout=True,
    banner="Checking if node {node} is critical for data safety of any classic mirrored queues ...",
)
def check_if_node_is_mirror_sync_critical(call: Call) -> Output:
    return _check(call)


NO_MEMBERS = {"classic_queue_not_supported": "Cannot add members to a classic queue"}


@command(
    "add_member",
    usage="add_member [--vhost <vhost>] <queue> <node>",
    description="Gives a quorum queue a member on a node",
    section=REPLICATION,
    tools=(QUEUES,),
    topics=[QUEUE, NODE, VHOST],
    has_timeout=True,
    timeout_ms=ADD_TIMEOUT_MS,
    arity=(2, 2),
    defaults=IN_VHOST,
    banner="Adding a replica for queue {0} on node {1}...",
)
def add_member(call: Call) -> Output:
    _of_queue(call, "replicas.add_member", NO_MEMBERS, member=call.arguments[1])
    return DONE


@command(
    "delete_member",
    usage="delete_member [--vhost <vhost>] <queue> <node>",
    description="Takes a quorum queue's member from a node",
    section=REPLICATION,
    tools=(QUEUES,),
    topics=[QUEUE, NODE, VHOST],
    arity=(2, 2),
    defaults=IN_VHOST,
    banner="Removing a replica of queue {0} on node {1}...",
)
def delete_member(call: Call) -> Output:
    _of_queue(call, "replicas.delete_member", NO_MEMBERS, member=call.arguments[1])
    return DONE


def _check_strategy(call: Call) -> None:
    """Raises: InvalidError."""
    strategy = call.arguments[1]
    if strategy not in STRATEGIES:
        raise InvalidError(inspect(f"strategy '{strategy}' is not recognised."))


@command(
    "grow",
    usage="grow <node> <all | even> [--vhost-pattern <pattern>] [--queue-pattern <pattern>]",
    description="Gives quorum queues a member on a node",
    section=CLUSTER,
    tools=(QUEUES,),
    topics=[
        NODE,
        ("<all | even>", "All of them, or those whose members are an even number"),
        *PATTERNS,
        ERRORS_ONLY,
    ],
    switches={"vhost_pattern": TEXT, "queue_pattern": TEXT, "errors_only": SWITCH},
    arity=(2, 2),
    defaults={"vhost_pattern": ANY, "queue_pattern": ANY, "errors_only": False},
    validate=_check_strategy,
    banner="Growing {1} quorum queues on {0}...",
    formatter="table",
)
def grow(call: Call) -> Output:
    return listed(call.ask("replicas.grow", member=call.arguments[0]))


@command(
    "shrink",
    usage="shrink <node> [--errors-only]",
    description="Takes the members of all quorum queues from a node",
    section=CLUSTER,
    tools=(QUEUES,),
    topics=[NODE, ERRORS_ONLY],
    switches={"errors_only": SWITCH},
    arity=(1, 1),
    defaults={"errors_only": False},
    banner="Shrinking quorum queues on {0}...",
    formatter="table",
)
def shrink(call: Call) -> Output:
    rows = call.rows("replicas.shrink", member=call.arguments[0])
    if call.options["errors_only"]:
        rows = (row for row in rows if dict(row)["result"] != "ok")
    return listed(rows)


def _check_kind(call: Call) -> None:
    """Raises: FailedError."""
    kind = call.arguments[0]
    if kind not in KINDS:
        raise FailedError(f"type {kind} is not supported. Try one of all, classic, quorum.")


@command(
    "rebalance",
    usage="rebalance < all | classic | quorum > [--vhost-pattern <pattern>]"
    " [--queue-pattern <pattern>]",
    description="Spreads the leaders of replicated queues over the nodes",
    section=CLUSTER,
    tools=(QUEUES,),
    topics=[("<type>", "Of queues: all, classic or quorum"), *PATTERNS],
    switches={"vhost_pattern": TEXT, "queue_pattern": TEXT},
    arity=(1, 1),
    defaults={"vhost_pattern": ANY, "queue_pattern": ANY},
    validate=_check_kind,
    banner="Re-balancing leaders of {0} queues...",
    formatter="pretty_table",
)
def rebalance(call: Call) -> Output:
    options = call.options
    led = call.ask(
        "replicas.rebalance",
        kind=call.arguments[0],
        vhosts=options["vhost_pattern"],
        queues=options["queue_pattern"],
    )
    return Said(led) if options.get("formatter") == "json" else listed(led)


@command(
    "reclaim_quorum_memory",
    usage="reclaim_quorum_memory  [--vhost <vhost>] <quorum queue>",
    description="Gives memory that a quorum queue does not need any more back to the system",
    section=OPERATIONS,
    tools=BOTH,
    topics=[("<quorum queue>", "Its name"), VHOST],
    arity=(1, 1),
    defaults=IN_VHOST,
    banner="Will flush Raft WAL of quorum queue {0} ...",
)
def reclaim_quorum_memory(call: Call) -> Output:
    classic = "This operation is not applicable to classic queues"
    texts = {"classic_queue_not_supported": classic}
    _or_document(call, "replicas.reclaim_quorum_memory", texts)
    return DONE


def _position(call: Call) -> int:
    """What stands behind its digits does not matter. Raises: InvalidError."""
    match = POSITION.match(call.arguments[1])
    position = int(match[0]) if match is not None else 0
    if position < 1:
        raise InvalidError(inspect("position value must be a positive integer"))
    return position


@command(
    "peek",
    usage="peek [--vhost <vhost>] <queue> <position>",
    description="Shows a message that is ready in a quorum queue, and leaves it there",
    section=MONITORING,
    tools=(QUEUES,),
    topics=[QUEUE, ("<position>", "Which, counted from 1 on"), VHOST],
    has_timeout=True,
    arity=(2, 2),
    defaults=IN_VHOST,
    validate=_position,
    banner="Peeking at quorum queue {0} at position {1} on node {node} ...",
    formatter="pretty_table",
)
def peek(call: Call) -> Output:
    texts = {
        "classic_queue_not_supported": "Cannot peek into a classic queue",
        "no_message_at_pos": "Target queue does not have a message at that position",
    }
    pairs = _or_document(call, "replicas.peek", texts, position=_position(call))
    if call.options.get("formatter") == "json":
        return {"result": "ok", "message": dict(pairs)}
    return Rows([("keys", key), ("values", value)] for key, value in pairs)
