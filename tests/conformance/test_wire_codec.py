"""The tests' own encoder against pika's: every method, and content headers."""

from __future__ import annotations

from typing import Any

import pika.spec
import pytest

from tests.conformance import wire_codec as wire

SAMPLES: dict[str, Any] = {
    "octet": 9,
    "short": 0x1234,
    "long": 0x12345678,
    "longlong": 0x123456789ABCDEF0,
    "shortstr": "short ü",
    "longstr": "long " * 60,
    "table": {"a": 1, "b": "two", "c": {"d": True, "e": None}, "f": [1, "x"], "g": 2**40},
}
PIKA_NAMES = {"_ticket": "ticket", "global_": "global_qos", "_insist": "insist"}
# pika leaves these methods out.
UNKNOWN_TO_PIKA = {
    *("Connection.UpdateSecret", "Connection.UpdateSecretOk"),
    *("Basic.Credit", "Basic.CreditOk", "Basic.CreditDrained"),
}
RESERVED = {"_out_of_band", "_channel_id", "_known_hosts", "_capabilities", "_cluster_id"}


@pytest.mark.parametrize("name", sorted(set(wire.METHODS) - UNKNOWN_TO_PIKA))
@pytest.mark.parametrize("bits", [0b0, 0b10101, 0b111111])
def test_method_bytes_equal_those_of_pika(name: str, bits: int) -> None:
    shape = wire.METHODS[name]
    values = {}
    for place, (field, domain) in enumerate(shape.fields):
        if field not in RESERVED:
            values[field] = bool(bits >> place % 6 & 1) if domain == "bit" else SAMPLES[domain]
    try:
        method = pika.spec.methods[shape.class_id << 16 | shape.method_id]()
    except TypeError:  # the fields are required there
        method = pika.spec.methods[shape.class_id << 16 | shape.method_id](*[None] * len(values))
    for field, value in values.items():
        attribute = PIKA_NAMES.get(field, field.lstrip("_"))
        assert hasattr(method, attribute), attribute
        setattr(method, attribute, value)
    for field in ("out_of_band", "channel_id", "known_hosts", "capabilities", "cluster_id"):
        if hasattr(method, field):
            setattr(method, field, "")
    expected = shape.class_id.to_bytes(2, "big") + shape.method_id.to_bytes(2, "big")
    assert wire.encode_method(name, values) == expected + b"".join(method.encode())


def test_methods_survive_a_round_trip() -> None:
    for name, shape in wire.METHODS.items():
        values = {field: SAMPLES.get(domain, True) for field, domain in shape.fields}
        decoded = wire.decode_method(wire.encode_method(name, values))[1]
        assert "trailing" not in decoded
        for field, domain in shape.fields:
            if domain != "table" and field[0] != "_":
                assert decoded[field] == values[field], (name, field)


def test_header_bytes_equal_those_of_pika() -> None:
    properties = {
        name: SAMPLES[domain] if name != "type" else "kind" for name, domain in wire.PROPERTIES
    }
    theirs = pika.spec.BasicProperties(**properties)
    assert wire.encode_properties(properties) == b"".join(theirs.encode())
    size, decoded = wire.decode_header(wire.encode_header(7, properties))
    assert size == 7
    assert set(decoded) == set(properties)
