"""Frames: type octet, channel, size, payload, end octet (Spec: 4.2.3)."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
END = 0xCE
END_OCTET = b"\xce"
OVERHEAD = 8  # octets of a frame beside its payload
FRAME_MIN_SIZE = 4096  # Spec: constant frame-min-size

frame_header = Struct(">BHI")  # type, channel, payload size
unpack_frame_header: Callable[[bytes, int], tuple[int, int, int]] = frame_header.unpack_from
pack_frame_header = frame_header.pack

HEARTBEAT_FRAME = pack_frame_header(HEARTBEAT, 0, 0) + END_OCTET
PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
LARGE_CHUNK = 16 * 1024  # octets from which a chunk is written as it is, not copied into a join


def method_frame(channel: int, payload: bytes) -> bytes:
    return pack_frame_header(METHOD, channel, len(payload)) + payload + END_OCTET


def content_frames(channel: int, header: bytes, body: bytes, frame_max: int) -> list[bytes]:
    """The header frame and the body frames, none larger than frame_max (0: no limit).

    header: content-header payload, from class-id on.
    """
    chunks = [pack_frame_header(HEADER, channel, len(header)), header, END_OCTET]
    size = len(body)
    if not size:
        return chunks
    room = frame_max - OVERHEAD if frame_max else size
    if size <= room:
        chunks += (pack_frame_header(BODY, channel, size), body, END_OCTET)
        return chunks
    for start in range(0, size, room):
        part = body[start : start + room]
        chunks += (pack_frame_header(BODY, channel, len(part)), part, END_OCTET)
    return chunks


def coalesced(chunks: list[bytes]) -> list[bytes]:
    """The same octets in fewer pieces: small chunks joined, large ones left where they are."""
    pieces: list[bytes] = []
    small: list[bytes] = []
    for chunk in chunks:
        if len(chunk) < LARGE_CHUNK:
            small.append(chunk)
        else:
            if small:
                pieces.append(b"".join(small))
                small = []
            pieces.append(chunk)
    if small:
        pieces.append(b"".join(small))
    return pieces
