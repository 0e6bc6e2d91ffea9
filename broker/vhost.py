"""A virtual host: names → exchanges, queues and bindings, and the way of a message through them.

The node's `Version` grows with every change to topology or permissions; whoever remembers a route
remembers the version with it. Methods that change something are called by `Node.apply` only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from broker.amqp.errors import (
    AMQPException,
    InternalError,
    in_use,
    no_exchange,
    no_queue,
    queue_limit,
    unknown_exchange_type,
)
from broker.amqp.wire import EMPTY_TABLE
from broker.changes import Changes, Kind, Value
from broker.commands import Bind, DeclareExchange, DeclareQueue, Unbind
from broker.exchanges.direct import DirectExchange
from broker.exchanges.exchange import Binding, BindingKey, Exchange
from broker.exchanges.registry import find_type
from broker.marks import hot
from broker.message import Message
from broker.policies.policy import Policies
from broker.queues.past import Past
from broker.queues.queue import Queue
from broker.retired import Retired
from broker.seams import MessageLog

PREDECLARED = (
    ("amq.direct", "direct", False),
    ("amq.fanout", "fanout", False),
    ("amq.headers", "headers", False),
    ("amq.match", "headers", False),
    ("amq.rabbitmq.trace", "topic", True),
    ("amq.topic", "topic", False),
)
BUILT_IN = frozenset(["", *(name for name, _, _ in PREDECLARED)])  # in every vhost, never kept


class Version:
    """How often the definitions have changed in a way that may change a route."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0


class VHost(Retired):
    """One virtual host. changed: the node's list of queues to pump. changes: where it puts down
    what must survive; None: nowhere. store: where queues keep messages; None: nowhere. past: where
    what is deleted leaves its counts."""

    def __init__(
        self,
        name: str,
        changed: list[Queue],
        version: Version,
        changes: Changes | None = None,
        store: MessageLog | None = None,
        past: Past | None = None,
    ):
        super().__init__()
        self.name = name
        self._past = past if past is not None else Past()
        self.version = version
        self._store = store
        self._changes = changes if changes is not None else Changes()
        self.description = ""
        self.tags: tuple[str, ...] = ()
        self.default_queue_type = ""  # what a queue is that is declared without a type
        self.is_traced = False  # by the firehose
        self.tap: Any = None  # what looks at its messages, see `broker.hooks.tap.Tap`
        self.policies = Policies()
        self.parameters: dict[tuple[str, str], object] = {}  # (component, name) → value, as in JSON
        self.queues: dict[str, Queue] = {}
        self.samples: Any = None  # see `broker.management.statistics`
        self._changed = changed
        # its bindings are the queues' names: kept implicit, or each queue would pay for one
        self.exchanges: dict[str, Exchange] = {"": DirectExchange("", name, durable=True)}
        for exchange, type_name, internal in PREDECLARED:
            found = find_type(type_name)
            assert found is not None
            self.exchanges[exchange] = found(exchange, name, durable=True, internal=internal)

    @property
    def metadata(self) -> tuple[str, tuple[str, ...], str]:
        """Description, tags and default queue type."""
        return self.description, self.tags, self.default_queue_type

    def limit(self, name: str) -> int | None:
        """A limit of the vhost, max-connections or max-queues; None: there is none.

        RabbitMQ: below 0 is none as well, 0 is really none allowed.
        """
        if not self.parameters:
            return None
        limits = self.parameters.get(("vhost-limits", "limits"))
        found = limits.get(name) if isinstance(limits, dict) else None
        return found if isinstance(found, int) and found >= 0 else None

    def check_queue_limit(self, queue: str) -> None:
        """Whether there may be one more queue. Raises: PreconditionFailed."""
        limit = self.limit("max-queues")
        if limit is not None and len(self.queues) >= limit:
            raise queue_limit(queue, self.name, limit)

    # look-ups

    def find_exchange(self, name: str) -> Exchange:
        """Raises: NotFound."""
        exchange = self.exchanges.get(name)
        if exchange is None:
            raise no_exchange(name, self.name)
        return exchange

    def find_queue(self, name: str) -> Queue:
        """Raises: NotFound."""
        queue = self.queues.get(name)
        if queue is None:
            raise no_queue(name, self.name)
        return queue

    def find_destination(self, kind: str, name: str) -> Queue | Exchange:
        """kind: "queue" or "exchange". Raises: NotFound."""
        return self.find_queue(name) if kind == "queue" else self.find_exchange(name)

    def find_binding(self, change: Bind | Unbind) -> tuple[Exchange, Binding] | None:
        """The binding that a command names, with its source; None if there is none."""
        source = self.exchanges.get(change.source)
        names: Mapping[str, Queue | Exchange] = (
            self.queues if change.destination_kind == "queue" else self.exchanges
        )
        destination = names.get(change.destination)
        if source is None or destination is None:
            return None
        key = Binding(destination, change.routing_key, change.arguments).key
        binding = source.bindings.get(key)
        return None if binding is None else (source, binding)

    # routing

    def route(
        self, exchange: Exchange, routing_keys: Sequence[str], message: Message
    ) -> tuple[list[Queue], bool]:
        """The queues a message goes to, each once, in the order found.

        routing_keys: the message's own, then CC and BCC. Returns: the queues; whether the answer is
        the same every time.
        """
        queues: dict[Queue, None] = {}
        pending = [exchange]
        visited = {exchange}
        is_stable = True
        while pending:
            current = pending.pop(0)
            if current.name == "":
                found: Iterable[Queue | Exchange] = [
                    self.queues[key] for key in routing_keys if key in self.queues
                ]
            else:
                found = current.route_all(routing_keys, message)
            is_stable = is_stable and current.is_stable  # as it is now that it was asked
            routed = False
            for destination in found:
                routed = True
                if isinstance(destination, Queue):
                    queues[destination] = None
                elif destination not in visited:
                    visited.add(destination)
                    pending.append(destination)
            # RabbitMQ: the default exchange as an alternate leads nowhere
            if not routed and current.alternate:
                alternate = self.exchanges.get(current.alternate)
                if alternate is not None and alternate not in visited:
                    visited.add(alternate)
                    pending.append(alternate)
        return list(queues), is_stable

    @hot(bench="distinct")
    def route_simply(self, exchange: Exchange, routing_key: str) -> list[Queue] | None:
        """`route` for one key and an exchange without an alternate that reads the key only.

        Returns: None when the answer is not just queues: then `route` has to find it.
        """
        if exchange.name == "":
            queue = self.queues.get(routing_key)
            return None if queue is None else [queue]
        found = list(exchange.route(routing_key, EMPTY_TABLE))
        if len(found) > 1:
            found = list(dict.fromkeys(found))
        for destination in found:
            if destination.kind != "queue":
                return None
        return found

    # changes, called by Node.apply only; what is new is put down before it is made

    def declare_exchange(self, command: DeclareExchange) -> Exchange:
        """Returns: the new one, or the one that is there, whatever it is like. Raises:
        CommandInvalid where the package that brings the type is missing, PreconditionFailed (the
        type refuses the arguments)."""
        existing = self.exchanges.get(command.name)
        if existing is not None:
            return existing
        exchange_class = find_type(command.type)
        if exchange_class is None:
            raise unknown_exchange_type(command.type, is_atom=False)
        exchange_class.validate(command.arguments)
        exchange = exchange_class(
            command.name,
            self.name,
            durable=command.durable,
            auto_delete=command.auto_delete,
            internal=command.internal,
            arguments=command.arguments,
        )
        exchange.actor = command.actor
        values = (command.type, command.auto_delete, command.internal, command.arguments)
        is_kept = command.durable and command.name not in BUILT_IN
        self._put_down(is_kept, "exchange", (self.name, command.name), values)
        self.exchanges[command.name] = exchange
        self.version.number += 1
        return exchange

    def delete_exchange(self, name: str, *, if_unused: bool = False) -> None:
        """With it go the auto-delete exchanges that had bindings to it only, and so on.

        Raises: PreconditionFailed when it has bindings and is to go only without (if_unused).
        """
        if if_unused and name in self.exchanges and self.exchanges[name].bindings:
            raise in_use(self.exchanges[name].resource)
        unused = [name]
        while unused:  # not recursive: chains may be as long as somebody likes
            exchange = self.exchanges.pop(unused.pop(), None)
            if exchange is None:
                continue
            self.version.number += 1
            self._past.routed += exchange.routed
            for binding in list(exchange.bindings.values()):
                self._remove_binding(exchange, binding)
            unused += self._forget_destination(exchange)
            is_kept = exchange.durable and exchange.name not in BUILT_IN
            self._put_down(is_kept, "exchange", (self.name, exchange.name))

    def declare_queue(self, command: DeclareQueue, queue_id: int = 0) -> Queue:
        """queue_id: for a new one; the command's may be left to the node.

        Returns: the new one, or the one that is there, whatever it is like.
        """
        existing = self.queues.get(command.name)
        if existing is not None:
            return existing
        queue = Queue(
            command.name,
            self.name,
            self._changed,
            durable=command.durable,
            auto_delete=command.auto_delete,
            owner=command.owner,
            arguments=command.arguments,
            queue_id=queue_id,
            store=self._store,
        )
        values = (queue_id, command.auto_delete, command.arguments)
        self._put_down(command.durable, "queue", (self.name, command.name), values)
        self.queues[command.name] = queue
        self.version.number += 1
        return queue

    def delete_queue(self, name: str, queue_id: int = 0) -> int:
        """queue_id: only this one, not another that has the name by now; 0: whichever has it.

        Returns: the ready messages dropped.
        """
        queue = self.queues.get(name)
        if queue is None or (queue_id and queue.queue_id != queue_id):
            return 0
        self._put_down(queue.durable, "queue", (self.name, name))
        del self.queues[name]
        self.version.number += 1
        self._past.add_queue(queue)
        dropped = queue.delete()
        for exchange in self._forget_destination(queue):
            self.delete_exchange(exchange)
        return dropped

    def bind(self, command: Bind) -> list[tuple[Queue, Message]]:
        """Returns: what the source keeps for whoever is bound anew, with the queues to push it to.

        Raises: NotFound, PreconditionFailed (the type refuses it), InternalError.
        """
        source = self.find_exchange(command.source)
        destination = self.find_destination(command.destination_kind, command.destination)
        binding = Binding(destination, command.routing_key, command.arguments)
        source.validate_binding(binding)
        key = binding.key
        if key in source.bindings:
            return []
        replayed = self._replay(source, destination)
        self._put_down_binding(source, key, (binding.arguments,))
        try:
            source.bind(binding)
        except AMQPException:  # a type from outside may fail here
            self._put_down_binding(source, key)
            raise
        source.bindings[key] = binding
        if destination.incoming is None:
            destination.incoming = {}
        destination.incoming.setdefault(source, {})[key] = binding
        self.version.number += 1
        return replayed

    def _replay(
        self, source: Exchange, destination: Queue | Exchange
    ) -> list[tuple[Queue, Message]]:
        """What a new destination of an exchange is to get. Raises: InternalError, as RabbitMQ does,
        when it is an exchange from where one of the messages leads nowhere."""
        kept = list(source.replay())
        if isinstance(destination, Queue):
            return [(destination, message) for _, message in kept]
        deliveries: list[tuple[Queue, Message]] = []
        for routing_keys, message in reversed(kept):  # so does RabbitMQ
            queues, _ = self.route(destination, routing_keys, message)
            message.envelope.forget_properties()
            if not queues:
                raise InternalError(ids=(0, 0))
            deliveries += [(queue, message) for queue in queues]
        return deliveries

    def unbind(self, command: Unbind) -> None:
        """A binding that is not there is not missed."""
        found = self.find_binding(command)
        if found is None:
            return
        self.version.number += 1
        if self._remove_binding(*found):
            self.delete_exchange(found[0].name)

    def _remove_binding(self, source: Exchange, binding: Binding) -> bool:
        """Returns: whether the source is to be deleted now (auto-delete)."""
        key = binding.key
        self._put_down_binding(source, key)
        del source.bindings[key]
        source.unbind(binding)
        incoming = binding.destination.incoming
        del incoming[source][key]
        if not incoming[source]:
            del incoming[source]
        return source.auto_delete and not source.bindings

    def _put_down(
        self,
        is_kept: bool,
        kind: Kind,
        key: tuple[Value, ...],
        values: tuple[Value, ...] | None = None,
    ) -> None:
        """Tell the `Changes`. is_kept: must it survive a restart? values: None: it is gone."""
        if not is_kept:
            self._changes.skip(kind, key, is_there=values is not None)
        elif values is None:
            self._changes.drop(kind, key)
        else:
            self._changes.put(kind, key, values)

    def _put_down_binding(
        self, source: Exchange, key: BindingKey, values: tuple[Value, ...] | None = None
    ) -> None:
        """A binding survives when both its ends do, as with RabbitMQ."""
        to = key.destination
        names = (self.name, source.name, to.kind, to.name, key.routing_key, key.arguments)
        self._put_down(source.durable and to.durable, "binding", names, values)

    def _forget_destination(self, destination: Queue | Exchange) -> list[str]:
        """Remove every binding that leads to it. Returns: exchanges that are to be deleted now."""
        incoming = destination.incoming or {}
        unused = []
        for source, bindings in list(incoming.items()):
            for binding in list(bindings.values()):
                if self._remove_binding(source, binding):
                    unused.append(source.name)  # noqa: PERF401 - removing is the point
        return unused

    def delete_everything(self) -> None:
        """The vhost is about to be deleted; whoever is still in it finds only what is built in."""
        for name in list(self.queues):
            self.delete_queue(name)
        for name in [name for name in self.exchanges if name not in BUILT_IN]:
            self.delete_exchange(name)
        for exchange in self.exchanges.values():  # bound to each other
            self._past.routed += exchange.routed
            for binding in list(exchange.bindings.values()):
                self._remove_binding(exchange, binding)
