"""What goes wrong on request: each fault is on from the call that makes it until it is cleared.

    fault = amqp_broker.block_publishers()      with amqp_broker.block_publishers():
    ...                                             ...
    fault.clear()

What a test does not clear is cleared when it is over. Everything goes the way it goes in a broker
that is really in trouble, so clients get the frames they would get then: an alarm is an alarm, a
nack comes from a queue that is full.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from broker.alarms import RESOURCES
from broker.commands import ClearPolicy, PutUser, SetPolicy

if TYPE_CHECKING:
    from broker.boot import Broker
    from broker.node import Node

T = TypeVar("T")
FULL = '{"max-length": 0, "overflow": "reject-publish"}'
FIRST = 2**31  # the priority of a policy that counts before all others


class Fault:
    """One that is on. `clear` it, or leave its block; to clear it again does nothing."""

    def __init__(self, end: Callable[[], object]):
        self._end: Callable[[], object] | None = end

    @property
    def is_on(self) -> bool:
        return self._end is not None

    def clear(self) -> None:
        end, self._end = self._end, None
        if end is not None:
            end()

    def __enter__(self) -> Fault:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.clear()


class Faults:
    """The part of an `AmqpBroker` that fails."""

    broker: Broker

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._count = 0  # of all there ever were
        self._refused: dict[str, tuple[int, bytes]] = {}  # users: how many faults, password hash
        self._refusals = 0  # faults by which nobody is let in

    def call(self, function: Callable[[Node], T]) -> T:
        """Run a function on the node, in the broker's thread and between two turns."""
        return self.broker.call(function)

    def block_publishers(self, resource: str = "memory") -> Fault:
        """Raise an alarm: who publishes hears connection.blocked, and is not read any more.

        A connection that has not published yet is blocked when it does. resource: "memory" or
        "disk"; clients are told "low on memory".
        """
        if resource not in RESOURCES:
            raise ValueError(f"resource must be one of {', '.join(RESOURCES)}, not '{resource}'")
        reason = self._name("block")
        self.call(lambda node: node.set_alarm(resource, reason))
        return self._on(lambda: self.call(lambda node: node.clear_alarm(resource, reason)))

    def refuse_user(self, name: str) -> Fault:
        """Take a user's password away: who logs in as him gets 403 ACCESS_REFUSED.

        Connections that are open stay; see `drop_connections(user=…)`. Raises: LookupError, no such
        user among the broker's own.
        """
        self.call(lambda node: self._refuse(node, name))
        return self._on(lambda: self.call(lambda node: self._let_in(node, name)))

    def _refuse(self, node: Node, name: str) -> None:
        user = node.users.get(name)
        if user is None:
            raise LookupError(f"no user '{name}'")
        count, password_hash = self._refused.get(name, (0, user.password_hash))
        self._refused[name] = count + 1, password_hash
        node.execute(PutUser(name, b"", user.hashing_algorithm, user.tags))

    def _let_in(self, node: Node, name: str) -> None:
        count, password_hash = self._refused.pop(name)
        user = node.users.get(name)
        if count > 1:
            self._refused[name] = count - 1, password_hash
        elif user is not None and not user.password_hash:  # else the test has changed it
            node.execute(PutUser(name, password_hash, user.hashing_algorithm, user.tags))

    def refuse_connections(self) -> Fault:
        """Hang up on everybody who connects, as a broker does that is just going down.

        Connections that are open stay; see `drop_connections()`.
        """
        self._refusals += 1
        self.call(self._set_refusing)
        return self._on(self._accept)

    def _accept(self) -> None:
        self._refusals -= 1
        self.call(self._set_refusing)

    def _set_refusing(self, _: Node) -> None:
        gateway = self.broker.gateway
        assert gateway is not None
        gateway.is_refusing = self._refusals > 0

    def nack_publishers(self, vhost: str | None = None) -> Fault:
        """Confirm nothing: publishes to queues get basic.nack, and the message is not kept.

        As from queues that are full, with overflow = reject-publish; without confirms a message is
        lost silently. vhost: by default the test's; see `messages`. Queues that say x-overflow
        themselves keep to that.
        """
        name, place = self._name("nack"), self.default_vhost if vhost is None else vhost
        self.call(lambda node: _set_full(node, place, name))
        return self._on(lambda: self.call(lambda node: _clear_full(node, place, name)))

    @property
    def default_vhost(self) -> str:
        raise NotImplementedError

    def clear_faults(self) -> None:
        """Everything works again. Called when a test is over."""
        faults, self._faults = self._faults, []
        for fault in reversed(faults):
            fault.clear()

    def _name(self, what: str) -> str:
        self._count += 1
        return f"leveret-test-{what}-{self._count}"

    def _on(self, end: Callable[[], object]) -> Fault:
        fault = Fault(end)
        self._faults.append(fault)
        return fault


def _set_full(node: Node, vhost: str, name: str) -> None:
    if vhost not in node.vhosts:
        raise LookupError(f"no vhost '{vhost}'")
    node.execute(SetPolicy(vhost, name, ".*", FULL, FIRST, "queues", "operator_policy"))


def _clear_full(node: Node, vhost: str, name: str) -> None:
    if vhost in node.vhosts:  # else the policy has gone with it
        node.execute(ClearPolicy(vhost, name, "operator_policy"))
