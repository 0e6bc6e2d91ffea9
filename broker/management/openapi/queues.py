"""Queues, and the messages in them."""

from __future__ import annotations

from broker.management.openapi.forms import (
    ANYTHING,
    DETAILED,
    DONE,
    LENGTHS,
    PAGED,
    RATES,
    STATS,
    WITH_CHANNEL,
    WITH_EXCHANGE,
    Answer,
    Operation,
    Paths,
    Schema,
    by_name,
    choice,
    counted,
    deletes,
    each,
    either,
    flag,
    lists,
    number,
    or_null,
    puts,
    ref,
    shape,
    shows,
    text,
    whole,
)

TAG, ABOUT = "Queues", "What messages wait in."

_CHARTS = (*STATS, *RATES, *LENGTHS, "columns")

_DEFINITION: dict[str, Schema] = {
    "name": text("Unique in its vhost."),
    "vhost": text(),
    "type": text("`classic`, `quorum`, …"),
    "durable": flag("Whether it outlives the node."),
    "auto_delete": flag("Whether it goes with its last consumer."),
    "exclusive": or_null(flag("Whether it belongs to one connection.")),
    "arguments": by_name(ANYTHING, "What it was declared with: `x-…`."),
    "state": text("`running`; `live` without statistics."),
}
_APPLIED: dict[str, Schema] = {
    "node": text("Where it is."),
    "policy": or_null(text("The policy that applies to it.")),
    "operator_policy": or_null(text("The operator policy that applies to it.")),
    "effective_policy_definition": by_name(ANYTHING, "What the two come to."),
}
_LENGTHS = counted(
    {
        "messages": "Messages in it: ready and unacknowledged.",
        "messages_ready": "Messages that wait to be delivered.",
        "messages_unacknowledged": "Messages that were delivered and are not acknowledged.",
    }
)
_OF_CLASSIC: dict[str, Schema] = {
    "backing_queue_status": by_name(ANYTHING, "As of RabbitMQ's message store."),
    "exclusive_consumer_tag": or_null(text("Of the consumer that takes it alone.")),
    "head_message_timestamp": or_null(whole("The timestamp of the first message that is ready.")),
    "message_bytes_paged_out": whole("Octets of bodies that are on disk only."),
    "messages_paged_out": whole("Messages that are on disk only."),
    "messages_ready_ram": whole("Ready messages in memory."),
    "messages_unacknowledged_ram": whole("Unacknowledged messages in memory."),
    "recoverable_slaves": {"type": "null", "description": "There are no mirrors."},
    "single_active_consumer_tag": or_null(
        text("With `x-single-active-consumer`: whose turn it is.")
    ),
}
_OF_QUORUM: dict[str, Schema] = {
    "leader": text("Of a quorum queue: the node that leads it."),
    "members": each(text(), "Its nodes."),
    "online": each(text(), "Those that are up."),
    "open_files": by_name(whole()),
    "messages_dlx": whole("Dead letters that no queue has taken yet."),
    "message_bytes_dlx": whole(),
    "single_active_consumer_ctag": or_null(text()),
}
_STATISTICS: dict[str, Schema] = {
    **_LENGTHS,
    "message_stats": ref("MessageStats"),
    "idle_since": text("When something last became of it."),
    "consumers": whole("How many there are."),
    "consumer_capacity": number("Share of time, 0 to 1, in which its consumers could take more."),
    "consumer_utilisation": number("The same by its old name."),
    "memory": whole("Octets that it takes, about."),
    "message_bytes": whole("Octets of all bodies."),
    "message_bytes_ready": whole(),
    "message_bytes_unacknowledged": whole(),
    "message_bytes_ram": whole("Octets of bodies in memory."),
    "message_bytes_persistent": whole(),
    "messages_ram": whole("Messages in memory."),
    "messages_persistent": whole("Messages that outlive the node."),
    "oldest_message_age": or_null(
        number("Seconds since the first ready message came; not one of RabbitMQ's keys.")
    ),
    "reductions": whole("Of Erlang: 0."),
    "reductions_details": ref("Rate"),
    "garbage_collection": ref("GarbageCollection"),
}

PROPERTIES = either(ref("MessageProperties"), each(ANYTHING, "Empty: it has none."))

SHAPES: dict[str, Schema] = {
    "Queue": shape(
        "A queue. What is counted and measured is left out with `disable_stats`; quorum queues have"
        " `leader` and `members` instead of what is particular to classic ones.",
        _DEFINITION,
        {**_APPLIED, **_STATISTICS, **_OF_CLASSIC, **_OF_QUORUM},
    ),
    "WholeQueue": shape(
        "A queue on a page of its own: as in lists, and its consumers.",
        _DEFINITION,
        {
            **_APPLIED,
            **_STATISTICS,
            **_OF_CLASSIC,
            **_OF_QUORUM,
            "owner_pid_details": ref("ConnectionDetails", "Of an exclusive queue: whose it is."),
            "consumer_details": each(ref("Consumer")),
            "incoming": each(WITH_EXCHANGE, f"From which exchanges. {DETAILED}"),
            "deliveries": each(WITH_CHANNEL, f"To which channels. {DETAILED}"),
        },
    ),
    "QueueDeclaration": shape(
        "How a queue is to be.",
        {},
        {
            "durable": flag(),
            "auto_delete": flag(),
            "exclusive": flag("To nobody: it is nothing but not durable."),
            "arguments": by_name(ANYTHING, "`x-queue-type`, `x-message-ttl`, …"),
            "passive": flag("Nothing is declared: 404 if there is no such queue."),
            "node": text("Where it is to be: only this node will do."),
        },
    ),
    "Message": shape(
        "A message that was got.",
        {
            "payload": text("The body, or the beginning of it."),
            "payload_encoding": choice("string", "base64", about="How `payload` is written."),
            "payload_bytes": whole("Octets of the whole body."),
            "exchange": text("Where it was published."),
            "routing_key": text(),
            "redelivered": flag("Whether it was delivered before."),
            "message_count": whole("Messages that were left when it was taken."),
            "properties": PROPERTIES,
        },
    ),
    "MessageProperties": shape(
        "Of a message. What it does not have is left out.",
        {},
        {
            "content_type": text(),
            "content_encoding": text(),
            "headers": by_name(ANYTHING),
            "delivery_mode": whole("2: it outlives the node in a durable queue."),
            "priority": whole(),
            "correlation_id": text(),
            "reply_to": text(),
            "expiration": text("Milliseconds, as a string."),
            "message_id": text(),
            "timestamp": whole("Seconds since 1970."),
            "type": text(),
            "user_id": text(),
            "app_id": text(),
            "cluster_id": text(),
        },
    ),
}

_ACK_MODES = choice(
    "ack_requeue_true",
    "ack_requeue_false",
    "reject_requeue_true",
    "reject_requeue_false",
    about="`requeue_true`: they go back, as redelivered. `reject_requeue_false`: they are dead"
    " letters from then on.",
)

PATHS: Paths = {
    "/queues": {
        "GET": lists(
            "Queue",
            "All queues",
            "Of the vhosts that the user may enter.",
            (*PAGED, *STATS, "enable_queue_totals", *RATES, *LENGTHS),
        )
    },
    "/queues/:vhost": {
        "GET": lists(
            "Queue",
            "The queues of a vhost",
            "",
            (*PAGED, *STATS, "enable_queue_totals", *RATES, *LENGTHS),
        )
    },
    "/queues/:vhost/:queue": {
        "GET": shows(ref("WholeQueue"), "A queue", "", _CHARTS),
        "PUT": puts(
            ref("QueueDeclaration"),
            {"durable": True, "auto_delete": False, "arguments": {"x-message-ttl": 60000}},
            "Declare a queue",
            "One that is there already has to be the same, or the answer is 400.",
        ),
        "DELETE": deletes("Delete a queue", "", ("if-empty", "if-unused")),
    },
    "/queues/:vhost/:queue/contents": {
        "DELETE": deletes("Purge a queue", "Its ready messages go; unacknowledged ones stay.")
    },
    "/queues/:vhost/:destination/bindings": {
        "GET": lists("Binding", "What leads to a queue", "The implicit binding included.")
    },
    "/queues/:vhost/:queue/actions": {
        "POST": Operation(
            "Do something to a queue",
            "Mirrors are synchronised by it: there are none, nothing happens.",
            body=shape("", {"action": choice("sync", "cancel_sync")}),
            example={"action": "sync"},
            answers=DONE,
        )
    },
    "/queues/:vhost/:queue/get": {
        "POST": Operation(
            "Get messages",
            "It takes them from the queue: to look at them without that there is `messages`.",
            body=shape(
                "",
                {
                    "count": either(whole("How many at most."), text()),
                    "ackmode": _ACK_MODES,
                    "encoding": choice(
                        "auto", "base64", about="`auto`: as a string where it is UTF-8."
                    ),
                },
                {"truncate": whole("Octets of each body that are shown.")},
            ),
            example={
                "count": 5,
                "ackmode": "ack_requeue_true",
                "encoding": "auto",
                "truncate": 50000,
            },
            answers={200: Answer("The messages.", each(ref("Message")))},
        )
    },
}
