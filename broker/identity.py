"""What a cluster is called, and what tells it from all others: global parameters, as in RabbitMQ.

The name may be changed while the node runs; without one it is what the settings say. The id is made
once and stays, so that metrics of clusters that are called alike can be told apart.
"""

from __future__ import annotations

import json
from secrets import token_urlsafe
from typing import Protocol

from broker.commands import ClearGlobalParameter, Command, SetGlobalParameter
from broker.definitions import Observer

NAME, ID = "cluster_name", "internal_cluster_id"


class Named(Protocol):
    """A node."""

    cluster_name: str
    global_parameters: dict[str, object]

    def observe(self, observer: Observer, *kinds: type[Command]) -> None: ...
    def execute(self, command: Command) -> None: ...


def keep_name(node: Named) -> None:
    """Have the node go by the name that it is given. Without one: by that which it has now."""
    own = node.cluster_name

    def on_change(command: Command, _result: object) -> None:
        assert isinstance(command, (SetGlobalParameter, ClearGlobalParameter))
        if command.name == NAME:
            found = node.global_parameters.get(NAME)
            node.cluster_name = found if isinstance(found, str) and found else own

    node.observe(on_change, SetGlobalParameter, ClearGlobalParameter)


def make_id(node: Named) -> None:
    """At the start, once the definitions are there."""
    if ID not in node.global_parameters:
        name = f"rabbitmq-cluster-id-{token_urlsafe(16)}"  # RabbitMQ's form
        node.execute(SetGlobalParameter(ID, json.dumps(name)))
