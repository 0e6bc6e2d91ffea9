"""A message that is in a queue, as the HTTP API shows it."""

from __future__ import annotations

from typing import Any

from broker.management.views.consumer import channel_details
from broker.management.views.properties import shown_payload, shown_properties
from broker.message import Envelope
from broker.session.channel import Channel
from broker.session.consumer import ChannelConsumer

CHARACTER_MAX = 4  # octets of one in UTF-8


def show_message(
    envelope: Envelope, body: bytes, *, sequence: int, is_redelivered: bool, truncate: int
) -> dict[str, Any]:
    """What is the same wherever it is. body: all of it, or as much as is to be shown.

    Raises: MalformedSyntax, of a message that is damaged on the disk.
    """
    payload, encoding = shown_payload(whole_characters(body, truncate), "auto")
    return {
        "sequence": sequence,
        "payload": payload,
        "payload_encoding": encoding,
        "payload_bytes": envelope.body_size,
        "exchange": envelope.exchange,
        "routing_key": envelope.routing_key,
        "properties": shown_properties(envelope.header),
        "redelivered": is_redelivered,
    }


def show_holder(channel: Channel, consumer: ChannelConsumer | None, tag: int) -> dict[str, Any]:
    """Who has a message that is not acked. consumer: None: it was fetched with basic.get."""
    return {
        "consumer_tag": consumer.tag if consumer is not None else None,
        "delivery_tag": tag,
        "channel_details": channel_details(channel),
    }


def whole_characters(body: bytes, most: int) -> bytes:
    """So many octets at most; where that cuts a character of UTF-8 in two, it is left out."""
    if len(body) <= most:
        return body
    cut = body[:most]
    for back in range(1, min(CHARACTER_MAX, most) + 1):
        octet = cut[-back]
        if octet & 0xC0 == 0x80:
            continue  # not the first of a character
        size = 1 + (octet >= 0xC0) + (octet >= 0xE0) + (octet >= 0xF0)
        return cut[:-back] if back < size and octet < 0xF8 else cut
    return cut
