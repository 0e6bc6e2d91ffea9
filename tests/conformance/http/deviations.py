"""Where ours is meant to answer otherwise than RabbitMQ 3.10.8, and why."""

from __future__ import annotations

import json
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from tests.conformance.http.compare import Difference


class Deviation(NamedTuple):
    """section, case, place: patterns. recorded, ours: patterns of the values, as JSON text."""

    section: str
    case: str
    place: str
    recorded: str
    ours: str
    reason: str


# Of a case that RabbitMQ takes and ours does not: place, recorded, ours.
REFUSED = (
    ("status", "20?", "400"),
    ("headers/content-type", '"(missing)"', '"application/json"'),
    ("body", '"(missing)"', '*"bad_request"*'),
)
TOO_LONG = "x" * 256  # octets: no client could send such a name
UNUSABLE = "RabbitMQ takes what AMQP cannot carry, and crashes when a client gets at it"
NO_KEY = "RabbitMQ takes any value for a routing key, and crashes when it is shown"
NO_TABLE = "RabbitMQ takes any list for a table, and crashes when it is shown"
WORD_AS_KEY = "RabbitMQ finds no binding whose key is the word null or undefined"
DEAD_LETTERS = "dead letters are published to a queue, too: their charts move"
DEVIATIONS = [
    Deviation(
        "*",
        "*",
        "body/reason",
        '"*<crash>"',
        "*",
        "RabbitMQ hands out the trace of a crash; we say what is wrong",
    ),
    Deviation(
        "*",
        "*",
        "body/reason/*",
        "[[][0-9]*",
        '"*"',
        "a text is a text, not the numbers of its letters",
    ),
    # methods
    Deviation(
        "methods",
        "*-limits*",
        "headers/allow",
        '"GET, OPTIONS"',
        '"HEAD, GET, OPTIONS"',
        "HEAD is allowed wherever GET is",
    ),
    Deviation("methods", "* HEAD /*-limits*", "*", "*", "*", "HEAD is allowed wherever GET is"),
    # policies
    Deviation(
        "*policies-set",
        "*",
        "body/reason",
        "*apply-to *",
        "*apply-to *",
        "there are the values of 3.13 to choose from",
    ),
    Deviation("*policies-set", "*classic_queues*", "*", "*", "*", "3.13 knows this apply-to"),
    Deviation("*policies-set", '*"streams"*', "*", "*", "*", "3.13 knows this apply-to"),
    Deviation("policies-set", "*filter-size*", "*", "*", "*", "3.13 knows this setting"),
    Deviation("policies-set", "*consumer-timeout*", "*", "*", "*", "3.13 knows this setting"),
    Deviation(
        "operator-policies-set", '*"overflow"*', "*", "*", "*", "3.13 lets operators set this"
    ),
    Deviation(
        "operator-policies-set", '*"queue-version"*', "*", "*", "*", "3.13 lets operators set this"
    ),
    Deviation(
        "operator-policies-set",
        "* GET *",
        "body/definition/*",
        "*",
        "*",
        "it has been set in the case before, with the overflow",
    ),
    # users, parameters, definitions
    Deviation(
        "users",
        "* GET /users/*",
        "body/tags/0",
        '"grÃ*',
        '"größe"',
        "RabbitMQ encodes a tag twice when it shows it",
    ),
    Deviation(
        "users",
        "* GET /users/hw-many-0",
        "*",
        "*",
        "*",
        "several users are deleted, or none if one of them is not there",
    ),
    Deviation(
        "definitions",
        "* GET /definitions",
        "body/users/hw-many-0",
        '"(missing)"',
        "*",
        "left by the bulk deletion that was refused",
    ),
    Deviation(
        "definitions",
        "* POST /definitions *",
        "body/reason",
        "*no_such_vhost*undefined*",
        '"definition: vhost should be a string"',
        "the vhost that is not there is none: nobody has named one",
    ),
    Deviation(
        "definitions",
        "* POST /definitions *",
        "body/reason",
        "*badkey*",
        '"user: name should be a string"',
        "the word is that of a crash",
    ),
    Deviation(
        "parameters",
        "* GET /parameters/vhost-limits/*",
        "body/*",
        '*"other"*',
        '"(missing)"',
        "limits with another name limit nothing; RabbitMQ keeps them",
    ),
    # values that RabbitMQ crashes over, or takes as they are
    Deviation(
        "*",
        "*",
        "body/reason",
        '"function_clause"',
        '"*"',
        "the word is that of a crash, not of a text",
    ),
    Deviation(
        "*", "*", "body/reason", '"badarg"', '"*"', "the word is that of a crash, not of a text"
    ),
    Deviation(
        "definitions-wrong",
        "* POST *",
        "body/reason",
        '"<<*',
        '"*"',
        "the text, not how Erlang would print it",
    ),
    Deviation(
        "definitions-wrong",
        "* POST *",
        "body/reason",
        '"\\"*',
        '"*"',
        "the text, not how Erlang would print it",
    ),
    Deviation(
        "definitions-wrong",
        '* POST *"destination_type": "queue", "arguments": {}}]}',
        "*",
        "*",
        "*",
        "a binding without a routing key has an empty one; RabbitMQ crashes",
    ),
    Deviation(
        "definitions-wrong",
        '* POST *"bindings": *"arguments": null}]}',
        "*",
        "*",
        "*",
        "no arguments are empty ones; RabbitMQ crashes",
    ),
    Deviation(
        "definitions-wrong",
        '* POST *"policies": *"definition": {"max-length": 1}, "priority": [01]}]}',
        "*",
        "*",
        "*",
        "RabbitMQ crashes over a queue that it has taken before",
    ),
    *(
        Deviation(
            "definitions-wrong",
            f"* POST * {what}*",
            place,
            recorded,
            ours,
            "RabbitMQ drops what has no name and says that all is well",
        )
        for what in (
            '{"exchanges": ?{"type"',
            '{"bindings": ?{"destination"',
            '{"bindings": ?{"source": "e", "destination_type"',
        )
        for place, recorded, ours in REFUSED
    ),
    *(
        Deviation(
            section,
            "* PUT *",
            place,
            recorded,
            ours,
            "a value of another type is refused; RabbitMQ keeps it",
        )
        for section in ("[puv]*-wrong", "overview-alone")
        for place, recorded, ours in REFUSED
    ),
    *(
        Deviation("[puv]*-wrong", case, place, recorded, ours, "it was refused in the case before")
        for case, place, recorded, ours in (
            ("* GET *", "status", "200", "404"),
            ("* DELETE *", "status", "204", "404"),
            ("* GET *", "headers/cache-control", '"no-cache"', '"(missing)"'),
            ("* DELETE *", "headers/content-type", '"(missing)"', '"application/json"'),
            ("*", "body*", "*", '*Not Found"*'),
            ("* GET *", "body/*", "*", '"(missing)"'),
        )
    ),
    Deviation(
        "overview-alone",
        "* GET /cluster-name*",
        "body/name",
        '""',
        '"*"',
        "an empty list is no name",
    ),
    Deviation(
        "vhosts-wrong", "* GET *", "body/*description", "null", '""', "a description is a text"
    ),
    Deviation(
        "users-wrong",
        "* GET *",
        "body/hashing_algorithm",
        "null",
        '""',
        "an algorithm without a name is shown as it was set",
    ),
    Deviation(
        "users-wrong",
        "* /users/hw-new #41",
        "*",
        "*",
        "*",
        "limits of null are none; RabbitMQ crashes",
    ),
    # the node
    Deviation(
        "*",
        "* /health/checks/protocol-listener/*",
        "body/protocols",
        '*"clustering"*',
        "*",
        "there is no listener for a cluster",
    ),
    Deviation(
        "health",
        "* /health/checks/protocol-listener/[cd]*",
        "*",
        "*",
        "*",
        "there is no listener for a cluster: cli, clustering, distribution",
    ),
    Deviation(
        "overview",
        "* GET /feature-flags*",
        "body/stream_queue/state",
        '"enabled"',
        '"unavailable"',
        "there are no streams yet",
    ),
    Deviation(
        "overview",
        "* GET /nodes*",
        "body/*config_files",
        "*",
        "[[]]",
        "the node that is asked was started without a file",
    ),
    Deviation(
        "overview",
        "* GET /nodes/*/memory/ets*",
        "body/ets_tables_memory",
        "*",
        '"<string>"',
        "there are no tables of Erlang's",
    ),
    Deviation(
        "overview",
        "* GET /nodes/*",
        "body/auth_mechanisms/*",
        "*",
        "*",
        "EXTERNAL and ANONYMOUS are built in, the demonstration is not there",
    ),
    Deviation(
        "*",
        "*",
        "body/exchange_types/x-*",
        '"(missing)"',
        "*",
        "the exchange types of RabbitMQ's plugins are built in",
    ),
    Deviation(
        "overview",
        "* GET /overview*",
        "body/listeners",
        "*",
        "*",
        "no listener for a cluster, and other options of sockets",
    ),
    Deviation(
        "overview",
        "* GET /overview[?]lengths_age=60*",
        "body/churn_rates/*",
        '"(missing)"',
        "*",
        "RabbitMQ forgets them when a chart of lengths is wanted",
    ),
    Deviation(
        "statistics",
        "hw-limited GET /overview",
        "body/message_stats/disk_*",
        "*",
        "0",
        "what goes to the disk is counted for the node as a whole",
    ),
    # logging in
    Deviation(
        "overview",
        "* POST /login *",
        "headers/set-cookie",
        '"auth=*; Version=1"',
        '"auth=*; Version=1; SameSite=Strict"',
        "no other site's page gets to use the cookie",
    ),
    Deviation(
        "overview",
        "* POST /login *",
        "headers/set-cookie",
        "*",
        '"(missing)"',
        "a form of another kind (415) lets nobody in",
    ),
    # exchanges, queues
    Deviation(
        "*",
        "* GET /queues/*",
        "body*/oldest_message_age",
        '"(missing)"',
        "*",
        "a key of ours: how long the oldest message has waited",
    ),
    Deviation(
        "*",
        "* PUT *",
        "body/reason",
        '"Node *@localhost* could not be contacted"',
        '"Node *@* could not be contacted"',
        "the host of a node's name is that of the broker",
    ),
    Deviation("exchanges", f"* PUT */{TOO_LONG} *", "*", "*", "*", UNUSABLE),
    Deviation(
        "exchanges",
        "* GET /exchanges/hw-exchanges*",
        f"body/hw-exchanges {TOO_LONG}",
        "*",
        '"(missing)"',
        UNUSABLE,
    ),
    Deviation(
        "exchanges",
        '* PUT */unknown {"type": "nonsense"}',
        "body/reason",
        "\"invalid exchange type 'nonsense'\"",
        "\"unknown exchange type 'nonsense'\"",
        "RabbitMQ has another text once any request has had the word in it",
    ),
    Deviation(
        "exchanges",
        "* PUT */plugin *",
        "*",
        "*",
        "*",
        "the exchange types of RabbitMQ's plugins are built in",
    ),
    Deviation(
        "exchanges",
        "* GET /exchanges/hw-exchanges*",
        "body/hw-exchanges plugin",
        '"(missing)"',
        "*",
        "the exchange types of RabbitMQ's plugins are built in",
    ),
    Deviation(
        "exchanges",
        "* PUT */wrong-type-*",
        "body/reason",
        '"invalid exchange type *',
        '[[]"not_a_string", *',
        "RabbitMQ takes what is no string for the name of a type",
    ),
    Deviation("exchanges", "*/wrong-arguments-7*", "*", "*", "*", NO_TABLE),
    Deviation(
        "queue-bodies",
        "* GET */other-names*",
        "*",
        "*",
        "*",
        "the path names what is declared: RabbitMQ believes the body, if it has another name",
    ),
    Deviation(
        "names",
        "* PUT /queues/hw-names/%[cf][3f]*",
        "*",
        "*",
        "*",
        "names are UTF-8: RabbitMQ takes others over HTTP, and refuses them over AMQP",
    ),
    Deviation(
        "names",
        "* GET /queues/*",
        "body/\ufffd*",
        "*",
        '"(missing)"',
        "names are UTF-8: RabbitMQ takes others over HTTP, and refuses them over AMQP",
    ),
    Deviation(
        "listing",
        "* GET /queues/hw-listing[?]page=1&page_size=2",
        "body/items/*",
        '"(missing)"',
        "*",
        "what there is to say of a new queue is there at once",
    ),
    # bindings
    Deviation("bindings", "*/q/queue/null*", "*", "*", "*", WORD_AS_KEY),
    Deviation("bindings", "*/q/queue/undefined*", "*", "*", "*", WORD_AS_KEY),
    *(
        Deviation("bindings", "* GET *", f"body/* {key}", "*", '"(missing)"', WORD_AS_KEY)
        for key in ("null", "undefined")
    ),
    Deviation("bindings", '* POST *{"routing_key": "xxx*… (275)', "*", "*", "*", UNUSABLE),
    Deviation("bindings", f"*/q/queue/{TOO_LONG}*", "*", "*", "*", UNUSABLE),
    Deviation("bindings", "* GET *", f"body/* {TOO_LONG}", "*", '"(missing)"', UNUSABLE),
    Deviation(
        "bindings",
        '* POST *{"routing_key": null}',
        "headers/location",
        '"queue/null"',
        '"queue/~"',
        "null is as good as no key: RabbitMQ has a key of its own for it, that nothing matches",
    ),
    Deviation("bindings", '* POST *{"routing_key": [1t[]*', "*", "*", "*", NO_KEY),
    Deviation("bindings", '* POST *"arguments": [[]"a"]}', "*", "*", "*", NO_TABLE),
    # messages
    Deviation("messages", '* POST *"routing_key": "kkk*', "*", "*", "*", UNUSABLE),
    Deviation("messages", '* POST *{"content_type": "xxx*', "*", "*", "*", UNUSABLE),
    Deviation("messages", '* POST *{"headers": {"xxx*', "*", "*", "*", UNUSABLE),
    Deviation("messages", '* POST *{"a": 1180591620717411303424}*', "*", "*", "*", UNUSABLE),
    Deviation("messages", '* POST *{"priority": 256}*', "*", "*", "*", UNUSABLE),
    Deviation("messages", '* POST *{"priority": -1}*', "*", "*", "*", UNUSABLE),
    Deviation("messages", '* POST *{"timestamp": -1}*', "*", "*", "*", UNUSABLE),
    Deviation("messages", '* POST *{"headers": [[][[]"a", 1]]}*', "*", "*", "*", NO_TABLE),
    Deviation("messages", '* POST *"routing_key": [1t[{]*', "*", "*", "*", NO_KEY),
    Deviation(
        "messages",
        "* POST /queues/hw-messages/queue/get *",
        "body",
        "[[]{*",
        "[[]]",
        "it was refused in the case before",
    ),
    # policies, statistics
    Deviation(
        "policies",
        "* GET /queues/hw-policies/p-queue* #5",
        "body/*policy*",
        "*",
        "*",
        "what applies to a queue is shown at once: RabbitMQ waits until something else happens",
    ),
    Deviation(
        "policies",
        "* GET /exchanges/hw-policies/p-exchange #3",
        "body/policy",
        '"all"',
        '"exchange"',
        "of policies with one priority RabbitMQ applies any",
    ),
    Deviation(
        "statistics",
        "* GET /queues/*",
        "body*/message_stats",
        '"(missing)"',
        '{"publish": 2, *',
        DEAD_LETTERS,
    ),
    Deviation(
        "statistics", "*[?]sort=message_stats.publish*", "body/(order)", "*", "*", DEAD_LETTERS
    ),
    Deviation(
        "statistics",
        "* GET /exchanges/*",
        "body/*message_stats/publish_out",
        "33",
        "25",
        "what no queue took has not left the exchange: RabbitMQ counts it for the default one",
    ),
    # pages
    Deviation(
        "methods",
        "* GET //*/index.html",
        "headers/*",
        "*",
        "*",
        "pages are in UTF-8, and asked for again when they have changed",
    ),
]


def deviation(difference: Difference) -> Deviation | None:
    """The entry that means a difference. None: it is one."""
    recorded, found = _text(difference.recorded), _text(difference.found)
    for entry in DEVIATIONS:
        if (
            fnmatchcase(difference.section, entry.section)
            and fnmatchcase(difference.case, entry.case)
            and fnmatchcase(difference.place, entry.place)
            and fnmatchcase(recorded, entry.recorded)
            and fnmatchcase(found, entry.ours)
        ):
            return entry
    return None


def unmeant(found: Iterable[Difference]) -> list[Difference]:
    return [difference for difference in found if deviation(difference) is None]


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
