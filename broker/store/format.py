"""The octets of the log. Everything is little-endian but what came from the wire.

A log is a row of segments, files of some tens of megabytes: `log/0000000001.seg`, ….

    segment   ┌ magic 8 │ version u16 │ flags u16 │ number u32 │ first block u64 │ salt │ crc ┐ 32
              │ the same once more │ block │ block │ block │ …                                │

    block     ┌ magic 4 │ length u32 │ number u64 │ synced u64 │ flags u32 │ crc u32 ┐ 32
              │ record │ record │ …                                                   │ length

Segments are hot or cold (flag COLD): what comes in goes to a hot one, what was rewritten from an
older segment to a cold one. Both are written to in turn, and blocks are numbered over both.

A block is what one commit added, cut at about BLOCK_OCTETS: the unit of checksum, of torn writes
and of reading back. number: grows by one from block to block over the whole log. synced: the
number of the last block that was known to be on the medium when this one was made; it tells a
block that was lost from one that never was promised. flags: CONTINUED, the next block belongs to
the same commit: without it this one does not count. crc: CRC-32 of the header's first 28 octets
and the payload, begun with the log's salt, a random number: after damage blocks are looked for, and
no publisher can put one into a body.

    record    kind u8 │ flags u8 │ a u16 │ b u32 │ queue u64 │ seq u64 │ count u32   = 28, then:

    MESSAGES  a: octets of the address, b: of the content header. address (exchange and routing key
              as short strings) │ content header │ [extras] │ count bodies, all of the size that
              the content header gives. They have the sequence numbers seq, seq + 1, … in the queue
    REFER     The same messages in one more queue. b: where in this block's payload their MESSAGES
              record is. index u32: the first of them that is meant │ [extras]
    SETTLED   count ranges of sequence numbers that are done with: count firsts u64 │ count lasts
    COUNTED   count sequence numbers u64 │ how often each has been delivered u64: for queues with a
              delivery limit

    extras    length u32 │ deadline u64 (ms since the epoch, 0: none) │ blind keys as short strings

Sequence numbers are the queue's own (see queues/queue.py). Flags of MESSAGES and REFER: TRANSIENT
(only paged out: forgotten at start), MOVED (rewritten from an older segment: takes the place of
what was there), EXTRAS, JUMP (the queue's numbers before this one were left out on purpose; where
they are missing without it, messages have been lost).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from struct import Struct
from struct import error as StructError  # noqa: N812 - a class
from typing import NamedTuple
from zlib import crc32

from broker.amqp.wire import encode_shortstr

VERSION = 1
SEGMENT_MAGIC = b"LEVERET\n"
BLOCK_MAGIC = b"\xb1BLK"
SEGMENT_HEADER = Struct("<8sHHIQII")
BLOCK_HEADER = Struct("<4sIQQII")
RECORD = Struct("<BBHIQQI")
BLOCK_OCTETS = 64 * 1024
HEADER_OCTETS = 32  # of a block
FIRST_OFFSET = 64  # of the first block in a segment
RECORD_OCTETS = RECORD.size

MESSAGES, REFER, SETTLED, COUNTED = 1, 2, 3, 4
TRANSIENT, MOVED, EXTRAS, JUMP = 1, 2, 4, 8
COLD = 1  # flag of a segment
CONTINUED = 1  # flag of a block

assert SEGMENT_HEADER.size == BLOCK_HEADER.size == HEADER_OCTETS

pack_record: Callable[..., bytes] = RECORD.pack
unpack_record: Callable[[bytes, int], tuple[int, int, int, int, int, int, int]] = RECORD.unpack_from
_pack_u32 = Struct("<I").pack
_unpack_u32: Callable[[bytes, int], tuple[int]] = Struct("<I").unpack_from
_EXTRAS = Struct("<IQ")


class FormatError(ValueError):
    """These octets are not what this module writes."""


class Block(NamedTuple):
    """A block's header. length: of the payload, in octets. is_last: of its commit."""

    number: int
    synced: int
    length: int
    is_last: bool


class SegmentHeader(NamedTuple):
    """The header of a segment."""

    first_block: int
    salt: int
    is_cold: bool


class Record(NamedTuple):
    """One record of a payload. total: messages or ranges. at: its offset; end: the next one's."""

    kind: int
    flags: int
    a: int
    b: int
    queue_id: int
    seq: int
    total: int
    at: int
    end: int


class Extras(NamedTuple):
    """What few messages have. deadline_ms: since the epoch; 0: none."""

    deadline_ms: int
    blind_keys: tuple[str, ...]


def segment_name(number: int) -> str:
    return f"{number:010d}.seg"


def segment_number(name: str) -> int | None:
    """None: the name is not a segment's."""
    stem, dot, suffix = name.partition(".")
    return int(stem) if dot and suffix == "seg" and stem.isdecimal() else None


def segment_header(number: int, first_block: int, salt: int, *, is_cold: bool) -> bytes:
    flags = COLD if is_cold else 0
    head = SEGMENT_HEADER.pack(SEGMENT_MAGIC, VERSION, flags, number, first_block, salt, 0)[:28]
    return 2 * (head + _pack_u32(crc32(head)))


def read_segment_header(data: bytes, number: int) -> SegmentHeader:
    """number: of the segment. Raises: FormatError, or UnknownVersion for one that a later release
    wrote."""
    if crc32(data[:28]) != int.from_bytes(data[28:32], "little"):
        data = data[32:]  # the second copy
    if len(data) < 32:
        raise FormatError("the header is incomplete")
    magic, version, flags, found, first_block, salt, crc = SEGMENT_HEADER.unpack_from(data)
    if magic != SEGMENT_MAGIC:
        raise FormatError("not a segment of the log")
    if crc != crc32(data[:28]):
        raise FormatError("the header's checksum is wrong")
    if version > VERSION:
        raise UnknownVersion(version)
    if found != number:
        raise FormatError(f"the file calls itself segment {found}")
    return SegmentHeader(first_block, salt, bool(flags & COLD))


class UnknownVersion(Exception):  # noqa: N818 - says what is wrong
    """The log was written by a later release."""

    def __init__(self, version: int):
        super().__init__(f"format version {version}, this release knows {VERSION}")
        self.version = version


def make_block(
    payload: bytes, number: int, synced: int, salt: int, *, is_last: bool = True
) -> bytes:
    """The octets of a block: header and payload. is_last: of its commit."""
    flags = 0 if is_last else CONTINUED
    head = BLOCK_HEADER.pack(BLOCK_MAGIC, len(payload), number, synced, flags, 0)[:28]
    return head + _pack_u32(crc32(payload, crc32(head, salt))) + payload


def read_block_header(data: bytes, at: int) -> Block | None:
    """The header of a block that may begin there; None: none does, or it is cut off."""
    if len(data) - at < HEADER_OCTETS or data[at : at + 4] != BLOCK_MAGIC:
        return None
    _, length, number, synced, flags, _ = BLOCK_HEADER.unpack_from(data, at)
    return Block(number, synced, length, not flags & CONTINUED)


def has_right_checksum(data: bytes, at: int, length: int, salt: int) -> bool:
    """Whether the block at `at`, whose payload has `length` octets, is as it was written."""
    end = at + HEADER_OCTETS + length
    if end > len(data):
        return False
    view = memoryview(data)
    crc = crc32(view[at + HEADER_OCTETS : end], crc32(view[at : at + 28], salt))
    return bool(crc == _unpack_u32(data, at + 28)[0])


def pack_extras(deadline_ms: int, blind_keys: Sequence[str]) -> bytes:
    keys = b"".join(encode_shortstr(key) for key in blind_keys)
    return _EXTRAS.pack(len(keys) + _EXTRAS.size, deadline_ms) + keys


def unpack_extras(data: bytes) -> Extras:
    _, deadline_ms = _EXTRAS.unpack_from(data)
    at = _EXTRAS.size
    keys = []
    while at < len(data):
        size = data[at]
        keys.append(data[at + 1 : at + 1 + size].decode("utf-8", "surrogateescape"))
        at += 1 + size
    return Extras(deadline_ms, tuple(keys))


def pack_ranges(kind: int, queue_id: int, firsts: Sequence[int], lasts: Sequence[int]) -> bytes:
    """SETTLED, or COUNTED with sequence numbers and counts."""
    count = len(firsts)
    return pack_record(kind, 0, 0, 0, queue_id, 0, count) + Struct(f"<{2 * count}Q").pack(
        *firsts, *lasts
    )


def unpack_ranges(data: bytes, record: Record) -> Iterator[tuple[int, int]]:
    count = record.total
    numbers = Struct(f"<{2 * count}Q").unpack_from(data, record.at + RECORD_OCTETS)
    return zip(numbers[:count], numbers[count:], strict=True)


def record_at(payload: bytes, at: int) -> Record:
    """The record at an offset of a block whose checksum was right. Raises: FormatError."""
    end = at + RECORD_OCTETS
    if end > len(payload):
        raise FormatError(f"record at {at} reaches beyond its block")
    kind, flags, a, b, queue_id, seq, count = unpack_record(payload, at)
    if kind == MESSAGES:
        header_at = end + a
        end = header_at + b
        body_size = int.from_bytes(payload[header_at + 4 : header_at + 12], "big")
        if flags & EXTRAS:
            end += _unpack_u32(payload, end)[0]
        end += count * body_size
    elif kind == REFER:
        end += 4
        if flags & EXTRAS:
            end += _unpack_u32(payload, end)[0]
    elif kind in (SETTLED, COUNTED):
        end += 16 * count
    else:
        raise FormatError(f"record of unknown kind {kind} at {at}")
    if end > len(payload):
        raise FormatError(f"record at {at} reaches beyond its block")
    return Record(kind, flags, a, b, queue_id, seq, count, at, end)


def records(payload: bytes) -> Iterator[Record]:
    """The records of a block whose checksum was right. Raises: FormatError."""
    at, size = 0, len(payload)
    try:
        while at < size:
            record = record_at(payload, at)
            yield record
            at = record.end
    except StructError:
        raise FormatError(f"record at {at} is cut off") from None


def records_of(payload: bytes, queue_id: int, first: int, last: int) -> Iterator[Record]:
    """The MESSAGES and REFER records that have a queue's messages from first to last.

    The same as looking through `records`, at less cost: a block holds messages of many queues.
    """
    at, size = 0, len(payload)
    while at < size:
        kind, flags, a, b, record_queue_id, seq, total = unpack_record(payload, at)
        end = at + RECORD_OCTETS
        if kind == MESSAGES:
            end += a + b
            if flags & EXTRAS:
                end += _unpack_u32(payload, end)[0]
            size_at = at + RECORD_OCTETS + a + 4
            end += total * int.from_bytes(payload[size_at : size_at + 8], "big")
        elif kind == REFER:
            end += 4
            if flags & EXTRAS:
                end += _unpack_u32(payload, end)[0]
        else:
            at = end + 16 * total
            continue
        if record_queue_id == queue_id and seq <= last and seq + total > first:
            yield Record(kind, flags, a, b, queue_id, seq, total, at, end)
            if seq + total > last:
                return
        at = end


def index_of(payload: bytes, record: Record) -> int:
    """Which message of its MESSAGES record a REFER record begins with."""
    at = record.at + RECORD_OCTETS
    return int.from_bytes(payload[at : at + 4], "little")


def extras_of(payload: bytes, record: Record) -> bytes:
    """The extras of a MESSAGES or REFER record as they stand there; empty: it has none."""
    if not record.flags & EXTRAS:
        return b""
    at = record.at + RECORD_OCTETS
    at += 4 if record.kind == REFER else record.a + record.b
    return payload[at : at + _unpack_u32(payload, at)[0]]
