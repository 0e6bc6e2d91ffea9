"""Memory and disk watermarks: which resource runs low, so that publishers have to wait.

    memory: used > limit     looked at in every tick
    disk:   free < limit     the closer to the limit, the more often

As in RabbitMQ (vm_memory_monitor, rabbit_disk_monitor) there is no hysteresis: what has set an
alarm clears it as soon as it is no longer so. `Watermarks.check` answers which resources are low;
the node makes alarms of that, and keeps those that others asked for.

Memory is what the system says the process holds, and CPython and malloc keep what they are given:
without help an alarm would outlive its messages. So before memory is called low, malloc is asked to
give back what it can (`trim`), now and then, for that looks at all of the heap: on our box 20 ms
per 1.5 GB when there is nothing to give, 90 ms when there is.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from resource import RUSAGE_SELF, getpagesize, getrusage
from typing import NamedTuple

from broker.config import Alarms

log = logging.getLogger("broker.alarms")

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
WATERMARK = "watermark"  # the reason of an alarm that is raised here
RESOURCES = ("memory", "disk")

MEMORY_OF_UNKNOWN_SYSTEM = 1024 * 1024 * 1024
TRIM_INTERVAL_MS = 3_000
DISK_INTERVAL_MAX_MS = 10_000
DISK_FILLED_PER_MS = 250_000  # octets; the disk is looked at twice on the way to its limit


def memory_used(proc: Path = PROC) -> int:
    """Octets of memory this process holds. Where there is no /proc: the most it ever held."""
    try:
        pages = (proc / "self" / "statm").read_bytes().split()[1]
    except FileNotFoundError:
        peak = getrusage(RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return int(pages) * getpagesize()


def memory_total(proc: Path = PROC, cgroups: Path = CGROUPS) -> int:
    """Octets of memory this process may hold: the machine's, or less if its cgroup says so."""
    return min([_physical_memory(proc), *_cgroup_limits(proc, cgroups)])


def _physical_memory(proc: Path) -> int:
    try:
        for line in (proc / "meminfo").read_text().splitlines():
            if line.startswith("MemTotal:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * getpagesize()
    except (OSError, ValueError):
        log.warning("size of the memory is not known, assumed=%s", MEMORY_OF_UNKNOWN_SYSTEM)
        return MEMORY_OF_UNKNOWN_SYSTEM


def _cgroup_limits(proc: Path, cgroups: Path) -> Iterator[int]:
    """The limits of the groups this process is in, up to the root.

    In a container the path may be the host's, which is not there: the root then is the container's.
    """
    try:
        memberships = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    for membership in memberships:  # hierarchy:controllers:path; version 2 is 0::path
        _, controllers, group = membership.split(":", 2)
        if not controllers:
            root, name = cgroups, "memory.max"
        elif "memory" in controllers.split(","):
            root, name = cgroups / "memory", "memory.limit_in_bytes"
        else:
            continue
        path = PurePosixPath(group.lstrip("/"))
        for directory in (path, *path.parents):
            try:
                limit = (root / directory / name).read_text().strip()
            except OSError:
                continue
            if limit.isdecimal():  # or "max"; version 1 has a number beyond any memory for that
                yield int(limit)


class Levels(NamedTuple):
    """Numbers for those who look. Octets; disk_free is None where no disk is watched."""

    memory_used: int
    memory_limit: int
    memory_total: int
    memory_relative: float | None  # None: the limit was given as an amount
    disk_free: int | None
    disk_limit: int
    low: tuple[str, ...]


class Watermarks:
    """Looks at memory and disk, and judges them by their limits.

    disk_free: free octets at the data directory; None: there is none, and no disk alarm.
    trim: makes malloc give back what it does not need. used, total: octets of memory.
    """

    def __init__(
        self,
        config: Alarms,
        *,
        disk_free: Callable[[], int] | None = None,
        trim: Callable[[], object] | None = None,
        used: Callable[[], int] = memory_used,
        total: Callable[[], int] = memory_total,
    ):
        self._read_disk_free = disk_free
        self._trim = trim
        self._read_used = used
        self._read_total = total
        self._unreadable: set[str] = set()
        self._trim_due_ms = self._disk_due_ms = 0
        self._memory_used = 0
        self._disk_free: int | None = None
        self._low = dict.fromkeys(RESOURCES, False)
        self.configure(config)

    def configure(self, config: Alarms) -> None:
        """The limits as the settings have them. The next check judges by them."""
        self._total_override = config.memory_total
        self.set_memory_limit(relative=config.memory_relative, absolute=config.memory_absolute)
        self.set_disk_limit(relative=config.disk_relative, absolute=config.disk_absolute)

    def set_memory_limit(self, *, relative: float = 0.0, absolute: int | None = None) -> None:
        """Octets, or (None) a share of the memory. The next check judges by it."""
        override = self._total_override
        self._memory_total = total = self._read_total() if override is None else override
        self._memory_relative = relative if absolute is None else None
        share = int(relative * total) if absolute is None else absolute
        self._memory_limit = min(share, total)

    def set_disk_limit(self, *, absolute: int = 0, relative: float = 0.0) -> None:
        """Octets, or (unless 0) a multiple of the memory. The next check judges by it."""
        self._disk_limit = round(relative * self._memory_total) if relative else absolute
        self._disk_due_ms = 0

    def give_back(self) -> None:
        """Have malloc give to the system what it does not need."""
        if self._trim is not None:
            self._trim()

    def check(self, now_ms: int) -> tuple[str, ...]:
        """Look again where it is time to. Returns: the resources that are low."""
        self._check_memory(now_ms)
        if self._read_disk_free is not None and now_ms >= self._disk_due_ms:
            self._check_disk(now_ms, self._read_disk_free)
        return self.low

    @property
    def low(self) -> tuple[str, ...]:
        """As of the last check."""
        return tuple(resource for resource, is_low in self._low.items() if is_low)

    def snapshot(self) -> Levels:
        """As of the last check."""
        return Levels(
            self._memory_used,
            self._memory_limit,
            self._memory_total,
            self._memory_relative,
            self._disk_free,
            self._disk_limit,
            self.low,
        )

    def _check_memory(self, now_ms: int) -> None:
        used = self._read("memory", self._read_used)
        if used is None:
            return
        limit = self._memory_limit
        if used > limit and self._trim is not None and now_ms >= self._trim_due_ms:
            self._trim_due_ms = now_ms + TRIM_INTERVAL_MS
            self._trim()
            used = self._read("memory", self._read_used) or used
        self._memory_used = used
        if self._is_news("memory", used > limit):
            if used > limit:
                log.warning("memory is above its limit, used=%s limit=%s", used, limit)
            else:
                log.warning("memory is within its limit again, used=%s limit=%s", used, limit)

    def _check_disk(self, now_ms: int, read: Callable[[], int]) -> None:
        self._disk_due_ms = now_ms + DISK_INTERVAL_MAX_MS
        free = self._read("disk", read)
        if free is None:
            return
        limit = self._disk_limit
        interval_ms = 2 * abs(free - limit) // DISK_FILLED_PER_MS
        self._disk_due_ms = now_ms + min(interval_ms, DISK_INTERVAL_MAX_MS)
        self._disk_free = free
        if self._is_news("disk", free < limit):
            if free < limit:
                log.warning("free disk space is below its limit, free=%s limit=%s", free, limit)
            else:
                log.warning("free disk space is enough again, free=%s limit=%s", free, limit)

    def _is_news(self, resource: str, is_low: bool) -> bool:
        was_low, self._low[resource] = self._low[resource], is_low
        return was_low is not is_low

    def _read(self, resource: str, read: Callable[[], int]) -> int | None:
        """None: it cannot be read now (no file descriptors left, a directory that is gone), and
        the last judgement stands. That is logged once."""
        try:
            octets = read()
        except OSError as error:
            if resource not in self._unreadable:
                self._unreadable.add(resource)
                log.warning("a level cannot be read, resource=%s error=%s", resource, error)
            return None
        self._unreadable.discard(resource)
        return octets
