"""Short ways to make what tests are about."""

from __future__ import annotations

from typing import Any

from broker.amqp.content import Properties
from broker.amqp.frames import BODY, END_OCTET, HEADER, METHOD, pack_frame_header
from broker.amqp.methods import BasicPublish
from broker.amqp.wire import Table, table_of
from broker.auth.users import User
from broker.message import Envelope, Message
from broker.node import Node
from broker.session.access import Access
from broker.vhost import VHost

FRAME_MAX = 131072


def table(**values: object) -> Table:
    """Plain values as a table; "_" in a name stands for "-"."""
    return table_of({name.replace("_", "-"): value for name, value in values.items()})


def enter(node: Node, vhost: str, user: User) -> VHost:
    """What connection.open does: the vhost, for a user that may enter it. Raises: NotAllowed."""
    found = node.check_connection_limits(vhost, user.name)
    Access(node, user).enter(found.name)
    return found


def header(body_size: int = 0, **properties: Any) -> bytes:
    """The payload of a content header."""
    return Properties(**properties).encode(body_size)


def message(body: bytes | str = b"", **properties: Any) -> Message:
    octets = body.encode() if isinstance(body, str) else body
    return Message(Envelope("", "key", header(len(octets), **properties)), octets)


def frame(frame_type: int, channel: int, payload: bytes) -> bytes:
    return pack_frame_header(frame_type, channel, len(payload)) + payload + END_OCTET


def publish_frames(
    channel: int,
    exchange: str,
    routing_key: str,
    body: bytes,
    *,
    mandatory: bool = False,
    frame_max: int = FRAME_MAX,
    raw_header: bytes | None = None,
    **properties: Any,
) -> bytes:
    """basic.publish with its content, the body split at frame_max."""
    command = BasicPublish(exchange=exchange, routing_key=routing_key, mandatory=mandatory)
    head = raw_header if raw_header is not None else header(len(body), **properties)
    chunks = [frame(METHOD, channel, command.encode()), frame(HEADER, channel, head)]
    room = frame_max - 8
    chunks += [
        frame(BODY, channel, body[start : start + room]) for start in range(0, len(body), room)
    ]
    return b"".join(chunks)
