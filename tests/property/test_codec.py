"""Every method, both ways, and two clients' encoders as second opinions."""

from __future__ import annotations

import contextlib
from typing import Any

import amqp.serialization
import pika.spec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.amqp.errors import FrameError, MalformedTable
from broker.amqp.methods import METHODS, BasicPublish, Method
from broker.amqp.wire import table_of
from tests.property.conftest import examples
from tests.property.strategies import ALL_METHODS, DOMAINS, arguments, plain_tables

SHARED_WITH_PIKA = [
    method_class
    for ids, method_class in METHODS.items()
    if int.from_bytes(ids, "big") in pika.spec.methods
]
every_method = pytest.mark.parametrize("method_class", ALL_METHODS, ids=lambda c: c.name)
PY_AMQP_LETTERS = {
    "Bit": "b",
    "Octet": "o",
    "Short": "B",
    "Long": "l",
    "LongLong": "L",
    "ShortStr": "s",
    "LongStr": "S",
    "Table": "F",
}


def test_pika_knows_all_but_basic_credit() -> None:
    unknown = {c.name for c in ALL_METHODS} - {c.name for c in SHARED_WITH_PIKA}
    assert unknown == {"basic.credit", "basic.credit-ok", "basic.credit-drained"}
    assert len(SHARED_WITH_PIKA) == len(pika.spec.methods)


@every_method
@examples(25)
@given(data=st.data())
def test_decoding_gives_back_what_was_encoded(method_class: type[Method], data: Any) -> None:
    values = data.draw(arguments(method_class))
    decoded = method_class.decode(method_class(*values).encode())
    assert [getattr(decoded, name) for name in method_class.fields] == values
    assert decoded == method_class(*values)


def _with_fields(values: list[Any]) -> list[Any]:
    return [table_of(value) if isinstance(value, dict) else value for value in values]


@pytest.mark.parametrize("method_class", SHARED_WITH_PIKA, ids=lambda c: c.name)
@examples(25)
@given(data=st.data())
def test_pika_encodes_the_same_octets(method_class: type[Method], data: Any) -> None:
    values = data.draw(arguments(method_class, Table=plain_tables))
    class_id, method_id = method_class.ids
    theirs = pika.spec.methods[class_id << 16 | method_id](*values)
    encoded = class_id.to_bytes(2, "big") + method_id.to_bytes(2, "big") + b"".join(theirs.encode())
    assert method_class(*_with_fields(values)).encode() == encoded


@every_method
@examples(25)
@given(data=st.data())
def test_py_amqp_encodes_the_same_octets(method_class: type[Method], data: Any) -> None:
    values = data.draw(arguments(method_class, Table=plain_tables))
    letters = "".join(PY_AMQP_LETTERS[domain] for _, domain in DOMAINS[method_class.__name__])
    encoded = amqp.serialization.dumps(letters, values)
    assert method_class(*_with_fields(values)).encode()[4:] == encoded


@every_method
@examples(25)
@given(data=st.data())
def test_a_payload_cut_short_or_too_long_is_refused(method_class: type[Method], data: Any) -> None:
    encoded = method_class(*data.draw(arguments(method_class))).encode()
    cut = data.draw(st.integers(4, len(encoded)))
    altered = encoded[:cut] if cut < len(encoded) else encoded + b"\0"
    with pytest.raises((FrameError, MalformedTable)):
        method_class.decode(altered)


@every_method
@examples(25)
@given(octets=st.binary(max_size=60))
def test_random_octets_decode_or_are_refused(method_class: type[Method], octets: bytes) -> None:
    payload = method_class().encode()[:4] + octets
    with contextlib.suppress(FrameError, MalformedTable):
        method_class.decode(payload)


@examples(50)
@given(octets=st.binary(max_size=30), key=st.binary(max_size=30))
def test_a_publish_may_name_octets_that_are_not_utf8(octets: bytes, key: bytes) -> None:
    payload = (
        BasicPublish().encode()[:6]
        + bytes((len(octets),))
        + octets
        + bytes((len(key),))
        + key
        + b"\x01"
    )
    decoded = BasicPublish.decode(payload)
    assert decoded.exchange.encode("utf-8", "surrogateescape") == octets
    assert decoded.encode() == payload
