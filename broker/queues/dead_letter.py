"""The header a message gets when it dies: x-death and x-first-death-*.

RabbitMQ: one entry per queue and reason, the latest first, with a count; the per-message TTL is
taken off, or the message would die again at once; a routing key of the queue's own replaces the
message's keys, CC included.
"""

from __future__ import annotations

from broker.amqp.content import Properties
from broker.amqp.wire import Field, Table
from broker.message import Envelope

REJECTED, EXPIRED, MAXLEN, DELIVERY_LIMIT = "rejected", "expired", "maxlen", "delivery_limit"
CONFIRMED = "confirmed"  # counted like these: a dead letter that every queue has taken


def died(
    envelope: Envelope, queue: str, reason: str, exchange: str, routing_key: str | None, now_s: int
) -> tuple[Envelope, list[str]]:
    """The envelope in which a dead message goes to `exchange`, and its routing keys.

    routing_key: of the queue's dead-lettering; None: the message keeps its own.
    """
    properties = Properties.decode(envelope.header)
    headers = dict(properties.header_table)
    visible = [envelope.routing_key, *_copies(headers)]
    entry: Table = {
        "count": Field("l", 1),
        "reason": Field("S", reason),
        "queue": Field("S", queue),
        "time": Field("T", now_s),
        "exchange": Field("S", envelope.exchange),
        "routing-keys": Field("A", [Field("S", key) for key in visible]),
    }
    if properties.expiration is not None:
        entry["original-expiration"] = Field("S", properties.expiration)
        properties.expiration = None
    deaths = headers.get("x-death")
    if deaths is None:
        headers["x-first-death-reason"] = Field("S", reason)
        headers["x-first-death-queue"] = Field("S", queue)
        headers["x-first-death-exchange"] = Field("S", envelope.exchange)
        entries = [entry]
    else:
        entries = _with_death(deaths, entry)
    headers["x-death"] = Field("A", [Field("F", table) for table in entries])
    keys, blind = [*visible, *envelope.blind_keys], envelope.blind_keys
    if routing_key is not None:
        headers.pop("CC", None)
        keys, blind = [routing_key], ()
    properties.headers = dict(sorted(headers.items()))
    header = properties.encode(envelope.body_size)
    dead = Envelope(exchange, keys[0], header, properties)
    dead.blind_keys = blind
    return dead, keys


def _with_death(deaths: Field, entry: Table) -> list[Table]:
    """The earlier deaths with one more; the same queue and reason is counted, not repeated.

    RabbitMQ turns the earlier ones round when there are several, so we do.
    """
    if deaths.tag != "A":
        return [entry]  # a client made something else of it: begin anew
    assert isinstance(deaths.value, list)
    earlier: list[Table] = [item.value for item in deaths.value if item.tag == "F"]
    if len(earlier) > 1:
        earlier = _grouped(earlier)[::-1]
    others = [table for table in earlier if not _same_death(table, entry)]
    for table in earlier:
        if _same_death(table, entry):
            count = table.get("count")
            before = count.value if count is not None and isinstance(count.value, int) else 0
            entry = table | {"count": Field("l", _signed64(before + 1))}
            break
    return [dict(sorted(entry.items())), *others]


def _signed64(number: int) -> int:
    """What 64 bits hold of it: a client may have made up the largest count there is."""
    return (number + 2**63) % 2**64 - 2**63


def _grouped(tables: list[Table]) -> list[Table]:
    """One entry per queue and reason, the first; without a count it gets their number."""
    grouped: list[Table] = []
    for table in tables:
        if any(_same_death(table, other) for other in grouped):
            continue
        alike = sum(_same_death(table, other) for other in tables)
        grouped.append(table if "count" in table else {"count": Field("l", alike)} | table)
    return grouped


def _same_death(one: Table, other: Table) -> bool:
    return _same(one, other, "queue") and _same(one, other, "reason")


def _same(one: Table, other: Table, name: str) -> bool:
    missing = Field("V", None)
    return one.get(name, missing).value == other.get(name, missing).value


def _copies(headers: Table) -> list[str]:
    copies = headers.get("CC")
    if copies is None or copies.tag != "A":
        return []
    assert isinstance(copies.value, list)
    return [str(item.value) for item in copies.value if item.tag == "S"]


def is_cycle(headers: Table, queue: str) -> bool:
    """Whether a message comes back to a queue where it died, with no rejection on the way.

    RabbitMQ drops such a message: nobody took a decision in that circle.
    """
    deaths = headers.get("x-death")
    if deaths is None or deaths.tag != "A":
        return False
    assert isinstance(deaths.value, list)
    for item in deaths.value:
        if item.tag != "F":
            return False  # a client's doing: not automatic
        reason = item.value.get("reason")
        if reason is not None and reason.value == REJECTED:
            return False
        name = item.value.get("queue")
        if name is not None and name.value == queue:
            return True
    return False


def with_delivery_count(envelope: Envelope, count: int) -> Envelope:
    """The envelope with x-delivery-count, as quorum queues show it."""
    properties = Properties.decode(envelope.header)
    properties.headers = properties.header_table | {"x-delivery-count": Field("l", count)}
    header = properties.encode(envelope.body_size)
    return Envelope(envelope.exchange, envelope.routing_key, header, properties)
