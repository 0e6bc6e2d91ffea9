"""What is asked of a cluster. There is one node: the answers are those that RabbitMQ's gives which
is in no cluster."""

from __future__ import annotations

import json

from broker.amqp.erlang import Atom, CharList
from broker.commands import SetGlobalParameter
from broker.control.actions import Asked, action
from broker.control.host import SOFTWARE, Failure, refused
from broker.identity import NAME


@action()
async def set_name(asked: Asked, name: str) -> None:
    await asked.execute(SetGlobalParameter(NAME, json.dumps(name, ensure_ascii=False)))


@action(needs_app=False)
async def join(asked: Asked, other: str) -> None:
    """Raises: Failure, always: itself it cannot join, and others are not reached."""
    _check_stopped(asked)
    _check_other(asked, other)
    raise refused("nodedown", other)


@action(needs_app=False)
async def update(asked: Asked, seed: str) -> None:
    """Raises: Failure, likewise."""
    _check_stopped(asked)
    _check_other(asked, seed)
    raise refused("nodedown", seed)


@action(needs_app=False)
async def change_type(asked: Asked, kind: str) -> str:
    """kind: disc or ram. Raises: Failure: alone it can only be the one that it is."""
    _check_stopped(asked)
    if kind != "disc":
        raise _problem("not_clustered", "Non-clustered nodes can only be disc nodes.")
    return f"Node type is already {kind}"


@action(needs_app=False)
async def forget(asked: Asked, other: str) -> None:
    """Raises: Failure, always: there is nobody to be forgotten."""
    if other != asked.host.name:
        raise _problem("not_a_cluster_node", "The node selected is not in the cluster.")
    if asked.host.node is None:
        raise _problem(
            "offline_node_no_offline_flag",
            "You are trying to remove a node from an offline node. That is dangerous, but can be"
            " done with the --offline flag. Please consult the manual for rabbitmqctl for more"
            " information.",
        )
    why = (Atom("combine_error"), Atom("schema"), CharList("Last replica"))
    raise refused("failed_to_remove_node", Atom(other), why)


@action(needs_app=False)
async def force_boot(asked: Asked) -> None:
    """There is nobody to wait for at the next start: nothing has to be noted. Raises: Failure."""
    _check_stopped(asked)


def _check_stopped(asked: Asked) -> None:
    """Raises: Failure."""
    if asked.host.node is not None:
        raise Failure("the app runs", kind="running")


def _check_other(asked: Asked, other: str) -> None:
    """Raises: Failure."""
    if other == asked.host.name:
        raise Failure(f"Error: cannot cluster node with itself: {other}", SOFTWARE)


def _problem(word: str, text: str) -> Failure:
    return Failure(word, kind="reason", reason=(Atom(word), CharList(text)))
