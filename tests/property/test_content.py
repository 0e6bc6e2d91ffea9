"""Content headers: there and back, against two clients, and the checker against the decoder."""

from __future__ import annotations

import contextlib
from typing import Any

import amqp.basic_message
import pika.spec
from hypothesis import given
from hypothesis import strategies as st

from broker.amqp.content import Properties, check_properties
from broker.amqp.errors import MalformedSyntax
from broker.amqp.wire import table_of
from tests.property.conftest import examples
from tests.property.strategies import damaged, plain_tables, properties, texts

# What pika and py-amqp can both say: text that is UTF-8, headers of plain values.
# py-amqp leaves out what is false, so nothing is empty here.
some_text = texts.filter(bool)
client_properties = st.fixed_dictionaries(
    {},
    optional={
        name: some_text
        for name in Properties.__slots__
        if name not in ("headers", "delivery_mode", "priority", "timestamp")
    }
    | {
        "headers": plain_tables.filter(bool),
        "delivery_mode": st.integers(1, 2),
        "priority": st.integers(1, 255),
        "timestamp": st.integers(1, 2**63),
    },
)


@given(values=properties, body_size=st.integers(0, 2**64 - 1))
def test_decoding_gives_back_the_properties(values: Properties, body_size: int) -> None:
    encoded = values.encode(body_size)
    assert Properties.decode(encoded) == values
    assert encoded[4:12] == body_size.to_bytes(8, "big")
    assert Properties.decode(encoded).encode(body_size) == encoded


@given(values=client_properties)
def test_pika_and_py_amqp_encode_the_same_octets(values: dict[str, Any]) -> None:
    ours = dict(values)
    if "headers" in ours:
        ours["headers"] = table_of(ours["headers"])
    encoded = Properties(**ours).encode(0)[12:]
    assert encoded == b"".join(pika.spec.BasicProperties(**values).encode())
    theirs = dict(values)
    if "headers" in theirs:
        theirs["application_headers"] = theirs.pop("headers")
    message = amqp.basic_message.Message("", **theirs)
    assert encoded == message._serialize_properties()


def _verdicts(header: bytes) -> tuple[object, object]:
    """What the decoder and the checker say: the delivery mode, or that it is refused."""
    decoded: object = "refused"
    checked: object = "refused"
    with contextlib.suppress(MalformedSyntax):
        decoded = Properties.decode(header).delivery_mode
    with contextlib.suppress(MalformedSyntax, IndexError):
        checked = check_properties(header, header[12] << 8 | header[13])  # as the channel calls it
    return decoded, checked


@examples(600)
@given(values=properties, data=st.data())
def test_the_checker_agrees_with_the_decoder_about_damaged_headers(
    values: Properties, data: Any
) -> None:
    decoded, checked = _verdicts(data.draw(damaged(values.encode(0), 12)))
    assert decoded == checked


@examples(300)
@given(flags=st.integers(0, 2**16 - 1), rest=st.binary(max_size=40))
def test_the_checker_agrees_with_the_decoder_about_anything(flags: int, rest: bytes) -> None:
    header = bytes(12) + flags.to_bytes(2, "big") + rest
    decoded, checked = _verdicts(header)
    assert decoded == checked
    # the lowest flag bit, that more flags follow, is overlooked as RabbitMQ overlooks it
    without = bytes(12) + (flags & ~1).to_bytes(2, "big") + rest
    assert decoded == _verdicts(without)[0]
