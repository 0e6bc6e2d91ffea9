"""The memory of a process that is a broker and nothing else: the collector and the allocator."""

from __future__ import annotations

import gc
from contextlib import suppress

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # of glibc's malloc.h


def settle_memory() -> None:
    """For a process that is a broker and nothing else: the collector and the allocator.

    What was made at start stays, and messages are acyclic: the collector need not look at the
    former, nor often at the latter. And glibc must not give every large body back to the kernel and
    ask for it again: 64 KiB bodies 65 → 37 µs of CPU a message.
    """
    import ctypes  # late, below too: 2 ms that an embedded broker does not pay at its start

    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another libc: it does as it does
        return
    mallopt(M_TRIM_THRESHOLD, 64 * 1024 * 1024)
    mallopt(M_MMAP_THRESHOLD, 32 * 1024 * 1024)
    mallopt(M_TOP_PAD, 1024 * 1024)


def trim_memory() -> None:
    """By glibc's malloc_trim: give free pages of the whole heap back. With another libc nothing."""
    with suppress(OSError, AttributeError, ImportError):
        import ctypes

        ctypes.CDLL(None).malloc_trim(0)


def give_back() -> None:
    """Something large has gone: what is kept from the collector is looked at once more."""
    is_settled = gc.get_freeze_count() > 0
    if is_settled:
        gc.unfreeze()
    gc.collect()
    if is_settled:
        gc.freeze()
    trim_memory()
