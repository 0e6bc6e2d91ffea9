"""Lists of what is in a node. Rows are shown while they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from broker.amqp.erlang import Atom
from broker.cli import info_items
from broker.cli.algorithms import CIPHERS, hashes
from broker.cli.command import (
    CTL,
    DIAGNOSTICS,
    INTEGER,
    MONITORING,
    NOTHING,
    SWITCH,
    Call,
    Output,
    Rows,
    Said,
    command,
)

BOTH = (CTL, DIAGNOSTICS)
TIMEOUT_MS = 60_000  # of list_queues, when none is given
QUEUE_TIMEOUT_S = 15
HINT = "Some queue(s) are unresponsive, use list_unresponsive_queues command."

QUEUE = (
    *("name", "durable", "auto_delete", "arguments", "policy", "pid", "owner_pid", "exclusive"),
    *("exclusive_consumer_pid", "exclusive_consumer_tag", "messages_ready"),
    *("messages_unacknowledged", "messages", "messages_ready_ram", "messages_unacknowledged_ram"),
    *("messages_ram", "messages_persistent", "message_bytes", "message_bytes_ready"),
    *("message_bytes_unacknowledged", "message_bytes_ram", "message_bytes_persistent"),
    *("head_message_timestamp", "disk_reads", "disk_writes", "consumers", "consumer_utilisation"),
    *("consumer_capacity", "memory", "slave_pids", "synchronised_slave_pids", "state", "type"),
    *("leader", "members", "online"),
)
UNRESPONSIVE = ("name", "durable", "auto_delete", "arguments", "pid", "recoverable_slaves")
EXCHANGE = ("name", "type", "durable", "auto_delete", "internal", "arguments", "policy")
BINDING = (
    *("source_name", "source_kind", "destination_name", "destination_kind", "routing_key"),
    "arguments",
)
CONNECTION = (
    *("pid", "name", "port", "host", "peer_port", "peer_host", "ssl", "ssl_protocol"),
    *("ssl_key_exchange", "ssl_cipher", "ssl_hash", "peer_cert_subject", "peer_cert_issuer"),
    *("peer_cert_validity", "state", "channels", "protocol", "auth_mechanism", "user", "vhost"),
    *("timeout", "frame_max", "channel_max", "client_properties", "recv_oct", "recv_cnt"),
    *("send_oct", "send_cnt", "send_pend", "connected_at"),
)
CHANNEL = (
    *("pid", "connection", "name", "number", "user", "vhost", "transactional", "confirm"),
    *("consumer_count", "messages_unacknowledged", "messages_uncommitted", "acks_uncommitted"),
    *("messages_unconfirmed", "prefetch_count", "global_prefetch_count"),
)
CONSUMER = (
    *("queue_name", "channel_pid", "consumer_tag", "ack_required", "prefetch_count", "active"),
    *("activity_status", "arguments"),
)
IN_VHOST = {"vhost": "/", "table_headers": True}
VHOST = ("--vhost <vhost>", "Where they are: / unless said otherwise")


def _facts(columns: Sequence[str], *topics: tuple[str, str]) -> dict[str, Any]:
    """What the lists have in common."""
    return {
        "section": MONITORING,
        "tools": BOTH,
        "topics": [info_items.topic(columns), *topics],
        "arity": (0, None),
        "validate": lambda call: info_items.check(call.arguments, columns),
        "formatter": "table",
        "shows_seconds": True,
    }


def _rows(call: Call, what: str, **given: Any) -> Output:
    return Rows(call.rows(what, columns=info_items.wanted(call.arguments), **given))


@command(
    "list_queues",
    usage="list_queues [--vhost <vhost>] [--online] [--offline] [--local] [--no-table-headers]"
    " [<column>, ...]",
    description="Lists queues and what is in them",
    switches={"online": SWITCH, "offline": SWITCH, "local": SWITCH},
    has_timeout=True,
    timeout_ms=TIMEOUT_MS,
    timeout_hint=HINT,
    default_arguments=("name", "messages"),
    defaults={**IN_VHOST, "online": False, "offline": False, "local": False},
    banner=lambda call: (
        f"Timeout: {(call.timeout_ms or 0) / 1000} seconds ...\n"
        f"Listing queues for vhost {call.vhost} ..."
    ),
    **_facts(
        QUEUE,
        VHOST,
        ("--online", "Only those on nodes that can be reached"),
        ("--offline", "Only those on nodes that cannot"),
        ("--local", "Only those of the node that is asked"),
    ),
)
def list_queues(call: Call) -> Output:
    options = call.options
    if options["offline"] and not options["online"] and not options["local"]:
        return Rows(())  # the node that answers has all of them
    return _rows(call, "queues.list_queues", vhost=call.vhost)


@command(
    "list_unresponsive_queues",
    usage="list_unresponsive_queues [--local] [--queue-timeout <milliseconds>] [<column> ...]"
    " [--no-table-headers]",
    description="Lists queues that do not say in time what they are",
    switches={"queue_timeout": INTEGER, "local": SWITCH},
    has_timeout=True,
    default_arguments=("name",),
    defaults={**IN_VHOST, "local": False, "queue_timeout": QUEUE_TIMEOUT_S},
    banner="Listing unresponsive queues for vhost {vhost} ...",
    **_facts(
        UNRESPONSIVE,
        ("--local", "Only those of the node that is asked"),
        ("--queue-timeout <seconds>", "What each has: in seconds, whatever the usage says"),
    ),
)
def list_unresponsive_queues(call: Call) -> Output:
    timeout_ms = call.options["queue_timeout"] * 1000
    return _rows(call, "queues.list_unresponsive", vhost=call.vhost, queue_timeout_ms=timeout_ms)


@command(
    "list_exchanges",
    usage="list_exchanges [--vhost <vhost>] [--no-table-headers] [<column> ...]",
    description="Lists exchanges",
    has_timeout=True,
    default_arguments=("name", "type"),
    defaults=IN_VHOST,
    banner="Listing exchanges for vhost {vhost} ...",
    **_facts(EXCHANGE, VHOST),
)
def list_exchanges(call: Call) -> Output:
    return _rows(call, "topology.list_exchanges", vhost=call.vhost)


@command(
    "list_bindings",
    usage="list_bindings [--vhost <vhost>] [--no-table-headers] [<column> ...]",
    description="Lists what queues and exchanges are bound to",
    has_timeout=True,
    default_arguments=BINDING,
    defaults=IN_VHOST,
    banner="Listing bindings for vhost {vhost}...",
    **_facts(BINDING, VHOST),
)
def list_bindings(call: Call) -> Output:
    return _rows(call, "topology.list_bindings", vhost=call.vhost)


@command(
    "list_connections",
    usage="list_connections [--no-table-headers] [<column> ...]",
    description="Lists the connections of clients",
    has_timeout=True,
    default_arguments=("user", "peer_host", "peer_port", "state"),
    defaults={"table_headers": True},
    banner="Listing connections ...",
    **_facts(CONNECTION),
)
def list_connections(call: Call) -> Output:
    return _rows(call, "connections.list_connections")


@command(
    "list_channels",
    usage="list_channels [--no-table-headers] [<column> ...]",
    description="Lists the channels of all connections",
    default_arguments=("pid", "user", "consumer_count", "messages_unacknowledged"),
    defaults={"table_headers": True},
    banner="Listing channels ...",
    **_facts(CHANNEL),
)
def list_channels(call: Call) -> Output:
    return _rows(call, "connections.list_channels")


@command(
    "list_consumers",
    usage="list_consumers [--vhost <vhost>] [--no-table-headers] [<column> ...]",
    description="Lists who consumes from queues",
    has_timeout=True,
    default_arguments=tuple(name for name in CONSUMER if name != "activity_status"),
    defaults=IN_VHOST,
    banner="Listing consumers in vhost {vhost} ...",
    **_facts(CONSUMER, VHOST),
)
def list_consumers(call: Call) -> Output:
    """RabbitMQ's tools choose of the columns themselves: they stay in its order."""
    wanted = set(info_items.wanted(call.arguments))
    rows = call.rows("connections.list_consumers", vhost=call.vhost)
    if call.options.get("formatter") == "erlang":  # which shows that they come queue by queue
        return Rows(
            [_chosen(row, wanted) for row in of_queue]
            for _, of_queue in groupby(rows, lambda row: row[0])
        )
    return Rows(_chosen(row, wanted) for row in rows)


def _chosen(row: Iterable[tuple[Atom, Any]], wanted: set[str]) -> list[tuple[Atom, Any]]:
    return [pair for pair in row if not wanted or pair[0] in wanted]


def _said(call: Call, names: Sequence[str]) -> Output:
    """RabbitMQ's tools make a stream of a list, but as JSON."""
    atoms = [Atom(name) for name in names]
    return Said(atoms) if call.options.get("formatter") == "json" else Rows(_each(atoms))


def _each(atoms: Iterable[Atom]) -> Iterator[Atom]:
    yield from atoms


@command(
    "list_hashes",
    usage="list_hashes",
    description="Lists hash functions that encrypted values may name",
    section=MONITORING,
    tools=BOTH,
    needs=NOTHING,
    banner="Listing supported hash algorithms ...",
    formatter="erlang",
)
def list_hashes(call: Call) -> Output:
    return _said(call, hashes())


@command(
    "list_ciphers",
    usage="list_ciphers",
    description="Lists ciphers that encrypted values may name",
    section=MONITORING,
    tools=BOTH,
    needs=NOTHING,
    banner="Listing supported ciphers ...",
    formatter="erlang",
)
def list_ciphers(call: Call) -> Output:
    return _said(call, CIPHERS)
