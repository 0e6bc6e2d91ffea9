"""Clusters: their name, and who is in them. A node is alone here, and answers as one that is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from broker.amqp.erlang import Atom, CharList
from broker.cli import data_directory, node_names
from broker.cli.command import (
    CLUSTER,
    CONFIGURATION,
    DONE,
    NOTHING,
    STOPPED,
    SWITCH,
    Call,
    Output,
    command,
)
from broker.cli.errors import (
    APP_RUNNING,
    EX_DATA,
    FailedError,
    NodeDownError,
    ReasonError,
    StateError,
    bad_argument,
    not_enough,
)

DISC, RAM = "disc", "ram"
IDENTITY = "identity.json"  # in a data directory: whose it is
NODE_RUNNING = "this command requires the target node to be stopped."


@command(
    "set_cluster_name",
    usage="set_cluster_name <name>",
    description="Sets the name of the cluster",
    section=CONFIGURATION,
    topics=[("<name>", "The name; empty: the node's")],
    arity=(1, 1),
    banner="Setting cluster name to {0} ...",
)
def set_cluster_name(call: Call) -> Output:
    call.ask("cluster.set_name", name=call.arguments[0])
    return DONE


# joining others


def _whole(call: Call) -> str:
    """The other node's name. Raises: ToolError."""
    is_long = bool(call.options["longnames"])
    return node_names.whole(call.arguments[0], call.command.name, is_long=is_long)


def _ask_about(call: Call, what: str, **given: Any) -> None:
    """Raises: ToolError: the other node cannot be reached, mostly."""
    try:
        call.ask(what, **given)
    except ReasonError as error:
        if error.word != "nodedown":
            raise
        from broker.cli.unreachable import explain

        other, reason = str(error.about), "nodes do not form clusters yet"
        text = explain(other, None, reason, call.environment, call.options)
        raise NodeDownError(text) from None


def _check_join(call: Call) -> None:
    if call.options["disc"] and call.options["ram"]:
        raise bad_argument("The node type must be either disc or ram.")


@command(
    "join_cluster",
    usage="join_cluster [--disc|--ram] <existing_cluster_member>",
    description="Has the node become a member of the cluster of another one",
    section=CLUSTER,
    topics=[
        ("<existing_cluster_member>", "The other node"),
        ("--disc, --ram", "Without effect: nodes keep all that they have to keep on disk"),
    ],
    switches={"disc": SWITCH, "ram": SWITCH},
    arity=(1, 1),
    defaults={"disc": False, "ram": False},
    validate=_check_join,
    needs=STOPPED,
    banner="Clustering node {node} with {0}",
)
def join_cluster(call: Call) -> Output:
    _ask_about(call, "cluster.join", other=_whole(call))
    return DONE


@command(
    "update_cluster_nodes",
    usage="update_cluster_nodes <seed_node>",
    description="Has the node learn from another one who is in its cluster",
    section=CLUSTER,
    topics=[("<seed_node>", "The other node")],
    arity=(1, 1),
    needs=STOPPED,
    banner="Will seed {node} from {0} on next start",
)
def update_cluster_nodes(call: Call) -> Output:
    _ask_about(call, "cluster.update", seed=_whole(call))
    return DONE


def _check_type(call: Call) -> None:
    if call.arguments[0] not in (DISC, "disk", RAM):
        raise bad_argument("The node type must be either disc or ram.")


@command(
    "change_cluster_node_type",
    usage="change_cluster_node_type <disc | ram>",
    description="Changes what a node of a cluster keeps on disk",
    section=CLUSTER,
    topics=[("<disc | ram>", "disc; ram is of nodes in clusters only")],
    arity=(1, 1),
    validate=_check_type,
    needs=STOPPED,
    banner="Turning {node} into a {0} node",
)
def change_cluster_node_type(call: Call) -> Output:
    kind = RAM if call.arguments[0] == RAM else DISC
    return call.ask("cluster.change_type", kind=kind)


# leaving


def _forget_banner(call: Call) -> str:
    text = f"Removing node {call.arguments[0]} from the cluster"
    if call.options["offline"]:
        text += ". Warning: quorum queues cannot be shrunk in offline mode"
    return text


def _check_forget(call: Call) -> None:
    if call.options["offline"]:
        _check_not_running(call)


def _check_not_running(call: Call) -> None:
    """Raises: StateError."""
    if call.is_reachable():
        raise StateError(NODE_RUNNING)


@command(
    "forget_cluster_node",
    usage="forget_cluster_node [--offline] <existing_cluster_member_node>",
    description="Removes another node from the cluster",
    section=CLUSTER,
    topics=[
        ("<existing_cluster_member_node>", "The other node"),
        ("--offline", "The node that is asked does not run"),
    ],
    switches={"offline": SWITCH},
    arity=(1, 1),
    defaults={"offline": False},
    validate=_check_forget,
    needs=NOTHING,
    banner=_forget_banner,
)
def forget_cluster_node(call: Call) -> Output:
    if call.options["offline"]:
        text = CharList("The node selected is not in the cluster.")
        raise ReasonError((Atom("not_a_cluster_node"), text))
    call.ask("cluster.forget", other=call.arguments[0])
    return DONE


# a node that does not run


def _data_dir(call: Call) -> Path:
    """Raises: FailedError."""
    named = data_directory.named(call.options, call.environment)
    found = data_directory.path_of(named or call.environment.get("RABBITMQ_MNESIA_DIR", ""))
    if found is None:
        raise FailedError("mnesia_dir_not_found")
    return found


@command(
    "force_boot",
    usage="force_boot",
    description="Has the node start without waiting for those that it was in a cluster with",
    section=CLUSTER,
    needs=NOTHING,
)
def force_boot(call: Call) -> Output:
    """A node that is alone waits for nobody: that it could be started is all there is to say."""
    try:
        is_running = call.link.is_app_running
    except NodeDownError:
        _data_dir(call)
        return DONE
    if is_running:
        raise StateError(APP_RUNNING)
    return DONE


def _check_pairs(call: Call) -> None:
    if len(call.arguments) < 2:
        raise not_enough()
    if len(call.arguments) % 2:
        error = StateError("Bad argument: Argument list should contain even number of nodes")
        error.code = EX_DATA
        raise error
    _check_not_running(call)


def _pairs(call: Call) -> list[tuple[str, str]]:
    return list(zip(call.arguments[::2], call.arguments[1::2], strict=True))


@command(
    "rename_cluster_node",
    usage="rename_cluster_node <oldnode1> <newnode1> [oldnode2] [newnode2] ...",
    description="Renames a node that does not run, in its data directory",
    section=CLUSTER,
    topics=[
        ("<oldnode>", "Its name; its data directory is that of --data-dir"),
        ("<newnode>", "The name that it gets"),
    ],
    arity=(0, None),
    validate=_check_pairs,
    needs=NOTHING,
    banner=lambda call: (
        "Renaming cluster nodes: \n " + "".join(f"{old} -> {new} \n" for old, new in _pairs(call))
    ),
)
def rename_cluster_node(call: Call) -> Output:
    path = _data_dir(call) / IDENTITY
    try:
        document = json.loads(path.read_text())
        own = str(document["node"])
    except OSError as error:
        raise FailedError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise FailedError(f"{path} is damaged") from None
    pairs = dict(_pairs(call))
    unknown = [old for old in pairs if old != own]
    if unknown:
        raise ReasonError((Atom("nodes_not_in_cluster"), [Atom(old) for old in unknown]))
    new = pairs[own]
    node_names.whole(new, call.command.name, is_long="." in new.partition("@")[2])
    temporary = path.with_name(f"{IDENTITY}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps({**document, "node": new}) + "\n")
        temporary.replace(path)
    except OSError as error:
        raise FailedError(f"cannot write {path}: {error.strerror}") from None
    return DONE
