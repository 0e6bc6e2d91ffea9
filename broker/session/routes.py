"""What is remembered of publishes, so that a message like the one before costs next to nothing.

All of it stands as long as the definitions' version does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from broker.exchanges.exchange import Exchange
from broker.message import Envelope
from broker.queues.queue import Queue

if TYPE_CHECKING:
    from broker.session.channel import Channel


class Route:
    """What a basic.publish payload means while the topology and the permissions stand."""

    __slots__ = (
        "address",
        "depends_on_key_only",
        "envelope",
        "exchange",
        "is_memorable",
        "mandatory",
        "queues",
        "routing_key",
    )

    def __init__(self, exchange: Exchange, routing_key: str, mandatory: bool, address: bytes):
        self.exchange = exchange
        self.address = address  # see Envelope
        self.routing_key = routing_key
        self.mandatory = mandatory
        self.envelope: Envelope | None = None  # the last one, with its queues
        self.queues: list[Queue] = []
        self.is_memorable = False
        self.depends_on_key_only = False  # are `queues` right whatever the header says?


class Memo(NamedTuple):
    """The last message's frames up to its body, and what they mean."""

    prefix: bytes
    body_size: int
    envelope: Envelope
    queues: list[Queue]
    channel: Channel
    exchange: Exchange
    version: int
