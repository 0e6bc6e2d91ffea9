"""What closed channels and connections have counted: the sums of a vhost never go down."""

from __future__ import annotations

from collections.abc import Sequence


def add_up(sums: list[int], counts: Sequence[int]) -> None:
    """Add counts to sums, which may be empty at first."""
    if not sums:
        sums += counts
    else:
        for at, count in enumerate(counts):
            if count:
                sums[at] += count


class Retired:
    """Of a vhost, or of those that were deleted.

    retired: in the order of `broker.session.channel.COUNTED`. retired_octets: received and sent.
    """

    def __init__(self) -> None:
        self.retired: list[int] = []
        self.retired_octets = [0, 0]

    def retire(self, counts: Sequence[int]) -> None:
        """A channel is closed: what it did still counts."""
        add_up(self.retired, counts)

    def retire_octets(self, received: int, sent: int) -> None:
        """A connection is no more."""
        add_up(self.retired_octets, (received, sent))
