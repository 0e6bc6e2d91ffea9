"""The faulty disk: without faults it is a disk; with them it does what its model says."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from broker.store.files import Disk, File, LocalDisk
from tests.support.faulty_disk import FaultyDisk, Kind

# --- the same as the operating system


class Hand:
    """Does random things to a disk, and writes down what came back."""

    PATHS = ("a", "b", "d/a", "d/b", "d/e/a", "gone/a", "file/b", "d")
    DIRECTORIES = ("", ".", "d", "d/e", "gone", "file", "file/b")

    def __init__(self, disk: Disk, seed: int):
        self.disk = disk
        self.random = Random(seed)
        self.files: list[File] = []
        self.said: list[object] = []
        disk.open("file", create=True).close()

    def does(self, count: int) -> list[object]:
        acts = [self.opens, self.creates, self.renames, self.removes, self.lists, self.syncs_names]
        acts += [self.makes_a_directory] + 6 * [self.uses_a_file]
        for _ in range(count):
            act = self.random.choice(acts)
            try:
                self.said.append((act.__name__, act()))
            except OSError as error:
                self.said.append((act.__name__, errno.errorcode[error.errno or 0]))
        for file in self.files:
            self.said.append(("at the end", file.read(1 << 20, 0)))
            file.close()
        return self.said

    def opens(self) -> object:
        self.files.append(self.disk.open(self.random.choice(self.PATHS)))
        return self.files[-1].size()

    def creates(self) -> object:
        self.files.append(self.disk.open(self.random.choice(self.PATHS), create=True))
        return self.files[-1].size()

    def renames(self) -> object:
        source, target = self.random.choice(self.PATHS[:-1]), self.random.choice(self.PATHS)
        self.disk.rename(source, target)
        return source, target

    def removes(self) -> object:
        self.disk.remove(path := self.random.choice(self.PATHS))
        return path

    def lists(self) -> object:
        return self.disk.names(self.random.choice(self.DIRECTORIES))

    def syncs_names(self) -> object:
        return self.disk.sync_names(self.random.choice(self.DIRECTORIES))  # type: ignore[func-returns-value]

    def makes_a_directory(self) -> object:
        return self.disk.make_directory(self.random.choice(("d", "d/e", "file", "file/b")))  # type: ignore[func-returns-value]

    def uses_a_file(self) -> object:
        if not self.files:
            return None
        file = self.random.choice(self.files)
        size, offset = self.random.randrange(3000), self.random.randrange(-1, 6000)
        match self.random.choice(
            ("write", "write", "read", "read", "truncate", "sync", "hint", "close")
        ):
            case "write":
                file.write(self.random.randbytes(size), offset)
            case "read":
                return file.read(size, offset)
            case "truncate":
                file.truncate(offset)
            case "sync":
                file.sync()
            case "hint":
                file.will_need(size, max(offset, 0))
            case _:
                self.files.remove(file)
                file.close()
        return file.size() if file in self.files else None


@pytest.mark.parametrize("seed", range(40))
def test_without_faults_it_is_the_same_as_the_operating_system(seed: int, tmp_path: Path) -> None:
    disk = FaultyDisk()
    expected = Hand(LocalDisk(tmp_path), seed).does(300)
    assert Hand(disk, seed).does(300) == expected
    found = {
        path.relative_to(tmp_path).as_posix(): path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    assert disk.files() == found
    assert disk.after_kill().files() == found
    assert any(survivor.files() == found for survivor in disk.extremes())
    assert disk.open_files == []


# --- a power loss


def written(*steps: tuple[bytes, int], synced: int = 0) -> FaultyDisk:
    """A disk with a file "f" after these writes. Its name is safe, and the first `synced`."""
    disk = FaultyDisk()
    file = disk.open("f", create=True)
    disk.sync_names("")
    for number, (data, offset) in enumerate(steps, start=1):
        file.write(data, offset)
        if number == synced:
            file.sync()
    file.close()
    return disk


def outcomes(disk: FaultyDisk, path: str = "f", seeds: int = 300) -> set[bytes | None]:
    """What is found in a file after a power loss now. None: it is not there."""
    survivors = [*disk.extremes(), *(disk.after_power_loss(None, Random(n)) for n in range(seeds))]
    return {survivor.files().get(path) for survivor in survivors}


def test_nothing_synced_is_ever_lost_and_nothing_else_is_certain() -> None:
    disk = written((b"aaaa", 0), (b"bb", 4), synced=1)
    assert disk.after_power_loss().contents("f") == b"aaaa"
    assert outcomes(disk) == {b"aaaa", b"aaaabb", b"aaaab", b"aaaab\0", b"aaaa\0", b"aaaa\0\0"}


def test_a_later_write_may_be_there_without_an_earlier_one() -> None:
    disk = written((b"a" * 600, 0), (b"b" * 600, 600))
    found = outcomes(disk)
    assert bytes(600) + b"b" * 600 in found
    assert b"a" * 600 in found
    assert b"" in found
    assert None not in found


def test_an_overwrite_is_old_or_new_sector_by_sector() -> None:
    disk = written((b"o" * 2000, 0), (b"n" * 1400, 300), synced=1)
    edges = {300, 512, 1024, 1536, 1700}
    for found in outcomes(disk):
        assert found is not None
        assert len(found) == 2000
        assert set(found) <= set(b"on")
    by_sector = {
        tuple(place for place in range(1, 2000) if found[place] != found[place - 1])
        for found in outcomes(disk)
        if found is not None
    }
    assert any(set(places) <= edges and len(places) > 2 for places in by_sector), "reordered"
    assert any(len(places) == 2 and places[1] not in edges for places in by_sector), "torn"


def test_a_truncate_that_was_not_synced_may_be_undone_behind_what_was_written_then() -> None:
    disk = written((b"old old old", 0), synced=1)
    file = disk.open("f")
    file.truncate(4)
    file.write(b"new", 4)
    assert file.read(99, 0) == b"old new"
    assert {b"old old old", b"old ", b"old new", b"old new old"} <= outcomes(disk)
    file.sync()
    assert outcomes(disk) == {b"old new"}
    file.close()


def test_a_sync_keeps_no_name_and_syncing_names_keeps_no_data() -> None:
    disk = FaultyDisk(directories={"d"})
    file = disk.open("d/f", create=True)
    file.write(b"x", 0)
    file.sync()
    assert outcomes(disk, "d/f") == {None, b"x"}
    disk.sync_names("")
    assert outcomes(disk, "d/f") == {None, b"x"}, "another directory"
    disk.sync_names("d")
    assert outcomes(disk, "d/f") == {b"x"}
    file.write(b"y", 0)
    disk.sync_names("d")
    assert outcomes(disk, "d/f") == {b"x", b"y"}
    file.close()


def test_names_survive_in_order_or_each_on_its_own() -> None:
    disk = FaultyDisk({"old": b"1", "gone": b"2"})
    disk.open("new", create=True).close()
    disk.rename("new", "old")
    disk.remove("gone")
    found = {tuple(disk.after_power_loss(None, Random(seed)).names("")) for seed in range(100)} | {
        tuple(survivor.names("")) for survivor in disk.extremes()
    }
    assert found == {("gone", "old"), ("gone", "new", "old"), ("old",), ("new", "old")}
    assert {survivor.contents("old") for survivor in disk.extremes()} == {b"1", b""}
    disk.sync_names("")
    assert disk.after_power_loss().files() == {"old": b""}


def test_a_file_that_moves_is_in_one_place() -> None:
    disk = FaultyDisk({"a/f": b"1"}, directories={"b"})
    disk.rename("a/f", "b/f")
    disk.rename("b/f", "a/g")
    for seed in range(50):
        assert len(disk.after_power_loss(None, Random(seed)).files()) == 1
    disk.sync_names("a")
    assert disk.after_power_loss(None, Random(1)).files() == {"a/g": b"1"}


def test_a_directory_is_safe_once_it_is_made() -> None:
    disk = FaultyDisk()
    disk.make_directory("d/e")
    assert disk.operations == 2
    assert disk.after_power_loss().names("d") == ["e"]
    assert disk.after_power_loss(0).names("") == []
    assert disk.after_kill(0).names("") == []


def test_every_point_of_the_run_can_be_asked_for_in_any_order() -> None:
    disk = written((b"a", 0), (b"b", 1), synced=1)
    assert [str(operation) for operation in disk.journal] == [
        "0 create 'f'",
        "1 sync names ''",
        "2 write 'f' 0…1",
        "3 sync 'f'",
        "4 write 'f' 1…2",
    ]
    kept = [disk.after_power_loss(at).files() for at in (5, 4, 3, 2, 1, 0)]
    assert kept == [{"f": b"a"}, {"f": b"a"}, {"f": b""}, {"f": b""}, {}, {}]
    killed = [disk.after_kill(at).files() for at in range(6)]
    assert killed == [{}, {"f": b""}, {"f": b""}, {"f": b"a"}, {"f": b"a"}, {"f": b"ab"}]
    assert [operation.kind for operation in disk.unsynced(3)] == [Kind.WRITE]
    assert disk.operations == 5
    assert disk.contents("f") == b"ab"


def test_the_extremes_differ_and_say_what_they_are() -> None:
    disk = written((b"a" * 700, 0), (b"b" * 700, 700), (b"c" * 700, 1400))
    images = [survivor.contents("f") for survivor in disk.extremes()]
    assert len(images) == len(set(images))
    a, b, c = b"a" * 700, b"b" * 700, b"c" * 700
    hole = bytes(700)
    for image in (b"", a + b + c, a + hole + c, a + b, hole + b + c, hole + hole + c, 3 * hole):
        assert image in images
    assert a + b + c[:350] in images, "torn"
    assert a + b + bytes(136) + c[136:] in images, "without its first sector"
    stories = [survivor.story for survivor in disk.extremes()]
    assert all("power lost at 5: " in story for story in stories)
    assert any("4 write 'f' 1400…2100: gone" in story for story in stories)


def test_the_file_with_one_sync_may_be_there_without_the_other() -> None:
    disk = FaultyDisk({"a": b"", "b": b""})
    for path in ("a", "b", "a", "b"):
        file = disk.open(path)
        file.write(b"x", file.size())
        file.close()
    images = [survivor.files() for survivor in disk.extremes()]
    assert {"a": b"xx", "b": b""} in images
    assert {"a": b"", "b": b"xx"} in images


# --- a kill


def test_after_a_kill_all_is_there_and_a_power_loss_may_still_take_it() -> None:
    disk = written((b"a", 0), (b"b", 1), synced=1)
    found = disk.after_kill()
    assert found.contents("f") == b"ab"
    assert found.operations == disk.operations
    assert found.after_power_loss().contents("f") == b"a"
    file = found.open("f")
    file.sync()
    assert found.after_power_loss().contents("f") == b"ab"
    assert disk.after_power_loss().contents("f") == b"a"
    file.close()


def test_a_kill_may_cut_a_write_short() -> None:
    disk = written((b"a", 0), (b"bbb", 1))
    assert disk.after_kill(torn=1).contents("f") == b"ab"


def test_a_removed_file_that_is_open_can_be_used_and_is_gone_after_a_kill() -> None:
    disk = FaultyDisk({"f": b"a"})
    file = disk.open("f")
    disk.remove("f")
    file.write(b"b", 1)
    file.sync()
    assert file.read(9, 0) == b"ab"
    assert disk.open_files == ["f"]
    assert disk.after_kill().files() == {}
    assert outcomes(disk) == {None, b"ab"}
    file.close()


# --- faults


def test_a_sync_covers_what_was_written_before_it_began() -> None:
    disk = written((b"a", 0))
    file = disk.open("f")
    disk.during_sync = lambda path: file.write(b"b", 1)
    file.sync()
    disk.during_sync = None
    assert disk.after_power_loss().contents("f") == b"a"
    file.close()


def test_others_may_use_the_disk_while_a_sync_is_held() -> None:
    disk = written((b"a", 0))
    is_held, may_end = threading.Event(), threading.Event()

    def hold(path: str) -> None:
        is_held.set()
        assert may_end.wait(20)

    disk.during_sync = hold
    file = disk.open("f")
    thread = threading.Thread(target=file.sync)
    thread.start()
    assert is_held.wait(20)
    assert file.read(1, 0) == b"a"
    assert disk.after_power_loss().contents("f") == b""
    may_end.set()
    thread.join()
    assert disk.after_power_loss().contents("f") == b"a"
    file.close()


def test_what_a_failed_sync_should_have_kept_may_be_lost_for_good() -> None:
    disk = written((b"a", 0), synced=1)
    file = disk.open("f")
    file.write(b"b", 1)
    disk.fail("sync")
    with pytest.raises(OSError, match="Input/output error"):
        file.sync()
    assert file.read(9, 0) == b"ab"
    file.write(b"c", 2)
    file.sync()
    assert outcomes(disk) == {b"abc", b"a\0c"}
    file.close()


def error_of(call: Callable[[], object]) -> int | None:
    """Its errno; None when it succeeds."""
    try:
        call()
    except OSError as error:
        return error.errno
    return None


def test_the_nth_call_of_a_kind_fails_as_often_as_asked() -> None:
    disk = written((b"abcd", 0))
    disk.open("other", create=True).close()
    file = disk.open("f")
    disk.fail("read", nth=2, times=2, path="f*")
    assert [error_of(lambda: file.read(1, 0)) for _ in range(4)] == [None, 5, 5, None]
    disk.fail("read", times=None, path="g")
    assert file.read(1, 0) == b"a"
    disk.fail("write", error=errno.EDQUOT)
    assert error_of(lambda: file.write(b"1234", 4)) == errno.EDQUOT
    assert file.read(9, 0) == b"abcd12", "half of it was written"
    for kind, call in {
        "truncate": lambda: file.truncate(0),
        "open": lambda: disk.open("f"),
        "create": lambda: disk.open("g", create=True),
        "rename": lambda: disk.rename("other", "g"),
        "remove": lambda: disk.remove("other"),
        "names": lambda: disk.names(""),
        "sync names": lambda: disk.sync_names(""),
        "make directory": lambda: disk.make_directory("d"),
    }.items():
        disk.fail(kind, times=None)
        assert error_of(call) == errno.EIO, kind
    disk.heal()
    assert disk.names("") == ["f", "other"]
    file.close()


def test_a_full_disk_takes_a_part_and_more_when_there_is_room_again() -> None:
    disk = FaultyDisk({"f": b"abcd", "other": bytes(100)})
    file = disk.open("f")
    disk.fill(after=2)
    assert disk.free_bytes() == 2
    assert error_of(lambda: file.write(b"1234", 3)) == errno.ENOSPC
    assert file.read(99, 0) == b"abc123"
    file.write(b"ABCDEF", 0)  # in place
    assert error_of(lambda: disk.open("new", create=True)) == errno.ENOSPC
    disk.remove("other")
    assert disk.free_bytes() == 100
    file.write(b"1234", 6)
    disk.reported_free_bytes = 7
    assert disk.free_bytes() == 7
    disk.heal()
    assert disk.free_bytes() > 1 << 30
    file.close()


def test_a_read_only_disk_can_be_read_through_what_is_open() -> None:
    disk = FaultyDisk({"f": b"a"})
    file = disk.open("f")
    disk.read_only = True
    file.sync()
    assert file.read(9, 0) == b"a"
    for call in (
        lambda: file.write(b"b", 0),
        lambda: file.truncate(0),
        lambda: disk.open("f"),
        lambda: disk.open("g", create=True),
        lambda: disk.rename("f", "g"),
        lambda: disk.remove("f"),
        lambda: disk.make_directory("d"),
    ):
        assert error_of(call) == errno.EROFS
    disk.read_only = False
    file.write(b"b", 0)
    disk.read_only = True
    assert error_of(file.sync) == errno.EROFS
    assert outcomes(disk) == {b"a", b"b"}
    file.close()


def test_a_flipped_bit_is_flipped_now_and_after_everything() -> None:
    disk = written((b"abc", 0), synced=1)
    at = disk.operations
    disk.flip("f", 1, bit=4)
    assert disk.contents("f") == b"arc"
    assert disk.after_kill().contents("f") == b"arc"
    assert disk.after_power_loss().contents("f") == b"arc"
    assert disk.after_power_loss(at).contents("f") == b"abc"


def test_a_closed_file_is_not_used() -> None:
    file = FaultyDisk({"f": b""}).open("f")
    file.close()
    for call in (file.size, file.sync, file.close, lambda: file.write(b"", 0)):
        with pytest.raises(AssertionError, match="after it was closed"):
            call()


# --- what it is for


class ToyLog:
    """Line n is a length and n's; the next start takes all up to the first that is broken."""

    def __init__(self, disk: Disk, fault: str = ""):
        self.disk = disk
        self.fault = fault
        self.lines: list[bytes] = []
        if "log" in disk.names(""):
            self.file = disk.open("log")
        else:
            self.file = disk.open("log", create=True)
            if fault != "names":
                disk.sync_names("")
        self.end = 0
        while (size := self.file.read(1, self.end)) and size != b"\0":
            line = self.file.read(size[0], self.end + 1)
            if line != bytes([len(self.lines) + 1]) * size[0]:
                break
            self.lines.append(line)
            self.end += 1 + size[0]
        if fault != "truncate":
            self.file.truncate(self.end)

    def add(self, line: bytes) -> None:
        """Returns when it is safe."""
        self.file.write(bytes([len(line)]) + line, self.end)
        self.end += 1 + len(line)
        self.lines.append(line)
        if self.fault != "sync":
            self.file.sync()


def lost_lines(fault: str) -> int:
    """How many of the disks after a power loss lack a line that was safe, or have others."""
    disk = FaultyDisk()
    log = ToyLog(disk, fault)
    safe: list[tuple[int, int]] = []  # operations, lines
    for number in range(20):
        log.add(bytes([number + 1]) * (number * 9 + 1))
        safe.append((disk.operations, number + 1))
    wrong = 0
    for at in range(disk.operations + 1):
        least = max((count for operations, count in safe if operations <= at), default=0)
        survivors = [*disk.extremes(at), *(disk.after_power_loss(at, Random(n)) for n in range(5))]
        for survivor in survivors:
            found = ToyLog(survivor).lines
            wrong += found != log.lines[: len(found)] or len(found) < least
    return wrong


def test_it_finds_what_is_wrong_with_a_log() -> None:
    assert lost_lines("") == 0
    assert lost_lines("sync") > 0
    assert lost_lines("names") > 0
