"""What RabbitMQ 3.10.8 was heard to answer, and where we answer otherwise."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

RECORDED = Path(__file__).parent / "recorded.json"


def recorded() -> dict[str, list[str]]:
    """By the names of the steps."""
    found: dict[str, list[str]] = json.loads(RECORDED.read_text())
    return found


class Deviation(NamedTuple):
    """lines: patterns of what may differ, with - and + in front, in one of these steps."""

    reason: str
    steps: tuple[str, ...]
    lines: tuple[str, ...]

    def covers(self, line: str) -> bool:
        return any(re.fullmatch(pattern, line) for pattern in self.lines)


_POLICY = "-V rmqa declare policy name=p2"
DEVIATIONS = (
    Deviation(
        "nothing has been idle for long: the steps follow each other sooner than at the recording",
        ("-f tsv -d 3 list channels",),
        (r"-idle_since",),
    ),
    Deviation(
        "likewise; and a queue has one key more",
        ("-V rmqa -f tsv -d 2 list queues",),
        (r"-idle_since", r"\+oldest_message_age"),
    ),
    Deviation(
        "a text is shown as one, not as the numbers of its characters",
        ("declare permission vhost=rmqa user=rmqa-user configure=[ write=.* read=.*",),
        (r"[-+]! \*\*\* \['invalid_regexp', .*",),
    ),
    Deviation(
        "policies may be for one type of queues, as in later releases",
        (f'{_POLICY} pattern=x definition={{"message-ttl":60000}} apply-to=nonsense',),
        (r"[-+]! apply-to 'nonsense' unrecognised; should be .*",),
    ),
    Deviation(
        "RabbitMQ fails over this request with an error of its own (500)",
        (
            '-V rmqa declare queue name=q4 arguments=["x"]',
            "-V rmqa declare binding source=ex destination=q1 destination_type=x",
            "-V rmqa get queue=q1 ackmode=nonsense",
        ),
        (
            r"-! (Exception: Received response 500 .*|b'')",
            r"-! \*\*\* Request to node NODE failed with .*",
            r"-! {20,}.*",
            r"\+! \*\*\* (arguments must be an object|Not found: .*|\['unknown', 'nonsense'\])",
        ),
    ),
    Deviation(
        "what is said of a vhost is exported too, as later releases do it",
        ("export whole.json",),
        (r"\+ +(\"metadata\": \{|\"description\": .*|\"tags\": \[\]|\},)",),
    ),
)
