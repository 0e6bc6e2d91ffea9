"""The files of the log: where a position leads, and how a commit's blocks get onto the medium.

Used by two threads: the node's reads, the commit thread writes, creates and removes. They share
the table of open files only, whose single operations are atomic.

A file whose sync has failed is never trusted again: what it held that was synced before is copied
into a new file together with what was to be synced, and the new one takes its name.
"""

from __future__ import annotations

from collections.abc import Sequence

from broker.store.files import Disk, File, put_file
from broker.store.format import FIRST_OFFSET, segment_name

DIRECTORY = "log"
COPY_OCTETS = 1024 * 1024
REPLACEMENT = "replacement.tmp"
STOPPED = "stopped"  # a file that is there between a clean stop and the next start


class SegmentFiles:
    """See the module."""

    def __init__(self, disk: Disk, salt: int):
        self.disk = disk
        self.salt = salt  # see store/format.py; of an existing log it is read from there
        self._files: dict[int, File] = {}
        self._distrusted: set[int] = set()  # segments whose file failed to sync

    def path(self, number: int) -> str:
        return f"{DIRECTORY}/{segment_name(number)}"

    def open(self, number: int) -> File:
        """The file of a segment that exists. Raises: OSError."""
        file = self._files.get(number)
        if file is None:
            file = self._files[number] = self.disk.open(self.path(number))
        return file

    def read(self, number: int, size: int, offset: int) -> bytes:
        """Raises: OSError."""
        return self.open(number).read(size, offset)

    def will_need(self, number: int, size: int, offset: int) -> None:
        file = self._files.get(number)  # one that is not open may be half begun: leave it alone
        if file is not None:
            file.will_need(size, offset)

    def commit(
        self,
        blocks: Sequence[tuple[int, int, bytes]],
        headers: dict[int, bytes],
        *,
        sync: bool,
    ) -> None:
        """Write blocks, given as segment, offset and octets, in order; sync what was written.

        headers: of the segments among them that are new. May be called again with the same
        after an error. Raises: OSError.
        """
        pieces: dict[int, list[tuple[int, bytes]]] = {}
        for number, offset, data in blocks:
            pieces.setdefault(number, []).append((offset, data))
        for number, wanted in pieces.items():
            if number in self._distrusted:
                self._replace(number, wanted, headers)
                continue
            is_new = number in headers
            file = self._create(number, headers[number]) if is_new else self.open(number)
            file.write(b"".join(data for _, data in wanted), wanted[0][0])
            if sync:
                self._sync(number, file)
                if is_new:
                    self.disk.sync_names(DIRECTORY)

    def _create(self, number: int, header: bytes) -> File:
        file = self._files.get(number)
        if file is None:  # else this is not the first attempt
            if segment_name(number) in self.disk.names(DIRECTORY):
                self.disk.remove(self.path(number))  # of an attempt that did not get far
            file = self.disk.open(self.path(number), create=True)
            try:
                file.write(header, 0)
            except OSError:
                file.close()
                raise
            self._files[number] = file
        return file

    def _sync(self, number: int, file: File) -> None:
        try:
            file.sync()
        except OSError:
            self._distrusted.add(number)
            raise

    def _replace(
        self, number: int, wanted: list[tuple[int, bytes]], headers: dict[int, bytes]
    ) -> None:
        """Copy what was on the medium, add what was to be, and put the copy in its place."""
        path = f"{DIRECTORY}/{REPLACEMENT}"
        if REPLACEMENT in self.disk.names(DIRECTORY):
            self.disk.remove(path)
        copy = self.disk.open(path, create=True)
        try:
            end = wanted[0][0] if wanted else self.open(number).size()
            self._copy(number, copy, end, headers)
            copy.write(b"".join(data for _, data in wanted), end)
            copy.sync()
            self.disk.rename(path, self.path(number))
            self.disk.sync_names(DIRECTORY)
        except OSError:
            copy.close()
            raise
        self._files[number] = copy  # whoever reads from the old one now still gets the same
        self._distrusted.discard(number)

    def _copy(self, number: int, copy: File, end: int, headers: dict[int, bytes]) -> None:
        if number in headers:
            copy.write(headers[number], 0)
            at = FIRST_OFFSET
        else:
            at = 0
        while at < end:
            data = self.read(number, min(COPY_OCTETS, end - at), at)
            if not data:
                raise OSError(f"{self.path(number)} is shorter than it was")
            copy.write(data, at)
            at += len(data)

    def sync(self, numbers: Sequence[int]) -> None:
        """Have what was written before on the medium too. Raises: OSError."""
        for number in numbers:
            if number in self._distrusted:
                self._replace(number, [], {})
            else:
                self._sync(number, self.open(number))
        self.disk.sync_names(DIRECTORY)

    def put(self, name: str, data: bytes) -> None:
        """Have a file with these octets, or still the one of that name before. Raises: OSError."""
        put_file(self.disk, DIRECTORY, name, data)

    def remove(self, numbers: Sequence[int]) -> None:
        """Remove segments that nothing refers to any more. Raises: OSError."""
        names = self.disk.names(DIRECTORY) if numbers else []
        for number in numbers:
            file = self._files.pop(number, None)
            if file is not None:
                file.close()
            if segment_name(number) in names:
                self.disk.remove(self.path(number))

    def set_aside(self, number: int) -> None:
        """Have a segment out of the way that says nothing to us. Raises: OSError."""
        file = self._files.pop(number, None)
        if file is not None:
            file.close()
        self.disk.rename(self.path(number), f"{self.path(number)}.damaged")

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()
