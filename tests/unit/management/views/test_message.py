"""A message of a queue as JSON."""

from __future__ import annotations

import pytest

from broker.management.views.message import show_holder, show_message, whole_characters
from broker.message import Envelope
from tests.support.builders import header, table
from tests.support.peer import World


def test_everything_about_a_message() -> None:
    octets = header(9, message_id="m", headers=table(a=1))
    shown = show_message(
        Envelope("x", "key", octets), b"text", sequence=7, is_redelivered=True, truncate=100
    )
    assert shown == {
        "sequence": 7,
        "payload": "text",
        "payload_encoding": "string",
        "payload_bytes": 9,
        "exchange": "x",
        "routing_key": "key",
        "properties": {"message_id": "m", "headers": {"a": 1}},
        "redelivered": True,
    }


@pytest.mark.parametrize(
    ("body", "most", "payload", "encoding"),
    [
        (b"abc", 2, "ab", "string"),
        (b"abc", 0, "", "string"),
        ("aé€😀".encode(), 100, "aé€😀", "string"),
        ("aé€😀".encode(), 9, "aé€", "string"),
        ("aé€😀".encode(), 5, "aé", "string"),
        (b"\xff\xfe", 1, "/w==", "base64"),
        (b"a\xff", 2, "Yf8=", "base64"),
    ],
)
def test_payloads(body: bytes, most: int, payload: str, encoding: str) -> None:
    envelope = Envelope("", "", header(len(body)))
    shown = show_message(envelope, body, sequence=1, is_redelivered=False, truncate=most)
    assert (shown["payload"], shown["payload_encoding"]) == (payload, encoding)


def test_no_character_is_cut_in_two() -> None:
    text = "aé€😀" * 3
    for most in range(len(text.encode()) + 1):
        cut = whole_characters(text.encode(), most)
        assert len(cut) <= most
        assert text.startswith(cut.decode())
        assert most - len(cut) < 4
    assert whole_characters(b"\x80" * 9, 5) == b"\x80" * 5  # it is no text


def test_who_holds_one() -> None:
    peer = World().peer()
    peer.opens_channel(3)
    shown = show_holder(peer.connection.channels[3], None, 9)
    assert shown["consumer_tag"] is None
    assert shown["delivery_tag"] == 9
    assert shown["channel_details"]["number"] == 3
    assert shown["channel_details"]["user"] == "guest"
