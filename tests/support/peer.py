"""A peer without a socket: a conversation with a whole node, written down as it is read.

`World` is a node under a clock that stands still; `Peer` is one client of it. `sends` hands octets
to the connection and lets the node have its turns; `receives` compares the next commands on a
channel. Nothing is skipped: what a test does not take, `receives_nothing` reports.
"""

from __future__ import annotations

from collections import deque
from typing import Any, TypeVar

from broker.amqp.content import Properties
from broker.amqp.frames import METHOD, PROTOCOL_HEADER
from broker.amqp.methods import (
    BasicConsume,
    BasicConsumeOk,
    BasicDeliver,
    BasicGet,
    BasicGetEmpty,
    BasicGetOk,
    ChannelClose,
    ChannelCloseOk,
    ChannelOpen,
    ChannelOpenOk,
    ConfirmSelect,
    ConfirmSelectOk,
    ConnectionClose,
    ConnectionOpen,
    ConnectionOpenOk,
    ConnectionStart,
    ConnectionStartOk,
    ConnectionTune,
    ConnectionTuneOk,
    Method,
    QueueBind,
    QueueBindOk,
    QueueDeclare,
    QueueDeclareOk,
)
from broker.amqp.wire import Table, table_of
from broker.config import Config, override
from broker.node import Node
from broker.queues.queue import Queue
from broker.seams import MessageLog, Replicator
from broker.session.connection import Connection
from broker.session.endpoint import Endpoint
from broker.vhost import VHost
from tests.support.builders import FRAME_MAX, frame, publish_frames
from tests.support.seams import DelayedLog, DelayedReplicator, FakeClock
from tests.support.transport import FakeTransport
from tests.support.wire import Content, Reader, Received

TURNS_MAX = 10_000  # a node that asks for more without anything coming in never rests

CAPABILITIES = (
    "publisher_confirms",
    "exchange_exchange_bindings",
    "basic.nack",
    "consumer_cancel_notify",
    "connection.blocked",
    "authentication_failure_close",
)
M = TypeVar("M", bound=Method)


class World:
    """A node, its clock, and the peers that came to it."""

    def __init__(
        self,
        settings: dict[str, object] | None = None,
        *,
        log: MessageLog | None = None,
        replicator: Replicator | None = None,
    ):
        config = Config()
        for key, value in (settings or {}).items():
            config = override(config, key, value)
        self.clock = FakeClock()
        self.node = Node(config, log=log, clock=self.clock, replicator=replicator)
        if isinstance(replicator, DelayedReplicator):
            replicator.apply = self.node.apply
        if isinstance(log, DelayedLog):
            log.on_synced = self.node.on_log_synced
        self.node.make_defaults()
        self.now_ms = 0
        self.checks = True  # check_invariants after every turn

    def peer(self, **how: Any) -> Peer:
        """A peer that has opened its connection. how: see Peer.opens."""
        peer = Peer(self)
        peer.opens(**how)
        return peer

    def turn(self) -> None:
        """One turn, if it was asked for or not."""
        self.clock.is_due = False
        self.node.turn(self.now_ms)
        if self.checks:
            self.node.check_invariants()

    def settle(self) -> None:
        """Turns until nobody asks for one."""
        for _ in range(TURNS_MAX):
            if not self.clock.is_due:
                return
            self.turn()
        raise AssertionError("the node asks for turns without end")

    def passes(self, milliseconds: int, *, step_ms: int = 500) -> None:
        """Time goes by, with a tick every half second."""
        for _ in range(0, milliseconds, step_ms):
            self.now_ms += step_ms
            self.clock.time_ms = self.now_ms
            for sleeper in self.clock.take_due():
                self.node.wake(sleeper)
            self.node.tick(self.now_ms)
            self.settle()

    @property
    def vhost(self) -> VHost:
        return self.node.vhosts["/"]

    def queue(self, name: str) -> Queue:
        return self.vhost.queues[name]


class Peer:
    """One client. `takes` and `receives` read what came in, channel by channel, in order."""

    def __init__(self, world: World | None = None, *, is_loopback: bool = True):
        self.world = world or World()
        self.transport = FakeTransport()
        self.connection = Connection(self.world.node)
        self.connection.attach(
            self.transport,
            "127.0.0.1:50000",
            is_loopback=is_loopback,
            describe=lambda _: Endpoint("127.0.0.1", 50000, "127.0.0.1", 5672),
        )
        self.frame_max = FRAME_MAX
        self._reader = Reader()
        self._inbox: dict[int, deque[Received]] = {}

    # the beginning and the end

    def opens(
        self,
        *,
        user: str = "guest",
        password: str = "guest",
        vhost: str = "/",
        frame_max: int = FRAME_MAX,
        channel_max: int = 2047,
        heartbeat: int = 0,
        capabilities: tuple[str, ...] = CAPABILITIES,
    ) -> None:
        """The handshake."""
        self.sends_octets(PROTOCOL_HEADER)
        self.takes(0, ConnectionStart)
        self.sends(0, self.start_ok(user, password, capabilities))
        self.takes(0, ConnectionTune)
        self.sends(0, ConnectionTuneOk(channel_max, frame_max, heartbeat))
        self.sends(0, ConnectionOpen(vhost))
        self.receives(0, ConnectionOpenOk())
        self.frame_max = frame_max

    @staticmethod
    def start_ok(
        user: str = "guest",
        password: str = "guest",
        capabilities: tuple[str, ...] = CAPABILITIES,
    ) -> ConnectionStartOk:
        properties = table_of({"capabilities": dict.fromkeys(capabilities, True)})
        return ConnectionStartOk(properties, "PLAIN", f"\0{user}\0{password}".encode())

    def opens_channel(self, *numbers: int) -> None:
        for number in numbers:
            self.sends(number, ChannelOpen())
            self.receives(number, ChannelOpenOk())

    def drops(self) -> None:
        """The socket breaks."""
        self.transport.is_lost = True
        self.connection.on_lost()
        self.world.settle()

    @property
    def is_hung_up(self) -> bool:
        return self.transport.is_closed or self.transport.is_aborted

    # out

    def sends_octets(self, octets: bytes, *, settle: bool = True) -> None:
        self.connection.absorb(octets)
        if settle:
            self.world.settle()

    def sends(self, channel: int, *commands: Method, settle: bool = True) -> None:
        """The commands in one read of the socket."""
        octets = b"".join(frame(METHOD, channel, command.encode()) for command in commands)
        self.sends_octets(octets, settle=settle)

    def publishes(
        self,
        channel: int,
        routing_key: str,
        *bodies: bytes | str,
        exchange: str = "",
        mandatory: bool = False,
        settle: bool = True,
        **properties: Any,
    ) -> None:
        """Messages in one read of the socket."""
        octets = b"".join(
            publish_frames(
                channel,
                exchange,
                routing_key,
                body.encode() if isinstance(body, str) else body,
                mandatory=mandatory,
                frame_max=self.frame_max,
                **properties,
            )
            for body in bodies
        )
        self.sends_octets(octets, settle=settle)

    # in

    def inbox(self, channel: int) -> deque[Received]:
        """What came in on a channel and was not taken yet."""
        for number, command in self._reader.read(self.transport.written):
            self._inbox.setdefault(number, deque()).append(command)
        return self._inbox.setdefault(channel, deque())

    def takes(self, channel: int, kind: type[M]) -> M:
        """The next command, which must be of that kind."""
        inbox = self.inbox(channel)
        assert inbox, f"nothing came on channel {channel}, expected {kind.__name__}"
        found = inbox.popleft()
        assert isinstance(found, kind), f"expected {kind.__name__}, got {found!r}"
        return found

    def takes_content(self, channel: int) -> Content:
        inbox = self.inbox(channel)
        assert inbox, f"nothing came on channel {channel}, expected a message"
        found = inbox.popleft()
        assert isinstance(found, Content), f"expected a message, got {found!r}"
        return found

    def takes_all(self, channel: int) -> list[Received]:
        """Whatever came, perhaps nothing."""
        inbox = self.inbox(channel)
        found = list(inbox)
        inbox.clear()
        return found

    def receives(self, channel: int, *expected: Received) -> None:
        """Exactly these commands are next."""
        inbox = self.inbox(channel)
        found = [inbox.popleft() for _ in range(min(len(expected), len(inbox)))]
        assert found == list(expected)

    def receives_nothing(self, channel: int | None = None) -> None:
        """Nothing is left on the channel, or (None) on any."""
        self.inbox(0)
        left = {number: list(inbox) for number, inbox in self._inbox.items() if inbox}
        assert (left if channel is None else left.get(channel, [])) in ({}, [])

    def receives_bodies(self, channel: int, *bodies: bytes | str, **where: Any) -> list[int]:
        """Deliveries of exactly these bodies are next. where: fields that each of them has.

        Returns: their delivery tags.
        """
        tags = []
        for body in bodies:
            content = self.takes_content(channel)
            assert isinstance(content.method, BasicDeliver)
            octets = body.encode() if isinstance(body, str) else body
            assert content.body == octets, f"expected {octets[:40]!r}, got {content.body[:40]!r}"
            for name, value in where.items():
                assert getattr(content.method, name) == value, (name, content.method)
            tags.append(content.method.delivery_tag)
        return tags

    def is_closed_with(self, channel: int, code: int, text: str, ids: tuple[int, int]) -> None:
        """The next command is that close, and it is the last one on the channel."""
        if channel:
            self.receives(channel, ChannelClose(code, text, *ids))
        else:
            self.receives(0, ConnectionClose(code, text, *ids))
        self.receives_nothing(channel)

    # what most conversations need

    def declares(self, channel: int, queue: str, arguments: Table | None = None, **f: Any) -> str:
        """Returns: the queue's name."""
        self.sends(channel, QueueDeclare(queue=queue, arguments=arguments or {}, **f))
        return self.takes(channel, QueueDeclareOk).queue

    def binds(
        self,
        channel: int,
        queue: str,
        exchange: str,
        routing_key: str = "",
        arguments: Table | None = None,
    ) -> None:
        command = QueueBind(
            queue=queue, exchange=exchange, routing_key=routing_key, arguments=arguments or {}
        )
        self.sends(channel, command)
        self.receives(channel, QueueBindOk())

    def consumes(self, channel: int, queue: str, tag: str = "tag", **fields: Any) -> str:
        """The consume-ok is taken, deliveries are left. Returns: the consumer tag."""
        self.sends(channel, BasicConsume(queue=queue, consumer_tag=tag, **fields))
        return self.takes(channel, BasicConsumeOk).consumer_tag

    def gets(self, channel: int, queue: str, *, no_ack: bool = True) -> Content | None:
        """None when the queue is empty."""
        self.sends(channel, BasicGet(queue=queue, no_ack=no_ack))
        if isinstance(self.inbox(channel)[0], BasicGetEmpty):
            self.takes(channel, BasicGetEmpty)
            return None
        content = self.takes_content(channel)
        assert isinstance(content.method, BasicGetOk)
        return content

    def wants_confirms(self, channel: int) -> None:
        self.sends(channel, ConfirmSelect())
        self.receives(channel, ConfirmSelectOk())

    def reopens(self, channel: int) -> None:
        """After the broker closed the channel: agree, and open it again."""
        self.sends(channel, ChannelCloseOk())
        self.opens_channel(channel)


__all__ = [
    "Content",
    "DelayedLog",
    "DelayedReplicator",
    "Peer",
    "Properties",
    "World",
]
