"""A broker for tests: in memory, in a thread of its own, with a look inside and faults on request.

Whatever is called here returns when the broker has done it, and waits for the broker's thread only:
so the same calls serve tests with and without an event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import NamedTuple
from urllib.parse import quote

from broker.amqp.errors import AMQPException, ConnectionForced
from broker.boot import Broker
from broker.commands import AddVhost, DeleteVhost, SetPermissions
from broker.node import Node
from broker.session.connection import Connection
from broker.session.states import State
from broker.testing.amqp_clock import AmqpClock
from broker.testing.faults import Faults
from broker.testing.seen import SeenMessage, messages_of

SETTLING = 3  # turns of the loop: what a socket holds is read, run, and answered


class SeenConnection(NamedTuple):
    """An open connection. name: as RabbitMQ names it, "peer -> broker". client_name: the one that
    the client gave itself (connection_name); empty: none."""

    name: str
    client_name: str
    user: str
    vhost: str


class AmqpBroker(Faults):
    """The fixture `amqp_broker`. settings: by their keys, as for `Broker`; see
    docs/configuration.md.

    A context manager for those who need one without the fixture. `clock` is the fixture
    `amqp_clock`; `broker` the `Broker` itself, for what is missing here.
    """

    def __init__(self, settings: Mapping[str, object] | None = None):
        """Raises: ConfigError."""
        super().__init__()
        self.broker = Broker(dict(settings or {}))
        self.clock = AmqpClock(self)
        self._vhosts: list[str] = []  # that `vhost` has open
        self._vhost_count = 0

    def start(self) -> None:
        """Listen. Raises: ListenError, StoreError, ConfigError."""
        self.broker.__enter__()

    def stop(self) -> None:
        self.broker.__exit__(None, None, None)

    def __enter__(self) -> AmqpBroker:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # where it is

    @property
    def host(self) -> str:
        return self.broker.host

    @property
    def port(self) -> int:
        return self.broker.port

    @property
    def url(self) -> str:
        """Of the default vhost, with the default user: amqp://guest:guest@127.0.0.1:port/%2F."""
        return self.broker.url

    def url_of(self, vhost: str) -> str:
        """The same for another vhost."""
        return f"{self.broker.url.rpartition('/')[0]}/{quote(vhost, safe='')}"

    @property
    def management_url(self) -> str:
        """Of the HTTP API and the page: http://127.0.0.1:port. Raises: RuntimeError: it is off."""
        if not self.broker.management_port:
            raise RuntimeError(
                "management is not enabled: give the test"
                ' @pytest.mark.amqp({"management.enabled": True})'
            )
        settings = self.broker.config.management
        scheme = "http" if settings.ports[0] is not None else "https"
        return f"{scheme}://{self.host}:{self.broker.management_port}"

    # vhosts

    @contextmanager
    def vhost(self, name: str = "") -> Iterator[str]:
        """A new vhost in which the default user may do everything; gone at the end of the block,
        with what is in it. Connections to it that are still open are closed then, by 320.

        name: it is made unique by a number. Until the end this is the default of `messages` and
        `nack_publishers`.
        """
        self._vhost_count += 1
        unique = f"{name or 'vhost'}-{self._vhost_count}"
        self.call(lambda node: _add_vhost(node, unique))
        self._vhosts.append(unique)
        try:
            yield unique
        finally:
            self._vhosts.remove(unique)
            self.call(lambda node: _drop_vhost(node, unique))

    @property
    def default_vhost(self) -> str:
        """The vhost that is meant where none is named: the test's, or else the broker's first."""
        return self._vhosts[-1] if self._vhosts else self.broker.config.defaults.vhost

    # a look inside

    def settle(self) -> None:
        """Wait until the broker has taken what was in its sockets by now.

        For clients on this machine: what they have sent when this is called has been dealt with
        when it returns, unless it is more than the broker takes in one turn (256 KiB each).
        """
        for _ in range(SETTLING):
            self.call(lambda node: None)

    def messages(self, queue: str, vhost: str | None = None) -> list[SeenMessage]:
        """Everything in a queue, without consuming it: first what consumers have and not acked,
        then what is ready, in the queue's order.

        vhost: by default the test's (`amqp_vhost`), or the broker's first where it has none.
        Raises: LookupError, no such queue.
        """
        place = self.default_vhost if vhost is None else vhost
        self.settle()
        return self.call(lambda node: _messages(node, place, queue))

    def connections(self, vhost: str | None = None) -> list[SeenConnection]:
        """Who is connected now. vhost: to which; None: to any."""
        self.settle()
        return self.call(lambda node: [_seen(one) for one in _open(node, vhost)])

    # connections that go

    def drop_connections(self, vhost: str | None = None, user: str | None = None) -> int:
        """Cut connections without a word, as a network does that fails.

        vhost, user: whose; None: all. Returns: how many. Whatever they had not acked is back in its
        queues when this returns.
        """
        return self._cut(lambda one: vhost in (None, one.vhost) and user in (None, one.user))

    def drop_connection(self, name: str) -> None:
        """The same for one: by the name it gave itself, or by the one RabbitMQ gives it.

        Raises: LookupError, nobody is connected by that name.
        """
        if not self._cut(lambda one: name in (one.client_name, one.name)):
            known = ", ".join(one.client_name or one.name for one in self.connections())
            raise LookupError(f"no connection '{name}', but: {known or 'none at all'}")

    def _cut(self, is_meant: Callable[[SeenConnection], bool]) -> int:
        def cut(node: Node) -> int:
            meant = [one for one in _open(node) if is_meant(_seen(one))]
            for connection in meant:
                connection.drop()
            return len(meant)

        self.settle()
        count = self.call(cut)
        self.settle()
        return count

    def close_connections(
        self, reason: str = "closed by the test", vhost: str | None = None
    ) -> int:
        """Close connections with 320 CONNECTION_FORCED, as an operator does. Returns: how many."""

        def close(node: Node) -> int:
            meant = _open(node, vhost)
            for connection in meant:
                connection.close(ConnectionForced(reason, ids=(0, 0)))
            return len(meant)

        self.settle()
        return self.call(close)


def _open(node: Node, vhost: str | None = None) -> list[Connection]:
    return [
        peer
        for peer in node.peers.values()
        if isinstance(peer, Connection)
        and peer.state is State.RUNNING
        and vhost in (None, peer.vhost.name)
    ]


def _seen(connection: Connection) -> SeenConnection:
    given = connection.client_properties.get("connection_name")
    client_name = given.value if given is not None and isinstance(given.value, str) else ""
    return SeenConnection(connection.name, client_name, connection.user.name, connection.vhost.name)


def _add_vhost(node: Node, name: str) -> None:
    user = node.config.defaults.user
    node.execute(AddVhost(name, "Of a test"))
    if user in node.users:
        node.execute(SetPermissions(user, name, ".*", ".*", ".*"))


def _drop_vhost(node: Node, name: str) -> None:
    """Whoever is still in it is told and hung up on: nobody waits for what he answers."""
    for connection in _open(node, name):
        connection.shut_down(f"vhost '{name}' is deleted")
    with suppress(AMQPException):  # the test has deleted it itself
        node.execute(DeleteVhost(name))


def _messages(node: Node, vhost: str, queue: str) -> list[SeenMessage]:
    if vhost not in node.vhosts:
        raise LookupError(f"no vhost '{vhost}'")
    try:
        found = node.vhosts[vhost].find_queue(queue)
    except AMQPException as error:
        raise LookupError(error.text) from None
    return messages_of(node, found)
