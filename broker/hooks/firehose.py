"""The firehose: a copy of everything that is published into a vhost, and delivered out of it.

Copies go to the exchange amq.rabbitmq.trace of that vhost, under publish.<exchange> and
deliver.<queue>; their headers tell what the message was, their body is its body. The names and
types are those of rabbit_trace.erl. What was published to that exchange is not traced.
"""

from __future__ import annotations

from collections.abc import Iterable

from broker.amqp.content import PROPERTIES, Properties
from broker.amqp.wire import Field, Table
from broker.hooks.outlet import Outlet
from broker.message import Envelope, Message
from broker.vhost import VHost

EXCHANGE = "amq.rabbitmq.trace"
Who = tuple[str, int, str]  # connection, channel, user


class Firehose:
    """Of one vhost. node: its name."""

    __slots__ = ("_node", "_outlet", "_vhost")

    def __init__(self, outlet: Outlet, vhost: VHost, node: str):
        self._outlet = outlet
        self._vhost = vhost
        self._node = node

    def published(self, message: Message, queues: Iterable[str], who: Who) -> None:
        """queues: names of those that it is routed to. Not to be called while a queue is pumped."""
        envelope = message.envelope
        if self._is_heard(envelope):
            facts = self._who(*who)
            facts["routed_queues"] = Field("A", [Field("S", name) for name in queues])
            self._put(f"publish.{envelope.exchange}", message, facts)
            self._outlet.flush()

    def delivered(self, message: Message, queue: str, redelivered: bool, who: Who) -> None:
        """The copy goes out in this turn."""
        if self._is_heard(message.envelope):
            facts = {"redelivered": Field("I", int(redelivered))} | self._who(*who)
            self._put(f"deliver.{queue}", message, facts)

    def _is_heard(self, envelope: Envelope) -> bool:
        return envelope.exchange != EXCHANGE and bool(self._vhost.exchanges[EXCHANGE].bindings)

    def _who(self, connection: str, channel: int, user: str) -> Table:
        return {
            "vhost": Field("S", self._vhost.name),
            "connection": Field("S", connection),
            "channel": Field("I", channel),
            "user": Field("S", user),
        }

    def _put(self, key: str, message: Message, facts: Table) -> None:
        envelope = message.envelope
        properties = Properties.decode(envelope.header)
        headers = {
            "exchange_name": Field("S", envelope.exchange),
            "routing_keys": Field("A", [Field("S", one) for one in _keys(envelope, properties)]),
            "properties": Field("F", as_table(properties)),
            "node": Field("S", self._node),
        } | facts
        exchange = self._vhost.exchanges[EXCHANGE]
        self._outlet.put(self._vhost, exchange, key, Properties(headers=headers), message.body)


def _keys(envelope: Envelope, properties: Properties) -> list[str]:
    """All that a message was routed by: its own, then CC and BCC."""
    keys = [envelope.routing_key]
    copies = properties.header_table.get("CC")
    if copies is not None and isinstance(copies.value, list):
        keys += [item.value for item in copies.value if item.tag == "S"]
    return [*keys, *envelope.blind_keys]


def as_table(properties: Properties) -> Table:
    """Properties as RabbitMQ's firehose shows them: the last first, every number in 32 bits."""
    table: Table = {}
    for name, _, _ in reversed(PROPERTIES):
        value = getattr(properties, name)
        if isinstance(value, int):
            table[name] = Field("I", (value + 2**31) % 2**32 - 2**31)
        elif isinstance(value, dict):
            table[name] = Field("F", value)
        elif value is not None:
            table[name] = Field("S", value)
    return table
