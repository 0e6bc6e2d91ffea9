"""Texts are compared with RabbitMQ's by the conformance tests; here is what they are made of."""

from __future__ import annotations

import pytest

from broker.amqp import errors
from broker.amqp.erlang import Atom
from broker.amqp.errors import (
    REPLY_TEXT_MAX,
    AMQPException,
    ChannelException,
    ConnectionException,
    NotFound,
    bad_frame,
    frame_out_of_place,
    no_queue,
    undecodable,
)

CLASSES = [
    entry
    for entry in vars(errors).values()
    if isinstance(entry, type)
    and issubclass(entry, AMQPException)
    and entry not in (AMQPException, ChannelException, ConnectionException)
]
# Spec: constants; RabbitMQ uses no others.
NAMES = {
    311: "CONTENT_TOO_LARGE",
    320: "CONNECTION_FORCED",
    402: "INVALID_PATH",
    403: "ACCESS_REFUSED",
    404: "NOT_FOUND",
    405: "RESOURCE_LOCKED",
    406: "PRECONDITION_FAILED",
    501: "FRAME_ERROR",
    502: "SYNTAX_ERROR",
    503: "COMMAND_INVALID",
    504: "CHANNEL_ERROR",
    505: "UNEXPECTED_FRAME",
    506: "RESOURCE_ERROR",
    530: "NOT_ALLOWED",
    540: "NOT_IMPLEMENTED",
    541: "INTERNAL_ERROR",
}
SOFT = {311, 403, 404, 405, 406}


@pytest.mark.parametrize("refusal", CLASSES, ids=lambda c: c.__name__)
def test_codes_have_their_names_and_their_hardness(refusal: type[AMQPException]) -> None:
    assert NAMES[refusal.reply_code] == refusal.reply_name
    assert refusal.is_hard is (refusal.reply_code not in SOFT)
    family = ChannelException if refusal.reply_code in SOFT else ConnectionException
    assert issubclass(refusal, family)


def test_every_code_has_a_class() -> None:
    assert {refusal.reply_code for refusal in CLASSES} == set(NAMES)


def test_the_reply_text() -> None:
    assert no_queue("q", "/").reply_text == "NOT_FOUND - no queue 'q' in vhost '/'"
    assert NotFound().reply_text == "NOT_FOUND"


@pytest.mark.parametrize(
    ("name", "expected_size"),
    [
        ("q" * 300, 255),
        ("ü" * 200, None),
        ("\U0001f430" * 100, None),
        ("\udcff" * 255, None),  # an octet that is not UTF-8, as a peer may send it
    ],
)
def test_a_long_text_is_cut_at_255_octets_between_letters(
    name: str, expected_size: int | None
) -> None:
    text = NotFound(f"no queue '{name}'").reply_text
    octets = text.encode("utf-8", "surrogateescape")
    assert len(octets) <= REPLY_TEXT_MAX
    assert expected_size is None or len(octets) == expected_size
    octets.decode("utf-8") if "\udcff" not in name else None
    assert text.startswith("NOT_FOUND - no queue '")


def test_a_text_of_255_octets_is_not_cut() -> None:
    whole = NotFound("x" * (255 - len("NOT_FOUND - "))).reply_text
    assert len(whole) == 255
    assert not whole.endswith("...")
    assert NotFound("x" * (256 - len("NOT_FOUND - "))).reply_text.endswith("x...")


def test_an_offending_frame_is_shown_by_its_first_octets() -> None:
    assert frame_out_of_place(2, b"\x01\x02").reply_text == (
        "UNEXPECTED_FRAME - type 2, all octets = <<1,2>>"
    )
    text = bad_frame(7, bytes(range(20)), Atom("unknown_frame")).reply_text
    assert "type 7, first 16 octets = <<0,1,2" in text
    assert text.endswith(": unknown_frame")
    assert bad_frame(7, b"", Atom("unknown_frame")).ids == (0, 0)


def test_arguments_that_cannot_be_decoded_are_shown() -> None:
    assert undecodable(b"\x00\x01").reply_text == "FRAME_ERROR - cannot decode <<0,1>>"
