"""Putting a log file aside: when it is time to, and what the files are called then.

rabbit@host.log → .0 → .1 → … → .<count - 1> → deleted
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime, timedelta

from broker.log_settings import FILES_KEPT, DateSpec, Rotation, parse_date_spec

NEVER_S = float("inf")
DAYS = 64  # within which every week and every month has its day


class Plan:
    """The settings of one file. fallback: what counts where they say nothing."""

    def __init__(self, settings: Rotation, fallback: Rotation | None = None):
        fallback = fallback or Rotation()
        date = settings.date or fallback.date
        count = settings.count if settings.count is not None else fallback.count
        self.date = parse_date_spec(date) if date else None
        self.size_max = settings.size or fallback.size  # 0: any
        self.count = FILES_KEPT if count is None else count
        self.compresses = settings.compress or fallback.compress

    def next_s(self, after_s: float) -> float:
        """The first time after that one when it is put aside by the clock; `NEVER_S`: never."""
        return NEVER_S if self.date is None else next_time(self.date, after_s)


def next_time(spec: DateSpec, after_s: float) -> float:
    """Local time counts."""
    start = datetime.fromtimestamp(after_s)
    if spec.every == "hour":
        hour = start.replace(minute=spec.minute, second=0, microsecond=0)
        candidates = [hour + timedelta(hours=number) for number in range(-1, 4)]
    else:
        first = start.replace(hour=spec.hour, minute=spec.minute, second=0, microsecond=0)
        days = [first + timedelta(days=number) for number in range(-1, DAYS)]
        candidates = [day for day in days if _is_day(spec, day)]
    return min(
        (time for time in (one.timestamp() for one in candidates) if time > after_s),
        default=NEVER_S,
    )


def _is_day(spec: DateSpec, day: datetime) -> bool:
    if spec.every == "week":
        return day.isoweekday() % 7 == spec.day
    if spec.every == "month":  # the 31st of a month without one is its last day
        is_last = (day + timedelta(days=1)).month != day.month
        return day.day == spec.day or (is_last and not 0 < spec.day < day.day)
    return True


def put_aside(path: str, count: int) -> None:
    """Give a file its next name, and so those that have one. Raises: OSError; nothing is lost then:
    none of them takes the name of another one that stays."""
    if count == 0:
        os.unlink(path)
        return
    present = 0
    while present < count - 1 and _endings(path, present):
        present += 1
    _remove(path, present)  # the last one goes, if there is no gap to move into
    for number in range(present, 0, -1):
        for ending in _endings(path, number - 1):
            os.replace(f"{path}.{number - 1}{ending}", f"{path}.{number}{ending}")
    os.replace(path, f"{path}.0")
    with suppress(OSError):  # files of a time when more of them were kept
        while _remove(path, count):
            count += 1


def _endings(path: str, number: int) -> list[str]:
    """Whether there is that one: as it was, compressed, or, for a moment, both."""
    return [ending for ending in ("", ".gz") if os.path.lexists(f"{path}.{number}{ending}")]


def _remove(path: str, number: int) -> bool:
    """Returns: whether there was one. Raises: OSError."""
    endings = _endings(path, number)
    for ending in endings:
        os.unlink(f"{path}.{number}{ending}")
    return bool(endings)
