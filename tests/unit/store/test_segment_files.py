from __future__ import annotations

from collections.abc import Iterator

import pytest

from broker.store.format import FIRST_OFFSET, segment_header
from broker.store.segment_files import COPY_OCTETS, DIRECTORY, REPLACEMENT, SegmentFiles
from tests.support.faulty_disk import FaultyDisk, Kind

Blocks = list[tuple[int, int, bytes]]

HEADER = segment_header(1, 1, 99, is_cold=False)


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk(directories=[DIRECTORY])


@pytest.fixture
def files(disk: FaultyDisk) -> SegmentFiles:
    return SegmentFiles(disk, salt=99)


def commit(
    files: SegmentFiles,
    *blocks: tuple[int, int, bytes],
    new: tuple[int, ...] = (),
    sync: bool = True,
) -> None:
    files.commit(blocks, dict.fromkeys(new, HEADER), sync=sync)


def first(data: bytes) -> tuple[int, int, bytes]:
    """As the first block of segment 1."""
    return 1, FIRST_OFFSET, data


def behind(before: bytes, data: bytes) -> tuple[int, int, bytes]:
    return 1, FIRST_OFFSET + len(before), data


def at_every_end(disk: FaultyDisk, number: int = 1) -> Iterator[bytes]:
    """The segment, after every way in which the power may fail now."""
    for found in disk.extremes():
        yield found.files().get(f"{DIRECTORY}/{number:010}.seg", b"")


def is_safe(disk: FaultyDisk) -> bool:
    """Whether a power loss would change nothing."""
    return all(found.files() == disk.files() for found in disk.extremes())


# writing


def test_a_new_segment_is_there_for_good(files: SegmentFiles, disk: FaultyDisk) -> None:
    commit(files, first(b"block"), new=(1,))
    assert is_safe(disk)
    assert disk.files() == {"log/0000000001.seg": HEADER + b"block"}


def test_blocks_side_by_side_are_one_write_and_a_commit_one_sync(
    files: SegmentFiles, disk: FaultyDisk
) -> None:
    commit(files, first(b"one"), new=(1,))
    disk.counts.clear()
    commit(files, behind(b"one", b"two"), behind(b"onetwo", b"three"))
    assert disk.counts == {"write": 1, "sync": 1}
    assert disk.contents("log/0000000001.seg") == HEADER + b"onetwothree"


def test_the_segments_of_a_commit_are_safe_one_after_another(
    files: SegmentFiles, disk: FaultyDisk
) -> None:
    """A later one is not begun before the earlier ones are whole."""
    commit(files, first(b"one"), new=(1,))
    before = disk.operations
    blocks = [behind(b"one", b"two"), (2, 64, b"x"), behind(b"onetwo", b"three"), (3, 64, b"y")]
    commit(files, *blocks, new=(2, 3))
    kinds = [(operation.kind, operation.path[-5:]) for operation in disk.journal[before:]]
    begun = [at for at, (kind, _) in enumerate(kinds) if kind is Kind.CREATE]
    synced = [at for at, (kind, _) in enumerate(kinds) if kind is Kind.SYNC]
    assert len(synced) == 3
    assert synced[0] < begun[0] < synced[1] < begun[1] < synced[2]
    assert is_safe(disk)


def test_without_sync_it_survives_a_kill_only(files: SegmentFiles, disk: FaultyDisk) -> None:
    commit(files, first(b"block"), new=(1,), sync=False)
    assert disk.counts["sync"] == 0
    assert disk.after_kill().contents("log/0000000001.seg") == HEADER + b"block"
    assert disk.after_power_loss().files() == {}
    files.sync([1])
    assert is_safe(disk)


def test_reading(files: SegmentFiles, disk: FaultyDisk) -> None:
    commit(files, first(b"0123456789"), new=(1,))
    assert files.read(1, 4, FIRST_OFFSET + 2) == b"2345"
    assert files.read(1, 100, FIRST_OFFSET + 8) == b"89"
    files.will_need(1, 100, 0)
    again = SegmentFiles(disk, salt=99)
    assert again.read(1, 4, FIRST_OFFSET) == b"0123"
    with pytest.raises(FileNotFoundError):
        again.read(2, 4, 0)
    files.close()
    again.close()
    assert disk.open_files == []


# attempts that fail


@pytest.mark.parametrize("kind", ["create", "write", "sync", "sync names", "names"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_commit_can_be_repeated(
    files: SegmentFiles, disk: FaultyDisk, kind: str, nth: int
) -> None:
    commit(files, first(b"old"), new=(1,))
    blocks = [behind(b"old", b"new"), (2, FIRST_OFFSET, b"other"), (3, FIRST_OFFSET, b"third")]
    disk.fail(kind, nth=nth)
    for _ in range(2):
        try:
            commit(files, *blocks, new=(2, 3))
        except OSError:
            continue
        break
    assert is_safe(disk)
    assert disk.files() == {
        "log/0000000001.seg": HEADER + b"oldnew",
        "log/0000000002.seg": HEADER + b"other",
        "log/0000000003.seg": HEADER + b"third",
    }


def test_half_a_write_is_written_over(files: SegmentFiles, disk: FaultyDisk) -> None:
    commit(files, first(b"old"), new=(1,))
    disk.fill(after=2)
    with pytest.raises(OSError, match="No space"):
        commit(files, behind(b"old", b"new"))
    assert disk.contents("log/0000000001.seg") == HEADER + b"oldne"
    disk.heal()
    commit(files, behind(b"old", b"new"))
    assert disk.contents("log/0000000001.seg") == HEADER + b"oldnew"


def test_what_is_left_of_an_attempt_before_a_crash(disk: FaultyDisk) -> None:
    disk.open("log/0000000001.seg", create=True).write(b"half a hea", 0)
    files = SegmentFiles(disk, salt=99)
    commit(files, first(b"block"), new=(1,))
    assert disk.contents("log/0000000001.seg") == HEADER + b"block"


# a sync that fails


def test_a_file_that_failed_to_sync_is_replaced_by_a_copy(
    files: SegmentFiles, disk: FaultyDisk
) -> None:
    commit(files, first(b"old"), new=(1,))
    failed = files.open(1)
    disk.fail("sync")
    with pytest.raises(OSError, match="Input/output"):
        commit(files, behind(b"old", b"new"))
    assert HEADER + b"old" in {found[:67] for found in at_every_end(disk)}
    commit(files, behind(b"old", b"new"))
    assert set(at_every_end(disk)) == {HEADER + b"oldnew"}
    assert files.open(1) is not failed
    assert REPLACEMENT not in disk.names(DIRECTORY)
    before = disk.operations
    commit(files, behind(b"oldnew", b"more"))
    inodes = {operation.inode for operation in disk.journal[before:]}
    assert len(inodes) == 1
    assert set(at_every_end(disk)) == {HEADER + b"oldnewmore"}


def test_whoever_reads_the_failed_file_goes_on_reading(
    files: SegmentFiles, disk: FaultyDisk
) -> None:
    commit(files, first(b"old"), new=(1,))
    failed = files.open(1)
    disk.fail("sync")
    with pytest.raises(OSError, match="Input/output"):
        commit(files, behind(b"old", b"new"))
    assert files.read(1, 6, FIRST_OFFSET) == b"oldnew"
    commit(files, behind(b"old", b"new"))
    assert failed.read(6, FIRST_OFFSET) == b"oldnew"
    assert files.read(1, 6, FIRST_OFFSET) == b"oldnew"


def test_a_new_segment_that_failed_to_sync(files: SegmentFiles, disk: FaultyDisk) -> None:
    disk.fail("sync")
    with pytest.raises(OSError, match="Input/output"):
        commit(files, first(b"block"), new=(1,))
    commit(files, first(b"block"), new=(1,))
    assert set(at_every_end(disk)) == {HEADER + b"block"}


def test_syncs_that_go_on_failing(files: SegmentFiles, disk: FaultyDisk) -> None:
    commit(files, first(b"old"), new=(1,))
    disk.fail("sync", times=5)
    for _ in range(5):
        with pytest.raises(OSError, match="Input/output"):
            commit(files, behind(b"old", b"new"))
        assert all(found.startswith(HEADER + b"old") for found in at_every_end(disk))
    commit(files, behind(b"old", b"new"))
    assert set(at_every_end(disk)) == {HEADER + b"oldnew"}


@pytest.mark.parametrize(
    "kind", ["create", "write", "sync", "read", "rename", "sync names", "names"]
)
def test_replacing_may_fail_as_well(files: SegmentFiles, disk: FaultyDisk, kind: str) -> None:
    """Whatever happens on the way, what was safe is found."""
    commit(files, first(b"old"), new=(1,))
    disk.fail("sync")
    with pytest.raises(OSError, match="Input/output"):
        commit(files, behind(b"old", b"new"))
    disk.fail(kind, times=2)
    for _ in range(2):
        with pytest.raises(OSError, match="Input/output"):
            commit(files, behind(b"old", b"new"))
        assert all(found.startswith(HEADER + b"old") for found in at_every_end(disk))
    commit(files, behind(b"old", b"new"))
    assert set(at_every_end(disk)) == {HEADER + b"oldnew"}


def test_at_no_point_of_replacing_is_anything_lost(files: SegmentFiles, disk: FaultyDisk) -> None:
    commit(files, first(b"old"), new=(1,))
    before = disk.operations
    disk.fail("sync")
    with pytest.raises(OSError, match="Input/output"):
        commit(files, behind(b"old", b"new"))
    commit(files, behind(b"old", b"new"))
    for point in range(before, disk.operations + 1):
        for found in disk.extremes(point):
            contents = found.contents("log/0000000001.seg")
            assert contents.startswith(HEADER + b"old"), found.story


def test_a_large_segment_is_copied_piece_by_piece(files: SegmentFiles, disk: FaultyDisk) -> None:
    large = bytes(range(256)) * (COPY_OCTETS // 100)
    commit(files, first(large), new=(1,))
    disk.fail("sync")
    with pytest.raises(OSError, match="Input/output"):
        commit(files, behind(large, b"new"))
    commit(files, behind(large, b"new"))
    assert set(at_every_end(disk)) == {HEADER + large + b"new"}


def test_a_segment_that_cannot_be_copied_whole_is_not_replaced(
    files: SegmentFiles, disk: FaultyDisk
) -> None:
    commit(files, first(b"old"), new=(1,))
    disk.fail("sync")
    with pytest.raises(OSError, match="Input/output"):
        commit(files, behind(b"old", b"new"))
    files.open(1).truncate(FIRST_OFFSET)
    with pytest.raises(OSError, match="shorter than it was"):
        commit(files, behind(b"old", b"new"))
    assert disk.contents("log/0000000001.seg") == HEADER


def test_a_later_sync_does_not_trust_it_either(files: SegmentFiles, disk: FaultyDisk) -> None:
    commit(files, first(b"old"), new=(1,))
    commit(files, behind(b"old", b"new"), sync=False)
    disk.fail("sync")
    with pytest.raises(OSError, match="Input/output"):
        files.sync([1])
    files.sync([1])
    assert set(at_every_end(disk)) == {HEADER + b"oldnew"}


# other files


def test_a_file_is_put_down_whole_or_not_at_all(files: SegmentFiles, disk: FaultyDisk) -> None:
    files.put("checkpoint", b"first")
    before = disk.operations
    files.put("checkpoint", b"second")
    for point in range(before, disk.operations + 1):
        for found in disk.extremes(point):
            assert found.contents("log/checkpoint") in (b"first", b"second"), found.story
    assert is_safe(disk)
    assert disk.files() == {"log/checkpoint": b"second"}


@pytest.mark.parametrize("kind", ["create", "write", "sync", "rename", "sync names"])
def test_putting_can_be_repeated(files: SegmentFiles, disk: FaultyDisk, kind: str) -> None:
    files.put("checkpoint", b"first")
    disk.fail(kind)
    with pytest.raises(OSError, match="Input/output"):
        files.put("checkpoint", b"second")
    files.put("checkpoint", b"second")
    assert is_safe(disk)
    assert disk.files() == {"log/checkpoint": b"second"}
    assert disk.open_files == []


# removing


def test_segments_are_removed_and_closed(files: SegmentFiles, disk: FaultyDisk) -> None:
    for number in (1, 2, 3):
        commit(files, (number, FIRST_OFFSET, b"x"), new=(number,))
    files.remove([1, 3])
    files.remove([1, 3, 4])  # again, after an error behind it
    files.remove([])
    assert disk.names(DIRECTORY) == ["0000000002.seg"]
    assert disk.open_files == ["log/0000000002.seg"]


def test_removing_can_be_repeated(files: SegmentFiles, disk: FaultyDisk) -> None:
    for number in (1, 2, 3):
        commit(files, (number, FIRST_OFFSET, b"x"), new=(number,))
    disk.fail("remove", nth=2)
    with pytest.raises(OSError, match="Input/output"):
        files.remove([1, 2, 3])
    files.remove([1, 2, 3])
    assert disk.names(DIRECTORY) == []


def test_closing_leaves_nothing_open(files: SegmentFiles, disk: FaultyDisk) -> None:
    for number in (1, 2, 3):
        commit(files, (number, FIRST_OFFSET, b"x"), new=(number,))
    files.read(2, 1, 0)
    files.close()
    assert disk.open_files == []
