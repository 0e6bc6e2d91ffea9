"""Reading back: the right messages of the right queue, and nothing that is damaged."""

from __future__ import annotations

import errno
import logging

import pytest

from broker.message import Message
from broker.seams import MAYBE_DELIVERED, Kept
from broker.store.commit_log import CommitLog
from broker.store.format import BLOCK_OCTETS, HEADER_OCTETS
from broker.store.queue_log import QueueLog
from broker.store.reader import CACHE_BLOCKS, READ_AHEAD_OCTETS, Reader
from broker.store.segment_files import SegmentFiles
from broker.store.space import Segment, Space
from tests.support.faulty_disk import FaultyDisk
from tests.support.kept import commit, envelope, keep, messages, reopened, share

SEGMENT = "log/0000000001.seg"


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk()


@pytest.fixture
def log(disk: FaultyDisk) -> CommitLog:
    return reopened(disk)


@pytest.fixture
def queue(log: CommitLog) -> QueueLog:
    return log.open_queue(1, 1, is_durable=True)


def read(queue: QueueLog, first: int = 1, last: int = 1000) -> list[Kept]:
    """What a queue's only block gives."""
    (block,) = set(queue.blocks)
    found = queue.log.read(queue, block, first, last)
    assert found is not None
    return found


def bodies(found: list[Kept]) -> dict[int, str]:
    return {kept.seq: kept.message.body.decode() for kept in found}


# which messages


@pytest.mark.parametrize("is_committed", [True, False])
@pytest.mark.parametrize(
    ("first", "last", "wanted"),
    [(1, 9, "abcdefghi"), (1, 1, "a"), (9, 9, "i"), (3, 4, "cd"), (4, 8, "defgh"), (10, 20, "")],
)
def test_those_of_a_range(
    log: CommitLog, queue: QueueLog, is_committed: bool, first: int, last: int, wanted: str
) -> None:
    """Records of any length, of which it may want a part."""
    keep(queue, *"abc")
    keep(queue, "d")
    keep(queue, *"efghi")
    if is_committed:
        commit(log)
    found = bodies(read(queue, first, last))
    assert found == dict(enumerate(wanted, first))


def test_those_of_one_queue(log: CommitLog, queue: QueueLog) -> None:
    """In a block in which others have theirs, with the same numbers."""
    other = log.open_queue(2, 1, is_durable=True)
    keep(queue, *"ab")
    keep(other, *"xyz")
    share([queue, other], *"ST")
    keep(other, "w")
    keep(queue, "c")
    commit(log)
    assert list(bodies(read(queue)).values()) == list("abSTc")
    assert list(bodies(read(other)).values()) == list("xyzSTw")


def test_a_part_of_what_is_shared(log: CommitLog, queue: QueueLog) -> None:
    """By a queue that refers to it, from anywhere on."""
    other = log.open_queue(2, 11, is_durable=True)
    share([queue, other], *"abcde")
    commit(log)
    assert bodies(read(other, 13, 14)) == {13: "c", 14: "d"}
    other.settle(13)
    commit(log)
    assert bodies(read(other, 12, 15)) == {12: "b", 14: "d", 15: "e"}


def test_those_that_are_not_settled(log: CommitLog, queue: QueueLog) -> None:
    """As far as that was written down; what is below the floor is forgotten, and settled."""
    keep(queue, *"abcdefgh")
    commit(log)
    queue.settle_all([3, 4, 6])
    assert len(read(queue)) == 8
    commit(log)
    assert bodies(read(queue)) == {1: "a", 2: "b", 5: "e", 7: "g", 8: "h"}
    queue.settle_all([1, 2])
    commit(log)
    assert queue.floor == 5
    assert bodies(read(queue)) == {5: "e", 7: "g", 8: "h"}


def test_in_the_order_of_their_numbers(disk: FaultyDisk) -> None:
    """What was rewritten stands in the order in which it was found."""
    log = reopened(disk, segment_octets=400)
    first, second = (log.open_queue(number, 1, is_durable=True) for number in (1, 2))
    share([first, second], *"ab")
    keep(second, "x")
    share([second, first], *"cd")
    commit(log)
    second.settle_all([1, 2, 3])
    commit(log)
    (block,) = set(first.blocks)
    payload = log.payload(block)
    assert payload is not None
    log.cleaner._move(block, payload)
    commit(log)
    assert set(first.blocks) != {block}
    assert bodies(read(first)) == dict(enumerate("abcd", 1))
    assert bodies(read(second)) == {4: "c", 5: "d"}


# what they had


def test_how_often_they_were_delivered(log: CommitLog, queue: QueueLog) -> None:
    keep(queue, *"abcd")
    queue.hand_out([1, 2], None)
    queue.hand_out([3], 4)
    commit(log)
    assert [kept.delivery_count for kept in read(queue)] == [1, 1, 5, 0]


def test_where_every_delivery_is_counted_the_others_may_have_been_delivered(
    log: CommitLog, queue: QueueLog
) -> None:
    """Nobody has said that they were, but after a crash that does not mean much."""
    keep(queue, *"abcd")
    queue.hand_out([1], 0)
    queue.hand_out([2], 1)
    commit(log)
    queue.is_counting = True
    queue.delivered.add(3, 3)
    assert [kept.delivery_count for kept in read(queue)] == [1, 2, MAYBE_DELIVERED, 0]


def test_each_record_has_its_own_extras(log: CommitLog, queue: QueueLog) -> None:
    other = log.open_queue(2, 1, is_durable=True)
    third = log.open_queue(3, 1, is_durable=True)
    secret = envelope(1)
    secret.blind_keys = ("hidden",)
    message = Message(secret, b"x")
    queue.keep([message], message, persistent=True, deadline_ms=5)
    other.keep([message], message, persistent=True, deadline_ms=7)
    third.keep([message], message, persistent=False)
    keep(queue, "y")
    commit(log)
    found = [*read(queue), *read(other), *read(third)]
    assert [kept.deadline_ms for kept in found] == [5, 0, 7, 0]
    blind_keys = [kept.message.envelope.blind_keys for kept in found]
    assert blind_keys == [("hidden",), (), ("hidden",), ("hidden",)]


def test_envelopes_are_shared_as_long_as_they_are_the_same(log: CommitLog, queue: QueueLog) -> None:
    keep(queue, *"ab")
    keep(queue, "long")
    for body in messages("c", routing_key="other"):
        queue.keep([body], body, persistent=True)
    commit(log)
    one, two, long, other = (kept.message.envelope for kept in read(queue))
    assert one is two
    assert (one.routing_key, other.routing_key) == ("key", "other")
    assert (one.body_size, long.body_size) == (1, 4)
    assert long.header != one.header == other.header


# blocks


def test_what_is_not_written_is_in_memory(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk
) -> None:
    keep(queue, "a")
    assert bodies(read(queue)) == {1: "a"}
    batch = log.begin()
    disk.fail("read", times=None)
    assert bodies(read(queue)) == {1: "a"}
    batch.write(log.files, sync=True)
    log.finish()
    with pytest.raises(OSError, match=r".") as raised:
        read(queue)
    assert raised.value.errno == errno.EIO


def test_an_ordinary_block_is_one_read(log: CommitLog, queue: QueueLog, disk: FaultyDisk) -> None:
    keep(queue, "x" * BLOCK_OCTETS)
    commit(log)
    keep(queue, "y")
    commit(log)
    before = disk.counts["read"]
    assert log.payload(queue.blocks[0]) is not None
    assert disk.counts["read"] == before + 1


def test_a_large_block_is_two(log: CommitLog, queue: QueueLog, disk: FaultyDisk) -> None:
    body = bytes(range(256)) * (BLOCK_OCTETS // 64)
    message = Message(envelope(len(body)), body)
    queue.keep([message], message, persistent=True)
    commit(log)
    before = disk.counts["read"]
    assert [kept.message.body for kept in read(queue)] == [body]
    assert disk.counts["read"] == before + 2


@pytest.mark.parametrize(
    "at", [0, 3, 4, 7, 8, 16, 24, 28, 31, 32, 100], ids=lambda at: f"octet {at}"
)
def test_damage_is_said_and_nothing_else(
    log: CommitLog,
    queue: QueueLog,
    disk: FaultyDisk,
    caplog: pytest.LogCaptureFixture,
    at: int,
) -> None:
    """Wherever in the block; what is behind its end is not read for it."""
    keep(queue, "x" * 100)
    commit(log)
    (block,) = queue.blocks
    disk.flip(SEGMENT, (block & 0xFFFF_FFFF) + at)
    with caplog.at_level(logging.ERROR):
        assert log.read(queue, block, 1, 1) is None
    (record,) = caplog.records
    assert record.getMessage() == "a block is damaged, segment=1 offset=64"
    assert log.read(queue, block, 1, 1) is None, "it is not remembered as anything"


@pytest.mark.parametrize("bit", range(8))
def test_a_length_that_is_damaged_is_not_believed(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk, bit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could say 4 GiB."""
    keep(queue, "x" * 100)
    commit(log)
    (block,) = queue.blocks
    disk.flip(SEGMENT, (block & 0xFFFF_FFFF) + 7, bit)
    sizes: list[int] = []
    original = SegmentFiles.read

    def noting(files: SegmentFiles, number: int, size: int, offset: int) -> bytes:
        sizes.append(size)
        return original(files, number, size, offset)

    monkeypatch.setattr(SegmentFiles, "read", noting)
    assert log.payload(block) is None
    assert max(sizes) < 2 * BLOCK_OCTETS


def test_a_block_of_another_log_is_none_of_ours(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk
) -> None:
    keep(queue, "x")
    commit(log)
    log.files.salt += 1
    assert log.payload(queue.blocks[0]) is None


@pytest.mark.parametrize("offset", [0, 65, 100_000])
def test_where_no_block_begins(log: CommitLog, queue: QueueLog, offset: int) -> None:
    keep(queue, "x")
    commit(log)
    assert log.payload(1 << 32 | offset) is None


def test_a_file_that_is_gone(log: CommitLog, queue: QueueLog, disk: FaultyDisk) -> None:
    """That is no damage: it may be the system, out of descriptors."""
    keep(queue, "x")
    commit(log)
    log.files.close()
    disk.fail("open", error=errno.EMFILE)
    with pytest.raises(OSError, match=r".") as raised:
        log.payload(queue.blocks[0])
    assert raised.value.errno == errno.EMFILE
    assert log.payload(queue.blocks[0]) is not None


# what was read lately


def test_the_oldest_is_forgotten_first(log: CommitLog, queue: QueueLog, disk: FaultyDisk) -> None:
    for number in range(CACHE_BLOCKS + 1):
        keep(queue, f"{number:02}")
        commit(log)

    def reads(index: int) -> int:
        before = disk.counts["read"]
        assert log.payload(queue.blocks[index]) is not None
        return disk.counts["read"] - before

    assert [reads(index) for index in range(CACHE_BLOCKS)] == [1] * CACHE_BLOCKS
    assert [reads(index) for index in range(CACHE_BLOCKS)] == [0] * CACHE_BLOCKS
    assert reads(CACHE_BLOCKS) == 1
    assert reads(1) == 0
    assert reads(0) == 1
    assert reads(1) == 1


def test_large_ones_are_not_remembered(log: CommitLog, queue: QueueLog, disk: FaultyDisk) -> None:
    body = b"x" * (4 * BLOCK_OCTETS)
    for _ in range(2):
        message = Message(envelope(len(body)), body)
        queue.keep([message], message, persistent=True)
        commit(log)
    for _ in range(2):
        before = disk.counts["read"]
        assert log.payload(queue.blocks[0]) is not None
        assert disk.counts["read"] > before
    assert log.reader._cache == {}


def test_segments_that_go_are_forgotten(disk: FaultyDisk) -> None:
    log = reopened(disk, segment_octets=200)
    queue = log.open_queue(1, 1, is_durable=True)
    for body in "abc":
        keep(queue, body * 200)
        commit(log)
    for block in queue.blocks:
        assert log.payload(block) is not None
    reader = log.reader
    reader.forget([2])
    assert {block >> 32 for block in reader._cache} == {1, 3}
    reader.forget([])
    reader.forget([1, 3, 4])
    assert reader._cache == {}


# reading ahead


class Hinted:
    """A reader of files that write down which hints they are given."""

    def __init__(self) -> None:
        self.unwritten: dict[int, bytes] = {}
        self.hints: list[tuple[int, int, int]] = []  # segment, MiB, size
        self.error: OSError | None = None
        files = SegmentFiles(FaultyDisk(), salt=1)
        files.will_need = self._will_need  # type: ignore[method-assign]
        space = Space(1 << 30)
        space.resume([Segment(number, 1, 1 << 30) for number in (1, 2)])
        self._reader = Reader(files, space, self.unwritten)

    def _will_need(self, number: int, size: int, offset: int) -> None:
        assert offset % READ_AHEAD_OCTETS == 0
        self.hints.append((number, offset // READ_AHEAD_OCTETS, size))
        if self.error is not None:
            raise self.error

    def reads(self, segment: int, offset: int, ahead: tuple[int, int] | None) -> None:
        """A block was read; ahead: where the next one lies."""
        following = None if ahead is None else ahead[0] << 32 | ahead[1]
        self._reader.read_ahead(segment << 32 | offset, following)


@pytest.fixture
def hinted() -> Hinted:
    return Hinted()


STEP = READ_AHEAD_OCTETS


def test_one_hint_for_a_stretch(hinted: Hinted) -> None:
    block = 64 * 1024 + HEADER_OCTETS
    offsets = range(2 * STEP + 64, 5 * STEP, block)
    for offset in offsets:
        hinted.reads(1, offset, (1, offset + block))
    assert hinted.hints == [(1, 3, 2 * STEP), (1, 4, 2 * STEP), (1, 5, 2 * STEP)]


def test_the_beginning_of_a_segment_is_hinted_at(hinted: Hinted) -> None:
    hinted.reads(1, 64, (1, 70_000))
    assert hinted.hints == [(1, 0, 2 * STEP)]


def test_the_next_segment_too(hinted: Hinted) -> None:
    hinted.reads(1, 5 * STEP + 7, (2, 64))
    hinted.reads(1, 5 * STEP + 7, (2, 5 * STEP + 70_000))
    assert hinted.hints == [(2, 0, 2 * STEP), (2, 5, 2 * STEP)]


def test_nothing_is_hinted_at_where_there_is_nothing_to_read(hinted: Hinted) -> None:
    hinted.reads(1, 64, None)
    hinted.unwritten[1 << 32 | STEP] = b"in memory"
    hinted.reads(1, 64, (1, STEP))
    assert hinted.hints == []


def test_a_hint_that_fails_is_no_error(hinted: Hinted) -> None:
    hinted.error = OSError(errno.EMFILE, "too many")
    hinted.reads(1, 64, (1, STEP))
    assert len(hinted.hints) == 1
