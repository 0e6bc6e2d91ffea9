"""A disk in memory that loses power, is found after a kill, fills up, fails and rots.

`FaultyDisk` is the seam `Disk` of broker/store/files.py. It writes down every operation, so that a
test can run a store once, and then ask at every point of that run what another start would find.

**The fault model**

*A kill* (`after_kill`) loses nothing that was written: it is in the system's cache. It may cut the
write that was under way. What was not synced stays so: the disk of after the kill remembers it, and
a power loss after the restart may still take it.

*A power loss* (`after_power_loss`, `extremes`) keeps what was synced and decides about everything
else, operation by operation:

- A write is there; or not; or a prefix of it, cut at any octet; or some of its sectors, in any
  order (SECTOR octets, aligned in the file: a sector is old or new, never half). It may be there
  although an earlier one is not.
- A file that grew by it has grown whole, in part, or not at all; what is missing inside reads as
  zeros. Nothing ever reads as somebody else's old data (ext4 data=ordered, xfs).
- A truncate happened or did not, whatever became of the writes around it: old octets may come back
  behind new ones.
- A name was made, changed or removed or was not: all up to some point and none after it, which is
  what the journals of ext4 and xfs do, or each on its own, which POSIX allows. A rename is atomic.
- Syncing a file does not keep its name, and syncing names keeps no data.
- `make_directory` is safe when it returns, as its contract says.

A sync covers what was written before it began, not what another thread wrote while it ran
(`during_sync` lets a test write, or wait, just then). After a sync that failed, what it should
have covered may be lost for good, even if a later sync of the file succeeds: the system forgets
that those pages were dirty. Until then they can be read as if nothing had happened.

*Faults at run time*: `capacity` and `fill` (ENOSPC, after a part has been written), `fail` (an
error at the n-th operation of a kind; a write that fails has written half), `read_only` (EROFS),
`flip` (a bit, on the medium), `reported_free_bytes`. `heal` takes them all away, but flipped bits.

A power loss inside an operation needs no point of its own: inside a write it is a torn write at the
point after it; inside a sync it is any outcome at the point before. Not modelled: a sector that is
unreadable or torn in itself, writes that hit the wrong place, a disk that lies about a sync.
"""

from __future__ import annotations

import errno
import os
import posixpath
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from fnmatch import fnmatchcase
from random import Random
from typing import NamedTuple

from broker.store.files import IoCounts

SECTOR = 512
EVERYTHING = 1 << 62
ALL_BUT_ONE_MAX = 6  # so many of the unsynced writes of a point are left out one by one


class Kind(Enum):
    CREATE = "create"
    RENAME = "rename"
    REMOVE = "remove"
    WRITE = "write"
    TRUNCATE = "truncate"
    SYNC = "sync"
    FAILED_SYNC = "failed sync"
    SYNC_NAMES = "sync names"
    MAKE_DIRECTORY = "make directory"
    FLIP = "flip"


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the journal. index: its place there, from 0 on."""

    index: int
    kind: Kind
    path: str
    inode: int = 0
    offset: int = 0  # of a write or flip; the new size of a truncate
    data: bytes = b""
    target: str = ""  # of a rename
    covers: int = 0  # of a sync: the operations before this index

    def __str__(self) -> str:
        text = f"{self.index} {self.kind.value} {self.path!r}"
        match self.kind:
            case Kind.WRITE:
                text += f" {self.offset}…{self.offset + len(self.data)}"
            case Kind.TRUNCATE | Kind.FLIP:
                text += f" {self.offset}"
            case Kind.RENAME:
                text += f" → {self.target!r}"
        return text

    @property
    def directory(self) -> str:
        """Where the name is that it makes, changes or removes."""
        return posixpath.dirname(self.target or self.path)


class Fate(NamedTuple):
    """What is left of an unsynced operation. Other than writes happen if they have any part.

    parts: from, to: octets of a write that are there. grown: the file covers so many of them.
    """

    parts: tuple[tuple[int, int], ...]
    grown: int


GONE = Fate((), 0)
THERE = Fate(((0, EVERYTHING),), EVERYTHING)
HOLE = Fate((), EVERYTHING)


def _index(operation: Operation) -> int:
    return operation.index


def _apply(data: bytearray, operation: Operation, fate: Fate = THERE) -> None:
    """Do to a file what is left of an operation."""
    match operation.kind:
        case Kind.WRITE:
            start, written = operation.offset, operation.data
            grown = min(fate.grown, len(written))
            if grown and len(data) < start + grown:
                data.extend(bytes(start + grown - len(data)))
            for first, last in fate.parts:
                stop = min(last, len(written), len(data) - start)
                if first < stop:
                    data[start + first : start + stop] = written[first:stop]
        case Kind.TRUNCATE if fate.parts:
            size = operation.offset
            del data[size:]
            data.extend(bytes(size - len(data)))
        case Kind.FLIP if operation.offset < len(data):
            data[operation.offset] ^= operation.data[0]


def _apply_name(names: dict[str, int], operation: Operation) -> None:
    """A file has one name: whatever it was called before, if that was kept, it is no longer."""
    for path in [path for path, inode in names.items() if inode == operation.inode]:
        del names[path]
    if operation.kind is not Kind.REMOVE:
        names[operation.target or operation.path] = operation.inode


@dataclass
class _Platter:
    """One file on the medium: what is safe, and what happened since, oldest first.

    A safe operation behind an unsafe one has to wait: in `since`, and in `safe` by its index.
    """

    data: bytearray
    since: list[Operation] = field(default_factory=list)
    safe: set[int] = field(default_factory=set)
    forgotten: set[int] = field(default_factory=set)  # a sync of them failed

    def sync(self, covers: int) -> None:
        self.safe |= {op.index for op in self.since if op.index < covers} - self.forgotten
        self._settle()

    def fail_sync(self, covers: int) -> None:
        self.forgotten |= {op.index for op in self.since if op.index < covers} - self.safe

    def flip(self, operation: Operation) -> None:
        self.since.append(operation)
        self.safe.add(operation.index)
        self._settle()

    def _settle(self) -> None:
        count = 0
        for operation in self.since:
            if operation.index not in self.safe:
                break
            _apply(self.data, operation)
            self.safe.remove(operation.index)
            count += 1
        del self.since[:count]

    def unsynced(self) -> list[Operation]:
        return [operation for operation in self.since if operation.index not in self.safe]


class _Medium:
    """What is safe after the first `at` operations, and what is not."""

    def __init__(self, image: Mapping[str, bytes], directories: Iterable[str]):
        self.at = 0
        self.directories = set(directories)
        self.names: dict[str, int] = {}
        self.unsynced_names: list[Operation] = []
        self.files: dict[int, _Platter] = {}
        for inode, (path, data) in enumerate(sorted(image.items()), start=1):
            self.names[path] = inode
            self.files[inode] = _Platter(bytearray(data))

    def advance(self, operation: Operation) -> None:
        self.at += 1
        match operation.kind:
            case Kind.MAKE_DIRECTORY:
                self.directories.add(operation.path)
            case Kind.CREATE | Kind.RENAME | Kind.REMOVE:
                self.unsynced_names.append(operation)
                if operation.kind is Kind.CREATE:
                    self.files[operation.inode] = _Platter(bytearray())
            case Kind.SYNC_NAMES:
                self._sync_names(operation)
            case Kind.SYNC:
                self.files[operation.inode].sync(operation.covers)
            case Kind.FAILED_SYNC:
                self.files[operation.inode].fail_sync(operation.covers)
            case Kind.FLIP:
                self.files[operation.inode].flip(operation)
            case _:
                self.files[operation.inode].since.append(operation)

    def _sync_names(self, sync: Operation) -> None:
        rest: list[Operation] = []
        for operation in self.unsynced_names:
            if operation.directory == sync.path and operation.index < sync.covers:
                _apply_name(self.names, operation)
                # Names that it has had before, in another directory, are history.
                rest = [other for other in rest if other.inode != operation.inode]
            else:
                rest.append(operation)
        self.unsynced_names = rest

    def unsynced_data(self) -> list[Operation]:
        """Writes and truncates of all files, in the order they were made."""
        found = [op for platter in self.files.values() for op in platter.unsynced()]
        return sorted(found, key=_index)

    def image(self, fates: Mapping[int, Fate]) -> dict[str, bytes]:
        """The files that are found. fates: by index; what has none is gone."""
        names = dict(self.names)
        for operation in self.unsynced_names:
            if fates.get(operation.index, GONE).parts:
                _apply_name(names, operation)
        found = {}
        for path, inode in names.items():
            platter = self.files[inode]
            data = bytearray(platter.data)
            for operation in platter.since:
                is_safe = operation.index in platter.safe
                _apply(data, operation, THERE if is_safe else fates.get(operation.index, GONE))
            found[path] = bytes(data)
        return found


@dataclass
class _Node:
    """A file as it is now. path: its last name."""

    number: int
    path: str
    data: bytearray = field(default_factory=bytearray)
    open_count: int = 0


@dataclass
class _Fault:
    kind: str
    nth: int
    times: int
    error: int
    pattern: str


class FaultyDisk:
    """Seam `Disk`. files: what is on it, safely. May be used by several threads.

    operations: how many there have been; after an operation (and a confirm, say) a test notes it,
    and later asks for the disk as it would be found at that point.
    story: how this disk came about, for the message of a failing test.
    counts: calls by kind, those included that are not in the journal ("read", "will need", "open").
    """

    def __init__(self, files: Mapping[str, bytes] | None = None, directories: Iterable[str] = ()):
        image = {_normal(path): bytes(data) for path, data in (files or {}).items()}
        self._image = image
        self._directories = {""}
        for directory in {*map(posixpath.dirname, image), *map(_normal, directories)}:
            self._add_directory(directory)
        self._first_directories = frozenset(self._directories)
        self._lock = threading.RLock()
        self._nodes: dict[str, _Node] = {
            path: _Node(number, path, bytearray(data))
            for number, (path, data) in enumerate(sorted(image.items()), start=1)
        }
        self._unnamed: dict[int, _Node] = {}  # removed, but open
        self._last_inode = len(image)
        self._medium = _Medium(image, self._first_directories)  # as far as somebody asked
        self._faults: list[_Fault] = []
        self.journal: list[Operation] = []
        self.counts: Counter[str] = Counter()
        self.io = IoCounts()
        self.story = ""
        self.capacity: int | None = None  # octets of all files together
        self.reported_free_bytes: int | None = None
        self.read_only = False
        self.during_sync: Callable[[str], None] | None = None  # called with the path, unlocked

    # --- the seam

    def names(self, directory: str) -> list[str]:
        with self._lock:
            self._begin("names", directory)
            directory = _normal(directory)
            self._check_is_no_file(directory)
            return sorted(
                posixpath.basename(path)
                for path in [*self._nodes, *self._directories]
                if path and posixpath.dirname(path) == directory
            )

    def make_directory(self, directory: str) -> None:
        with self._lock:
            path = _normal(directory)
            if path in self._directories:
                return
            self._begin("make directory", path)
            self._check_writable()
            if path in self._nodes:
                raise _error(errno.EEXIST, path)
            self._check_is_no_file(posixpath.dirname(path))
            for made in self._add_directory(path):
                self._note(Kind.MAKE_DIRECTORY, made)

    def open(self, path: str, *, create: bool = False) -> FaultyFile:
        with self._lock:
            path = _normal(path)
            self._begin("create" if create else "open", path)
            self._check_directory(path)
            if path in self._directories:
                raise _error(errno.EEXIST if create else errno.EISDIR, path)
            node = self._nodes.get(path)
            if create and node is not None:
                raise _error(errno.EEXIST, path)
            if not create and node is None:
                raise _error(errno.ENOENT, path)
            self._check_writable()  # it is opened for both
            if node is None:
                if self._room() == 0:
                    raise _error(errno.ENOSPC, path)
                self._last_inode += 1
                node = self._nodes[path] = _Node(self._last_inode, path)
                self._note(Kind.CREATE, path, node.number)
            node.open_count += 1
            return FaultyFile(self, node)

    def rename(self, source: str, target: str) -> None:
        with self._lock:
            source, target = _normal(source), _normal(target)
            self._begin("rename", source)
            self._check_writable()
            self._check_directory(source)
            self._check_directory(target)
            node = self._find(source)
            if target in self._directories:
                is_in_it = source.startswith(f"{target}/")
                raise _error(errno.ENOTEMPTY if is_in_it else errno.EISDIR, target)
            if source == target:
                return
            self._unname(target)
            del self._nodes[source]
            self._nodes[target] = node
            node.path = target
            self._note(Kind.RENAME, source, node.number, target=target)

    def remove(self, path: str) -> None:
        with self._lock:
            path = _normal(path)
            self._begin("remove", path)
            self._check_writable()
            node = self._find(path)
            self._unname(path)
            self._note(Kind.REMOVE, path, node.number)

    def sync_names(self, directory: str) -> None:
        path = _normal(directory)
        with self._lock:
            self._check_is_directory(path)
            self._begin("sync names", path)
            covers = len(self.journal)
        if self.during_sync is not None:
            self.during_sync(path)
        with self._lock:
            self._note(Kind.SYNC_NAMES, path, covers=covers)

    def free_bytes(self) -> int:
        with self._lock:
            if self.reported_free_bytes is not None:
                return self.reported_free_bytes
            room = self._room()
            return 1 << 40 if room is None else room

    # --- faults

    def fail(
        self,
        kind: str,
        *,
        nth: int = 1,
        times: int | None = 1,
        error: int = errno.EIO,
        path: str = "*",
    ) -> None:
        """From the nth such call on, so many fail; times None: all.

        kind: "write", "sync", "read", "truncate", "open", "create", "rename", "remove", "names",
        "sync names" or "make directory". path: a pattern; only calls on such files count.
        """
        with self._lock:
            self._faults.append(
                _Fault(kind, nth, EVERYTHING if times is None else times, error, path)
            )

    def fill(self, after: int = 0) -> None:
        """So many octets more, and the disk is full. Removing and truncating makes room."""
        with self._lock:
            self.capacity = self._used() + after

    def heal(self) -> None:
        """No faults from here on. Flipped bits stay."""
        with self._lock:
            self._faults.clear()
            self.capacity = self.reported_free_bytes = None
            self.read_only = False

    def flip(self, path: str, offset: int, bit: int = 0) -> None:
        """One bit is another: now, and on the medium."""
        with self._lock:
            node = self._find(_normal(path))
            assert offset < len(node.data), f"{path} has {len(node.data)} octets"
            operation = self._note(
                Kind.FLIP, node.path, node.number, offset=offset, data=bytes([1 << bit])
            )
            _apply(node.data, operation)

    # --- what another start finds

    @property
    def operations(self) -> int:
        """The points at which it can be lost: 0 to this, inclusive."""
        return len(self.journal)

    def unsynced(self, at: int | None = None) -> list[Operation]:
        """What a power loss at that point would decide about."""
        with self._lock:
            medium = self._medium_at(at)
            return sorted([*medium.unsynced_names, *medium.unsynced_data()], key=_index)

    def after_kill(self, at: int | None = None, *, torn: int | None = None) -> FaultyDisk:
        """As it is found after a kill -9 at that point: everything written is there.

        torn: so many octets of the last operation, if that is a write. What is not synced may
        still be lost: the journal goes on.
        """
        with self._lock:
            journal = self.journal[: self._point(at)]
            if torn is not None and journal and journal[-1].kind is Kind.WRITE:
                journal[-1] = replace(journal[-1], data=journal[-1].data[:torn])
            found = FaultyDisk(self._image, self._first_directories)
        found._replay(journal)
        found.story = f"{self.story}; killed at {len(journal)}".lstrip("; ")
        return found

    def after_power_loss(self, at: int | None = None, choose: Random | None = None) -> FaultyDisk:
        """As it is found after a power loss at that point. choose: None keeps nothing unsynced."""
        with self._lock:
            medium = self._medium_at(at)
            fates = {} if choose is None else _random_fates(medium, choose)
            return self._found(medium, fates, "nothing" if choose is None else "random")

    def extremes(self, at: int | None = None) -> Iterator[FaultyDisk]:
        """The corner cases of a power loss at that point, without those that look the same.

        Of the data: nothing; everything; the sizes only; only the last write; all but one, for
        several; one file but no other, all but one; the last write torn in the middle, or without
        some of its sectors. Of the names: none; all; only the last; all but the last. Each of the
        first with each of these.
        """
        with self._lock:
            medium = self._medium_at(at)
            seen: set[tuple[tuple[str, bytes], ...]] = set()
            found: list[FaultyDisk] = []
            for names_label, name_fates in _extreme_names(medium.unsynced_names):
                for label, fates in _extreme_data(medium.unsynced_data()):
                    disk = self._found(medium, {**fates, **name_fates}, f"{label}, {names_label}")
                    key = tuple(sorted(disk._image.items()))
                    if key not in seen:
                        seen.add(key)
                        found.append(disk)
        yield from found

    # --- for looking at it

    def contents(self, path: str) -> bytes:
        """A file as it reads now."""
        with self._lock:
            return bytes(self._find(_normal(path)).data)

    def files(self) -> dict[str, bytes]:
        """All files as they read now."""
        with self._lock:
            return {path: bytes(node.data) for path, node in sorted(self._nodes.items())}

    @property
    def open_files(self) -> list[str]:
        """Paths of what was opened and not closed, each as often as that."""
        with self._lock:
            nodes = [*self._nodes.values(), *self._unnamed.values()]
            return sorted(node.path for node in nodes for _ in range(node.open_count))

    # --- inside

    def _begin(self, kind: str, path: str) -> None:
        """Count the call. Raises: OSError if it is to fail."""
        self.counts[kind] += 1
        for fault in self._faults:
            if fault.kind == kind and fnmatchcase(path, fault.pattern):
                fault.nth -= 1
                if fault.nth < 1 and fault.times > 0:
                    fault.times -= 1
                    raise _error(fault.error, path)

    def _note(
        self,
        kind: Kind,
        path: str,
        inode: int = 0,
        *,
        offset: int = 0,
        data: bytes = b"",
        target: str = "",
        covers: int = 0,
    ) -> Operation:
        operation = Operation(len(self.journal), kind, path, inode, offset, data, target, covers)
        self.journal.append(operation)
        return operation

    def _replay(self, journal: list[Operation]) -> None:
        """Do once more what was done to the disk that this one comes from."""
        nodes = {node.number: node for node in self._nodes.values()}
        for operation in journal:
            match operation.kind:
                case Kind.MAKE_DIRECTORY:
                    self._add_directory(operation.path)
                case Kind.CREATE:
                    node = _Node(operation.inode, operation.path)
                    nodes[operation.inode] = self._nodes[operation.path] = node
                    self._last_inode = operation.inode
                case Kind.RENAME:
                    node = self._nodes.pop(operation.path)
                    node.path = operation.target
                    self._nodes[operation.target] = node
                case Kind.REMOVE:
                    del self._nodes[operation.path]
                case Kind.WRITE | Kind.TRUNCATE | Kind.FLIP:
                    _apply(nodes[operation.inode].data, operation)
        self.journal = list(journal)

    def _point(self, at: int | None) -> int:
        point = len(self.journal) if at is None else at
        assert 0 <= point <= len(self.journal), f"there were {len(self.journal)} operations"
        return point

    def _medium_at(self, at: int | None) -> _Medium:
        point = self._point(at)
        if self._medium.at > point:
            self._medium = _Medium(self._image, self._first_directories)
        while self._medium.at < point:
            self._medium.advance(self.journal[self._medium.at])
        return self._medium

    def _found(self, medium: _Medium, fates: Mapping[int, Fate], label: str) -> FaultyDisk:
        disk = FaultyDisk(medium.image(fates), medium.directories)
        parts = [f"{self.story}; power lost at {medium.at}: {label}".lstrip("; ")]
        for operation in (*medium.unsynced_names, *medium.unsynced_data()):
            fate = fates.get(operation.index, GONE)
            if fate not in (GONE, THERE):
                parts.append(f"{operation}: {fate.parts} of {fate.grown}")
            else:
                parts.append(f"{operation}: {'there' if fate.parts else 'gone'}")
        disk.story = "\n  ".join(parts)
        return disk

    def _find(self, path: str) -> _Node:
        self._check_directory(path)
        if path in self._directories:
            raise _error(errno.EISDIR, path)
        if path not in self._nodes:
            raise _error(errno.ENOENT, path)
        return self._nodes[path]

    def _unname(self, path: str) -> None:
        node = self._nodes.pop(path, None)
        if node is not None and node.open_count:
            self._unnamed[node.number] = node

    def _add_directory(self, path: str) -> list[str]:
        """Returns: what was not there yet, outermost first."""
        made: list[str] = []
        while path not in self._directories:
            self._directories.add(path)
            made.insert(0, path)
            path = posixpath.dirname(path)
        return made

    def _check_directory(self, path: str) -> None:
        """That there may be such a name."""
        self._check_is_directory(posixpath.dirname(path))

    def _check_is_directory(self, path: str) -> None:
        self._check_is_no_file(path)
        if path not in self._directories:
            raise _error(errno.ENOENT, path)

    def _check_is_no_file(self, path: str) -> None:
        """Neither it nor what it is in."""
        while path:
            if path in self._nodes:
                raise _error(errno.ENOTDIR, path)
            path = posixpath.dirname(path)

    def _check_writable(self) -> None:
        if self.read_only:
            raise _error(errno.EROFS, "")

    def _is_dirty(self, node: _Node) -> bool:
        return bool(self._medium_at(None).files[node.number].unsynced())

    def _used(self) -> int:
        nodes = [*self._nodes.values(), *self._unnamed.values()]
        return sum(len(node.data) for node in nodes)

    def _room(self) -> int | None:
        return None if self.capacity is None else max(0, self.capacity - self._used())


class FaultyFile:
    """Seam `File`. Using it after it was closed is an AssertionError, not an OSError: on a real
    system it would hit whatever file has the descriptor by then."""

    __slots__ = ("_disk", "_is_open", "_node")

    def __init__(self, disk: FaultyDisk, node: _Node):
        self._disk = disk
        self._node = node
        self._is_open = True

    def size(self) -> int:
        with self._disk._lock:
            self._check_open()
            return len(self._node.data)

    def write(self, data: bytes, offset: int) -> None:
        with self._disk._lock:
            self._check_open()
            self._disk._check_writable()
            if offset < 0:
                raise _error(errno.EINVAL, self._node.path)
            data = bytes(data)
            try:
                self._disk._begin("write", self._node.path)
            except OSError:
                self._write(data[: len(data) // 2], offset)
                raise
            room = self._disk._room()
            if room is not None and data:
                fits = max(0, len(self._node.data) + room - offset)
                if fits < len(data):
                    self._write(data[:fits], offset)
                    raise _error(errno.ENOSPC, self._node.path)
            self._write(data, offset)

    def _write(self, data: bytes, offset: int) -> None:
        if data:
            node = self._node
            operation = self._disk._note(
                Kind.WRITE, node.path, node.number, offset=offset, data=data
            )
            _apply(node.data, operation)

    def read(self, size: int, offset: int) -> bytes:
        with self._disk._lock:
            self._check_open()
            self._disk._begin("read", self._node.path)
            if offset < 0 or size < 0:
                raise _error(errno.EINVAL, self._node.path)
            return bytes(self._node.data[offset : offset + size])

    def sync(self) -> None:
        disk, node = self._disk, self._node
        with disk._lock:
            self._check_open()
            covers = len(disk.journal)
            failure: OSError | None = None
            try:
                disk._begin("sync", node.path)
                if disk._is_dirty(node):
                    disk._check_writable()
            except OSError as error:
                failure = error
        if disk.during_sync is not None:
            disk.during_sync(node.path)
        with disk._lock:
            self._check_open()
            kind = Kind.SYNC if failure is None else Kind.FAILED_SYNC
            disk._note(kind, node.path, node.number, covers=covers)
        if failure is not None:
            raise failure

    def truncate(self, size: int) -> None:
        with self._disk._lock:
            self._check_open()
            self._disk._begin("truncate", self._node.path)
            self._disk._check_writable()
            if size < 0:
                raise _error(errno.EINVAL, self._node.path)
            operation = self._disk._note(
                Kind.TRUNCATE, self._node.path, self._node.number, offset=size
            )
            _apply(self._node.data, operation)

    def will_need(self, size: int, offset: int) -> None:
        with self._disk._lock:
            self._check_open()
            self._disk.counts["will need"] += 1

    def close(self) -> None:
        with self._disk._lock:
            self._check_open()
            self._is_open = False
            self._node.open_count -= 1
            if not self._node.open_count:
                self._disk._unnamed.pop(self._node.number, None)

    def _check_open(self) -> None:
        assert self._is_open, f"{self._node.path} is used after it was closed"


def _normal(path: str) -> str:
    """A path below the root; "" is the root itself."""
    path = posixpath.normpath(path)
    assert not path.startswith(("/", "..")), f"{path} leads out of the data directory"
    return "" if path == "." else path


def _error(code: int, path: str) -> OSError:
    return OSError(code, os.strerror(code), path)


# --- fates


def _random_fates(medium: _Medium, choose: Random) -> dict[int, Fate]:
    data, names = medium.unsynced_data(), medium.unsynced_names
    fates: dict[int, Fate] = {}
    order = choose.choice(("in order", "independent", "independent"))
    likely = choose.choice((0.1, 0.5, 0.9))
    last = choose.randint(0, len(data))
    for place, operation in enumerate(data):
        if order == "in order" and place != last:
            fates[operation.index] = THERE if place < last else GONE
        elif choose.random() < likely:
            fates[operation.index] = THERE
        else:
            fates[operation.index] = _random_fate(operation, choose)
    is_journal = choose.random() < 0.5
    last = choose.randint(0, len(names))
    for place, operation in enumerate(names):
        is_there = place < last if is_journal else choose.random() < 0.5
        fates[operation.index] = THERE if is_there else GONE
    return fates


def _random_fate(operation: Operation, choose: Random) -> Fate:
    """Anything but whole."""
    if operation.kind is not Kind.WRITE:
        return choose.choice((THERE, GONE))
    size = len(operation.data)
    match choose.choice(("gone", "gone", "hole", "prefix", "prefix", "sectors", "sectors")):
        case "gone":
            return GONE
        case "hole":
            return Fate((), choose.randint(1, size))
        case "prefix":
            there = choose.randint(0, size)
            return Fate(((0, there),), choose.choice((there, size)))
        case _:
            sectors = tuple(part for part in _sectors(operation) if choose.random() < 0.5)
            return Fate(sectors, choose.choice((size, sectors[-1][1] if sectors else 0)))


def _sectors(operation: Operation) -> list[tuple[int, int]]:
    """From, to: the parts of a write that a disk writes at once."""
    size, first = len(operation.data), -(operation.offset % SECTOR)
    return [(max(start, 0), min(start + SECTOR, size)) for start in range(first, size, SECTOR)]


def _extreme_names(names: list[Operation]) -> Iterator[tuple[str, dict[int, Fate]]]:
    indexes = [operation.index for operation in names]
    yield "all names", dict.fromkeys(indexes, THERE)
    if indexes:
        yield "no names", {}
    if len(indexes) > 1:
        yield "the last name", {indexes[-1]: THERE}
        yield "all names but the last", dict.fromkeys(indexes[:-1], THERE)


def _extreme_data(data: list[Operation]) -> Iterator[tuple[str, dict[int, Fate]]]:
    everything = dict.fromkeys((operation.index for operation in data), THERE)
    yield "nothing", {}
    yield "everything", everything
    yield "sizes", dict.fromkeys(everything, HOLE)
    writes = [operation for operation in data if operation.kind is Kind.WRITE]
    for operation in data[:: max(1, -(-len(data) // ALL_BUT_ONE_MAX))] + data[-1:]:
        yield f"all but {operation}", {**everything, operation.index: GONE}
    inodes = sorted({operation.inode for operation in data})
    for inode in inodes if len(inodes) > 1 else ():
        of_it = [operation for operation in data if operation.inode == inode]
        only = dict.fromkeys((operation.index for operation in of_it), THERE)
        yield f"all of {of_it[0].path}", only
        yield f"all but {of_it[0].path}", {**everything, **dict.fromkeys(only, GONE)}
    if not writes:
        return
    last = writes[-1]
    size, sectors = len(last.data), _sectors(last)
    yield "the last write", {last.index: THERE}
    torn = {
        "the last write torn": Fate(((0, size // 2),), size // 2),
        "the last write torn, its size there": Fate(((0, size // 2),), size),
        "the last write a hole": HOLE,
        "the last write without its first sector": Fate(tuple(sectors[1:]), size),
        "the last write without its last sector": Fate(tuple(sectors[:-1]), size),
        "every other sector of the last write": Fate(tuple(sectors[::2]), size),
    }
    for label, fate in torn.items():
        yield label, {**everything, last.index: fate}
