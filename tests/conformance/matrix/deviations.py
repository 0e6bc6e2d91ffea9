"""Where ours is meant to differ from RabbitMQ 3.10.8, and why."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import NamedTuple


class Deviation(NamedTuple):
    """section, group, variant: patterns. recorded, ours: what the outcomes begin with."""

    section: str
    group: str
    variant: str
    recorded: str
    ours: str
    reason: str


CRASH = "!541 INTERNAL_ERROR"
REFUSED = "406 PRECONDITION_FAILED - "
DECIMAL = "RabbitMQ crashes when it has to print a decimal; it is only another value"
HISTORY = "RabbitMQ's queue crashes over such a history and loses the message; we deliver it"
LOST = "Basic.GetOk, rejected: ok; empty"
KEPT = 'Basic.GetOk, rejected: ok; got {"headers": {"x-death": '

DEVIATIONS = [
    Deviation(
        "declare_stream",
        "*",
        "*",
        "ok",
        f"{REFUSED}invalid arg 'x-queue-type' for queue '{{name}}' in vhost '/': no streams",
        "there are no streams yet",
    ),
    Deviation(
        "types",
        "x-queue-type",
        "S:stream",
        "ok",
        f"{REFUSED}invalid arg '",
        "there are no streams yet",
    ),
    Deviation(
        "declare_stream",
        "stream x-max-age",
        "S:*",
        CRASH,
        f"{REFUSED}invalid arg '{{about}}' for queue '{{name}}' in vhost '/': invalid_max_age",
        "RabbitMQ crashes over an age without digits; of other wrong ones it says this",
    ),
    Deviation(
        "declare_classic",
        "classic x-queue-master-locator",
        "[dfD]:*",
        "!timeout",
        CRASH,
        "RabbitMQ never answers; to other wrong ones it answers this",
    ),
    *(
        Deviation(section, group, variant, CRASH, f"{REFUSED}inequivalent arg '", DECIMAL)
        for section, group, variant in (
            ("redeclare", "*", "D:*"),
            ("redeclare", "delivery-limit D:*", "*"),
            ("exchanges_again", "again alternate", "value D:*"),
        )
    ),
    Deviation(
        "exchanges",
        "type, name*",
        "'rabbit_exchange_typ",
        "!503 COMMAND_INVALID - invalid",
        "!503 COMMAND_INVALID - unknown",
        "the text tells which words RabbitMQ's runtime happens to know; we know some",
    ),
    Deviation(
        "consume",
        "* x-credit",
        "*",
        CRASH,
        "ok",
        "RabbitMQ crashes over what is no table, in quorum queues over any; we pass over that",
    ),
    *(
        Deviation("deaths", "* x-death", variant, LOST, KEPT, HISTORY)
        for variant in ("A:numbers", "A:text", "A:mixed", "and a text")
    ),
    *(
        Deviation("deaths", "* own", variant, recorded, KEPT, HISTORY)
        for variant, recorded in (
            ("count text", LOST),
            ("count double", "Basic.GetOk, rejected: ok; get: Connection.Close"),
        )
    ),
]


def deviation(section: str, label: tuple[str, str], recorded: str) -> Deviation | None:
    """The entry for a case whose outcome is meant to be another; None: it has to be the same."""
    group, variant = label
    for entry in DEVIATIONS:
        if (
            fnmatchcase(section, entry.section)
            and fnmatchcase(group, entry.group)
            and fnmatchcase(variant, entry.variant)
            and recorded.startswith(entry.recorded)
        ):
            return entry
    return None
