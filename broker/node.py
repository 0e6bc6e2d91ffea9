"""The node: vhosts, users, connections, and the turn in which all of them move.

    absorb every readable peer → pump every queue that changed → flush every peer with output

Peers absorb as their octets arrive; whoever changed something asks the clock for a turn, and
`turn()` does the rest. Definitions change in `apply` and nowhere else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from broker.alarms import RESOURCES, WATERMARK, Watermarks
from broker.amqp.errors import no_vhost, vhost_refused
from broker.auth.passwords import DEFAULT_ALGORITHM, hash_password
from broker.auth.permissions import Permissions
from broker.auth.users import User
from broker.changes import Changes
from broker.commands import (
    AddVhost,
    Bind,
    ClearPermissions,
    Command,
    DeclareExchange,
    DeclareQueue,
    DeleteExchange,
    DeleteQueue,
    DeleteUser,
    DeleteVhost,
    PutUser,
    SetPermissions,
    Unbind,
)
from broker.config import Config
from broker.exchanges.exchange import Exchange
from broker.message import Message
from broker.queues.dead_letter import REJECTED, died, is_cycle
from broker.queues.extended import extend
from broker.queues.features import Features
from broker.queues.queue import Queue
from broker.seams import (
    Clock,
    LocalReplicator,
    MessageLog,
    NullClock,
    NullLog,
    Replicator,
    Sleeper,
)
from broker.store.format import VOLATILE_ID
from broker.vhost import Version, VHost

log = logging.getLogger("broker.node")

QUEUE_MEMORY_MIN = 64 * 1024  # octets that a queue may hold in memory, however many there are
DEAD_MAX = 500  # dead letters of one queue that are sent on in one turn


class Peer(Protocol):
    """What the node knows of a connection."""

    connection_id: int

    def flush(self) -> None: ...
    def tick(self, now_ms: int) -> None: ...
    def on_alarms_changed(self) -> None: ...
    def shut_down(self, reason: str) -> None: ...
    def drop(self) -> None: ...
    def release(self) -> None: ...


class Node:
    """One broker node. log, clock: the seams; by default it keeps nothing and nobody calls it.

    watermarks: judges memory and disk; None: nobody does.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        name: str = "rabbit@localhost",
        log: MessageLog | None = None,
        clock: Clock | None = None,
        replicator: Replicator | None = None,
        watermarks: Watermarks | None = None,
    ):
        self.config = config or Config()
        self.name = self.config.identity.node_name or name
        self.cluster_name = self.config.identity.cluster_name or self.name
        self.log: MessageLog = log if log is not None else NullLog()
        self.clock: Clock = clock if clock is not None else NullClock()
        self.replicator: Replicator = replicator or LocalReplicator(self.apply)
        self.vhosts: dict[str, VHost] = {}
        self.users: dict[str, User] = {}
        self.version = Version()
        self.changes = Changes()  # what must survive a restart; a replicator takes it from there
        self.peers: dict[int, Peer] = {}
        self.peers_with_output: list[Peer] = []
        self.held_peers: dict[int, Peer] = {}  # not read until the disk has caught up
        self.changed_queues: list[Queue] = []
        self.turn_requested = False
        self.is_stopping = False  # whoever still arrives is turned away
        self.now_ms = 0
        self.watermarks = watermarks
        self.alarms: dict[str, set[str]] = {}  # "memory", "disk" → the reasons why it is low
        self.unsynced_channels: dict[Any, None] = {}  # with publishes that the log has yet to sync
        self.reply_consumers: dict[str, Any] = {}  # direct reply-to: token → channel
        self._last_connection_id = 0
        self.last_queue_id = 0  # of durable queues: grows over all restarts
        self._last_volatile_id = VOLATILE_ID
        self.bug_count = 0

    def make_defaults(self) -> None:
        """The first vhost and user, for a node that has no definitions yet."""
        defaults = self.config.defaults
        self.execute(AddVhost(defaults.vhost, "Default virtual host"))
        if defaults.user:
            password_hash = hash_password(defaults.password.encode())
            self.execute(PutUser(defaults.user, password_hash, DEFAULT_ALGORITHM, defaults.tags))
            self.execute(SetPermissions(defaults.user, defaults.vhost, ".*", ".*", ".*"))

    # definitions

    def execute(self, command: Command, done: Callable[[object], None] | None = None) -> None:
        """Propose a change. done: hears the result, or the exception it raised; may be later.

        Without `done` an error is a bug: the caller has checked that the change is possible.
        """
        self.replicator.propose(command, done or _raise_errors)

    def apply(self, command: Command) -> object:
        """Carry out one agreed change: the only place where definitions change.

        Returns: what the command is about, or a count. Raises: AMQPException when it cannot be
        done; nothing is changed then.
        """
        return self._appliers[type(command)](self, command)

    def _vhost(self, name: str) -> VHost:
        vhost = self.vhosts.get(name)
        if vhost is None:
            raise no_vhost(name)
        return vhost

    def _add_vhost(self, command: AddVhost) -> VHost:
        if command.name not in self.vhosts:
            store = None if isinstance(self.log, NullLog) else self.log
            vhost = VHost(command.name, self.changed_queues, self.version, self.changes, store)
            self.changes.put("vhost", (command.name,), (command.description, command.tags))
            self.vhosts[command.name] = vhost
        return self.vhosts[command.name]

    def _delete_vhost(self, command: DeleteVhost) -> None:
        vhost = self._vhost(command.name)
        vhost.delete_everything()
        for user in self.users.values():
            self._forget_permissions(user, command.name)
        del self.vhosts[command.name]
        self.changes.drop("vhost", (command.name,))
        self.version.number += 1

    def _put_user(self, command: PutUser) -> User:
        user = User(command.name, command.password_hash, command.hashing_algorithm, command.tags)
        previous = self.users.get(command.name)
        if previous is not None:
            user.permissions = previous.permissions
        values = (command.password_hash, command.hashing_algorithm, command.tags)
        self.changes.put("user", (command.name,), values)
        self.users[command.name] = user
        self.version.number += 1
        return user

    def _delete_user(self, command: DeleteUser) -> None:
        user = self.users.pop(command.name, None)
        if user is not None:
            for vhost in list(user.permissions):
                self._forget_permissions(user, vhost)
            self.changes.drop("user", (command.name,))
        self.version.number += 1

    def _set_permissions(self, command: SetPermissions) -> None:
        self._vhost(command.vhost)
        user = self.users[command.username]
        permissions = Permissions(command.configure, command.write, command.read)
        values = (command.configure, command.write, command.read)
        self.changes.put("permissions", (command.username, command.vhost), values)
        user.permissions[command.vhost] = permissions
        self.version.number += 1

    def _clear_permissions(self, command: ClearPermissions) -> None:
        self._forget_permissions(self.users[command.username], command.vhost)
        self.version.number += 1

    def _forget_permissions(self, user: User, vhost: str) -> None:
        if user.permissions.pop(vhost, None) is not None:
            self.changes.drop("permissions", (user.name, vhost))

    def _declare_queue(self, command: DeclareQueue) -> Queue:
        vhost = self._vhost(command.vhost)
        queue_id = command.queue_id
        if not queue_id and command.name not in vhost.queues:
            queue_id = self._next_queue_id(command.durable)
        elif command.durable and queue_id > self.last_queue_id:
            self.last_queue_id = queue_id
        queue = vhost.declare_queue(command, queue_id)
        features = Features.of(command.arguments)
        has_deadlines = queue.log is not None and queue.log.has_deadlines
        if queue.extras is None and (features is not None or has_deadlines):
            extend(queue, features or Features(), self.clock)
        return queue

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

    _appliers: dict[type[Command], Callable[[Node, Any], object]] = {
        AddVhost: _add_vhost,
        DeleteVhost: _delete_vhost,
        PutUser: _put_user,
        DeleteUser: _delete_user,
        SetPermissions: _set_permissions,
        ClearPermissions: _clear_permissions,
        DeclareExchange: lambda node, c: node._vhost(c.vhost).declare_exchange(c),
        DeleteExchange: lambda node, c: node._vhost(c.vhost).delete_exchange(
            c.name, if_unused=c.if_unused
        ),
        DeclareQueue: _declare_queue,
        DeleteQueue: lambda node, c: node._vhost(c.vhost).delete_queue(c.name, c.queue_id),
        Bind: lambda node, c: node._vhost(c.vhost).bind(c),
        Unbind: lambda node, c: node._vhost(c.vhost).unbind(c),
    }

    # access

    def open_vhost(self, name: str, user: User) -> VHost:
        """The vhost, for a user that may enter it. Raises: NotAllowed with RabbitMQ's text."""
        vhost = self._vhost(name)
        if name not in user.permissions:
            raise vhost_refused(name, user.name)
        return vhost

    # connections and turns

    def next_connection_id(self) -> int:
        self._last_connection_id += 1
        return self._last_connection_id

    def request_turn(self) -> None:
        """Something changed: be called soon."""
        if not self.turn_requested:
            self.turn_requested = True
            self.clock.request_turn()

    def set_alarm(self, resource: str, reason: str = "request") -> None:
        """A resource runs low: connections that publish are told and not read any more.

        reason: whoever sets it clears it; the alarm is over when no reason is left.
        """
        is_new = resource not in self.alarms
        self.alarms.setdefault(resource, set()).add(reason)
        if is_new:
            log.warning("alarm set, publishers are blocked, resource=%s", resource)
            self._tell_peers()

    def clear_alarm(self, resource: str, reason: str = "request") -> None:
        """There is enough of it again, as far as this reason goes."""
        if resource in self.alarms:
            self.alarms[resource].discard(reason)
            if not self.alarms[resource]:
                del self.alarms[resource]
                log.warning("alarm cleared, resource=%s", resource)
                self._tell_peers()

    def check_alarms(self, now_ms: int) -> None:
        """Judge memory and disk. Called by tick, and by whoever has changed a limit."""
        if self.watermarks is not None:
            low = self.watermarks.check(now_ms)
            for resource in RESOURCES:
                judge = self.set_alarm if resource in low else self.clear_alarm
                judge(resource, WATERMARK)

    def _tell_peers(self) -> None:
        for peer in list(self.peers.values()):
            peer.on_alarms_changed()

    def on_log_synced(self) -> None:
        """The log has synced more: confirms that waited for it go out in this turn."""
        for channel in self.unsynced_channels:
            channel.connection.mark_confirms(channel)
        if self.held_peers and not self.log.is_behind:
            held, self.held_peers = self.held_peers, {}
            for peer in held.values():
                peer.release()

    def turn(self, now_ms: int) -> None:
        """Pump what changed, flush who has output. Called once per batch of absorbed octets."""
        self.now_ms = now_ms
        self.turn_requested = False
        changed = self.changed_queues
        if changed:
            batch = changed[:]
            changed.clear()
            for queue in batch:
                try:
                    queue.pump()
                    if queue.extras is not None and queue.extras.dead:
                        self._dead_letter(queue)
                except Exception:  # a bug: it must not cost the other queues their turn
                    self.on_bug("a queue could not be pumped, queue=%s", queue.name)
        self.log.on_turn(now_ms)
        peers = self.peers_with_output
        if peers:
            due = peers[:]
            peers.clear()
            for peer in due:
                try:
                    peer.flush()
                except Exception:
                    self.on_bug("a peer could not be flushed, peer=%s", peer.connection_id)
                    with suppress(Exception):
                        peer.drop()
        if changed or peers:  # a queue that reached its ceiling, a peer that made room
            self.request_turn()

    def wake(self, sleeper: Sleeper) -> None:
        """A queue asked to be woken now: something in it has expired, or it has itself."""
        try:
            if sleeper.on_wake_up():
                self.execute(DeleteQueue(sleeper.vhost, sleeper.name, sleeper.queue_id))
        except Exception:
            self.on_bug("a queue could not be woken, queue=%s", sleeper.name)
        self.request_turn()

    def _dead_letter(self, queue: Queue) -> None:
        """Send on what died in a queue in this turn."""
        extras = queue.extras
        dead = [extras.dead.popleft() for _ in range(min(DEAD_MAX, len(extras.dead)))]
        queue.mark_changed()  # if there are more
        self._send_on_all(queue, [(message, reason) for message, reason, _ in dead])
        if queue.log is not None:  # not before: a crash may repeat them, but must not lose them
            queue.log.settle_all([seq for _, _, seq in dead if seq is not None])

    def _send_on_all(self, queue: Queue, dead: list[tuple[Message, str]]) -> None:
        vhost = self.vhosts.get(queue.vhost)
        features = queue.extras.features
        if vhost is None or features.dead_letter_exchange is None:
            return
        exchange = vhost.exchanges.get(features.dead_letter_exchange)
        if exchange is None:
            return  # RabbitMQ drops them without a word
        for message, reason in dead:
            envelope, keys = died(
                message.envelope,
                queue.name,
                reason,
                exchange.name,
                features.dead_letter_routing_key,
                self.clock.epoch_ms() // 1000,
            )
            self._send_on(vhost, exchange, Message(envelope, message.body), keys, reason)

    def _send_on(
        self, vhost: VHost, exchange: Exchange, message: Message, keys: list[str], reason: str
    ) -> None:
        """Route one dead letter; where it would go round by itself it is dropped."""
        headers = message.envelope.properties.header_table
        targets, _, _ = vhost.route(exchange, keys, lambda: headers)
        for target in targets:
            if reason == REJECTED or not is_cycle(headers, target.name):
                target.push(message)
        message.envelope.forget_properties()

    def on_bug(self, sentence: str, *values: object) -> None:
        """Something that cannot happen did. Called while its exception is handled."""
        self.bug_count += 1
        log.exception(f"bug: {sentence}", *values)  # noqa: G004, LOG004 - called in a handler

    def tick(self, now_ms: int) -> None:
        """Called about twice a second: heartbeats, handshake limits, alarms."""
        self.now_ms = now_ms
        for peer in list(self.peers.values()):
            peer.tick(now_ms)
        self.check_alarms(now_ms)
        self._share_memory()

    def _share_memory(self) -> None:
        """Keep what queues hold in memory within the node's budget: large ones go to disk."""
        if isinstance(self.log, NullLog):
            return
        storage = self.config.storage
        holding = [
            queue
            for vhost in self.vhosts.values()
            for queue in vhost.queues.values()
            if queue.ready_bytes > QUEUE_MEMORY_MIN
        ]
        total = sum(queue.ready_bytes for queue in holding)
        if total <= storage.node_memory:
            self.log.queue_memory = min(
                storage.queue_memory, 2 * max(self.log.queue_memory, QUEUE_MEMORY_MIN)
            )
            return
        share = max(QUEUE_MEMORY_MIN, storage.node_memory // (2 * len(holding)))
        self.log.queue_memory = min(storage.queue_memory, share)
        for queue in holding:
            queue.page_out(share)

    def check_invariants(self) -> None:
        """Assert what the parts promise. Called by tests after every step."""
        for vhost in self.vhosts.values():
            for queue in vhost.queues.values():
                queue.check_invariants()


def _raise_errors(result: object) -> None:
    if isinstance(result, Exception):
        raise result
