"""Dead letters go back to where they came from, as they were when they came there.

Where that is says the first entry of x-death, the latest death: the queue it died in, and the
exchange and routing keys by which it had come. It goes into that queue alone, whatever else is
bound there, and under its old exchange and routing key. Where the queue is gone it is published to
the exchange again, which may lead elsewhere by now; where that leads nowhere it stays.

What dying has added is taken off again: from a message that is back in the queue where it died
first, x-death and x-first-death-… altogether, so that whoever counts deaths begins anew; from one
that had come there as a dead letter already, the latest entry only, so that it can go further back
from there. Its expiration is that of before, and counts from now on; CC is there again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from broker.amqp.content import Properties
from broker.amqp.errors import AMQPException, MalformedSyntax, MalformedTable
from broker.amqp.wire import Field, Table
from broker.auth.permissions import WRITE
from broker.management.operations.moving import Goal, Plan, Stays, readdressed
from broker.message import Message
from broker.session.publish_properties import expiration_problem

if TYPE_CHECKING:
    from broker.management.operations.walking import Waiting
    from broker.queues.queue import Queue
    from broker.session.access import Access
    from broker.vhost import VHost

DEATHS = "x-death"
FIRST_QUEUE = "x-first-death-queue"
OF_FIRST_DEATH = (FIRST_QUEUE, "x-first-death-exchange", "x-first-death-reason")


class Death(NamedTuple):
    """An entry of x-death. routing_keys: the message's own, then those of CC.

    expiration: that the message had; None: none.
    """

    queue: str
    exchange: str
    routing_keys: list[str]
    expiration: str | None


def back_from(source: Queue, vhost: VHost, access: Access) -> Plan:
    """A plan: whatever died goes back. access: of somebody who must be allowed to publish there."""

    def plan(one: Waiting) -> Goal:
        try:
            properties = Properties.decode(one.envelope.header)
        except (MalformedSyntax, MalformedTable):
            raise Stays("its header is damaged") from None
        death = latest_death(properties.header_table)
        revive(properties, death)
        try:
            header = properties.encode(one.envelope.body_size)
        except ValueError:
            raise Stays("its header cannot be written") from None
        copy = readdressed(one.envelope, death.exchange, death.routing_keys[0], header)
        message = Message(copy, one.body)
        return Goal(_targets(source, vhost, access, death, message), message)

    return plan


def latest_death(headers: Table) -> Death:
    """Raises: Stays: it did not die, or x-death is not what a broker writes."""
    deaths = _tables(headers.get(DEATHS))
    if not deaths:
        raise Stays(f"it is no dead letter: it has no {DEATHS} header")
    entry = deaths[0]
    queue, exchange = _text(entry.get("queue")), _text(entry.get("exchange"))
    keys = [key for key in map(_text, _fields(entry.get("routing-keys"))) if key is not None]
    if queue is None or exchange is None or not keys:
        raise Stays(f"its {DEATHS} header does not say where it came from")
    expiration = _text(entry.get("original-expiration"))
    if expiration is not None and expiration_problem(expiration) is not None:
        raise Stays("its original-expiration is no number")
    return Death(queue, exchange, keys, expiration)


def revive(properties: Properties, death: Death) -> None:
    """Take off what the latest death has added."""
    headers = dict(properties.header_table)
    left = _tables(headers.get(DEATHS))[1:]
    if not left or death.queue == _text(headers.get(FIRST_QUEUE)):
        for name in (DEATHS, *OF_FIRST_DEATH):
            headers.pop(name, None)
    else:
        headers[DEATHS] = Field("A", [Field("F", table) for table in left])
    if len(death.routing_keys) > 1 and "CC" not in headers:
        headers["CC"] = Field("A", [Field("S", key) for key in death.routing_keys[1:]])
    properties.headers = headers or None
    properties.expiration = death.expiration


def _targets(
    source: Queue, vhost: VHost, access: Access, death: Death, message: Message
) -> list[Queue]:
    """Raises: Stays, Suspended."""
    exchange = vhost.exchanges.get(death.exchange)
    try:
        access.require(WRITE, "exchange", death.exchange)
        if exchange is not None:
            access.require_topic(WRITE, exchange, death.routing_keys[0])
    except AMQPException as refusal:
        raise Stays(refusal.text) from None
    queue = vhost.queues.get(death.queue)
    if queue is not None:
        _check_way(vhost, access, death, queue, message)
        targets = [queue]
    elif exchange is None:
        raise Stays(f"neither queue '{death.queue}' nor exchange '{death.exchange}' is there")
    elif exchange.internal:
        raise Stays(f"queue '{death.queue}' is gone, and exchange '{exchange.name}' is internal")
    else:
        targets, _ = vhost.route(exchange, death.routing_keys, message)
        message.envelope.forget_properties()
        if not targets:
            reason = (
                f"queue '{death.queue}' is gone, and exchange '{exchange.name}' routes it nowhere"
            )
            raise Stays(reason)
    if source in targets:
        raise Stays("it would come back to this queue")
    return targets


def _check_way(vhost: VHost, access: Access, death: Death, queue: Queue, message: Message) -> None:
    """Anybody who publishes may write an x-death of his own: it must not lead him into a queue that
    his exchange does not lead to, unless he might bind it. Raises: Stays, Suspended."""
    try:
        access.require(WRITE, "queue", queue.name)
    except AMQPException as refusal:
        exchange = vhost.exchanges.get(death.exchange)
        found = [] if exchange is None else vhost.route(exchange, death.routing_keys, message)[0]
        message.envelope.forget_properties()
        if queue not in found:
            raise Stays(refusal.text) from None


def _tables(field: Field | None) -> list[Table]:
    return [inner.value for inner in _fields(field) if isinstance(inner.value, dict)]


def _fields(field: Field | None) -> list[Any]:
    """Those of an array; none, if it is something else."""
    return field.value if field is not None and isinstance(field.value, list) else []


def _text(field: Field | None) -> str | None:
    return field.value if field is not None and isinstance(field.value, str) else None
