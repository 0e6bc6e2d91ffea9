from __future__ import annotations

import pytest

from broker.amqp.content import Properties
from broker.message import Envelope, Message
from tests.support.builders import header, message


def test_an_envelope_keeps_the_octets_and_their_address() -> None:
    envelope = Envelope("ex", "key", header(5, priority=3))
    assert envelope.body_size == 5
    assert envelope.address == b"\x02ex\x03key"
    assert Envelope("ex", "key", header(), address=b"kept").address == b"kept"


def test_properties_are_decoded_when_first_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    envelope = Envelope("", "key", header(5, content_type="a"))
    assert envelope.properties.content_type == "a"
    monkeypatch.setattr(Properties, "decode", lambda _: pytest.fail("decoded again"))
    assert envelope.properties.content_type == "a"
    given = Properties(content_type="given")
    assert Envelope("", "key", header(), given).properties is given


@pytest.mark.parametrize(
    ("properties", "is_persistent", "priority"),
    [
        ({}, False, 0),
        ({"delivery_mode": 1}, False, 0),
        ({"delivery_mode": 2}, True, 0),
        ({"priority": 7}, False, 7),
        ({"delivery_mode": 2, "priority": 0, "content_type": "a"}, True, 0),
    ],
)
def test_what_a_queue_asks_an_envelope(
    properties: dict[str, object], is_persistent: bool, priority: int
) -> None:
    envelope = Envelope("", "key", header(**properties))  # type: ignore[arg-type]
    assert envelope.is_persistent is is_persistent
    assert envelope.priority == priority


def test_a_message_does_not_show_its_body() -> None:
    assert repr(message("secret")) == "Message('', 'key', 6 octets)"
    assert Message(Envelope("e", "k", header()), b"").envelope.exchange == "e"


def test_a_message_sent_elsewhere_keeps_what_its_header_says() -> None:
    first = Envelope("ex", "key", header(5, delivery_mode=2, priority=3))
    first.blind_keys = ("blind",)
    again = header(5, headers={}, delivery_mode=2, priority=3)
    other = first.redirected("", "q", b"\x00\x01q", again)
    known = Envelope("", "q", again)
    for name in ("exchange", "routing_key", "address", "header", "body_size", "is_persistent"):
        assert getattr(other, name) == getattr(known, name)
    assert (other.priority, other.blind_keys, other.ttl_ms) == (3, (), None)
    assert other.properties == known.properties
