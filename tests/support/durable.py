"""A world whose definitions are in a catalogue. The test says when they are committed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from broker.amqp.wire import encode_table
from broker.node import Node
from broker.store.catalogue import Catalogue
from broker.store.catalogue_replicator import CatalogueReplicator
from broker.store.errors import StoreUnavailable
from broker.vhost import BUILT_IN
from tests.support.peer import World


class DurableWorld(World):
    """A node that was started on a directory. `crashes` gives the one that is started after it."""

    def __init__(self, directory: Path):
        super().__init__()
        node = self.node
        node.vhosts.clear()  # the defaults: they are in the catalogue, or made again and kept
        node.users.clear()
        self.directory = directory
        self.requests = 0  # for commits
        self.catalogue = Catalogue(directory)
        is_first_start = self.catalogue.is_empty
        self.catalogue.restore(node.apply)
        node.last_queue_id = self.catalogue.last_queue_id
        self.replicator = CatalogueReplicator(
            node.apply, node.changes, self._request_commit, node.on_bug
        )
        node.replicator = self.replicator
        if is_first_start:
            node.make_defaults()
            self.commit()

    def _request_commit(self) -> None:
        self.requests += 1

    def begin(self) -> None:
        """A commit is under way: it is on the disk, but nobody knows."""
        self.catalogue.commit(self.replicator.begin())

    def finish(self) -> None:
        self.replicator.finish()
        self.settle()

    def commit(self) -> None:
        self.begin()
        self.finish()

    def fails_to_commit(self) -> None:
        self.replicator.begin()
        self.replicator.finish(StoreUnavailable("no room"))
        self.settle()

    def crashes(self) -> DurableWorld:
        """The process ends here, with whatever is not committed."""
        self.catalogue.close()
        return DurableWorld(self.directory)


def durable_definitions(node: Node) -> dict[str, dict[Any, Any]]:
    """What a restart has to bring back; tables as octets, in which nan is nan."""
    vhosts = node.vhosts.values()
    exchanges = {
        (vhost.name, exchange.name): exchange
        for vhost in vhosts
        for exchange in vhost.exchanges.values()
        if exchange.durable
    }
    return {
        "vhosts": {vhost.name: None for vhost in vhosts},
        "users": {
            user.name: (user.password_hash, user.hashing_algorithm, user.tags)
            for user in node.users.values()
        },
        "permissions": {
            (user.name, vhost): (allowed.configure, allowed.write, allowed.read)
            for user in node.users.values()
            for vhost, allowed in user.permissions.items()
        },
        "exchanges": {
            key: (
                exchange.type_name,
                exchange.auto_delete,
                exchange.internal,
                encode_table(exchange.arguments),
            )
            for key, exchange in exchanges.items()
            if exchange.name not in BUILT_IN
        },
        "queues": {
            (vhost.name, queue.name): (
                queue.queue_id,
                queue.auto_delete,
                encode_table(queue.arguments),
            )
            for vhost in vhosts
            for queue in vhost.queues.values()
            if queue.durable
        },
        "bindings": {
            (*key, to.kind, to.name, binding.routing_key, binding.key.arguments): encode_table(
                binding.arguments
            )
            for key, exchange in exchanges.items()
            for binding in exchange.bindings.values()
            for to in [binding.destination]
            if to.durable
        },
    }
