"""Everything that is defined, and the one function that changes it.

Vhosts, users, permissions, policies, parameters, exchanges, queues and bindings, of a node in
memory. `apply` carries out a `Command` that has been agreed on; nothing else changes a definition.
What must survive a restart is put down in `changes`; whoever has to act on a change asks for it
(`observe`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from broker.accounts import Accounts
from broker.commands import (
    AddVhost,
    Bind,
    ClearGlobalParameter,
    ClearParameter,
    ClearPolicy,
    Command,
    DeclareExchange,
    DeclareQueue,
    DeleteExchange,
    DeleteQueue,
    DeleteVhost,
    SetGlobalParameter,
    SetParameter,
    SetPolicy,
    SetTracing,
    Unbind,
)
from broker.exchanges.exchange import Exchange
from broker.policies.policy import Policy
from broker.queues.extended import ExtendedQueue, extend
from broker.queues.features import Features, consumer_timeout_ms, is_lazy
from broker.queues.past import Past
from broker.queues.queue import Queue
from broker.queues.quorum import QuorumQueue
from broker.retired import add_up
from broker.seams import VOLATILE_ID, Clock, MessageLog, NullLog
from broker.vhost import VHost

Observer = Callable[[Command, object], None]


class Definitions(Accounts):
    """See the module. changed_queues: where queues with something to do put themselves."""

    def __init__(self, log: MessageLog, clock: Clock):
        super().__init__()
        self.log = log
        self.clock = clock
        self.global_parameters: dict[str, object] = {}
        self.changed_queues: list[Queue] = []
        self._observers: dict[type[Command], list[Observer]] = {}
        self.last_queue_id = 0  # of durable queues: grows over all restarts
        self._last_volatile_id = VOLATILE_ID
        self.queues_created = self.queues_deleted = 0
        self.past = Past()  # what queues and exchanges have counted that are no more
        self.retired: list[int] = []  # what channels of vhosts that are no more have counted
        self.retired_octets = [0, 0]
        self.has_ack_timeouts = False  # whether any queue has ever had one

    def apply(self, command: Command) -> object:
        """Carry out one agreed change: the only place where definitions change.

        Returns: what the command is about, or a count. Raises: AMQPException when it cannot be
        done; nothing is changed then.
        """
        result = self._appliers[type(command)](self, command)
        for observer in self._observers.get(type(command), ()):
            try:
                observer(command, result)
            except Exception:  # it must not take back what is done
                self.on_bug("an observer of definitions raised, command=%s", type(command).__name__)
        return result

    def observe(self, observer: Observer, *kinds: type[Command]) -> None:
        """Have it called with every command of these kinds that has been carried out, and with what
        that came to. kinds: none: all."""
        for kind in kinds or self._appliers:
            self._observers.setdefault(kind, []).append(observer)

    def forget(self, observer: Observer) -> None:
        """It is not called any more."""
        for observers in self._observers.values():
            if observer in observers:
                observers.remove(observer)

    def on_bug(self, sentence: str, *values: object) -> None:
        """Something that cannot happen did; called while its exception is handled. A node notes
        it and goes on."""
        raise

    def _add_vhost(self, command: AddVhost) -> VHost:
        values = (command.description, command.tags, command.default_queue_type)
        vhost = self.vhosts.get(command.name)
        if vhost is not None and vhost.metadata == values:
            return vhost
        self.changes.put("vhost", (command.name,), values)
        if vhost is None:
            store = None if isinstance(self.log, NullLog) else self.log
            vhost = VHost(
                command.name, self.changed_queues, self.version, self.changes, store, self.past
            )
            self.vhosts[command.name] = vhost
            for exchange in vhost.exchanges.values():
                exchange.actor = command.actor
        vhost.description, vhost.tags, vhost.default_queue_type = values
        return vhost

    def _delete_vhost(self, command: DeleteVhost) -> None:
        vhost = self._vhost(command.name)
        self.queues_deleted += len(vhost.queues)
        vhost.delete_everything()
        for user in self.users.values():
            self._forget_permissions(user, command.name)
        for component, name in list(vhost.parameters):
            self.changes.drop("parameter", (vhost.name, component, name))
        for kind, policies in vhost.policies.by_kind.items():
            for name in policies:
                self.changes.drop("policy", (vhost.name, kind, name))
        add_up(self.retired, vhost.retired)
        add_up(self.retired_octets, vhost.retired_octets)
        # for channels and connections that are still to be closed
        vhost.retired, vhost.retired_octets = self.retired, self.retired_octets
        del self.vhosts[command.name]
        self.changes.drop("vhost", (command.name,))
        self.version.number += 1

    def _set_tracing(self, command: SetTracing) -> None:
        self._vhost(command.vhost).is_traced = command.is_on
        self.changes.skip()
        self.version.number += 1

    def _set_parameter(self, command: SetParameter) -> None:
        vhost = self._vhost(command.vhost)
        key = (command.component, command.name)
        value = json.loads(command.value)
        self.changes.put("parameter", (vhost.name, *key), (command.value,))
        vhost.parameters[key] = value

    def _clear_parameter(self, command: ClearParameter) -> None:
        vhost = self._vhost(command.vhost)
        key = (command.component, command.name)
        if vhost.parameters.pop(key, None) is not None:
            self.changes.drop("parameter", (vhost.name, *key))

    def _set_global_parameter(self, command: SetGlobalParameter) -> None:
        value = json.loads(command.value)
        self.changes.put("global_parameter", (command.name,), (command.value,))
        self.global_parameters[command.name] = value

    def _clear_global_parameter(self, command: ClearGlobalParameter) -> None:
        if command.name in self.global_parameters:
            del self.global_parameters[command.name]
            self.changes.drop("global_parameter", (command.name,))

    # policies

    def _set_policy(self, command: SetPolicy) -> None:
        vhost = self._vhost(command.vhost)
        policy = Policy.of(
            command.name, command.pattern, command.definition, command.priority, command.apply_to
        )
        key = (vhost.name, command.kind, command.name)
        values = (command.pattern, command.definition, command.priority, command.apply_to)
        self.changes.put("policy", key, values)
        vhost.policies.by_kind[command.kind][command.name] = policy
        self._apply_policies(vhost)

    def _clear_policy(self, command: ClearPolicy) -> None:
        vhost = self._vhost(command.vhost)
        if vhost.policies.by_kind[command.kind].pop(command.name, None) is not None:
            self.changes.drop("policy", (vhost.name, command.kind, command.name))
            self._apply_policies(vhost)

    def _apply_policies(self, vhost: VHost) -> None:
        """The policies of a vhost have changed: so may everything in it."""
        for exchange in vhost.exchanges.values():
            self._apply_policy_to_exchange(vhost, exchange)
        for queue in vhost.queues.values():
            self._apply_policy_to_queue(vhost, queue)
        self.version.number += 1

    def _apply_policy_to_exchange(self, vhost: VHost, exchange: Exchange) -> None:
        applied = vhost.policies.applied_to("exchange", exchange.name)
        if applied != exchange.applied:
            exchange.applied = applied
            exchange.configure(applied.definition if applied is not None else {})

    def _apply_policy_to_queue(self, vhost: VHost, queue: Queue) -> None:
        applied = vhost.policies.applied_to("queue", queue.name, queue.type_name)
        if applied != queue.applied:
            self.changes.skip("queue_policy", (vhost.name, queue.name), is_there=True)
            queue.applied = applied
            self._configure(queue)

    def _declare_exchange(self, command: DeclareExchange) -> Exchange:
        vhost = self._vhost(command.vhost)
        is_new = command.name not in vhost.exchanges
        exchange = vhost.declare_exchange(command)
        if is_new and vhost.policies:
            self._apply_policy_to_exchange(vhost, exchange)
        return exchange

    # queues

    def _declare_queue(self, command: DeclareQueue) -> Queue:
        vhost = self._vhost(command.vhost)
        queue_id = command.queue_id
        is_new = command.name not in vhost.queues
        if not queue_id and is_new:
            queue_id = self._next_queue_id(command.durable)
        elif command.durable and queue_id > self.last_queue_id:
            self.last_queue_id = queue_id
        queue = vhost.declare_queue(command, queue_id)
        if is_new:
            self.queues_created += 1
            if vhost.policies:
                queue.applied = vhost.policies.applied_to("queue", queue.name, queue.type_name)
            if queue.arguments or queue.applied is not None or queue.log is not None:
                self._configure(queue)  # else it is as plain as it was made
        return queue

    def _delete_queue(self, command: DeleteQueue) -> int:
        vhost = self._vhost(command.vhost)
        count = len(vhost.queues)
        dropped = vhost.delete_queue(command.name, command.queue_id)
        self.queues_deleted += count - len(vhost.queues)
        return dropped

    def _configure(self, queue: Queue) -> None:
        """Have a queue do what its arguments and policies ask for, from now on."""
        definition = queue.applied.definition if queue.applied is not None else {}
        queue.is_lazy = is_lazy(queue.arguments, definition)
        if consumer_timeout_ms(queue.arguments, definition) is not None:
            self.has_ack_timeouts = True
        features = Features.of(queue.arguments, definition)
        has_deadlines = queue.log is not None and queue.log.has_deadlines
        if features is not None or has_deadlines or queue.extras is not None:
            kind = QuorumQueue if queue.type_name == "quorum" else ExtendedQueue
            extend(queue, features or Features(), self.clock, kind)

    def _next_queue_id(self, durable: bool) -> int:
        """Never the same twice; those of durable queues not even after a restart."""
        if durable:
            self.last_queue_id += 1
            return self.last_queue_id
        self._last_volatile_id += 1
        return self._last_volatile_id

    def extend_queue(self, queue: Queue) -> None:
        """Make a plain queue fit for messages that expire."""
        extend(queue, Features(), self.clock)
        self.version.number += 1

    def _bind(self, command: Bind) -> None:
        for queue, message in self._vhost(command.vhost).bind(command):
            if message.envelope.ttl_ms is not None and queue.extras is None:
                self.extend_queue(queue)
            queue.push(message)

    _appliers: dict[type[Command], Callable[[Definitions, Any], object]] = {
        **Accounts._account_appliers,
        AddVhost: _add_vhost,
        DeleteVhost: _delete_vhost,
        SetTracing: _set_tracing,
        SetPolicy: _set_policy,
        ClearPolicy: _clear_policy,
        SetParameter: _set_parameter,
        ClearParameter: _clear_parameter,
        SetGlobalParameter: _set_global_parameter,
        ClearGlobalParameter: _clear_global_parameter,
        DeclareExchange: _declare_exchange,
        DeleteExchange: lambda self, c: self._vhost(c.vhost).delete_exchange(
            c.name, if_unused=c.if_unused
        ),
        DeclareQueue: _declare_queue,
        DeleteQueue: _delete_queue,
        Bind: _bind,
        Unbind: lambda self, c: self._vhost(c.vhost).unbind(c),
    }
