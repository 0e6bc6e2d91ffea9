"""A message, as it lies in queues: shared between them and never changed.

What publishers repeat is kept once: an `Envelope` holds the exchange, the routing key and the
content header as received, and is shared by every message that came in the same envelope. The
body is the message's own.
"""

from __future__ import annotations

from broker.amqp.content import HAS_DELIVERY_MODE, HAS_PRIORITY, Properties, octet_property
from broker.amqp.wire import encode_shortstr

TRANSIENT, PERSISTENT = 1, 2
_DELIVERY_MODE = HAS_DELIVERY_MODE >> 8


class Envelope:
    """Where a message was published to, and its content header.

    header: content-header payload, from class-id on. address: exchange and routing key as two
    short strings, the way deliver, get-ok and return carry them. body_size: octets.
    """

    __slots__ = (
        "_priority",
        "_properties",
        "address",
        "blind_keys",
        "body_size",
        "exchange",
        "header",
        "is_persistent",
        "routing_key",
        "ttl_ms",
    )

    def __init__(
        self,
        exchange: str,
        routing_key: str,
        header: bytes,
        properties: Properties | None = None,
        address: bytes = b"",
    ):
        self.exchange = exchange
        self.routing_key = routing_key
        self.header = header
        self.body_size = int.from_bytes(header[4:12], "big")
        self.address = address or encode_shortstr(exchange) + encode_shortstr(routing_key)
        self._properties = properties
        self._priority = -1  # not looked at yet
        self.blind_keys: tuple[str, ...] = ()  # of BCC, which the header does not show any more
        # delivery-mode 2, in a byte that few headers lack
        self.is_persistent = bool(header[12] & _DELIVERY_MODE) and _is_persistent(header)
        self.ttl_ms: int | None = None  # of the expiration property
        if properties is not None and properties.expiration is not None:
            self.ttl_ms = int(properties.expiration)

    @property
    def properties(self) -> Properties:
        """Decoded when somebody first asks."""
        if self._properties is None:
            self._properties = Properties.decode(self.header)
        return self._properties

    def forget_properties(self) -> None:
        """They were needed once; decoded they take two kilobytes that a queue need not hold."""
        self._properties = None

    @classmethod
    def restored(cls, address: bytes, header: bytes, blind_keys: tuple[str, ...] = ()) -> Envelope:
        """From what was written down. Its ttl_ms is not: it has a deadline already."""
        split = 1 + address[0]
        exchange = address[1:split].decode("utf-8", "surrogateescape")
        routing_key = address[split + 1 :].decode("utf-8", "surrogateescape")
        envelope = cls(exchange, routing_key, header, None, address)
        envelope.blind_keys = blind_keys
        return envelope

    def redirected(
        self, exchange: str, routing_key: str, address: bytes, header: bytes
    ) -> Envelope:
        """Of the same message sent elsewhere, with a header table that it had not before."""
        other = Envelope.__new__(Envelope)
        other.exchange = exchange
        other.routing_key = routing_key
        other.header = header
        other.body_size = self.body_size
        other.address = address
        other._properties = None
        other._priority = self._priority
        other.blind_keys = ()
        other.is_persistent = self.is_persistent
        other.ttl_ms = None
        return other

    @property
    def priority(self) -> int:
        """0 when the publisher gave none."""
        if self._priority < 0:
            flags = self.header[12] << 8 | self.header[13]
            self._priority = octet_property(self.header, 11) if flags & HAS_PRIORITY else 0
        return self._priority


def _is_persistent(header: bytes) -> bool:
    return octet_property(header, 12) == PERSISTENT


class Message:
    """One message. Queues hold it, consumers are handed it; nobody changes it.

    deadline_ms, origin: of a `QueuedMessage` and a `ShownMessage`; any other lives for ever, and is
    itself what lies in the queue.
    """

    __slots__ = ("body", "envelope")
    deadline_ms: int | None = None
    origin: Message | None = None

    def __init__(self, envelope: Envelope, body: bytes):
        self.envelope = envelope
        self.body = body

    def __repr__(self) -> str:
        envelope = self.envelope
        return f"Message({envelope.exchange!r}, {envelope.routing_key!r}, {len(self.body)} octets)"
