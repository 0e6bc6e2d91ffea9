"""An AMQP channel inside the process: what the HTTP API does with queues and exchanges goes the way
that a client's would, with the same checks, limits, events and texts, but without a socket.

    async with DirectChannel(context.node, visitor, "/") as channel:
        await channel.call(QueueDeclare(queue="q"))

RabbitMQ's management plugin has direct connections for that; they are counted and may be refused
like any other, and are gone with the request. Methods are encoded, replies decoded: the session is
as it is for everybody, and the octets never leave the process.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from broker.amqp.errors import AMQPException
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
from broker.session.access import Suspended
from broker.session.assembler import Assembler
from broker.session.connection import Connection
from broker.session.endpoint import Endpoint
from broker.session.states import State

if TYPE_CHECKING:
    from broker.management.visitor import Visitor
    from broker.node import Node

M = TypeVar("M", bound=Method)
NUMBER = 1  # of the only channel
ACCESS_REFUSED, NOT_FOUND = 403, 404


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


class DirectChannel:
    """See the module. Opening raises: Refusal, when the visitor may not enter the vhost."""

    def __init__(self, node: Node, visitor: Visitor, vhost: str):
        self._node = node
        self._visitor = visitor
        self._vhost = vhost
        self._transport = _Inside()
        self._connection: Connection | None = None
        self._confirms = False

    async def __aenter__(self) -> DirectChannel:
        node, visitor, transport = self._node, self._visitor, self._transport
        access = visitor.new_access()
        while True:
            try:
                vhost = node.check_connection_limits(self._vhost, visitor.name)
                access.enter(vhost.name)
                break
            except AMQPException as refusal:
                raise bad_request(refusal.text) from None
            except Suspended as suspended:
                answered = asyncio.Event()
                suspended.pending.waiting.append(answered.set)
                await answered.wait()
        connection = Connection(node)
        endpoint = Endpoint(visitor.address, 0, "", 0)
        connection.attach(
            transport, visitor.address, is_loopback=True, describe=lambda _transport: endpoint
        )
        transport.connection = self._connection = connection
        connection.user, connection.access = visitor.user, access
        connection.mechanism = "DIRECT"
        connection.frame_max = 0  # whatever is written is one frame
        connection.state = State.RUNNING
        connection.enter(vhost)
        await self.call(ChannelOpen(), ChannelOpenOk)
        return self

    async def __aexit__(self, *_: object) -> None:
        connection = self._connection
        if connection is not None and not self._transport.is_closed:
            connection.drop()
            await asyncio.sleep(0)  # until it is gone

    async def call(self, method: Method, kind: type[M] | None = None) -> Reply:
        """Ask, and wait for the answer. kind: what it has to be. Raises: Refusal."""
        self._send(_framed(method))
        reply = await self._transport.next()
        self._check(reply)
        assert kind is None or isinstance(reply.method, kind), reply
        return reply

    async def tell(self, method: Method) -> None:
        """Send a method that has no answer; let it be carried out."""
        self._send(_framed(method))
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
        frames = [_framed(method), *content_frames(NUMBER, header, body, 0)]
        self._send(b"".join(frames))
        is_returned = False
        while True:
            reply = await self._transport.next()
            if isinstance(reply.method, BasicReturn):
                is_returned = True
                continue
            self._check(reply)
            return not is_returned if isinstance(reply.method, BasicAck) else None

    def _send(self, octets: bytes) -> None:
        assert self._connection is not None
        self._connection.absorb(octets)
        self._node.request_turn()

    def _check(self, reply: Reply) -> None:
        """Raises: Refusal, where the channel or the connection was closed."""
        method = reply.method
        if not isinstance(method, (ChannelClose, ConnectionClose)):
            return
        text = method.reply_text
        if method.reply_code == ACCESS_REFUSED:
            raise not_authorised(text)
        if method.reply_code == NOT_FOUND:
            raise Refusal(404, "not_found", text)
        raise bad_request(text.partition(" - ")[2] or text)


def _framed(method: Method) -> bytes:
    """Raises: Refusal, for what no client could send: a name that is too long, mostly."""
    try:
        return method_frame(NUMBER, method.encode())
    except ValueError as error:
        raise bad_request(str(error)) from None
