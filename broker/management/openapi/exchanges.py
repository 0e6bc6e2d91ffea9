"""Exchanges and bindings."""

from __future__ import annotations

from broker.management.openapi.forms import (
    ANYTHING,
    DETAILED,
    PAGED,
    RATES,
    SORTED,
    STATS,
    WITH_CHANNEL,
    WITH_QUEUE,
    Answer,
    Operation,
    Paths,
    Schema,
    by_name,
    choice,
    deletes,
    each,
    flag,
    lists,
    puts,
    ref,
    shape,
    shows,
    text,
)

TAG, ABOUT = "Exchanges and bindings", "Where messages are published, and where they go from there."

_EXCHANGE: dict[str, Schema] = {
    "name": text("Unique in its vhost; empty: the default exchange."),
    "vhost": text(),
    "type": text("`direct`, `fanout`, `topic`, `headers`, or another one."),
    "durable": flag("Whether it outlives the node."),
    "auto_delete": flag("Whether it goes with its last binding."),
    "internal": flag("Whether clients may not publish to it."),
    "arguments": by_name(ANYTHING, "What it was declared with."),
    "user_who_performed_action": text("Who declared it."),
}
_OPTIONAL: dict[str, Schema] = {
    "policy": text("The policy that applies to it."),
    "message_stats": ref("ExchangeStats"),
}
_ARGUMENTS = by_name(ANYTHING, "Of the binding.")
_DECLARATION = shape(
    "How an exchange is to be.",
    {"type": text("`direct`, `fanout`, `topic`, `headers`, …")},
    {
        "durable": flag(),
        "auto_delete": flag(),
        "internal": flag(),
        "arguments": by_name(ANYTHING, "`alternate-exchange`, …"),
        "passive": flag("Nothing is declared: 404 if there is no such exchange."),
        "node": text("Where it is to be: only this node will do."),
    },
)

SHAPES: dict[str, Schema] = {
    "Exchange": shape("An exchange.", _EXCHANGE, _OPTIONAL),
    "WholeExchange": shape(
        "An exchange on a page of its own.",
        _EXCHANGE,
        {
            **_OPTIONAL,
            "incoming": each(WITH_CHANNEL, f"From which channels. {DETAILED}"),
            "outgoing": each(WITH_QUEUE, f"To which queues. {DETAILED}"),
        },
    ),
    "Binding": shape(
        "What leads from an exchange to a queue or to another exchange.",
        {
            "source": text("The exchange; empty: the default one."),
            "vhost": text(),
            "destination": text(),
            "destination_type": choice("queue", "exchange"),
            "routing_key": text(),
            "arguments": _ARGUMENTS,
            "properties_key": text("What names it among the bindings between the two."),
        },
    ),
}

_PUBLISHED = {
    "properties": {"delivery_mode": 2, "content_type": "text/plain"},
    "routing_key": "my key",
    "payload": "my body",
    "payload_encoding": "string",
}

PATHS: Paths = {
    "/exchanges": {
        "GET": lists(
            "Exchange",
            "All exchanges",
            "Of the vhosts that the user may enter.",
            (*PAGED, *STATS, *RATES),
        )
    },
    "/exchanges/:vhost": {
        "GET": lists("Exchange", "The exchanges of a vhost", "", (*PAGED, *STATS, *RATES))
    },
    "/exchanges/:vhost/:exchange": {
        "GET": shows(ref("WholeExchange"), "An exchange", "", ("columns", *STATS, *RATES)),
        "PUT": puts(
            _DECLARATION,
            {"type": "topic", "durable": True, "arguments": {}},
            "Declare an exchange",
            "One that is there already has to be the same, or the answer is 400.",
        ),
        "DELETE": deletes("Delete an exchange", "", ("if-unused",)),
    },
    "/exchanges/:vhost/:exchange/bindings/source": {
        "GET": lists("Binding", "What leads from an exchange", "", SORTED)
    },
    "/exchanges/:vhost/:exchange/bindings/destination": {
        "GET": lists("Binding", "What leads to an exchange", "", SORTED)
    },
    "/exchanges/:vhost/:exchange/publish": {
        "POST": Operation(
            "Publish a message",
            "One at a time: for more than trying something out there is AMQP.",
            body=shape(
                "",
                {
                    "routing_key": text(),
                    "properties": ref("MessageProperties"),
                    "payload": text("The body."),
                    "payload_encoding": choice(
                        "string", "base64", about="How `payload` is written."
                    ),
                },
            ),
            example=_PUBLISHED,
            answers={
                200: Answer(
                    "It was published.", shape("", {"routed": flag("Whether any queue got it.")})
                )
            },
        )
    },
    "/bindings": {
        "GET": lists("Binding", "All bindings", "Of the vhosts that the user may enter.")
    },
    "/bindings/:vhost": {"GET": lists("Binding", "The bindings of a vhost")},
    "/bindings/:vhost/e/:source/:dtype/:destination": {
        "GET": lists("Binding", "The bindings between an exchange and a queue or an exchange"),
        "POST": Operation(
            "Bind",
            "Both have to be there.",
            body=shape("", {}, {"routing_key": text(), "arguments": _ARGUMENTS}),
            example={"routing_key": "orders.*", "arguments": {}},
            answers={201: Answer("Bound; `Location` has the binding's path from here.")},
        ),
    },
    "/bindings/:vhost/e/:source/:dtype/:destination/:props": {
        "GET": shows(ref("Binding"), "One binding"),
        "DELETE": deletes("Unbind"),
    },
}
