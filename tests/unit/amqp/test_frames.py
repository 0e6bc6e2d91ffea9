from __future__ import annotations

import pytest

from broker.amqp.frames import (
    BODY,
    HEADER,
    HEARTBEAT_FRAME,
    LARGE_CHUNK,
    METHOD,
    PROTOCOL_HEADER,
    coalesced,
    content_frames,
    method_frame,
    unpack_frame_header,
)


def test_a_method_frame() -> None:
    assert method_frame(258, b"abc") == b"\x01\x01\x02\x00\x00\x00\x03abc\xce"
    assert unpack_frame_header(method_frame(258, b"abc"), 0) == (METHOD, 258, 3)


def test_the_constants_on_the_wire() -> None:
    assert PROTOCOL_HEADER == b"AMQP\x00\x00\x09\x01"
    assert HEARTBEAT_FRAME == b"\x08\x00\x00\x00\x00\x00\x00\xce"


def test_an_empty_body_has_no_body_frame() -> None:
    assert (
        b"".join(content_frames(1, b"head", b"", 4096)) == b"\x02\x00\x01\x00\x00\x00\x04head\xce"
    )


@pytest.mark.parametrize(
    ("size", "frame_max", "parts"),
    [
        (1, 4096, [1]),
        (4088, 4096, [4088]),
        (4089, 4096, [4088, 1]),
        (8177, 4096, [4088, 4088, 1]),
        (100_000, 0, [100_000]),
    ],
)
def test_a_body_is_split_so_that_no_frame_exceeds_frame_max(
    size: int, frame_max: int, parts: list[int]
) -> None:
    body = bytes(index % 251 for index in range(size))
    octets = b"".join(content_frames(1, b"head", body, frame_max))[12:]
    sizes, joined = [], b""
    while octets:
        frame_type, channel, length = unpack_frame_header(octets, 0)
        assert (frame_type, channel) == (BODY, 1)
        assert octets[7 + length] == 0xCE
        joined += octets[7 : 7 + length]
        sizes.append(length)
        octets = octets[8 + length :]
    assert sizes == parts
    assert joined == body


def test_the_header_comes_first() -> None:
    assert content_frames(3, b"head", b"body", 4096)[0][:3] == bytes((HEADER, 0, 3))


def test_small_chunks_are_put_together_and_large_ones_left() -> None:
    large = bytes(LARGE_CHUNK)
    pieces = coalesced([b"a", b"b", large, large, b"c", b"", b"d"])
    assert pieces == [b"ab", large, large, b"cd"]
    assert pieces[1] is large
    assert coalesced([]) == []
