"""Looking at what is on disk: the right messages, and no trace of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from broker.seams import MAYBE_DELIVERED
from broker.store import looking
from broker.store.commit_log import CommitLog
from broker.store.looking import Looker, Seen
from broker.store.queue_log import QueueLog
from tests.support.faulty_disk import FaultyDisk
from tests.support.kept import commit, keep, reopened, share

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


def page(queue: QueueLog, *bodies: str) -> None:
    """Keep messages that are on disk only."""
    if not queue.paged_count:
        queue.paged_from = queue.next_seq
    first = queue.paged_from
    paged = queue.paged_count + len(bodies)
    keep(queue, *bodies)
    queue.paged_from, queue.paged_count = first, paged


def everything(queue: QueueLog, most: int = 100, body_max: int | None = None) -> list[Seen]:
    return list(_walk(Looker(queue), most, body_max))


def _walk(looker: Looker, most: int, body_max: int | None, seq: int = 1) -> Iterator[Seen]:
    while seq:
        seen, seq = looker.look(seq, most, body_max)
        assert len(seen) <= most
        yield from seen


def bodies(seen: list[Seen]) -> str:
    return "".join(one.body.decode() for one in seen)


@pytest.mark.parametrize("most", [1, 2, 100])
@pytest.mark.parametrize("is_committed", [True, False])
def test_all_blocks_in_order(
    log: CommitLog, queue: QueueLog, is_committed: bool, most: int
) -> None:
    for part in ("abc", "de", "f"):
        page(queue, *part)
        if is_committed:
            commit(log)
    assert bodies(everything(queue, most)) == "abcdef"
    assert [one.seq for one in everything(queue, most)] == [1, 2, 3, 4, 5, 6]
    assert [kept.seq for kept in queue.page_in()][:1] == [1]  # it reads on where it was


def test_nothing_is_kept_of_it(log: CommitLog, queue: QueueLog) -> None:
    page(queue, *"abc")
    commit(log)
    before = queue.paged_from, queue.paged_count, queue.live_count
    everything(queue)
    assert log.reader._cache == {}
    assert (queue.paged_from, queue.paged_count, queue.live_count) == before


def test_what_is_not_on_disk_only_is_not_there(queue: QueueLog) -> None:
    keep(queue, *"abc")
    assert everything(queue) == []
    page(queue, *"de")
    assert bodies(everything(queue)) == "de"


def test_settled_ones_are_left_out(log: CommitLog, queue: QueueLog) -> None:
    page(queue, *"abcdef")
    queue.settle_all([2, 5], are_paged=True)
    assert queue.paged_count == 4
    assert bodies(everything(queue)) == bodies(everything(queue, 1)) == "acdf"
    assert [kept.seq for kept in queue.page_in()] == [1, 3, 4, 6]


def test_the_beginnings_of_bodies(queue: QueueLog) -> None:
    page(queue, "aaaa", "bbbb")
    assert [one.body for one in everything(queue, body_max=2)] == [b"aa", b"bb"]
    assert [one.body for one in everything(queue, body_max=0)] == [b"", b""]
    assert everything(queue, body_max=9)[0].envelope.body_size == 4


def test_messages_of_several_queues(log: CommitLog, queue: QueueLog) -> None:
    other = log.open_queue(2, 7, is_durable=True)
    keep(other, "x")
    share([other, queue], "a", "b")
    keep(queue, "c", deadline_ms=77)
    other.paged_from, other.paged_count = 7, 3
    queue.paged_from, queue.paged_count = 1, 3
    assert bodies(everything(queue)) == "abc"
    assert bodies(everything(other)) == "xab"
    assert [one.deadline_ms for one in everything(queue)] == [0, 0, 77]
    assert everything(other)[1].envelope.routing_key == "key"


def test_how_often_they_were_delivered(log: CommitLog, queue: QueueLog) -> None:
    page(queue, *"abc")
    queue.hand_out([1], None)
    queue.hand_out([2], 4)
    queue.write_down()
    assert [one.delivery_count for one in everything(queue)] == [1, 5, 0]
    queue.is_counting = True
    assert [one.delivery_count for one in everything(queue)] == [MAYBE_DELIVERED, 5, 0]


def test_large_blocks_are_not_read_whole(
    disk: FaultyDisk, log: CommitLog, queue: QueueLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = log.open_queue(2, 1, is_durable=True)
    share([other, queue], "ab", "cd")
    keep(other, "xx")
    keep(queue, "ef", deadline_ms=5)
    queue.settle(1)
    commit(log)
    queue.paged_from, queue.paged_count = 1, 2
    monkeypatch.setattr(looking, "WHOLE_MAX", 1)
    assert bodies(everything(queue)) == "cdef"
    assert [one.body for one in everything(queue, body_max=1)] == [b"c", b"e"]


def test_much_at_a_time_comes_in_pieces(queue: QueueLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "PIECE_OCTETS", 3)
    page(queue, "aa", "bb", "cc")
    assert [one.body for one in Looker(queue).look(1, 100, None)[0]] == [b"aa", b"bb"]
    assert bodies(everything(queue)) == "aabbcc"


def test_messages_are_passed_over(
    log: CommitLog, queue: QueueLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("abc", "def", "ghi"):
        page(queue, *part)
        commit(log)
    queue.settle_all([2, 4], are_paged=True)
    looker = Looker(queue)
    assert looker.pass_over(1, 3) == (3, 6)
    assert looker.pass_over(1, 2) == (2, 5)
    assert looker.pass_over(5, 1) == (1, 6)
    assert looker.pass_over(1, 7) == looker.pass_over(1, 99) == (7, 0)
    assert looker.pass_over(99, 1) == (0, 0)
    monkeypatch.setattr(looking, "BLOCKS_MAX", 1)
    assert looker.pass_over(1, 99) == (2, 4)
    queue.paged_count = 0
    assert looker.pass_over(1, 1) == (0, 0)
    assert looker.look(1, 1, None) == ([], 0)


def test_damage_is_counted_and_passed_over(
    disk: FaultyDisk, log: CommitLog, queue: QueueLog
) -> None:
    page(queue, *"abc")
    commit(log)
    end = len(disk.files()[SEGMENT])
    page(queue, *"de")
    commit(log)
    disk.flip(SEGMENT, end - 1)
    looker = Looker(queue)
    assert bodies(list(_walk(looker, 100, None))) == "de"
    assert looker.unreadable == 3
    assert queue.live_count == 5  # it is for those who want them to say what becomes of them


def test_what_cannot_be_read_now_is_counted(
    disk: FaultyDisk, log: CommitLog, queue: QueueLog
) -> None:
    page(queue, *"abc")
    commit(log)
    disk.fail("read", times=None)
    looker = Looker(queue)
    assert list(_walk(looker, 100, None)) == []
    assert looker.unreadable == 3
    disk.heal()
    assert bodies(list(_walk(looker, 100, None))) == "abc"


def test_the_system_is_told_to_read_ahead(
    log: CommitLog, queue: QueueLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def will_need(number: int, size: int, offset: int) -> None:
        asked.append(offset)

    monkeypatch.setattr(log.files, "will_need", will_need)
    page(queue, *"abc")
    looker = Looker(queue)
    everything(queue)  # not written yet: nothing to fetch
    looker.look_ahead(1)
    assert asked == []
    commit(log)
    looker.look_ahead(2)
    looker.look_ahead(99)
    assert asked == [queue.blocks[0] & 0xFFFF_FFFF]
