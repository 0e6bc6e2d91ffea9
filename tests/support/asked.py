"""What the tools ask for, without a socket and a process: a node in memory, and who is asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from broker.commands import AddVhost
from broker.control.actions import Asked
from broker.node import Node


def bare_node(name: str = "rabbit@here") -> Node:
    """With one vhost."""
    node = Node(name=name)
    node.execute(AddVhost("/"))
    return node


def asked_of(node: Node, **host: object) -> Asked:
    """host: what else is known of the process."""
    process: Any = SimpleNamespace(node=node, management=None, began_ms=0, **host)
    return Asked(process)
