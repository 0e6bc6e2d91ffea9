"""What a queue has counted since it was made, for those who watch."""

from __future__ import annotations

from typing import Any


class Tally:
    """The part of a `Queue` that counts. delivered: everything handed out, by whatever way;
    rejected: by a plain queue (an extended one counts what dies, `Extras.deaths`)."""

    __slots__ = (
        "acked",
        "ages",
        "delivered",
        "delivered_no_ack",
        "get_empty",
        "got",
        "got_no_ack",
        "published",
        "redelivered",
        "rejected",
        "samples",
    )

    def __init__(self) -> None:
        self.published = self.delivered = self.redelivered = self.acked = self.rejected = 0
        self.delivered_no_ack = self.got = self.got_no_ack = self.get_empty = 0
        self.samples: Any = None  # see `broker.management.statistics`
        self.ages: Any = None  # likewise

    def count_get(self, *, found: bool, no_ack: bool) -> None:
        """A basic.get was answered."""
        if not found:
            self.get_empty += 1
        elif no_ack:
            self.got_no_ack += 1
        else:
            self.got += 1
