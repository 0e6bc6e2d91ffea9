"""Erlang expressions that scripts of operators have, without an Erlang: these few are answered.

An expression is taken for what it says, letter by letter but for its spaces; nothing is computed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

from broker.amqp.erlang import Atom, CharList
from broker.control.actions import Asked, action
from broker.control.environment import environment_of
from broker.control.host import Failure
from broker.control.status import alarms_of, memory_of

ALONE = (  # what is asked of a cluster: this node
    "rabbit_nodes:all()",
    "rabbit_nodes:all_running()",
    "rabbit_nodes:list_members()",
    "rabbit_nodes:list_running()",
    "rabbit_mnesia:cluster_nodes(all)",
    "rabbit_mnesia:cluster_nodes(disc)",
    "rabbit_mnesia:cluster_nodes(running)",
    "mnesia:system_info(running_db_nodes)",
    "mnesia:system_info(db_nodes)",
    "[node()|nodes()]",
)
ANSWERS: dict[str, Callable[[Asked], Any]] = {
    "node()": lambda asked: Atom(asked.host.name),
    "nodes()": lambda asked: [],
    "os:getpid()": lambda asked: CharList(os.getpid()),
    "rabbit:is_running()": lambda asked: asked.host.node is not None,
    "rabbit:is_booted()": lambda asked: asked.host.node is not None,
    "rabbit_misc:version()": lambda asked: CharList(asked.host.config.identity.product_version),
    "rabbit:base_product_version()": (
        lambda asked: CharList(asked.host.config.identity.product_version)
    ),
    "rabbit:product_name()": lambda asked: CharList(asked.host.config.identity.product),
    "rabbit:product_version()": (
        lambda asked: CharList(asked.host.config.identity.product_version)
    ),
    "rabbit_nodes:cluster_name()": lambda asked: asked.node.cluster_name,
    "rabbit_nodes:running_count()": lambda asked: 1,
    "rabbit_nodes:total_count()": lambda asked: 1,
    "rabbit_mnesia:is_clustered()": lambda asked: False,
    "rabbit_mnesia:node_type()": lambda asked: Atom("disc"),
    "rabbit_mnesia:dir()": lambda asked: CharList(asked.host.config.kept_in),
    "rabbit_alarm:get_alarms()": lambda asked: [(one, []) for one in alarms_of(asked.node)],
    "rabbit_vm:memory()": lambda asked: memory_of(asked.node),
    "rabbit_plugins:active()": lambda asked: [Atom(name) for name in asked.host.active_plugins],
    "rabbit_vhost:count()": lambda asked: len(asked.node.vhosts),
    "rabbit_vhost:list_names()": lambda asked: list(asked.node.vhosts),
    "rabbit_maintenance:is_being_drained_local_read(node())": lambda asked: False,
    **{text: lambda asked: [Atom(asked.host.name)] for text in ALONE},
}
_SETTING = re.compile(r"application:get_env\(([a-z_0-9]+),([a-z_0-9]+)\)")
_SPACE = re.compile(r"\s+")


@action(needs_app=False)
async def evaluate(asked: Asked, expression: str) -> Any:
    """expression: with its dot. Raises: Failure: it is not among those that are answered."""
    text = _SPACE.sub("", expression).removesuffix(".")
    setting = _SETTING.fullmatch(text)
    if setting is not None:
        return _setting(asked, setting[1], setting[2])
    answer = ANSWERS.get(text)
    if answer is None:
        raise Failure(
            f"'{expression.strip()}' cannot be evaluated: this node does not run on Erlang. Other"
            " commands of this tool, or the HTTP API, may tell or do the same"
        )
    return answer(asked)


def _setting(asked: Asked, application: str, key: str) -> Any:
    pairs = dict(environment_of(asked.host.config)).get(Atom(application), [])
    for name, value in pairs:
        if name == key:
            return (Atom("ok"), value)
    return Atom("undefined")
