"""What RabbitMQ does not have: messages where they lie, many queues at once, the log."""

from __future__ import annotations

from broker.management.openapi.forms import (
    Answer,
    Operation,
    Paths,
    Schema,
    choice,
    each,
    flag,
    or_null,
    ref,
    shape,
    shows,
    text,
    whole,
)
from broker.management.openapi.queues import PROPERTIES

TAG = "Beyond RabbitMQ"
ABOUT = "What RabbitMQ does not have. What may take long is done in parts: one asks again."

_NEXT = or_null(text("What to send as `after` for the next part; null: that was all."))
_AFTER = text("`next` of the answer before: go on behind that.")
_FAILED = each(shape("", {"sequence": whole(), "reason": text()}), "Messages that stay, and why.")

SHAPES: dict[str, Schema] = {
    "BrowsedMessage": shape(
        "A message where it lies.",
        {
            "position": whole("In the order of the queue, from 0."),
            "sequence": whole("Its number, which it keeps as long as it is in the queue."),
            "payload": text("The body, or the beginning of it."),
            "payload_encoding": choice("string", "base64"),
            "payload_bytes": whole("Octets of the whole body."),
            "exchange": text(),
            "routing_key": text(),
            "properties": PROPERTIES,
            "redelivered": flag(),
            "state": choice("ready", "unacked"),
            "age": or_null({"type": "number", "description": "Seconds here, if that is known."}),
            "consumer": or_null(ref("Holder")),
        },
    ),
    "Holder": shape(
        "Who has a message that is not acknowledged.",
        {
            "consumer_tag": or_null(text("Null: it was got by basic.get.")),
            "delivery_tag": whole("Of that channel."),
            "channel_details": ref("ChannelDetails"),
        },
    ),
    "Moved": shape(
        "What became of messages that were to go elsewhere.",
        {
            "moved": whole("Those that are gone from here."),
            "left": whole("Those that were not come to yet: ask again."),
            "failed": _FAILED,
            "next": _NEXT,
        },
    ),
}
_BLOCKED = {503: Answer("An alarm is on: nothing is published.", ref("Reason"))}

PATHS: Paths = {
    "/queues/:vhost/:queue/messages": {
        "GET": shows(
            shape(
                "A part of what is in the queue.",
                {
                    "items": each(ref("BrowsedMessage")),
                    "total": whole("Messages of that state in the queue."),
                    "scanned": whole("Messages that were looked at: 5000 at most."),
                    "unreadable": whole("Messages that the disk has damaged."),
                    "changed": flag("Whether messages came back or left meanwhile."),
                    "next_offset": or_null(whole("Where to go on; null: this was the end.")),
                    "next": _NEXT,
                },
            ),
            "Look at messages and search them",
            "Nothing is taken, nothing changes its place. Needs permission to read the queue.",
            ("state", "offset", "limit", "after", "search", "in", "truncate"),
        )
    },
    "/queues/:vhost/:queue/redrive": {
        "POST": Operation(
            "Send dead letters back to where they came from",
            "As their header `x-death` says; at most 1000 at a time. A crash loses none.",
            body=shape(
                "Either of the first two.",
                {},
                {
                    "sequences": each(whole(), "Those messages, as `messages` has named them."),
                    "all": flag("All of them."),
                    "after": or_null(_AFTER),
                },
            ),
            example={"all": True},
            answers={200: Answer("What became of them.", ref("Moved")), **_BLOCKED},
        )
    },
    "/queues/:vhost/:queue/move": {
        "POST": Operation(
            "Move messages to another queue",
            "Of the same vhost, in their order; at most 1000 at a time. A crash loses none.",
            body=shape(
                "",
                {"destination": text("The name of the other queue.")},
                {
                    "limit": or_null(whole("How many at most; all, if nothing is said.")),
                    "after": or_null(_AFTER),
                },
            ),
            example={"destination": "elsewhere", "limit": 100},
            answers={200: Answer("What became of them.", ref("Moved")), **_BLOCKED},
        )
    },
    "/queues-bulk/:vhost": {
        "POST": Operation(
            "Purge or delete queues by a pattern",
            "At most 500 at a time.",
            body=shape(
                "",
                {
                    "pattern": text("A regular expression that is found in their names."),
                    "action": choice("purge", "delete"),
                },
                {
                    "dry_run": flag("Only say which."),
                    "if_unused": flag("Delete only what nobody consumes from."),
                    "if_empty": flag("Delete only what is empty."),
                    "after": _AFTER,
                },
            ),
            example={"pattern": "^tmp-", "action": "delete", "dry_run": True},
            answers={
                200: Answer(
                    "What became of them.",
                    shape(
                        "",
                        {
                            "matched": each(text(), "The names of those that were dealt with."),
                            "done": whole("How many were purged or deleted."),
                            "failed": each(shape("", {"name": text(), "reason": text()})),
                            "left": whole("Those that fit and were not come to yet."),
                            "next": _NEXT,
                        },
                    ),
                )
            },
        )
    },
    "/livelog": {
        "GET": Operation(
            "The log, as it is written",
            "Server-sent events: each has an object with `time`, `level`, `category`, `message`.",
            ("level",),
            answers={200: Answer("Lines, as long as one listens.", text(), "text/event-stream")},
        )
    },
}
