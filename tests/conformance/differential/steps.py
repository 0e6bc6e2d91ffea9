"""A step of a run, as data: what is generated, shrunk, printed, recorded and played again.

`[who, op, fields]`: who is a channel ("A1"), a connection ("A") or nobody (""). Any list of steps
can be played, so that shrinking may leave out whichever it likes: a step opens the connection and
the channel it needs, and one that speaks of a delivery picks among those there are.

| op | fields |
| --- | --- |
| call | method and its fields: send it, await the answer |
| publish | see `Player._publish`; `count` alike ones with numbered bodies |
| settle | method, pick (which of the unacked) or tag (an unknown one), multiple, requeue |
| burst | acts: [op, fields] of several call, publish, settle, written at once |
| close | of a channel or of a connection |
| drop | a connection's socket is closed without a word |
| wait | time passes until nothing changes any more |
| drain | get until the queue is empty |
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Step(NamedTuple):
    """See the module."""

    who: str
    op: str
    fields: dict[str, Any]

    @property
    def letter(self) -> str:
        """The connection's."""
        return self.who[:1]

    @property
    def number(self) -> int:
        """The channel's; 0: the connection is meant."""
        return int(self.who[1:] or 0)

    def __str__(self) -> str:
        return json.dumps(self, ensure_ascii=False)


def read_steps(lines: list[str]) -> list[Step]:
    """Steps from lines as they are printed; a comma at the end of a line is forgiven."""
    return [Step(*json.loads(line.rstrip().rstrip(","))) for line in lines if line.strip()]
