"""What stands in paths, queries and headers."""

from __future__ import annotations

from broker.management.openapi.forms import Schema, choice, flag, text, whole

PATH: dict[str, Schema] = {
    "vhost": text("The name of a vhost; `/` is written `%2F`."),
    "queue": text("The name of a queue."),
    "exchange": text("The name of an exchange; the default one is `amq.default`."),
    "source": text("The exchange that is bound to; the default one is `amq.default`."),
    "destination": text("The queue, or the exchange, that is bound."),
    "dtype": choice("q", "e", about="What is bound: `q`, a queue, or `e`, an exchange."),
    "props": text("The `properties_key` of a binding: what tells it from others between the two."),
    "connection": text("The name of a connection, as the list of connections has it."),
    "channel": text("The name of a channel: that of its connection, and its number in brackets."),
    "user": text("The name of a user."),
    "username": text("The name of a user."),
    "node": text("The name of the node."),
    "filter": text("The name of a table in Erlang's memory."),
    "component": text("Whose parameter it is, as `vhost-limits` or `operator_policy`."),
    "name": text("Its name."),
    "within": whole("How many of the units."),
    "unit": choice("days", "weeks", "months", "years", about="Of time."),
    "port": whole("A TCP port."),
    "protocol": text("A protocol, as `amqp091`, `amqps` or `http`."),
}


def _age(what: str) -> Schema:
    return whole(f"Seconds of history of {what}; with `incr`. At most 500 points.", minimum=0)


def _step(what: str) -> Schema:
    return whole(f"Seconds between two samples of {what}.", minimum=1)


_MESSAGES, _LENGTHS = "message rates", "queue lengths"
_OCTETS, _NODE = "octets on the wire", "the node"

QUERY: dict[str, Schema] = {
    "columns": text("Keys to answer with, by commas; `a.b` is one inside of another."),
    "sort": text("The key to sort by; `a.b` is one inside of another."),
    "sort_reverse": flag("Whether the largest goes first."),
    "page": whole("The number of a page, from 1; without it all entries come.", minimum=1),
    "page_size": whole("Entries of a page: 100 if nothing is said.", minimum=1, maximum=500),
    "name": text("With `page`: only entries whose name has this in it."),
    "use_regex": flag("Whether `name` is a regular expression."),
    "disable_stats": flag("Whether to leave out what is counted and measured: cheaper."),
    "enable_queue_totals": flag("With `disable_stats`: the numbers of messages nevertheless."),
    "msg_rates_age": _age(_MESSAGES),
    "msg_rates_incr": _step(_MESSAGES),
    "lengths_age": _age(_LENGTHS),
    "lengths_incr": _step(_LENGTHS),
    "data_rates_age": _age(_OCTETS),
    "data_rates_incr": _step(_OCTETS),
    "node_stats_age": _age(_NODE),
    "node_stats_incr": _step(_NODE),
    "if-unused": flag("Refuse (400) if somebody uses it."),
    "if-empty": flag("Refuse (400) if there are messages in it."),
    "memory": flag("Where its memory is, too."),
    "binary": flag("An empty object here: Erlang's binaries."),
    "vhost": text("Of this vhost only."),
    "download": text("As a file of this name."),
    "state": choice("ready", "unacked", about="Of messages: `ready` if nothing is said."),
    "offset": whole("Messages to pass over; with `after`: what positions begin with.", minimum=0),
    "limit": whole("Messages in the answer: 50 if nothing is said.", minimum=1, maximum=500),
    "after": text("`next` of an answer: go on behind the message that it ended with."),
    "truncate": whole(
        "Octets of each body that are shown: 4096 if nothing is said.", minimum=0, maximum=262144
    ),
    "search": text("Only messages with this text, whatever its case."),
    "in": text(
        "Where to search, by commas: `id` (message-id, correlation-id), `headers` (names and"
        " values), `body` (its first MiB, as UTF-8); all of them if nothing is said."
    ),
    "level": choice(
        "debug",
        "info",
        "warning",
        "error",
        "critical",
        about="Less important lines are left out: below `info` if nothing is said.",
    ),
    "auth": text("Name and password as basic authentication has them, for a link in a browser."),
}

HEADERS: dict[str, Schema] = {
    "X-Reason": text("What the client is told, and what the log has."),
}
