"""Vhosts, and the limits of vhosts and users."""

from __future__ import annotations

from broker.management.openapi.forms import (
    DATA,
    DONE,
    LENGTHS,
    PAGED,
    RATES,
    SORTED,
    STATS,
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
    puts,
    ref,
    shape,
    shows,
    text,
    whole,
)

TAG, ABOUT = "Vhosts and limits", "Vhosts divide a broker: names are unique in them."

_CHARTS = (*STATS, *RATES, *LENGTHS, *DATA)
_TYPE = text("What queues are if their declaration does not say: `classic`, `quorum`, …")
_TAGS = each(text())
# an empty object is shown as an empty list
_LIMITS = either(by_name(whole()), each(whole(), "Empty."), about="The limits that are set.")
_VALUE = shape("", {"value": whole("Below 0: no limit.")})

SHAPES: dict[str, Schema] = {
    "VHost": shape(
        "A vhost.",
        {
            "name": text(),
            "description": text(),
            "tags": _TAGS,
            "default_queue_type": _TYPE,
            "metadata": shape(
                "The same once more.",
                {"description": text(), "tags": _TAGS},
                {"default_queue_type": _TYPE},
            ),
            "tracing": flag("Whether its messages are copied to the exchange amq.rabbitmq.trace."),
            "cluster_state": by_name(text(), "By node: `running`."),
        },
        {
            **counted(
                {
                    "messages": "In its queues: ready and unacknowledged.",
                    "messages_ready": "In its queues, ready.",
                    "messages_unacknowledged": "Of its queues, unacknowledged.",
                    "recv_oct": "Octets received.",
                    "send_oct": "Octets sent.",
                }
            ),
            "message_stats": ref("MessageStats"),
        },
    ),
    "VHostLimits": shape("The limits of a vhost.", {"vhost": text(), "value": _LIMITS}),
    "UserLimits": shape("The limits of a user.", {"user": text(), "value": _LIMITS}),
}

_OF_VHOST = {"name": choice("max-connections", "max-queues", about="What is limited.")}
_OF_USER = {"name": choice("max-connections", "max-channels", about="What is limited.")}

PATHS: Paths = {
    "/vhosts": {
        "GET": lists(
            "VHost",
            "All vhosts",
            "Monitors see all of them, others those that they may enter.",
            (*PAGED, *_CHARTS),
        )
    },
    "/vhosts/:vhost": {
        "GET": shows(ref("VHost"), "A vhost", "", ("columns", *_CHARTS)),
        "PUT": puts(
            shape(
                "All of it may be left out.",
                {},
                {
                    "description": text(),
                    "tags": either(text("By commas."), _TAGS),
                    "default_queue_type": _TYPE,
                    "tracing": flag(),
                },
            ),
            {"description": "orders and invoices", "tags": "production"},
            "Add a vhost, or change one",
            "Whoever adds it gets all permissions in it.",
        ),
        "DELETE": deletes("Delete a vhost", "With everything in it; connections to it are closed."),
    },
    "/vhosts/:vhost/start/:node": {
        "POST": Operation(
            "Start a vhost that has failed on a node",
            "Here none does.",
            body=shape("", {}),
            example={},
            answers=DONE,
        )
    },
    "/vhost-limits": {
        "GET": lists("VHostLimits", "The limits of all vhosts", "", (*SORTED, "vhost"))
    },
    "/vhost-limits/:vhost": {"GET": lists("VHostLimits", "The limits of a vhost")},
    "/vhost-limits/:vhost/:name": {
        "PUT": puts(_VALUE, {"value": 100}, "Limit a vhost", is_new=False, names=_OF_VHOST),
        "DELETE": deletes("Clear a limit of a vhost", names=_OF_VHOST),
    },
    "/user-limits": {"GET": lists("UserLimits", "The limits of all users")},
    "/user-limits/:user": {"GET": lists("UserLimits", "The limits of a user")},
    "/user-limits/:user/:name": {
        "PUT": puts(_VALUE, {"value": 100}, "Limit a user", is_new=False, names=_OF_USER),
        "DELETE": deletes("Clear a limit of a user", names=_OF_USER),
    },
}
