"""The node: vhosts, users, connections, and the turn in which all of them move.

    absorb every readable peer → pump every queue that changed → flush every peer with output

Peers absorb as their octets arrive; whoever changed something asks the clock for a turn, and
`turn()` does the rest. Definitions change in `apply` and nowhere else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from broker.alarms import RESOURCES, WATERMARK, Watermarks
from broker.auth.backends import Backends
from broker.auth.passwords import hash_password
from broker.commands import (
    AddVhost,
    Command,
    DeclareExchange,
    DeleteQueue,
    DeleteUser,
    DeleteVhost,
    PutUser,
    SetPermissions,
)
from broker.config import Config
from broker.dead_letters import retry, send_on
from broker.definitions import Definitions
from broker.hooks.built_in import built_in
from broker.hooks.events import Events
from broker.hooks.hearing import Hearing
from broker.hooks.outlet import Outlet
from broker.hooks.registry import load
from broker.hooks.tap import Taps
from broker.identity import keep_name
from broker.log_settings import EXCHANGE as LOG_EXCHANGE
from broker.plugin_settings import refused_types, running
from broker.queues.queue import Queue
from broker.seams import Clock, LocalReplicator, MessageLog, NullClock, NullLog, Replicator, Sleeper

if TYPE_CHECKING:
    from broker.hooks.log_exchange import LogExchange

log = logging.getLogger("broker.node")

QUEUE_MEMORY_MIN = 64 * 1024  # octets that a queue may hold in memory, however many there are


class Peer(Protocol):
    """What the node knows of a connection."""

    connection_id: int

    def flush(self) -> None: ...
    def tick(self, now_ms: int) -> None: ...
    def on_alarms_changed(self) -> None: ...
    def stop_deliveries(self) -> None: ...
    def shut_down(self, reason: str) -> None: ...
    def drop(self) -> None: ...
    def on_deleted(self, kind: str, name: str) -> None: ...
    def release(self) -> None: ...


class Node(Definitions):
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
        super().__init__(
            log if log is not None else NullLog(), clock if clock is not None else NullClock()
        )
        self.has_ack_timeouts = self.config.limits.consumer_timeout_ms is not None
        self.counts_pairs = self.config.management.rates_mode == "detailed"
        self.refused_types = refused_types(self.config)  # of exchanges: nobody can declare them
        self.plugins = running(self.config)  # RabbitMQ's names of the optional parts that are on
        self.replicator: Replicator = replicator or LocalReplicator(self.apply)
        self.peers: dict[int, Peer] = {}
        self.peers_with_output: list[Peer] = []
        self.held_peers: dict[int, Peer] = {}  # not read until the disk has caught up
        self.turn_requested = False
        self.is_stopping = False  # whoever still arrives is turned away
        self.now_ms = 0
        self._deleted: list[tuple[str, str]] = []  # "user" or "vhost", and its name
        self.observe(self._on_command, DeleteVhost, DeleteUser)
        keep_name(self)
        self.usage.tracks_sources = self.config.authentication.tracks_sources
        self.backends = Backends(self.users)  # who says who somebody is and what he may do
        self.watermarks = watermarks
        self.alarms: dict[str, set[str]] = {}  # "memory", "disk" → the reasons why it is low
        self.unsynced_channels: dict[Any, None] = {}  # with publishes that the log has yet to sync
        self.reply_consumers: dict[str, Any] = {}  # direct reply-to: token → channel
        self.when_pumped: dict[Any, None] = {}  # channels to call after the pump of a turn
        self._stuck_queues: dict[Queue, None] = {}  # with dead letters that nobody has taken
        self._last_connection_id = 0
        self.bug_count = 0
        self.outlet = Outlet(self, self.request_turn)  # of what the node itself publishes
        self.events: Events | None = None  # None: nobody is told
        self.hearing = Hearing(self, self)
        self._log_exchange: LogExchange | None = None
        self.taps = Taps(self, self.outlet, self.name)
        hooks = self.config.hooks
        interceptors = [*built_in(hooks), *load(hooks.interceptors)]
        if interceptors:
            self.taps.use(interceptors)

    def make_defaults(self) -> None:
        """The first vhost and user, for a node that has no definitions yet."""
        defaults = self.config.defaults
        self.execute(AddVhost(defaults.vhost, "Default virtual host"))
        if defaults.user:
            algorithm = self.config.auth.hashing_module
            password_hash = hash_password(defaults.password.encode(), algorithm)
            self.execute(PutUser(defaults.user, password_hash, algorithm, defaults.tags))
            self.execute(SetPermissions(defaults.user, defaults.vhost, *defaults.permissions))

    # what it tells by messages

    def tell(self, thread: int) -> None:
        """Publish events and lines of the log from now on, if the settings want it, once the
        definitions are there. thread: identity of the one that the node runs in."""
        default = self.config.defaults.vhost
        if self.config.hooks.events:
            self.tell_events()
        if self.config.log.has_exchange and default in self.vhosts:
            from broker.hooks.log_exchange import LogExchange

            self._declare_outlet(default, LOG_EXCHANGE)
            settings = self.config.log
            self._log_exchange = LogExchange(self.outlet, default, self.name, thread, settings)
            self._log_exchange.open()

    def tell_events(self) -> None:
        """Publish them from now on; a node that does already is left alone."""
        if not self.hearing.is_published:
            self._declare_outlet(self.hearing.vhost, self.hearing.exchange)
            self.hearing.publish()

    def tell_no_more(self) -> None:
        """The node stops."""
        if self._log_exchange is not None:
            self._log_exchange.close()
            self._log_exchange = None

    def _declare_outlet(self, vhost: str, exchange: str) -> None:
        """Events and lines of the log have an exchange to which nobody else publishes."""
        if vhost not in self.vhosts:
            self.execute(AddVhost(vhost))
        self.execute(DeclareExchange(vhost, exchange, "topic", durable=True, internal=True))

    # definitions

    def execute(self, command: Command, done: Callable[[object], None] | None = None) -> None:
        """Propose a change. done: hears the result, or the exception it raised; may be later.
        Without it an error is a bug: the caller has checked that the change is possible."""
        self.replicator.propose(command, done or _raise_errors)

    def _on_command(self, command: Command, result: object) -> None:
        """Who is logged in as a user that was deleted, or is in a vhost, is told in the next turn:
        the change itself is not finished yet."""
        if isinstance(command, DeleteVhost):
            self._deleted.append(("vhost", command.name))
            self.request_turn()
        elif isinstance(command, DeleteUser) and result is not None:
            self._deleted.append(("user", command.name))
            self.request_turn()

    def _tell_of_deletions(self) -> None:
        deleted, self._deleted = self._deleted, []
        for kind, name in deleted:
            self._each_peer("on_deleted", kind, name)

    def _each_peer(self, method: str, *values: object) -> None:
        """Call a method of every peer: a bug with one must not cost the others."""
        for peer in list(self.peers.values()):
            try:
                getattr(peer, method)(*values)
            except Exception:
                self.on_bug("%s failed, peer=%s", method, peer.connection_id)
                with suppress(Exception):
                    peer.drop()

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
            self._tell_of_alarm("alarm.set", resource)
            self._tell_peers()

    def clear_alarm(self, resource: str, reason: str = "request") -> None:
        """There is enough of it again, as far as this reason goes."""
        if resource in self.alarms:
            self.alarms[resource].discard(reason)
            if not self.alarms[resource]:
                del self.alarms[resource]
                log.warning("alarm cleared, resource=%s", resource)
                self._tell_of_alarm("alarm.cleared", resource)
                self._tell_peers()

    def check_alarms(self, now_ms: int) -> None:
        """Judge memory and disk. Called by tick, and by whoever has changed a limit."""
        if self.watermarks is not None:
            low = self.watermarks.check(now_ms)
            for resource in RESOURCES:
                judge = self.set_alarm if resource in low else self.clear_alarm
                judge(resource, WATERMARK)

    def _tell_of_alarm(self, key: str, resource: str) -> None:
        if self.events is not None:
            self.events.emit(key, [("source", resource), ("node", self.name)])

    def _tell_peers(self) -> None:
        self._each_peer("on_alarms_changed")

    def shut_down_peers(self, reason: str) -> None:
        """The node stops. What one peer gives back must not be handed to those whose turn comes
        next: each would count as a delivery."""
        for peer in self.peers.values():
            peer.stop_deliveries()
        self._each_peer("shut_down", reason)

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
        if self._deleted:
            self._tell_of_deletions()
        changed = self.changed_queues
        if changed:
            batch = changed[:]
            changed.clear()
            for queue in batch:
                try:
                    queue.pump()
                    if queue.extras is not None and queue.extras.dead:
                        self.send_on(queue)
                except Exception:  # a bug: it must not cost the other queues their turn
                    self.on_bug("a queue could not be pumped, queue=%s", queue.name)
        if self.when_pumped:
            self._tell_pumped()
        if self.outlet.is_due:
            self.outlet.flush()
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

    def _tell_pumped(self) -> None:
        asking, self.when_pumped = self.when_pumped, {}
        for channel in asking:
            try:
                channel.on_pumped()
            except Exception:
                self.on_bug("a channel could not go on, channel=%s", channel.number)

    def wake(self, sleeper: Sleeper) -> None:
        """A queue asked to be woken now: something in it has expired, or it has itself."""
        try:
            if sleeper.on_wake_up():
                self.execute(DeleteQueue(sleeper.vhost, sleeper.name, sleeper.queue_id))
        except Exception:
            self.on_bug("a queue could not be woken, queue=%s", sleeper.name)
        self.request_turn()

    def send_on(self, queue: Queue) -> None:
        """Send on what died in a queue, up to a ceiling."""
        vhost = self.vhosts.get(queue.vhost)
        send_on(queue, vhost, self.clock.epoch_ms() // 1000, self.version.number)
        if queue.extras.stuck:
            self._stuck_queues[queue] = None

    def _retry_dead_letters(self) -> None:
        """Of queues that keep what no other queue has taken yet."""
        now_s = self.clock.epoch_ms() // 1000
        for queue in list(self._stuck_queues):
            if queue.is_deleted or not queue.extras.stuck:
                del self._stuck_queues[queue]
                continue
            try:
                retry(queue, self.vhosts.get(queue.vhost), now_s, self.version.number)
            except Exception:
                self.on_bug("dead letters could not be sent on, queue=%s", queue.name)
        self.request_turn()

    def on_bug(self, sentence: str, *values: object) -> None:
        """Something that cannot happen did. Called while its exception is handled."""
        self.bug_count += 1
        log.exception(f"bug: {sentence}", *values)  # noqa: G004, LOG004 - called in a handler

    def tick(self, now_ms: int) -> None:
        """Called about twice a second: heartbeats, handshake limits, alarms."""
        self.now_ms = now_ms
        self._each_peer("tick", now_ms)
        self.check_alarms(now_ms)
        self._share_memory()
        if self._stuck_queues:
            self._retry_dead_letters()
        if self.outlet.is_due:  # put down by another thread
            self.request_turn()

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
        budget = self._message_memory()
        if total <= budget:
            self.log.queue_memory = min(
                storage.queue_memory, 2 * max(self.log.queue_memory, QUEUE_MEMORY_MIN)
            )
            return
        share = max(QUEUE_MEMORY_MIN, budget // (2 * max(1, len(holding))))
        self.log.queue_memory = min(storage.queue_memory, share)
        for queue in holding:
            queue.page_out(share)
        self.request_turn()  # what was not kept yet takes memory until it is committed

    def _message_memory(self) -> int:
        """Octets that messages may take in memory: at most half of what makes the memory alarm, and
        nothing while it is on, so that it does not wait for a consumer."""
        budget = self.config.storage.node_memory
        if "memory" in self.alarms:
            return 0
        if self.watermarks is not None:
            budget = min(budget, self.watermarks.snapshot().memory_limit // 2)
        return budget

    def check_invariants(self) -> None:
        """Assert what the parts promise. Called by tests after every step."""
        for vhost in self.vhosts.values():
            for queue in vhost.queues.values():
                queue.check_invariants()


def _raise_errors(result: object) -> None:
    if isinstance(result, Exception):
        raise result
