"""What the broker itself publishes: copies of messages, events, lines of its log.

Whoever has something to say is somewhere in the middle: in a queue that is being pumped, in a
definition that is being changed, in another thread. So it is put down (`put`), and `flush` brings
it to the queues when nothing else is under way: in every turn, and in between where that is safe.
Nobody is told of it by a confirm; what has to survive is kept with the turn's commit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from broker.amqp.content import Properties
from broker.definitions import Definitions
from broker.exchanges.exchange import Exchange
from broker.message import Envelope, Message
from broker.vhost import VHost

KEY_MAX = 255  # octets of a short string


class Outlet:
    """Of one node. is_due: there is something to flush. feeders: called by it first, they `put`
    what they have."""

    __slots__ = ("_definitions", "_pending", "feeders", "is_due", "is_flushing", "request_turn")

    def __init__(self, definitions: Definitions, request_turn: Callable[[], None]):
        self._definitions = definitions
        self.request_turn = request_turn
        self.is_due = False
        self.is_flushing = False
        self.feeders: list[Callable[[], None]] = []
        self._pending: deque[tuple[VHost, Exchange, str, Properties, bytes]] = deque()

    def find(self, vhost_name: str, exchange_name: str) -> tuple[VHost, Exchange] | None:
        """The exchange, if anybody is bound to it; else whatever it is about need not be made."""
        vhost = self._definitions.vhosts.get(vhost_name)
        exchange = vhost.exchanges.get(exchange_name) if vhost is not None else None
        if vhost is None or exchange is None or not exchange.bindings:
            return None
        return vhost, exchange

    def put(
        self, vhost: VHost, exchange: Exchange, key: str, properties: Properties, body: bytes
    ) -> None:
        """Have a message published soon. key: cut where it is longer than a key can be."""
        self._pending.append((vhost, exchange, key, properties, body))
        if not self.is_due and not self.is_flushing:
            self.is_due = True
            self.request_turn()

    def flush(self) -> None:
        """Publish what there is by now; what comes of it waits for the next time. Never raises."""
        self.is_due = False
        self.is_flushing = True
        for feed in self.feeders:
            feed()
        for _ in range(len(self._pending)):
            vhost, exchange, key, properties, body = self._pending.popleft()
            try:
                self._publish(vhost, exchange, key, properties, body)
            except Exception:
                self._definitions.on_bug("not published, exchange=%s", exchange.name)
        self.is_flushing = False
        if self._pending:
            self.is_due = True
            self.request_turn()

    def _publish(
        self, vhost: VHost, exchange: Exchange, key: str, properties: Properties, body: bytes
    ) -> None:
        octets = key.encode("utf-8", "surrogateescape")
        if len(octets) > KEY_MAX:
            key = octets[:KEY_MAX].decode("utf-8", "surrogateescape")
        envelope = Envelope(exchange.name, key, properties.encode(len(body)))
        message = Message(envelope, body)
        queues, _ = vhost.route(exchange, [key], message)
        envelope.forget_properties()
        for queue in queues:
            queue.push(message)
        exchange.published += 1
        exchange.routed += len(queues)
