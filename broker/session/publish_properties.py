"""Properties of a message that the broker reads: further routing keys, and the expiration."""

from __future__ import annotations

from collections.abc import Iterator

from broker.amqp.erlang import Atom, CharList
from broker.amqp.errors import invalid_routing_header
from broker.amqp.wire import Table
from broker.queues.arguments import expiry_problem


def routing_headers(headers: Table, *names: str) -> Iterator[str]:
    """The further routing keys in CC and BCC. Raises: PreconditionFailed (not an array)."""
    for name in names or ("CC", "BCC"):
        field = headers.get(name)
        if field is None:
            continue
        if field.tag != "A":
            raise invalid_routing_header(name, field.type_name)
        assert isinstance(field.value, list)
        for item in field.value:
            if item.tag == "S":
                yield item.value


def expiration_problem(text: str) -> object:
    """What is wrong with an expiration, as an Erlang term; None: nothing.

    RabbitMQ reads a leading integer and complains of what is left over.
    """
    digits = text[1:] if text[:1] in "+-" else text
    length = len(digits) - len(digits.lstrip("0123456789"))
    if not length:
        return Atom("no_integer")
    end = len(text) - len(digits) + length
    if end != len(text):
        return Atom("leftover_string"), CharList(text[end:])
    return expiry_problem(int(text))
