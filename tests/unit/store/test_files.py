"""The operating system's own disk: what `tests/support/faulty_disk.py` imitates."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.store.files import Disk, LocalDisk, LocalFile
from tests.support.faulty_disk import FaultyDisk


@pytest.fixture(params=["local", "faulty"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    """The real one and the imitation, which must agree."""
    return LocalDisk(tmp_path) if request.param == "local" else FaultyDisk()


@pytest.fixture
def local(tmp_path: Path) -> LocalDisk:
    return LocalDisk(tmp_path)


# files


def test_octets_are_where_they_were_written(disk: Disk) -> None:
    file = disk.open("f", create=True)
    file.write(b"hello", 0)
    file.write(b"world", 10)
    assert file.size() == 15
    assert file.read(100, 0) == b"hello" + bytes(5) + b"world"
    assert file.read(3, 1) == b"ell"
    assert file.read(5, 20) == b""
    file.write(b"J", 0)
    file.sync()
    file.will_need(5, 0)
    file.truncate(5)
    assert (file.size(), file.read(100, 0)) == (5, b"Jello")
    file.close()
    again = disk.open("f")
    assert again.read(100, 0) == b"Jello"
    again.close()


def test_two_who_have_a_file_open_see_each_other(disk: Disk) -> None:
    one = disk.open("f", create=True)
    two = disk.open("f")
    one.write(b"x", 0)
    assert two.read(1, 0) == b"x"
    disk.remove("f")
    one.write(b"y", 1)
    assert two.read(2, 0) == b"xy"  # as long as it is open
    one.close()
    two.close()
    assert disk.names(".") == []


def test_a_file_must_exist_or_must_not(disk: Disk) -> None:
    with pytest.raises(FileNotFoundError):
        disk.open("f")
    disk.open("f", create=True).close()
    with pytest.raises(FileExistsError):
        disk.open("f", create=True)
    with pytest.raises(FileNotFoundError):
        disk.open("nowhere/f", create=True)


# names


def test_names_are_sorted_and_there_are_none_in_what_does_not_exist(disk: Disk) -> None:
    assert disk.names("d") == []
    disk.make_directory("d")
    disk.make_directory("d")
    for name in ("b", "c", "a"):
        disk.open(f"d/{name}", create=True).close()
    disk.sync_names("d")
    assert disk.names("d") == ["a", "b", "c"]
    assert disk.names(".") == ["d"]


def test_renaming_replaces(disk: Disk) -> None:
    for name in "ab":
        file = disk.open(name, create=True)
        file.write(name.encode(), 0)
        file.close()
    disk.rename("a", "b")
    disk.sync_names(".")
    assert disk.names(".") == ["b"]
    file = disk.open("b")
    assert file.read(1, 0) == b"a"
    file.close()
    with pytest.raises(FileNotFoundError):
        disk.rename("a", "b")
    disk.remove("b")
    with pytest.raises(FileNotFoundError):
        disk.remove("b")


def test_free_space(local: LocalDisk) -> None:
    assert 0 < local.free_bytes() < 1 << 60


def test_nested_directories(local: LocalDisk) -> None:
    local.make_directory("a/b")
    local.open("a/b/f", create=True).close()
    assert local.names("a") == ["b"]
    local.sync_names("a/b")


def test_files_are_not_for_everybody(local: LocalDisk) -> None:
    local.open("f", create=True).close()
    assert (local.root / "f").stat().st_mode & 0o777 & 0o007 == 0


# what the system may do


def test_a_write_that_the_system_cuts_short_goes_on(
    local: LocalDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: write(fd, bytes(data)[:3], at))
    file = local.open("f", create=True)
    file.write(b"0123456789", 5)
    assert file.read(100, 0) == bytes(5) + b"0123456789"
    file.close()


def test_a_read_that_the_system_cuts_short_goes_on(
    local: LocalDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = local.open("f", create=True)
    file.write(b"0123456789", 0)
    read = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, size, at: read(fd, min(size, 3), at))
    assert file.read(8, 1) == b"12345678"
    assert file.read(100, 4) == b"456789"
    file.close()


def test_reads_writes_and_syncs_are_counted(local: LocalDisk) -> None:
    file = local.open("f", create=True)
    file.write(b"0123456789", 0)
    file.write(b"ab", 4)
    file.sync()
    assert file.read(100, 2) == b"23ab6789"
    file.close()
    io = local.io
    assert (io.write_count, io.write_octets, io.sync_count) == (2, 12, 1)
    assert (io.read_count, io.read_octets) == (1, 8)
    assert min(io.write_ns, io.sync_ns, io.read_ns) > 0


def test_a_sync_that_fails_says_so(local: LocalDisk) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    file = LocalFile(write_end)
    with pytest.raises(OSError, match="Invalid argument"):
        file.sync()
    file.close()


def test_a_full_disk_says_so() -> None:
    if not os.access("/dev/full", os.W_OK):
        pytest.skip("no /dev/full")
    file = LocalFile(os.open("/dev/full", os.O_RDWR))
    with pytest.raises(OSError, match="No space") as raised:
        file.write(b"x", 0)
    assert raised.value.errno == errno.ENOSPC
    file.close()


# the lock

HOLD = """
import sys
from pathlib import Path
from broker.store.files import LocalDisk
print(LocalDisk(Path(sys.argv[1])).lock(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def test_the_lock_keeps_other_processes_out_until_they_die(
    local: LocalDisk, holder: subprocess.Popen[str]
) -> None:
    assert local.lock() is False
    assert local.holder() == holder.pid
    holder.kill()
    holder.wait()
    assert local.lock() is True
    assert local.holder() == os.getpid()
    local.unlock()


def test_the_lock_keeps_out_a_second_one_in_the_same_process(tmp_path: Path) -> None:
    one, two = LocalDisk(tmp_path), LocalDisk(tmp_path)
    assert one.lock()
    assert not two.lock()
    two.unlock()  # it has none
    one.unlock()
    one.unlock()
    assert two.lock()
    two.unlock()


@pytest.mark.parametrize("said", ["", "nonsense"])
def test_a_holder_that_has_not_said_who_it_is(local: LocalDisk, said: str) -> None:
    assert local.holder() == 0
    (local.root / "lock").write_text(said)
    assert local.holder() == 0
