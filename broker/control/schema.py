"""The tables of definitions, as RabbitMQ shows those of its database."""

from __future__ import annotations

from collections.abc import Iterator

from broker.amqp.erlang import Atom
from broker.control.actions import Asked, action
from broker.control.status import UNDEFINED, Pairs, pairs
from broker.node import Node


@action()
async def tables(asked: Asked) -> list[Pairs]:
    """What RabbitMQ can say of its tables and we of ours; all else is undefined."""
    node = asked.node
    own = [Atom(node.name)]
    is_kept = bool(node.config.kept_in)
    storage = Atom("disc_copies" if is_kept else "ram_copies")
    return [
        pairs(
            name=Atom(name),
            size=size,
            storage_type=storage,
            disc_copies=own if is_kept else [],
            ram_copies=[] if is_kept else own,
            disc_only_copies=[],
            external_copies=[],
            all_nodes=own,
            active_replicas=own,
            where_to_read=own[0],
            where_to_write=own,
            master_nodes=[],
            access_mode=Atom("read_write"),
            type=Atom("set"),
            local_content=False,
            load_node=own[0],
            user_properties=[],
            cookie=UNDEFINED,
        )
        for name, size in sizes_of(node)
    ]


def sizes_of(node: Node) -> Iterator[tuple[str, int]]:
    """By the names of RabbitMQ's tables for the same."""
    vhosts = node.vhosts.values()
    yield "rabbit_vhost", len(vhosts)
    yield "rabbit_user", len(node.users)
    users = node.users.values()
    yield "rabbit_user_permission", sum(len(user.permissions) for user in users)
    yield "rabbit_topic_permission", sum(len(user.topic_permissions) for user in users)
    parameters = sum(len(vhost.parameters) for vhost in vhosts)
    yield "rabbit_runtime_parameters", parameters + len(node.global_parameters)
    yield "rabbit_exchange", sum(len(vhost.exchanges) for vhost in vhosts)
    yield "rabbit_queue", sum(len(vhost.queues) for vhost in vhosts)
