"""The only door to the filesystem, so that tests can open a disk that tears, fills up or fails.

`Disk` is a directory of the node; every path is relative to it. `File` reads and writes at offsets
and never keeps a position of its own, so that the commit thread may write while the node's thread
reads. Whatever goes wrong is an `OSError`, as the system gave it.

What survives when: what was written survives the process; what was synced survives the power.
A name (created, renamed, removed) survives the power once `sync_names` has returned.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Protocol


class IoCounts:
    """What was done with the files of a disk. Each number is written by one thread at a time: who
    reads, and who writes and syncs."""

    __slots__ = (
        "read_count",
        "read_ns",
        "read_octets",
        "sync_count",
        "sync_ns",
        "write_count",
        "write_ns",
        "write_octets",
    )

    def __init__(self) -> None:
        self.read_count = self.read_octets = self.read_ns = 0
        self.write_count = self.write_octets = self.write_ns = 0
        self.sync_count = self.sync_ns = 0


class File(Protocol):
    """An open file."""

    def size(self) -> int:
        """Octets."""

    def write(self, data: bytes, offset: int) -> None:
        """Write all of it, or raise. After an error any part of it may have been written."""

    def read(self, size: int, offset: int) -> bytes:
        """Up to that many octets; fewer at the end of the file."""

    def sync(self) -> None:
        """Return when all that was written is on the medium. An error is final for this file."""

    def truncate(self, size: int) -> None:
        """Cut off what lies behind."""

    def will_need(self, size: int, offset: int) -> None:
        """A hint: these octets will be read soon."""

    def close(self) -> None: ...


class Disk(Protocol):
    """A directory."""

    io: IoCounts

    def names(self, directory: str) -> list[str]:
        """The files in a directory below, sorted; none if there is no such directory."""

    def make_directory(self, directory: str) -> None:
        """Make it unless it exists, durably."""

    def open(self, path: str, *, create: bool = False) -> File:
        """Open for reading and writing. create: a new file, which must not exist yet."""

    def rename(self, source: str, target: str) -> None:
        """Give a file another name; one that has it is replaced."""

    def remove(self, path: str) -> None: ...

    def sync_names(self, directory: str) -> None:
        """Return when the names in a directory are on the medium."""

    def free_bytes(self) -> int:
        """What is left to us on the medium."""


def put_file(disk: Disk, directory: str, name: str, data: bytes) -> None:
    """Have a file with these octets, durably, or still what was there before. Raises: OSError."""
    temporary = f"{name}.tmp"
    if temporary in disk.names(directory):  # of an attempt that did not get far
        disk.remove(f"{directory}/{temporary}")
    file = disk.open(f"{directory}/{temporary}", create=True)
    try:
        file.write(data, 0)
        file.sync()
    finally:
        file.close()
    disk.rename(f"{directory}/{temporary}", f"{directory}/{name}")
    disk.sync_names(directory)


def _sync(fd: int) -> None:
    """Really: macOS has no fdatasync, and its fsync stops at the drive's cache."""
    full_sync = getattr(fcntl, "F_FULLFSYNC", None)
    if full_sync is not None:
        fcntl.fcntl(fd, full_sync)
    else:
        os.fdatasync(fd)


class LocalFile:
    """Seam `File`, on the operating system."""

    __slots__ = ("_fd", "_io")

    def __init__(self, fd: int, io: IoCounts | None = None):
        self._fd = fd
        self._io = io if io is not None else IoCounts()

    def size(self) -> int:
        return os.fstat(self._fd).st_size

    def write(self, data: bytes, offset: int) -> None:
        io, began_ns = self._io, time.perf_counter_ns()
        written = os.pwrite(self._fd, data, offset)
        if written < len(data):  # a signal, a quota, or more than 2 GiB: once more with the rest
            view = memoryview(data)
            while written < len(data):
                written += os.pwrite(self._fd, view[written:], offset + written)
        io.write_count += 1
        io.write_octets += len(data)
        io.write_ns += time.perf_counter_ns() - began_ns

    def read(self, size: int, offset: int) -> bytes:
        io, began_ns = self._io, time.perf_counter_ns()
        data = os.pread(self._fd, size, offset)
        while len(data) < size:
            more = os.pread(self._fd, size - len(data), offset + len(data))
            if not more:
                break
            data += more
        io.read_count += 1
        io.read_octets += len(data)
        io.read_ns += time.perf_counter_ns() - began_ns
        return data

    def sync(self) -> None:
        io, began_ns = self._io, time.perf_counter_ns()
        _sync(self._fd)
        io.sync_count += 1
        io.sync_ns += time.perf_counter_ns() - began_ns

    def truncate(self, size: int) -> None:
        os.ftruncate(self._fd, size)

    def will_need(self, size: int, offset: int) -> None:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._fd, offset, size, os.POSIX_FADV_WILLNEED)

    def close(self) -> None:
        os.close(self._fd)


class LocalDisk:
    """Seam `Disk`, on the operating system. root: the data directory; it must exist.

    read_only: for whoever only looks.
    """

    def __init__(self, root: Path, *, read_only: bool = False):
        self.root = root
        self.io = IoCounts()
        self._flags = (os.O_RDONLY if read_only else os.O_RDWR) | os.O_CLOEXEC
        self._lock: int | None = None

    def names(self, directory: str) -> list[str]:
        try:
            return sorted(os.listdir(self.root / directory))
        except FileNotFoundError:
            return []

    def make_directory(self, directory: str) -> None:
        path = self.root
        for name in Path(directory).parts:
            path /= name
            try:
                path.mkdir()
            except FileExistsError:
                if path == self.root / directory and not path.is_dir():
                    raise
            else:
                self._sync_directory(path.parent)

    def open(self, path: str, *, create: bool = False) -> LocalFile:
        flags = self._flags
        if create:
            flags |= os.O_CREAT | os.O_EXCL
        return LocalFile(os.open(self.root / path, flags, 0o640), self.io)

    def rename(self, source: str, target: str) -> None:
        os.replace(self.root / source, self.root / target)

    def remove(self, path: str) -> None:
        os.unlink(self.root / path)

    def sync_names(self, directory: str) -> None:
        self._sync_directory(self.root / directory)

    def free_bytes(self) -> int:
        status = os.statvfs(self.root)
        return status.f_bavail * status.f_frsize

    def _sync_directory(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def lock(self) -> bool:
        """Keep other processes out until `unlock` or the end of this one. Returns: whether it was
        free. The system lifts the lock when the process dies, however it does."""
        fd = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        self._lock = fd
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        return True

    def is_locked(self) -> bool:
        """Whether a process has the lock."""
        try:
            fd = os.open(self.root / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def holder(self) -> int:
        """The process that has the lock, as far as it has said so; 0: unknown."""
        try:
            return int((self.root / "lock").read_text() or 0)
        except (OSError, ValueError):
            return 0

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
