"""Where the data of the brokers we start lies, what it takes, and what a sync costs there."""

from __future__ import annotations

import contextlib
import os
import tempfile
from functools import cache
from pathlib import Path
from statistics import median
from time import perf_counter_ns

RESULTS = Path(__file__).resolve().parents[1] / "results"
BLOCK_BYTES = 512  # of st_blocks, whatever the file system's own are
IN_MEMORY = ("tmpfs", "ramfs")
SYNC_COUNT = 100
SYNC_BYTES = 128


@cache
def directory() -> Path:
    """The temporary directory, or another one if that is in memory: syncing there costs nothing."""
    for path in (Path(tempfile.gettempdir()), Path("/var/tmp"), RESULTS):
        if path.is_dir() and file_system(path) not in IN_MEMORY:
            return path
    raise RuntimeError("no directory on a disk; set TMPDIR to one")


def file_system(path: Path) -> str:
    """The type of the file system a path is on."""
    device = path.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, rest = line.partition(" - ")
        if mount.split()[2] == wanted:
            return rest.split()[0]
    return ""  # some file systems give their files devices of their own; none of those in memory


def used_bytes(path: Path) -> int:
    """What the files below take on the disk, as du counts."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                total += os.stat(os.path.join(folder, name)).st_blocks * BLOCK_BYTES
    return total


def fdatasync_us() -> float:
    """Of one small append, where Leveret's data is: no true confirm takes less."""
    times_ns: list[int] = []
    with tempfile.TemporaryFile(prefix="leveret-bench-", dir=directory()) as file:
        for _ in range(SYNC_COUNT):
            start = perf_counter_ns()
            file.write(bytes(SYNC_BYTES))
            file.flush()
            os.fdatasync(file.fileno())
            times_ns.append(perf_counter_ns() - start)
    return median(times_ns) / 1000
