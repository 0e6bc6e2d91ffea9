"""What RabbitMQ's API does not have: looking into queues, moving messages, many queues, the log."""

from __future__ import annotations

from broker.management.openapi.forms import (
    Answer,
    Operation,
    Paths,
    Schema,
    choice,
    each,
    either,
    flag,
    number,
    or_null,
    ref,
    shape,
    text,
    whole,
)

TAG = "Beyond RabbitMQ"
ABOUT = (
    "Looking into queues, bringing messages elsewhere, many queues at once, the log. What may take"
    " long is done in parts: an answer says what is left, and whoever asks goes on from there."
)

_NEXT = or_null(text("To go on, as `after`; null: that was all."))
_AFTER = or_null(text("`next` of the answer before; what has come meanwhile is left alone."))
_BLOCKED = Answer("Publishers are blocked, or the disk is too slow.", ref("Reason"))

SHAPES: dict[str, Schema] = {
    "QueuedMessage": shape(
        "A message that is in a queue.",
        {
            "position": whole("In the queue's order from 0; unacked: in that of who holds them."),
            "sequence": whole("Its number, which it keeps as long as it is in the queue."),
            "payload": text("The body, or the beginning of it."),
            "payload_encoding": choice("string", "base64", about="How `payload` is written."),
            "payload_bytes": whole("Octets of the whole body."),
            "exchange": text("Where it was published."),
            "routing_key": text(),
            "properties": ref("MessageProperties"),
            "redelivered": flag("Whether it was delivered before."),
            "state": choice("ready", "unacked"),
            "age": or_null(number("Seconds in the queue; null: nobody knows.")),
            "consumer": or_null(ref("Holder", "Who holds it.")),
        },
    ),
    "Holder": shape(
        "Who holds a message that is not acknowledged.",
        {
            "consumer_tag": or_null(text("Null: it was fetched with basic.get.")),
            "delivery_tag": whole("In the channel."),
            "channel_details": ref("ChannelDetails"),
        },
    ),
    "QueuedMessages": shape(
        "A part of a queue's messages.",
        {
            "items": each(ref("QueuedMessage")),
            "total": whole("Messages in that state."),
            "scanned": whole("Messages that were looked at: 5000 at most."),
            "unreadable": whole("Messages that the disk has damaged."),
            "changed": flag(
                "Whether messages left the queue or came back meanwhile: those that came back"
                " before the place that was reached are not in the answer."
            ),
            "next_offset": or_null(whole("To go on, as `offset`; null: there are no more.")),
            "next": or_null(text("To go on behind the last message, as `after`.")),
        },
    ),
    "Moved": shape(
        "What has become of messages.",
        {
            "moved": whole("Messages that are gone from here, and safe where they went."),
            "left": whole("Messages, or numbers given, that were not looked at yet."),
            "failed": each(shape("A message that stays.", {"sequence": whole(), "reason": text()})),
            "next": _NEXT,
        },
    ),
    "ManyQueues": shape(
        "What has become of queues.",
        {
            "matched": each(text(), "The queues that were dealt with, or would have been."),
            "done": whole("Queues that were purged or deleted."),
            "failed": each(shape("A queue that was not.", {"name": text(), "reason": text()})),
            "left": whole("Queues that were not dealt with; of `purge`: that have messages."),
            "next": _NEXT,
        },
    ),
}

PATHS: Paths = {
    "/queues/:vhost/:queue/messages": {
        "GET": Operation(
            "Look at messages without consuming them",
            "Nothing of the queue changes by it. While consumers take messages an `offset` moves"
            " with the head of the queue, `after` does not. Needs permission to read the queue.",
            ("state", "offset", "limit", "after", "truncate", "search", "in"),
            answers={200: Answer("Some of them.", ref("QueuedMessages"))},
        )
    },
    "/queues/:vhost/:queue/redrive": {
        "POST": Operation(
            "Send dead letters back to where they came from",
            "Into the queue where each died last, as the first entry of `x-death` says it, under"
            " its exchange and routing key of then; where that queue is gone, wherever the exchange"
            " leads. `x-death` and `x-first-death-…` are taken off once it is back where it died"
            " first, else the latest entry; expiration and CC are as they were. A request moves"
            " 1000 messages at most: ask again until `left` is 0. No crash loses a message. Needs"
            " permission to read the queue and to write to the exchanges, or to queues that they do"
            " not lead to.",
            body=either(
                shape("", {"sequences": each(whole("Numbers of messages."), "1000 at most.")}),
                shape("", {"all": choice(True)}, {"after": _AFTER}),
            ),
            example={"sequences": [7, 9]},
            answers={200: Answer("How far it came.", ref("Moved")), 503: _BLOCKED},
        )
    },
    "/queues/:vhost/:queue/move": {
        "POST": Operation(
            "Move messages to another queue",
            "By the default exchange, in their order, properties and headers untouched. It stops at"
            " one that cannot go, because the queue is full. A request moves 1000 messages at most:"
            " ask again until `left` is 0. No crash loses a message. Needs permission to read the"
            " queue and to write to the default exchange.",
            body=shape(
                "",
                {"destination": text("The name of a queue in the same vhost.")},
                {
                    "limit": or_null(whole("How many; null: all.", minimum=1)),
                    "after": _AFTER,
                },
            ),
            example={"destination": "another queue", "limit": 100},
            answers={200: Answer("How far it came.", ref("Moved")), 503: _BLOCKED},
        )
    },
    "/queues-bulk/:vhost": {
        "POST": Operation(
            "Purge or delete queues by a pattern",
            "500 with each request: ask again until `left` is 0. Needs permission to read (`purge`)"
            " or to configure (`delete`) each of them; those that are refused stop nothing.",
            body=shape(
                "",
                {
                    "pattern": text(
                        "A regular expression that is searched for in names. One that might take"
                        " for ever, as `(a+)+`, is refused."
                    ),
                    "action": choice("purge", "delete"),
                },
                {
                    "dry_run": flag("Only say which they are, 5000 at most."),
                    "if_unused": flag("Of `delete`: not those with consumers."),
                    "if_empty": flag("Of `delete`: not those with messages."),
                    "after": text("Only names that come behind this one."),
                },
            ),
            example={"pattern": "^tmp[.]", "action": "delete", "dry_run": True},
            answers={200: Answer("How far it came.", ref("ManyQueues"))},
        )
    },
    "/livelog": {
        "GET": Operation(
            "The log, live",
            "An endless stream of events, the last 100 lines first. Each has `data:` with an"
            " object: `time`, `level`, `category`, `message`. Whoever does not keep up loses lines:"
            " an event with `lost` says how many. A comment comes every 15 seconds.",
            ("level",),
            answers={200: Answer("Server-sent events.", text(), "text/event-stream")},
        )
    },
}
