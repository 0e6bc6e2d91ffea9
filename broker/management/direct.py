"""An AMQP channel inside the process: what the HTTP API does with queues and exchanges goes the way
that a client's would, with the same checks, limits, events and texts, but without a socket.

    await request(context, QueueDeclare(queue="q"))
    async with context.direct() as channel:
        await channel.call(BasicGet(queue="q"))

RabbitMQ's management plugin has direct connections for messages; they are counted and may be
refused like any other, and are gone with the request. What it declares and deletes goes without a
connection, so that no limit is in the way. Methods are encoded, replies decoded: the session is as
it is for everybody, and the octets never leave the process.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from broker.amqp.erlang import Atom, printed
from broker.amqp.errors import AccessRefused, AMQPException, NotFound
from broker.amqp.frames import (
    BODY,
    HEADER,
    METHOD,
    content_frames,
    method_frame,
    unpack_frame_header,
)
from broker.amqp.methods import (
    METHODS,
    BasicAck,
    BasicPublish,
    BasicReturn,
    ChannelClose,
    ChannelOpen,
    ChannelOpenOk,
    ConfirmSelect,
    ConfirmSelectOk,
    ConnectionClose,
    Method,
)
from broker.management.request import Refusal, bad_request, not_authorised
from broker.session import reports
from broker.session.access import Suspended
from broker.session.assembler import Assembler
from broker.session.channel import Channel
from broker.session.connection import Connection
from broker.session.endpoint import Endpoint
from broker.session.states import State

if TYPE_CHECKING:
    from broker.management.application import Context
    from broker.management.visitor import Visitor
    from broker.node import Node
    from broker.vhost import VHost

M = TypeVar("M", bound=Method)
NUMBER = 1  # of the only channel
SHORT_MAX = 255  # octets of a name
REFUSED = "Access refused."


async def request(
    context: Context, method: Method, fields: Mapping[str, object] | None = None
) -> Reply:
    """Have one method carried out in the vhost of the path. fields: of the body, which may say on
    what node that is to be. Raises: Refusal."""
    if fields is not None and "node" in fields:
        _check_node(context.node, fields["node"])
    channel = DirectChannel(
        context.node, context.visitor, context.params["vhost"], is_connection=False
    )
    async with channel:
        return await channel.call(method)


def vhost_of(context: Context) -> VHost:
    """That of the path. Raises: Refusal, as RabbitMQ refuses what it is asked to make there."""
    return _vhost(context.node, context.params["vhost"])


def _vhost(node: Node, name: str) -> VHost:
    found = node.vhosts.get(name)
    if found is None:
        raise Refusal(404, "not_found", "vhost_not_found")
    return found


def _check_node(node: Node, name: object) -> None:
    """Raises: Refusal, for another one than this."""
    if not isinstance(name, str):
        raise bad_request(["not_a_string", name])
    whole = name if "@" in name else f"{name}@{node.name.partition('@')[2]}"
    if whole != node.name:
        raise bad_request(f"Node {printed(Atom(whole))} could not be contacted")


def encoded(method: Method) -> bytes:
    """Raises: Refusal, where a name is too long for the wire."""
    try:
        return method.encode()
    except ValueError:
        names: tuple[str, ...] = method.__slots__
        for field in names:
            value = getattr(method, field)
            octets = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else b""
            if len(octets) > SHORT_MAX:
                text = f"{field} should be less than 255 bytes, actually was {len(octets)}\n"
                raise bad_request(text) from None
        raise


# How RabbitMQ says what a method was refused with: in the answer to a request, on a connection,
# and on one that publishes.


def _of_request(code: int, text: str) -> Refusal:
    """Without the name, but whole: over the wire a text has 255 octets at most."""
    explanation = text.partition(" - ")[2] or text
    if code == AccessRefused.reply_code:
        return not_authorised(REFUSED)
    if code == NotFound.reply_code:
        return Refusal(404, "not_found", explanation)
    return bad_request(explanation)


def _of_connection(code: int, text: str) -> Refusal:
    if code == AccessRefused.reply_code:
        return not_authorised(text)
    if code == NotFound.reply_code:
        return Refusal(404, "not_found", text)
    return bad_request(f"{code} {text}")


def _of_publish(code: int, text: str) -> Refusal:
    return bad_request(f"{code} {text}")


class Reply(NamedTuple):
    """What came: a method, with its content where it has one."""

    method: Method
    header: bytes = b""
    body: bytes = b""


class _Inside:
    """Seam `Transport`: octets that the session writes are read at once."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.is_closed = False
        self._arrived = asyncio.Event()
        self._rest = b""
        self._assembler: Assembler | None = None
        self.connection: Connection | None = None

    def write(self, data: bytes) -> None:
        data, at = self._rest + data, 0
        while len(data) - at >= 7:
            kind, number, size = unpack_frame_header(data, at)
            end = at + 7 + size
            if end >= len(data):
                break
            self._take(kind, number, data[at + 7 : end])
            at = end + 1
        self._rest = data[at:]

    def writelines(self, list_of_data: list[bytes]) -> None:
        self.write(b"".join(list_of_data))

    def pause_reading(self) -> None:
        """Nobody sends more than he was asked for."""

    def resume_reading(self) -> None:
        """See `pause_reading`."""

    def close(self) -> None:
        """The session has done with us: tell it that we are gone, once it has returned."""
        self.abort()

    def abort(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self._arrived.set()
            asyncio.get_running_loop().call_soon(self._lose)

    def _lose(self) -> None:
        if self.connection is not None:
            self.connection.on_lost()

    def _take(self, kind: int, number: int, payload: bytes) -> None:
        if kind == METHOD:
            method_class = METHODS[payload[:4]]
            if method_class.carries_content:
                self._assembler = Assembler()
                self._assembler.begin(payload)
                return
            self.replies.append(Reply(method_class.decode(payload)))
        elif kind in (HEADER, BODY) and self._assembler is not None:
            content = self._assembler.add(kind, payload)
            if content is None:
                return
            self._assembler = None
            method, header, body = content
            self.replies.append(Reply(METHODS[method[:4]].decode(method), header, body))
        self._arrived.set()

    async def next(self) -> Reply:
        """The next reply. Raises: Refusal, when there will be none."""
        while not self.replies:
            if self.is_closed:
                raise Refusal(500, "internal_server_error", "the direct connection was closed")
            self._arrived.clear()
            await self._arrived.wait()
        return self.replies.popleft()


class _Connection(Connection):
    """refusal: what the channel or the connection was closed with."""

    __slots__ = ("refusal",)

    def __init__(self, node: Node):
        super().__init__(node)
        self.refusal: AMQPException | None = None

    def _refuse(self, refusal: AMQPException, number: int) -> None:
        self.refusal = refusal
        super()._refuse(refusal, number)


class DirectChannel:
    """See the module. Opening raises: Refusal, when the visitor may not enter the vhost.

    is_connection: counts as one, so that there may be too many; else it is there for a request.
    """

    def __init__(self, node: Node, visitor: Visitor, vhost: str, *, is_connection: bool = True):
        self._node = node
        self._visitor = visitor
        self._vhost = vhost
        self._is_connection = is_connection
        self._refused = _of_connection if is_connection else _of_request
        self._transport = _Inside()
        self._connection: _Connection | None = None
        self._confirms = False

    async def __aenter__(self) -> DirectChannel:
        try:
            await self._open()
        except BaseException:
            self._drop()
            raise
        return self

    async def _open(self) -> None:
        node, visitor, transport = self._node, self._visitor, self._transport
        access = visitor.new_access()
        while True:
            try:
                vhost = self._find_vhost()
                access.enter(vhost.name)
                break
            except AMQPException:
                raise not_authorised(REFUSED) from None
            except Suspended as suspended:
                answered = asyncio.Event()
                suspended.pending.waiting.append(answered.set)
                await answered.wait()
        connection = _Connection(node)
        endpoint = Endpoint(visitor.address, 0, "", 0)
        connection.attach(
            transport, visitor.address, is_loopback=True, describe=lambda _transport: endpoint
        )
        transport.connection = self._connection = connection
        connection.user, connection.access = visitor.user, access
        connection.mechanism = reports.DIRECT if self._is_connection else reports.REQUEST
        connection.frame_max = 0  # whatever is written is one frame
        connection.state = State.RUNNING
        if self._is_connection:
            connection.enter(vhost)
            if node.events is not None:
                reports.connection_opened(connection)
        else:
            connection.vhost = vhost
            connection.channels[NUMBER] = Channel(connection, NUMBER)  # without asking for limits
        await self.call(ChannelOpen(), ChannelOpenOk)

    def _find_vhost(self) -> VHost:
        """Raises: NotAllowed: there are too many connections; it or a Refusal: no such vhost."""
        if self._is_connection:
            return self._node.check_connection_limits(self._vhost, self._visitor.name)
        return _vhost(self._node, self._vhost)

    async def __aexit__(self, *_: object) -> None:
        self._drop()
        await asyncio.sleep(0)  # until it is gone

    def _drop(self) -> None:
        if self._connection is not None and not self._transport.is_closed:
            self._connection.drop()

    async def call(self, method: Method, kind: type[M] | None = None) -> Reply:
        """Ask, and wait for the answer. kind: what it has to be. Raises: Refusal."""
        self._send(method_frame(NUMBER, encoded(method)))
        reply = await self._transport.next()
        self._check(reply, self._refused)
        assert kind is None or isinstance(reply.method, kind), reply
        return reply

    async def tell(self, method: Method) -> None:
        """Send a method that has no answer; let it be carried out."""
        self._send(method_frame(NUMBER, encoded(method)))
        await asyncio.sleep(0)

    async def publish(
        self, exchange: str, routing_key: str, header: bytes, body: bytes, *, mandatory: bool = True
    ) -> bool | None:
        """Publish and wait for the confirm. header: of the content.

        Returns: whether it was routed; None: a queue was full. Raises: Refusal.
        """
        if not self._confirms:
            self._confirms = True
            await self.call(ConfirmSelect(), ConfirmSelectOk)
        method = BasicPublish(exchange=exchange, routing_key=routing_key, mandatory=mandatory)
        frames = [method_frame(NUMBER, encoded(method)), *content_frames(NUMBER, header, body, 0)]
        self._send(b"".join(frames))
        is_returned = False
        while True:
            reply = await self._transport.next()
            if isinstance(reply.method, BasicReturn):
                is_returned = True
                continue
            self._check(reply, _of_publish)
            return not is_returned if isinstance(reply.method, BasicAck) else None

    def _send(self, octets: bytes) -> None:
        assert self._connection is not None
        self._connection.absorb(octets)
        self._node.request_turn()

    def _check(self, reply: Reply, refused: Callable[[int, str], Refusal]) -> None:
        """Raises: Refusal, where the channel or the connection was closed."""
        method = reply.method
        if not isinstance(method, (ChannelClose, ConnectionClose)):
            return
        assert self._connection is not None
        whole, text = self._connection.refusal, method.reply_text
        if whole is not None and not self._is_connection:
            text = f"{whole.reply_name} - {whole.text}"
        raise refused(method.reply_code, text)
