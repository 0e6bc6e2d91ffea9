"""Users, what they may do, and who is asking."""

from __future__ import annotations

from broker.management.openapi.forms import (
    DONE,
    Answer,
    Operation,
    Paths,
    Schema,
    by_name,
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

TAG, ABOUT = "Users and permissions", "Who there is, what he may do, and who is asking."

_TAGS = each(text(), "`administrator`, `monitoring`, `policymaker`, `management`, or any other.")
_PATTERN = "A regular expression that names have to match; `^$` matches none."
_PATTERNS: dict[str, Schema] = {
    "configure": text(f"What he may declare and delete. {_PATTERN}"),
    "write": text(f"What he may publish to. {_PATTERN}"),
    "read": text(f"What he may take from. {_PATTERN}"),
}
_TOPIC: dict[str, Schema] = {
    "exchange": text("A topic exchange."),
    "write": text(f"Routing keys he may publish with. {_PATTERN}"),
    "read": text(f"Routing keys he may bind with. {_PATTERN}"),
}
_ATTEMPTS = {
    "auth_attempts": whole("Logins."),
    "auth_attempts_failed": whole(),
    "auth_attempts_succeeded": whole(),
}

SHAPES: dict[str, Schema] = {
    "User": shape(
        "A user.",
        {
            "name": text(),
            "password_hash": text("Base64: salt, and the hash of salt and password."),
            "hashing_algorithm": text(),
            "tags": _TAGS,
            "limits": by_name(whole(), "`max-connections`, `max-channels`."),
        },
    ),
    "UserDefinition": shape(
        "A user to be: with a password, with the hash of one, or with neither: then no password is"
        " right.",
        {"tags": either(text("By commas."), _TAGS)},
        {
            "password": text(),
            "password_hash": text("Base64."),
            "hashing_algorithm": text("Of that hash: `rabbit_password_hashing_sha256`, …"),
        },
    ),
    "Permission": shape(
        "What a user may do in a vhost.", {"user": text(), "vhost": text(), **_PATTERNS}
    ),
    "TopicPermission": shape(
        "What routing keys a user may use.", {"user": text(), "vhost": text(), **_TOPIC}
    ),
    "Visitor": shape("Who is asking.", {"name": text(), "tags": _TAGS}),
}

_OF_ALL = "Of all users in all vhosts."
_EVERYTHING = {"configure": ".*", "write": ".*", "read": ".*"}


def _topic_permissions(more: str = "") -> dict[str, Operation]:
    return {
        "GET": lists("TopicPermission", "What routing keys a user may use in a vhost", more),
        "PUT": puts(
            shape("", _TOPIC),
            {"exchange": "amq.topic", "write": "^orders", "read": ".*"},
            "Say what routing keys a user may use",
            " ".join(filter(None, ("On the exchange that the body names.", more))),
        ),
        "DELETE": deletes("Let a user use any routing key in a vhost", more),
    }


PATHS: Paths = {
    "/whoami": {"GET": shows(ref("Visitor"), "Who is asking")},
    "/users": {"GET": lists("User", "All users")},
    "/users/without-permissions": {
        "GET": lists("User", "Users without permissions", "They may not enter any vhost.")
    },
    "/users/bulk-delete": {
        "POST": Operation(
            "Delete several users",
            "All of them, or none if one is not there.",
            body=shape("", {"users": each(text(), "Names.")}),
            example={"users": ["one", "two"]},
            answers=DONE,
        )
    },
    "/users/:user": {
        "GET": shows(ref("User"), "A user"),
        "PUT": puts(
            ref("UserDefinition"),
            {"password": "secret", "tags": "monitoring,management"},
            "Add a user, or change one",
        ),
        "DELETE": deletes("Delete a user", "His connections are closed."),
    },
    "/users/:user/permissions": {"GET": lists("Permission", "What a user may do")},
    "/users/:user/topic-permissions": {
        "GET": lists("TopicPermission", "What routing keys a user may use")
    },
    "/vhosts/:vhost/permissions": {"GET": lists("Permission", "Who may do what in a vhost")},
    "/vhosts/:vhost/topic-permissions": {
        "GET": lists("TopicPermission", "Who may use what routing keys in a vhost")
    },
    "/permissions": {"GET": lists("Permission", "All permissions", _OF_ALL)},
    "/permissions/:vhost/:user": {
        "GET": shows(ref("Permission"), "What a user may do in a vhost"),
        "PUT": puts(shape("", _PATTERNS), _EVERYTHING, "Say what a user may do in a vhost"),
        "DELETE": deletes("Close a vhost to a user"),
    },
    "/topic-permissions": {"GET": lists("TopicPermission", "All topic permissions", _OF_ALL)},
    "/topic-permissions/:vhost/:user": _topic_permissions(),
    "/topic-permissions/:vhost/:user/:exchange": _topic_permissions(
        "The exchange of the path does not matter."
    ),
    "/auth": {
        "GET": shows(
            shape(
                "",
                {"enable_uaa": flag(), "uaa_client_id": text(), "uaa_location": text()},
            ),
            "How to log in",
            "With name and password, not by tokens.",
        )
    },
    "/login": {
        "POST": Operation(
            "Check a name and a password",
            "As a form. The cookie that comes is for RabbitMQ's page; it opens nothing here.",
            body=shape("", {"username": text(), "password": text()}),
            media=("application/x-www-form-urlencoded",),
            answers={
                200: Answer("They are right.", text()),
                401: Answer("They are not.", ref("Reason")),
                429: Answer("Too many logins have failed.", ref("Reason")),
            },
        )
    },
    "/auth/attempts/:node": {
        "GET": shows(
            each(shape("", {"protocol": text(), **_ATTEMPTS})),
            "How many logins there were",
            query=(),
        ),
        "DELETE": deletes("Count logins from 0 again"),
    },
    "/auth/attempts/:node/source": {
        "GET": shows(
            each(
                shape(
                    "",
                    {"protocol": text(), "remote_address": text(), "username": text(), **_ATTEMPTS},
                )
            ),
            "The same by address and user",
            "They are counted where `track_auth_attempt_source` is on.",
            query=(),
        ),
        "DELETE": deletes("Count logins by address and user from 0 again"),
    },
}
