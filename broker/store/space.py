"""Which segments there are, how much in them is still wanted, and which one to clean.

A segment without a live message goes with the next checkpoint. One in which most is dead is
cleaned: what is live in it is written again, to a cold segment, one that holds nothing but such
survivors; a message that stayed once will stay for long, and is not moved again with every round
of the hot ones. The emptiest segment is cleaned first: most room for the least work.
"""

from __future__ import annotations

from dataclasses import dataclass

SLACK_SEGMENTS = 2  # beside those written to, before cleaning is thought of
WASTE_MAX = 2.0  # octets on disk per live octet from which on segments are cleaned
SHARE_MAX = 0.6  # of a segment that is live, up to which it is worth cleaning
SEGMENTS_MAX = 64  # small ones, left by many starts, from which on the same is done


@dataclass(slots=True)
class Segment:
    """One file. end: octets. live: messages, once per queue; live_octets: of them, about.

    last_block: number of the last block in it.
    """

    number: int
    first_block: int
    end: int
    is_cold: bool = False
    last_block: int = 0
    live: int = 0
    live_octets: float = 0.0
    is_unreadable: bool = False  # as far as cleaning has tried


class Space:
    """The segments, in order. segment_octets: from which size on a new one is begun."""

    def __init__(self, segment_octets: int):
        self.segment_octets = segment_octets
        self.segments: dict[int, Segment] = {}
        self.octets = 0  # what all of them take on disk
        self.live_octets = 0.0  # what of it is wanted, about
        self.hot = self.cold = 0  # the segments written to; 0: none
        self.last_number = 0  # of all there have ever been

    def begin_segment(self, first_block: int, start: int, *, is_cold: bool) -> Segment:
        """A new one to write to. start: where its first block will be."""
        self.last_number += 1
        segment = Segment(self.last_number, first_block, 0, is_cold)
        self.segments[segment.number] = segment
        self.grow(segment, start)
        if is_cold:
            self.cold = segment.number
        else:
            self.hot = segment.number
        return segment

    def resume(self, segments: list[Segment]) -> None:
        """Go on with what was found at start: the last of each kind is written to."""
        for segment in segments:
            self.segments[segment.number] = segment
            self.octets += segment.end
            self.last_number = max(self.last_number, segment.number)
            if segment.is_cold:
                self.cold = segment.number
            else:
                self.hot = segment.number

    def grow(self, segment: Segment, octets: int) -> None:
        """So much was added to the file."""
        segment.end += octets
        self.octets += octets

    def add(self, block: int, count: int, octets: float) -> None:
        """Messages are in a block. block: its position."""
        segment = self.segments[block >> 32]
        segment.live += count
        segment.live_octets += octets
        self.live_octets += octets

    def release(self, block: int, count: int, octets: float) -> None:
        """Messages in a block are done with, or have moved."""
        segment = self.segments[block >> 32]
        segment.live -= count
        assert segment.live >= 0, segment
        if not segment.live or octets > segment.live_octets:
            octets = segment.live_octets
        segment.live_octets -= octets
        self.live_octets -= octets

    @property
    def has_dead(self) -> bool:
        """Whether a segment can go."""
        return any(map(self._is_dead, self.segments.values()))

    def _is_dead(self, segment: Segment) -> bool:
        return not segment.live and segment.number not in (self.hot, self.cold)

    def take_dead(self) -> list[int]:
        """The segments that can go; they are forgotten here."""
        dead = [segment for segment in self.segments.values() if self._is_dead(segment)]
        for segment in dead:
            self.octets -= segment.end
            del self.segments[segment.number]
        return [segment.number for segment in dead]

    @property
    def is_wasteful(self) -> bool:
        """Whether the log has become too large for what is in it."""
        if self.octets <= WASTE_MAX * self.live_octets:
            return False
        staying = [segment for segment in self.segments.values() if not self._is_dead(segment)]
        octets = sum(segment.end for segment in staying)
        if octets <= WASTE_MAX * self.live_octets:
            return False
        slack = (SLACK_SEGMENTS + 2) * self.segment_octets
        return octets > slack or len(staying) > SEGMENTS_MAX

    def next_to_clean(self) -> Segment | None:
        """The segment in which the least is live; None: cleaning is not worth it."""
        if not self.is_wasteful:
            return None
        candidates = [
            segment
            for segment in self.segments.values()
            if segment.live
            and not segment.is_unreadable
            and _share(segment) <= SHARE_MAX
            and segment.number not in (self.hot, self.cold)
        ]
        return min(candidates, key=_share, default=None)


def _share(segment: Segment) -> float:
    """Of a segment's octets, those that are live."""
    return segment.live_octets / segment.end
