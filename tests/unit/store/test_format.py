from __future__ import annotations

from random import Random
from zlib import crc32

import pytest

from broker.store import format as form
from broker.store.format import (
    BLOCK_MAGIC,
    BLOCK_OCTETS,
    COUNTED,
    EXTRAS,
    FIRST_OFFSET,
    HEADER_OCTETS,
    JUMP,
    MESSAGES,
    MOVED,
    RECORD_OCTETS,
    REFER,
    SETTLED,
    TRANSIENT,
    VERSION,
    Block,
    Extras,
    FormatError,
    SegmentHeader,
    UnknownVersion,
    extras_of,
    has_right_checksum,
    index_of,
    make_block,
    pack_extras,
    pack_ranges,
    pack_record,
    read_block_header,
    read_segment_header,
    record_at,
    records,
    records_of,
    segment_header,
    segment_name,
    segment_number,
    unpack_extras,
    unpack_ranges,
)
from tests.support.builders import header

SALT = 0x1234_5678
ADDRESS = b"\x02ex\x03key"


def flipped(data: bytes, at: int, bit: int = 0) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def messages_record(
    *bodies: bytes, queue_id: int = 1, seq: int = 1, flags: int = 0, extras: bytes = b""
) -> bytes:
    properties = header(len(bodies[0]))
    if extras:
        flags |= EXTRAS
    head = pack_record(MESSAGES, flags, len(ADDRESS), len(properties), queue_id, seq, len(bodies))
    return b"".join((head, ADDRESS, properties, extras, *bodies))


def refer_record(at: int, index: int, *, total: int = 1, extras: bytes = b"") -> bytes:
    head = pack_record(REFER, EXTRAS if extras else 0, 0, at, 2, 50, total)
    return head + index.to_bytes(4, "little") + extras


# names


def test_the_names_of_segments() -> None:
    for number in (1, 42, 2**32 - 1):
        assert segment_number(segment_name(number)) == number
    names = [segment_name(number) for number in (9, 10, 99, 100)]
    assert names == sorted(names)


@pytest.mark.parametrize(
    "name",
    [
        "checkpoint",
        "stopped",
        "0000000001.seg.tmp",
        "0000000001",
        "x.seg",
        ".seg",
        "replacement.tmp",
    ],
)
def test_other_names_are_not_segments(name: str) -> None:
    assert segment_number(name) is None


# segments


@pytest.mark.parametrize("is_cold", [False, True])
def test_a_segments_header_comes_back(is_cold: bool) -> None:
    data = segment_header(7, 1 << 40, SALT, is_cold=is_cold)
    assert len(data) == FIRST_OFFSET
    assert read_segment_header(data, 7) == SegmentHeader(1 << 40, SALT, is_cold)


def test_either_copy_of_it_will_do() -> None:
    data = segment_header(7, 3, SALT, is_cold=True)
    wanted = read_segment_header(data, 7)
    for at in range(FIRST_OFFSET):
        assert read_segment_header(flipped(data, at), 7) == wanted
    assert read_segment_header(bytes(32) + data[32:], 7) == wanted
    assert read_segment_header(data[:32], 7) == wanted


def test_a_header_of_which_both_copies_are_damaged() -> None:
    data = segment_header(7, 3, SALT, is_cold=False)
    for at in range(8, 32):
        with pytest.raises(FormatError, match="checksum"):
            read_segment_header(flipped(flipped(data, at), at + 32), 7)
    with pytest.raises(FormatError, match="not a segment"):
        read_segment_header(flipped(flipped(data, 0), 32), 7)
    with pytest.raises(FormatError, match="not a segment"):
        read_segment_header(bytes(FIRST_OFFSET), 7)


def test_a_header_that_was_cut_off() -> None:
    data = segment_header(7, 3, SALT, is_cold=False)
    for size in range(32):
        with pytest.raises(FormatError, match="incomplete"):
            read_segment_header(data[:size], 7)


def test_a_segment_under_anothers_name() -> None:
    with pytest.raises(FormatError, match="calls itself segment 7"):
        read_segment_header(segment_header(7, 3, SALT, is_cold=False), 8)


def test_a_segment_of_a_later_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form, "VERSION", VERSION + 1)
    data = segment_header(7, 3, SALT, is_cold=False)
    monkeypatch.undo()
    with pytest.raises(UnknownVersion, match=f"version {VERSION + 1}, this release knows") as found:
        read_segment_header(data, 7)
    assert found.value.version == VERSION + 1


# blocks


def test_a_block_comes_back() -> None:
    payload = Random(1).randbytes(1000)
    data = b"before" + make_block(payload, 1 << 40, (1 << 40) - 1, SALT) + b"after"
    found = read_block_header(data, 6)
    assert found == Block(number=1 << 40, synced=(1 << 40) - 1, length=1000, is_last=True)
    assert has_right_checksum(data, 6, 1000, SALT)
    assert data[6 + HEADER_OCTETS :][:1000] == payload
    more = read_block_header(make_block(payload, 5, 4, SALT, is_last=False), 0)
    assert more == Block(number=5, synced=4, length=1000, is_last=False)


def test_any_flipped_bit_is_noticed() -> None:
    data = make_block(b"payload", 5, 4, SALT)
    for at in range(len(data)):
        for bit in range(8):
            damaged = flipped(data, at, bit)
            found = read_block_header(damaged, 0)
            assert found is None or not has_right_checksum(damaged, 0, found.length, SALT)


def test_a_torn_block_is_noticed() -> None:
    data = make_block(Random(1).randbytes(100), 5, 4, SALT)
    for size in range(len(data)):
        for found in (data[:size], data[:size] + bytes(len(data) - size)):
            head = read_block_header(found, 0)
            assert head is None or not has_right_checksum(found, 0, head.length, SALT)


def test_a_publisher_cannot_make_a_block() -> None:
    """Not without the salt, which is never sent anywhere."""
    data = make_block(b"payload", 5, 4, SALT)
    for salt in (0, 1, SALT - 1, SALT ^ 1 << 31):
        assert not has_right_checksum(data, 0, 7, salt)


def test_where_no_block_begins() -> None:
    data = make_block(b"payload", 5, 4, SALT)
    assert read_block_header(data, 1) is None
    assert read_block_header(b"", 0) is None
    assert read_block_header(data, len(data)) is None
    assert read_block_header(bytes(100), 0) is None
    assert read_block_header(BLOCK_MAGIC + bytes(27), 0) is None


# records


def test_the_records_of_a_payload() -> None:
    extras = pack_extras(99, ["hidden"])
    chunks = [
        messages_record(b"one", b"two", seq=7),
        refer_record(0, 1),
        messages_record(b"", seq=9, flags=JUMP | TRANSIENT, extras=extras),
        pack_ranges(SETTLED, 1, [1, 5], [3, 5]),
        refer_record(0, 0, total=2, extras=extras),
        pack_ranges(COUNTED, 1, [4], [2]),
        messages_record(b"x" * 100, flags=MOVED),
    ]
    payload = b"".join(chunks)
    found = list(records(payload))
    assert [payload[record.at : record.end] for record in found] == chunks
    assert [(record.kind, record.total) for record in found] == [
        (MESSAGES, 2),
        (REFER, 1),
        (MESSAGES, 1),
        (SETTLED, 2),
        (REFER, 2),
        (COUNTED, 1),
        (MESSAGES, 1),
    ]
    assert [record.flags for record in found] == [0, 0, JUMP | TRANSIENT | EXTRAS, 0, EXTRAS, 0, 2]
    assert [record.seq for record in found] == [7, 50, 9, 0, 50, 0, 1]
    assert [extras_of(payload, found[at]) for at in (0, 1, 2, 4)] == [b"", b"", extras, extras]
    assert [index_of(payload, found[at]) for at in (1, 4)] == [1, 0]
    assert record_at(payload, found[1].b) == found[0]
    assert list(unpack_ranges(payload, found[3])) == [(1, 3), (5, 5)]
    assert list(unpack_ranges(payload, found[5])) == [(4, 2)]
    bodies_at = found[2].at + RECORD_OCTETS + found[2].a + found[2].b + len(extras)
    assert bodies_at == found[2].end, "its body is empty"


@pytest.mark.parametrize("count", [1, 2, 1000])
def test_ranges_come_back(count: int) -> None:
    random = Random(count)
    pairs = [(random.getrandbits(64), random.getrandbits(64)) for _ in range(count)]
    firsts, lasts = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    payload = pack_ranges(SETTLED, 2**64 - 1, firsts, lasts)
    (record,) = records(payload)
    assert list(unpack_ranges(payload, record)) == pairs
    assert record.queue_id == 2**64 - 1


@pytest.mark.parametrize(
    "extras",
    [
        Extras(0, ("b",)),
        Extras(2**63, ()),
        Extras(5, ("", "k" * 255, "schlüssel", "\udcff")),
    ],
)
def test_extras_come_back(extras: Extras) -> None:
    assert unpack_extras(pack_extras(*extras)) == extras


def test_what_is_no_record() -> None:
    """The block's checksum was right: these are bugs of ours, and must not run on for ever."""
    with pytest.raises(FormatError, match="unknown kind 77 at 0"):
        list(records(pack_record(77, 0, 0, 0, 1, 1, 1)))
    for chunk in (
        messages_record(b"body", extras=pack_extras(1, [])),
        refer_record(0, 0, extras=pack_extras(1, [])),
        pack_ranges(SETTLED, 1, [1], [2]),
    ):
        with pytest.raises(FormatError, match="beyond its block"):
            list(records(chunk[:-1]))


@pytest.mark.parametrize("seed", range(10))
def test_the_records_of_one_queue_are_found_at_once(seed: int) -> None:
    """The same as by looking at all of them, as long as its numbers are in order."""
    random = Random(seed)
    chunks: list[bytes] = []
    following = {1: 1, 2: 100, 3: 7}
    at = source_at = 0
    for _ in range(60):
        queue_id, total = random.choice([1, 1, 2, 3]), random.randrange(1, 4)
        extras = pack_extras(5, ["key"]) if random.random() < 0.3 else b""
        seq = following[queue_id]
        kind = random.randrange(4)
        if kind == 0:
            chunks.append(pack_ranges(random.choice([SETTLED, COUNTED]), queue_id, [1, 5], [3, 9]))
        elif kind == 1 and chunks:
            head = pack_record(REFER, EXTRAS if extras else 0, 0, source_at, queue_id, seq, total)
            chunks.append(head + bytes(4) + extras)
        else:
            source_at = at
            bodies = [random.randbytes(random.choice([0, 5]))] * total
            chunks.append(messages_record(*bodies, queue_id=queue_id, seq=seq, extras=extras))
        if kind:
            following[queue_id] = seq + total + random.choice([0, 0, 3])
        at += len(chunks[-1])
    payload = b"".join(chunks)
    for _ in range(50):
        queue_id = random.choice([1, 2, 3, 4])
        first = random.randrange(1, 130)
        last = first + random.choice([0, 1, 10, 200])
        assert list(records_of(payload, queue_id, first, last)) == [
            record
            for record in records(payload)
            if record.kind in (MESSAGES, REFER)
            and record.queue_id == queue_id
            and record.seq <= last
            and record.seq + record.total > first
        ]


def test_less_than_a_record_is_left() -> None:
    whole = refer_record(0, 0)
    for size in range(1, len(whole)):
        with pytest.raises(FormatError, match=r"cut off|beyond"):
            list(records(whole + whole[:size]))


def test_empty_payloads_have_no_records() -> None:
    assert list(records(b"")) == []


# the format as it is on disks


def test_what_was_written_yesterday_can_be_read_tomorrow() -> None:
    """Octets of version 1: whoever changes them needs a new version, and has to read both."""
    assert VERSION == 1
    assert segment_header(3, 17, SALT, is_cold=True)[:28].hex() == (
        "4c4556455245540a 0100 0100 03000000 1100000000000000 78563412".replace(" ", "")
    )
    payload = messages_record(b"ab", b"cd", queue_id=5, seq=9, extras=pack_extras(258, ["x"]))
    assert payload.hex() == (
        "01 04 0700 0e000000 0500000000000000 0900000000000000 02000000"
        " 026578 036b6579"
        " 003c 0000 0000000000000002 0000"
        " 0e000000 0201000000000000 0178"
        " 6162 6364"
    ).replace(" ", "")
    assert refer_record(16, 1).hex() == (
        "02 00 0000 10000000 0200000000000000 3200000000000000 01000000 01000000"
    ).replace(" ", "")
    assert pack_ranges(SETTLED, 5, [1, 7], [3, 7]).hex() == (
        "03 00 0000 00000000 0500000000000000 0000000000000000 02000000"
        " 0100000000000000 0700000000000000 0300000000000000 0700000000000000"
    ).replace(" ", "")
    block = make_block(b"payload", 17, 16, SALT)
    assert block[:28].hex() == (
        "b1424c4b 07000000 1100000000000000 1000000000000000 00000000"
    ).replace(" ", "")
    crc = crc32(b"payload", crc32(block[:28], SALT))
    assert block[28:] == crc.to_bytes(4, "little") + b"payload"
    assert (BLOCK_OCTETS, FIRST_OFFSET, HEADER_OCTETS) == (65536, 64, 32)
