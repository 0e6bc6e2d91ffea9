"""A test, or a few, for every row of the table at the top of broker/store/recovery.py."""

from __future__ import annotations

import logging
from random import Random

import pytest

from broker.store import format as form
from broker.store import recovery as module
from broker.store.commit_log import CommitLog
from broker.store.errors import StoreTooNew
from broker.store.findings import Gap
from broker.store.format import (
    BLOCK_MAGIC,
    FIRST_OFFSET,
    HEADER_OCTETS,
    make_block,
    read_block_header,
    segment_header,
    segment_name,
)
from broker.store.queue_log import QueueLog
from broker.store.ranges import RangeSet
from broker.store.recovery import Recovery
from broker.store.segment_files import SegmentFiles
from broker.store.store import close_log, open_log
from tests.support.faulty_disk import FaultyDisk
from tests.support.kept import bodies_of, commit, keep, live_in, opened, reopened, share

SIZE = 400  # of a segment: two or three blocks


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk()


@pytest.fixture
def log(disk: FaultyDisk) -> CommitLog:
    return reopened(disk, segment_octets=SIZE)


@pytest.fixture
def queue(log: CommitLog) -> QueueLog:
    return log.open_queue(1, 1, is_durable=True)


def publish(queue: QueueLog, *names: str) -> list[str]:
    """A commit, and so a block, for each of them. Returns: the bodies."""
    bodies = [name.ljust(60, ".") for name in names]
    for body in bodies:
        keep(queue, body)
        commit(queue.log)
    return bodies


def names_in(log: CommitLog, queue_id: int = 1) -> list[str]:
    return [body.rstrip(".") for body in bodies_of(log, queue_id)]


def blocks_on(disk: FaultyDisk) -> dict[int, tuple[str, int, int]]:
    """Number → path, where it begins and where it ends."""
    found = {}
    for path, data in disk.files().items():
        at = FIRST_OFFSET
        while path.endswith(".seg") and (header := read_block_header(data, at)) is not None:
            end = at + HEADER_OCTETS + header.length
            found[header.number] = (path, at, end)
            at = end
    return found


def without(disk: FaultyDisk, *numbers: int) -> FaultyDisk:
    """With zeros where these blocks are."""
    files = disk.files()
    blocks = blocks_on(disk)
    for number in numbers:
        path, at, end = blocks[number]
        files[path] = files[path][:at] + bytes(end - at) + files[path][end:]
    return FaultyDisk(files)


def changed(disk: FaultyDisk, path: str, data: bytes | None) -> FaultyDisk:
    """With another file in the place of one; None: with none."""
    files = disk.files()
    if data is None:
        del files[path]
    else:
        files[path] = data
    return FaultyDisk(files)


def is_stable(disk: FaultyDisk, wanted: list[str]) -> bool:
    """What one start has found, another finds as well, and it can be gone on with."""
    for found in (disk.after_kill(), disk.after_power_loss()):
        log, report = opened(found, segment_octets=SIZE)
        if names_in(log) != wanted or report.gaps or report.problems:
            return False
        queue = log.queues.get(1) or log.open_queue(1, 1, is_durable=True)
        assert isinstance(queue, QueueLog)
        queue.check_invariants()
        publish(queue, "more")
        again, report = opened(found.after_power_loss())
        if names_in(again) != [*wanted, "more"] or report.gaps or report.problems:
            return False
    return True


# a log as it should be


def test_nothing_is_found_where_there_is_nothing(disk: FaultyDisk) -> None:
    log, report = opened(disk)
    assert report.last_block == report.blocks == 0
    assert (report.cut, report.gaps, report.lost, report.removed, report.problems) == (
        {},
        [],
        {},
        [],
        [],
    )
    assert (log.queues, log.next_block) == ({}, 1)


def test_everything_is_found_after_a_kill(
    queue: QueueLog, disk: FaultyDisk, log: CommitLog
) -> None:
    publish(queue, *"abcdef")
    queue.settle_all([2, 5])
    commit(log)
    found, report = opened(disk.after_kill())
    assert names_in(found) == ["a", "c", "d", "f"]
    assert report.last_block == 7
    assert report.blocks == 6, "the checkpoint has the first"
    assert (report.cut, report.gaps, report.lost, report.removed, report.problems) == (
        {},
        [],
        {},
        [],
        [],
    )
    assert found.next_block == 8
    assert is_stable(disk, ["a", "c", "d", "f"])


def test_after_a_clean_stop_there_is_nothing_to_read(
    queue: QueueLog, disk: FaultyDisk, log: CommitLog
) -> None:
    publish(queue, *"abcd")
    queue.hand_out([2], 0)
    queue.settle(3)
    commit(log)
    close_log(log)
    found, report = opened(disk.after_kill())
    assert report.is_clean
    assert (report.blocks, report.checkpoint_block) == (0, 5)
    deliveries = [(kept.seq, kept.delivery_count) for kept in live_in(found.queues[1])]
    assert deliveries == [(1, 0), (2, 1), (4, 0)]
    _, report = opened(found.files.disk)
    assert not report.is_clean, "a clean stop counts once"


def test_after_anything_else_every_message_may_have_been_delivered(
    queue: QueueLog, disk: FaultyDisk
) -> None:
    publish(queue, *"abc")
    found, report = opened(disk.after_kill())
    assert not report.is_clean
    assert [kept.delivery_count for kept in live_in(found.queues[1])] == [1, 1, 1]
    found.queues[1].settle(1)
    commit(found)
    close_log(found)
    found, report = opened(found.files.disk)
    assert report.is_clean
    assert [kept.delivery_count for kept in live_in(found.queues[1])] == [1, 1]


def test_the_numbers_go_on(queue: QueueLog, disk: FaultyDisk, log: CommitLog) -> None:
    publish(queue, *"abc")
    queue.settle_all(range(1, 4))
    commit(log)
    found = reopened(disk.after_kill())
    assert found.queues[1].next_seq == 4
    assert found.queues[1].live_count == 0
    assert keep(found.queues[1], "d") == range(4, 5)


# the unfinished commit of a crash


def test_a_commit_that_was_cut_short(queue: QueueLog, disk: FaultyDisk, log: CommitLog) -> None:
    publish(queue, *"ab")
    before = disk.operations
    keep(queue, "c" * 60)
    batch = log.begin()
    begins = batch.blocks[0][1]
    batch.write(log.files, sync=True)
    size = len(disk.journal[before].data)
    for torn in range(size):
        found = disk.after_kill(before + 1, torn=torn)
        again, report = opened(found)
        assert names_in(again) == ["a", "b"]
        assert report.cut == ({1: torn} if torn else {})
        assert (report.gaps, report.lost, report.problems) == ([], {}, [])
        assert len(found.contents("log/0000000001.seg")) == begins
    assert is_stable(disk.after_kill(before + 1, torn=size // 2), ["a", "b"])


def test_something_that_is_no_block(queue: QueueLog, disk: FaultyDisk) -> None:
    publish(queue, *"ab")
    path = "log/0000000001.seg"
    whole = disk.contents(path)
    random = Random(1)
    for rest in (b"x", bytes(5000), BLOCK_MAGIC, 50 * BLOCK_MAGIC, random.randbytes(3000)):
        found = changed(disk, path, whole + rest)
        log, report = opened(found)
        assert names_in(log) == ["a", "b"]
        assert report.cut == {1: len(rest)}
        assert (report.gaps, report.problems) == ([], [])
        assert found.contents(path) == whole


def test_a_block_that_somebody_published(queue: QueueLog, disk: FaultyDisk) -> None:
    """Blocks are looked for behind damage; one in a message's body has the wrong salt."""
    publish(queue, "a")
    fake = make_block(b"", 3, 2, salt=0x5EED)
    keep(queue, "b" * 10)
    keep(queue, fake.decode("latin-1"))
    commit(queue.log)
    _, at, end = blocks_on(disk)[2]
    path = "log/0000000001.seg"
    torn = disk.contents(path)
    torn = torn[:at] + bytes([torn[at] ^ 1]) + torn[at + 1 : end]
    log, report = opened(changed(disk, path, torn))
    assert names_in(log) == ["a"]
    assert report.last_block == 1


def unsynced(queue: QueueLog, count: int) -> None:
    """That many commits of a block each, written and never synced."""
    log = queue.log
    for number in range(count):
        keep(queue, f"u{number}".ljust(60, "."))
        log.begin().write(log.files, sync=False)
        log.finish(is_synced=False)


def unfinished(queue: QueueLog, count: int) -> None:
    """A commit of that many blocks, written, and nobody told."""
    log = queue.log
    for number in range(count):
        keep(queue, f"u{number}".ljust(60, "."))
        log.close_block()
    log.begin().write(log.files, sync=False)


def test_a_commit_counts_whole_or_not_at_all(queue: QueueLog, disk: FaultyDisk) -> None:
    publish(queue, *"ab")
    unfinished(queue, 5)  # blocks 3 to 7, over several segments
    whole = ["a", "b", *(f"u{number}" for number in range(5))]
    assert names_in(reopened(disk.after_kill())) == whole
    for missing in range(3, 8):
        found = without(disk, missing)
        log, report = opened(found)
        assert names_in(log) == ["a", "b"]
        assert report.last_block == 2
        assert (report.gaps, report.lost, report.problems) == ([], {}, [])
        assert max(blocks_on(found)) == 2
        assert is_stable(found, ["a", "b"])


@pytest.mark.parametrize("missing", [[4], [5], [6], [7], [4, 6], [3], [3, 5, 7]])
def test_writes_that_were_reordered(queue: QueueLog, disk: FaultyDisk, missing: list[int]) -> None:
    """What is behind the first one that is missing goes as well."""
    publish(queue, *"ab")
    unsynced(queue, 5)  # blocks 3 to 7, over several segments
    assert len({path for path, _, _ in blocks_on(disk).values()}) > 2
    found = without(disk, *missing)
    log, report = opened(found)
    wanted = ["a", "b", *(f"u{number - 3}" for number in range(3, missing[0]))]
    assert names_in(log) == wanted
    assert report.last_block == missing[0] - 1
    assert (report.gaps, report.lost, report.problems) == ([], {}, [])
    assert max(blocks_on(found)) == missing[0] - 1
    assert is_stable(found, wanted)


def test_whatever_the_power_loss_did_to_an_unfinished_commit(
    queue: QueueLog, disk: FaultyDisk
) -> None:
    publish(queue, *"ab")
    unfinished(queue, 4)
    random = Random(5)
    for found in (*disk.extremes(), *(disk.after_power_loss(None, random) for _ in range(300))):
        log, report = opened(found, segment_octets=SIZE)
        assert names_in(log) in (["a", "b"], ["a", "b", "u0", "u1", "u2", "u3"])
        assert (report.gaps, report.lost, report.problems) == ([], {}, []), found.story
        assert is_stable(found, names_in(log)), found.story


def test_what_was_cut_off_does_not_come_back(queue: QueueLog, disk: FaultyDisk) -> None:
    """Its numbers are given again: what is left of it must be gone for good by then."""
    publish(queue, "a")
    unfinished(queue, 5)
    found = without(disk, 2)
    log = reopened(found, segment_octets=SIZE)
    assert names_in(log) == ["a"]
    publish(log.queues[1], "b", "c")
    for after in found.extremes():
        again, report = opened(after)
        assert names_in(again) == ["a", "b", "c"], after.story
        assert (report.gaps, report.problems) == ([], [])


def test_a_crash_at_any_point_of_recovery(queue: QueueLog, disk: FaultyDisk) -> None:
    publish(queue, *"ab")
    unsynced(queue, 5)
    damaged = without(disk, 4)
    before = damaged.operations
    assert names_in(reopened(damaged)) == ["a", "b", "u0"]
    for point in range(before, damaged.operations + 1):
        for found in (damaged.after_kill(point), *damaged.extremes(point)):
            assert names_in(reopened(found)) == ["a", "b", "u0"], found.story
            assert is_stable(found, ["a", "b", "u0"])


# damage


@pytest.mark.parametrize("number", [2, 3, 5, 6])
def test_a_block_that_was_promised_is_missing(
    queue: QueueLog, disk: FaultyDisk, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    publish(queue, *"abcdefgh")
    found = without(disk, number)
    log, report = opened(found)
    wanted = [name for name in "abcdefgh" if name != "abcdefgh"[number - 1]]
    assert names_in(log) == wanted
    assert report.gaps == [Gap(number, number)]
    assert report.lost == {1: [(number, number)]}
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert said == [
        f"a part of the log is damaged, blocks={number}-{number}",
        f"messages are lost, queue_id=1 count=1 numbers={number}-{number}",
    ]
    publish(log.queues[1], "i")
    assert names_in(reopened(found.after_power_loss())) == [*wanted, "i"]


def test_several_that_are_missing(queue: QueueLog, disk: FaultyDisk, log: CommitLog) -> None:
    other = log.open_queue(2, 1, is_durable=True)
    publish(queue, *"abc")
    publish(other, *"vwx")
    publish(queue, *"de")
    publish(other, *"yz")
    found, report = opened(without(disk, 3, 4, 5, 7))
    assert names_in(found, 1) == ["a", "b", "e"]
    assert names_in(found, 2) == ["x", "y", "z"]
    assert report.gaps == [Gap(3, 5), Gap(7, 7)]
    assert report.lost[1] == [(3, 4)]
    assert 2 not in report.lost, "there is nothing left that says what there was before"


def test_what_was_done_with_is_not_lost(queue: QueueLog, disk: FaultyDisk, log: CommitLog) -> None:
    publish(queue, *"abcdef")
    queue.settle_all([2, 3])
    commit(log)
    found, report = opened(without(disk, 2, 3, 4))
    assert names_in(found) == ["a", "e", "f"]
    assert report.gaps == [Gap(2, 4)]
    assert report.lost == {1: [(4, 4)]}


def test_numbers_that_were_left_out_are_not_lost(
    queue: QueueLog, disk: FaultyDisk, log: CommitLog
) -> None:
    publish(queue, *"ab")
    queue.settle_all([1, 2])
    commit(log)
    queue.skip_to(13)
    publish(queue, *"cd")
    other = log.open_queue(2, 1, is_durable=True)
    publish(other, *"xyz")
    found, report = opened(without(disk, 7))
    assert names_in(found) == ["c", "d"]
    assert report.gaps == [Gap(7, 7)]
    assert report.lost == {2: [(2, 2)]}


def test_a_lost_settlement_brings_messages_back(
    queue: QueueLog, disk: FaultyDisk, log: CommitLog
) -> None:
    publish(queue, *"ab")
    queue.settle(1)
    commit(log)
    publish(queue, *"cd")
    found, report = opened(without(disk, 3))
    assert names_in(found) == ["a", "b", "c", "d"]
    assert report.gaps == [Gap(3, 3)]
    assert report.lost == {}


def test_a_bit_that_flipped(queue: QueueLog, disk: FaultyDisk) -> None:
    """Anywhere in a block in the middle."""
    publish(queue, *"abcdef")
    path, at, end = blocks_on(disk)[3]
    for offset in range(at, end):
        damaged = disk.after_power_loss()
        damaged.flip(path, offset, bit=offset % 8)
        log, report = opened(damaged)
        assert names_in(log) == ["a", "b", "d", "e", "f"], offset
        assert report.gaps == [Gap(3, 3)]


def test_a_segment_begun_after_the_checkpoint_is_missing(queue: QueueLog, disk: FaultyDisk) -> None:
    publish(queue, *"abcdefghi")
    blocks = blocks_on(disk)
    gone = [number for number, (path, _, _) in blocks.items() if "02.seg" in path]
    found, report = opened(changed(disk, "log/0000000002.seg", None))
    assert names_in(found) == [
        name for number, name in enumerate("abcdefghi", 1) if number not in gone
    ]
    assert report.gaps == [Gap(gone[0], gone[-1])]
    assert report.lost == {1: [(gone[0], gone[-1])]}


@pytest.fixture
def described(queue: QueueLog, disk: FaultyDisk, log: CommitLog) -> FaultyDisk:
    """Nine blocks in three segments that a checkpoint describes, and one behind it."""
    publish(queue, *"abcdefghi")
    assert len(log.space.segments) == 3
    close_log(log)
    return disk.after_power_loss()


def in_segment(disk: FaultyDisk, number: int) -> list[int]:
    return [block for block, (path, _, _) in blocks_on(disk).items() if f"{number}.seg" in path]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_segment_of_the_checkpoint_is_missing(described: FaultyDisk, number: int) -> None:
    gone = in_segment(described, number)
    found = changed(described, f"log/{segment_name(number)}", None)
    log, report = opened(found)
    wanted = [name for block, name in enumerate("abcdefghi", 1) if block not in gone]
    assert names_in(log) == wanted
    assert not report.is_clean
    assert any("is missing" in problem for problem in report.problems)
    assert list(RangeSet(report.lost[1])) == [(gone[0], gone[-1])]
    publish(log.queues[1], "j")
    assert names_in(reopened(found.after_power_loss())) == [*wanted, "j"]


@pytest.mark.parametrize("number", [1, 3])
def test_a_segment_of_the_checkpoint_is_short(described: FaultyDisk, number: int) -> None:
    *_, last = in_segment(described, number)
    path, at, _ = blocks_on(described)[last]
    found = changed(described, path, described.contents(path)[: at + 10])
    log, report = opened(found)
    assert any("is short of" in problem for problem in report.problems)
    queue = log.queues[1]
    bodies: list[bytes] = []
    while queue.paged_count:
        bodies += [kept.message.body.rstrip(b".") for kept in queue.page_in()]
    assert [body.decode() for body in bodies] == [
        name for block, name in enumerate("abcdefghi", 1) if block != last
    ]
    publish(queue, "j")
    assert names_in(reopened(found.after_power_loss()))[-1] == "j"


# segments that do not count


def test_a_segment_that_was_to_be_removed(queue: QueueLog, disk: FaultyDisk) -> None:
    publish(queue, *"abcdefghi")
    old = disk.contents("log/0000000001.seg")
    queue.settle_all(range(1, 6))
    commit(queue.log)
    assert "0000000001.seg" not in disk.names("log")
    found = changed(disk, "log/0000000001.seg", old)
    log, report = opened(found)
    assert report.removed == [1]
    assert names_in(log) == ["f", "g", "h", "i"]
    assert (report.gaps, report.lost, report.problems) == ([], {}, [])
    assert "0000000001.seg" not in found.names("log")
    assert is_stable(found, ["f", "g", "h", "i"])


def test_a_segment_that_was_to_be_removed_and_has_a_damaged_header(
    queue: QueueLog, disk: FaultyDisk
) -> None:
    publish(queue, *"abcdefghi")
    old = disk.contents("log/0000000001.seg")
    queue.settle_all(range(1, 6))
    commit(queue.log)
    found = changed(disk, "log/0000000001.seg", bytes(64) + old[64:])
    log, report = opened(found)
    assert report.removed == [1]
    assert names_in(log) == ["f", "g", "h", "i"]


def test_other_files_are_left_alone(queue: QueueLog, disk: FaultyDisk) -> None:
    publish(queue, *"ab")
    found = disk.after_kill()
    for name in ("notes.txt", "replacement.tmp", "checkpoint.tmp"):
        found.open(f"log/{name}", create=True).write(b"?", 0)
    assert names_in(reopened(found)) == ["a", "b"]
    assert found.contents("log/notes.txt") == b"?"


# headers


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("is_stopped", [True, False])
def test_a_header_is_damaged(
    queue: QueueLog, disk: FaultyDisk, log: CommitLog, number: int, is_stopped: bool
) -> None:
    publish(queue, *"abcdefghi")
    assert len(log.space.segments) == 3
    if is_stopped:
        close_log(log)
    path = f"log/{segment_name(number)}"
    data = disk.contents(path)
    found = changed(disk, path, b"\xff" * 64 + data[64:])
    again, report = opened(found)
    assert names_in(again) == list("abcdefghi")
    assert (report.gaps, report.lost, report.removed) == ([], {}, [])
    assert [path in problem for problem in report.problems] == [True]
    assert is_stable(found, list("abcdefghi")), "it was written again"


def test_the_only_header_is_damaged(queue: QueueLog, disk: FaultyDisk) -> None:
    """The salt is in the checkpoint as well, which comes with the first commit."""
    publish(queue, "a")
    data = disk.contents("log/0000000001.seg")
    found = changed(disk, "log/0000000001.seg", bytes(64) + data[64:])
    log, report = opened(found)
    assert names_in(log) == ["a"]
    assert len(report.problems) == 1


def test_one_copy_of_a_header_is_enough(queue: QueueLog, disk: FaultyDisk) -> None:
    publish(queue, *"abc")
    for offset in (10, 40):
        found = disk.after_power_loss()
        found.flip("log/0000000001.seg", offset)
        log, report = opened(found)
        assert names_in(log) == list("abc")
        assert report.problems == []


def test_a_later_format_is_refused_and_left_as_it_is(
    queue: QueueLog, disk: FaultyDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(queue, *"abcdefghi")
    path = "log/0000000002.seg"
    monkeypatch.setattr(form, "VERSION", form.VERSION + 1)
    header = segment_header(2, 5, queue.log.files.salt, is_cold=False)
    monkeypatch.undo()
    found = changed(disk, path, header + disk.contents(path)[64:])
    before = found.files()
    with pytest.raises(
        StoreTooNew, match=r"0000000002\.seg: format version 2, this release knows 1"
    ):
        opened(found)
    assert found.files() == before
    assert found.open_files == []


# the checkpoint


@pytest.mark.parametrize("how", ["flipped", "short", "empty", "long", "of another kind"])
def test_a_damaged_checkpoint(
    queue: QueueLog, disk: FaultyDisk, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What was settled comes back only if all that says so was in segments that are gone."""
    publish(queue, *"abcdefghi")
    queue.settle_all([1, 2, 3, 4, 7])
    commit(queue.log)
    assert "0000000001.seg" not in disk.names("log")
    whole = disk.contents("log/checkpoint")
    data = {
        "flipped": whole[:40] + bytes([whole[40] ^ 4]) + whole[41:],
        "short": whole[:-8],
        "empty": b"",
        "long": whole + bytes(8),
        "of another kind": bytes(len(whole)),
    }[how]
    found = changed(disk, "log/checkpoint", data)
    log, report = opened(found)
    assert names_in(log)[-4:] == ["e", "f", "h", "i"]
    assert set(names_in(log)) <= set("bcdefhi")
    assert (report.gaps, report.lost) == ([], {})
    assert len(report.problems) == 1
    assert "the checkpoint is damaged" in caplog.text
    publish(log.queues[1], "j")
    assert names_in(reopened(found.after_power_loss()))[-5:] == ["e", "f", "h", "i", "j"]


def test_a_checkpoint_is_missing(queue: QueueLog, disk: FaultyDisk) -> None:
    publish(queue, *"abcdefghi")
    queue.settle_all(range(5, 8))
    commit(queue.log)
    log, report = opened(changed(disk, "log/checkpoint", None))
    assert names_in(log)[-2:] == ["h", "i"]
    assert names_in(log)[:3] == ["a", "b", "c"]
    assert report.checkpoint_block == 0


# queues that the catalogue has not


def test_messages_of_unknown_queues_are_ignored(
    queue: QueueLog, disk: FaultyDisk, log: CommitLog
) -> None:
    gone = log.open_queue(2, 1, is_durable=True)
    for name in "abc":
        share((queue, gone), name.ljust(60, "."))
        commit(log)
    gone.hand_out([1], 3)
    gone.settle(2)
    commit(log)
    for is_stopped in (False, True):
        if is_stopped:
            close_log(log)
        found, report = open_log(
            disk.after_kill(), {1, 5}, segment_octets=SIZE, queue_memory=1 << 20
        )
        assert list(found.queues) == [1]
        assert names_in(found) == ["a", "b", "c"]
        assert report.is_clean is is_stopped
        assert sum(segment.live for segment in found.space.segments.values()) == 3
    everything = Recovery(SegmentFiles(disk, salt=0))
    everything.run()
    assert sorted(everything.queues) == [1, 2]


def test_segments_of_queues_that_are_gone_go(queue: QueueLog, disk: FaultyDisk) -> None:
    publish(queue, *"abcdefghi")
    found = disk.after_kill()
    log, _ = open_log(found, {2}, segment_octets=SIZE, queue_memory=1 << 20)
    assert log.queues == {}
    publish(log.open_queue(2, 1, is_durable=True), "x")
    assert len([name for name in found.names("log") if name.endswith(".seg")]) == 1


# reading


@pytest.mark.parametrize("window", [200, 333, 1000])
def test_windows_may_end_anywhere(
    queue: QueueLog, disk: FaultyDisk, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WINDOW_OCTETS", window)
    log = queue.log
    log.space.segment_octets = 1 << 20
    for number in range(50):
        keep(queue, "x" * (number * 7))
        commit(log)
    assert len(bodies_of(reopened(disk.after_kill()), 1)) == 50
    damaged = without(disk, 10, 11, 12, 30)
    found, report = opened(damaged)
    assert len(bodies_of(found, 1)) == 46
    assert report.gaps == [Gap(10, 12), Gap(30, 30)]


def test_progress_is_told(
    queue: QueueLog, disk: FaultyDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PROGRESS_OCTETS", 200)
    publish(queue, *"abcdefghi")
    told: list[tuple[int, int]] = []
    recovery = Recovery(SegmentFiles(disk.after_kill(), salt=0))
    recovery.run(lambda done, total: told.append((done, total)))
    assert len(told) > 2
    assert told == sorted(told)
    assert all(0 < done <= total for done, total in told)


@pytest.mark.parametrize("kind", ["read", "open", "names", "sync", "truncate", "sync names"])
def test_a_disk_that_fails_meanwhile(queue: QueueLog, disk: FaultyDisk, kind: str) -> None:
    """The start fails, says why, and the next one finds the same."""
    publish(queue, *"ab")
    unsynced(queue, 3)
    path = "log/0000000001.seg"
    found = changed(without(disk, 4), path, disk.contents(path) + b"?")
    found.fail(kind)
    with pytest.raises(OSError, match="Input/output"):
        opened(found)
    assert found.open_files == []
    assert names_in(reopened(found)) == ["a", "b", "u0"]


def test_reading_only_changes_nothing(queue: QueueLog, disk: FaultyDisk) -> None:
    """`leveret store` does that beside a running node."""
    publish(queue, *"ab")
    unsynced(queue, 3)
    found = without(disk, 4)
    before = found.operations
    report = Recovery(SegmentFiles(found, salt=0)).run()
    assert report.last_block == 3
    assert found.operations == before
