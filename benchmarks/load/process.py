"""CPU and memory of a broker, all its processes together, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def _stat_fields(pid: int) -> list[str]:
    """The fields after the command name: state first, so field N of proc(5) is at N - 3."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def process_tree(pid: int) -> list[int]:
    """The process and its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int(_stat_fields(int(entry.name))[1])
            except (OSError, IndexError):
                continue  # it ended meanwhile
            children.setdefault(parent, []).append(int(entry.name))
    tree = [pid]
    for member in tree:
        tree += children.get(member, [])
    return tree


def cpu_s(pid: int) -> float:
    """User and system time of the tree so far, children that have ended included."""
    ticks = 0
    for member in process_tree(pid):
        try:
            ticks += sum(int(value) for value in _stat_fields(member)[11:15])
        except OSError:
            continue
    return ticks / _TICKS_PER_S


def rss_bytes(pid: int) -> int:
    """Resident memory of the tree; pages shared between its processes count in each."""
    total = 0
    for member in process_tree(pid):
        try:
            total += _rss_of(member)
        except OSError:
            continue
    return total


def rss_peak_bytes(pid: int) -> int:
    """The most the process itself ever had resident."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ValueError("no peak of resident memory")


def _rss_of(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except PermissionError:
        # Less exact: the kernel keeps these counters per thread and adds them up late.
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    for line in rollup.splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    return 0  # a kernel thread, or ended


def open_files_max(pid: int) -> int:
    for line in Path(f"/proc/{pid}/limits").read_text().splitlines():
        if line.startswith("Max open files"):
            return int(line.split()[3])
    raise ValueError("no limit of open files")


def busy_s() -> float:
    """CPU time all processes of the machine have used, interrupts included, idle and I/O not."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(value) for value in fields[:8])
    return (user + nice + system + irq + softirq + steal) / _TICKS_PER_S
