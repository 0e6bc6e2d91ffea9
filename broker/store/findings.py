"""What recovery finds in a log, and what it reports of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Found(NamedTuple):
    """A good block. position: segment << 32 | offset. length: of its payload. is_last: of its
    commit."""

    number: int
    synced: int
    position: int
    length: int
    is_last: bool


@dataclass(slots=True)
class Gap:
    """Blocks that are missing: from `first` to `last`."""

    first: int
    last: int


@dataclass(slots=True)
class Report:
    """What recovery found and did, for the log and for `leveret store`."""

    checkpoint_block: int = 0  # the last one that the checkpoint speaks of; 0: there was none
    blocks: int = 0  # read beyond the checkpoint
    octets: int = 0
    records: int = 0
    last_block: int = 0
    cut: dict[int, int] = field(default_factory=dict)  # segment → its octets that do not count
    gaps: list[Gap] = field(default_factory=list)  # damage
    lost: dict[int, list[tuple[int, int]]] = field(default_factory=dict)  # queue id → numbers
    removed: list[int] = field(default_factory=list)  # segments that do not count any more
    set_aside: list[int] = field(default_factory=list)  # segments in which nothing can be read
    problems: list[str] = field(default_factory=list)  # what else is damaged
    was_stopped: bool = False  # the last life ended as it should

    @property
    def is_clean(self) -> bool:
        """Whether all is as a clean stop left it."""
        return self.was_stopped and not (self.blocks or self.cut or self.gaps or self.problems)
