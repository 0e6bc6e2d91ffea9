"""The broker as a whole: overview, nodes, cluster."""

from __future__ import annotations

from broker.management.openapi.forms import (
    ANYTHING,
    DONE,
    LENGTHS,
    NODE,
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
    number,
    puts,
    ref,
    shape,
    shows,
    text,
    whole,
)

TAG, ABOUT = "Overview and nodes", "The broker as a whole."

_CHURN = counted(
    {
        "connection_created": "Connections opened.",
        "connection_closed": "Connections closed.",
        "channel_created": "Channels opened.",
        "channel_closed": "Channels closed.",
        "queue_declared": "Declarations of queues.",
        "queue_created": "Queues that came.",
        "queue_deleted": "Queues that went.",
    }
)
_NUMBERS = counted(
    {
        "mem_used": "Octets of memory.",
        "fd_used": "File descriptors.",
        "sockets_used": "Of those, clients.",
        "proc_used": "What RabbitMQ has processes for: connections, channels, queues.",
        "disk_free": "Octets that are free where the data is.",
        "gc_num": "Runs of the garbage collector.",
        "gc_bytes_reclaimed": "Of Erlang: 0.",
        "context_switches": "Of the process.",
        "io_read_count": "Reads of the disk.",
        "io_read_bytes": "Octets read from the disk.",
        "io_write_count": "Writes to the disk.",
        "io_write_bytes": "Octets written to the disk.",
        "io_sync_count": "Commits that went to the medium.",
        "io_seek_count": "Of Erlang: 0.",
        "io_reopen_count": "Of Erlang: 0.",
        "io_read_avg_time": "Of Erlang: 0.",
        "io_write_avg_time": "Of Erlang: 0.",
        "io_sync_avg_time": "Of Erlang: 0.",
        "io_seek_avg_time": "Of Erlang: 0.",
        "msg_store_read_count": "Of Erlang: 0.",
        "msg_store_write_count": "Messages kept on disk.",
        "queue_index_read_count": "Of Erlang: 0.",
        "queue_index_write_count": "Of Erlang: 0.",
        "mnesia_ram_tx_count": "Of Erlang: 0.",
        "mnesia_disk_tx_count": "Of Erlang: 0.",
    }
)
_TYPES = each(shape("", {"name": text(), "description": text(), "enabled": flag()}))
_CONTEXT: dict[str, Schema] = {
    "description": text(),
    "path": text(),
    "ip": text(),
    "port": text(),
}
_OF_CONTEXT: dict[str, Schema] = {
    "ssl": flag(),
    "ssl_opts": each(ANYTHING),
    "cowboy_opts": text(),
    "protocol": text(),
}

SHAPES: dict[str, Schema] = {
    "Rate": shape(
        "How a number moves. With an age and a step in the query it has samples.",
        {"rate": number("Per second, lately.")},
        {
            "samples": each(
                shape("", {"sample": number(), "timestamp": whole("Milliseconds since 1970.")}),
                "The newest first.",
            ),
            "avg_rate": number("Per second, over all of the samples."),
            "avg": number("Of the samples."),
        },
    ),
    "MessageStats": shape(
        "What was done with messages: counters, and per second. Those that were never needed are"
        " left out.",
        {},
        counted(
            {
                "publish": "Published.",
                "confirm": "Confirmed to their publishers.",
                "return_unroutable": "Returned: mandatory, and no queue took them.",
                "drop_unroutable": "Dropped: no queue took them.",
                "deliver_get": "Delivered, in whatever way.",
                "deliver": "Delivered to consumers that acknowledge.",
                "deliver_no_ack": "Delivered to consumers that do not.",
                "get": "Got by basic.get, to be acknowledged.",
                "get_no_ack": "Got by basic.get, not to be.",
                "get_empty": "Asked for by basic.get when there was none.",
                "redeliver": "Delivered again.",
                "ack": "Acknowledged.",
                "disk_reads": "Of the whole broker: messages read from disk.",
                "disk_writes": "Of the whole broker: messages written to disk.",
            }
        ),
    ),
    "ExchangeStats": shape(
        "What went through an exchange.",
        {},
        counted(
            {
                "publish_in": "Messages published to it.",
                "publish_out": "Messages that it passed on, once for every destination.",
            }
        ),
    ),
    "GarbageCollection": shape(
        "Of Erlang's processes: all 0.",
        {
            "fullsweep_after": whole(),
            "max_heap_size": whole(),
            "min_bin_vheap_size": whole(),
            "min_heap_size": whole(),
            "minor_gcs": whole(),
        },
    ),
    "Overview": shape(
        "The broker in one answer. `node`, listeners and contexts are for monitors.",
        {
            "management_version": text("The release of RabbitMQ whose API this is."),
            "rabbitmq_version": text("The same."),
            "product_name": text(),
            "product_version": text(),
            "rates_mode": text(),
            "sample_retention_policies": by_name(each(whole()), "Seconds of history."),
            "exchange_types": _TYPES,
            "cluster_name": text(),
            "erlang_version": text("Here: Python's."),
            "erlang_full_version": text("What it runs on, in words."),
            "release_series_support_status": text(),
            "disable_stats": flag("Whether there are no statistics."),
            "enable_queue_totals": flag(),
        },
        {
            "node": text("The one that answers."),
            "message_stats": ref("MessageStats"),
            "churn_rates": shape("What comes and goes.", {}, _CHURN),
            "queue_totals": shape(
                "All queues together.",
                {},
                counted(
                    {
                        "messages": "Ready and unacknowledged.",
                        "messages_ready": "Ready.",
                        "messages_unacknowledged": "Unacknowledged.",
                    }
                ),
            ),
            "object_totals": shape(
                "How many there are.",
                {"connections": whole(), "exchanges": whole(), "queues": whole()},
                {"channels": whole(), "consumers": whole()},
            ),
            "statistics_db_event_queue": whole("0."),
            "listeners": each(
                shape(
                    "Where clients are waited for.",
                    {
                        "node": text(),
                        "protocol": text("`amqp`, `amqp/ssl`, `http`, …"),
                        "ip_address": text(),
                        "port": whole(),
                        "socket_opts": by_name(ANYTHING),
                    },
                )
            ),
            "contexts": each(
                shape("A listener for HTTP.", {"node": text(), **_CONTEXT}, _OF_CONTEXT)
            ),
        },
    ),
    "Node": shape(
        "A node of the cluster. Without statistics a list has only the first three of it.",
        {
            "name": text(),
            "type": text("`disc`."),
            "running": flag(),
        },
        {
            "partitions": each(text(), "Nodes that it has lost sight of."),
            "os_pid": text("The process."),
            "uptime": whole("Milliseconds."),
            "processors": whole("Cores of the machine."),
            "fd_total": whole("File descriptors there may be."),
            "sockets_total": whole("Of those, clients."),
            "proc_total": whole(),
            "mem_limit": whole("Octets of memory from which publishers are blocked."),
            "mem_alarm": flag("Whether they are."),
            "mem_calculation_strategy": text(),
            "disk_free_limit": whole("Octets of free disk below which publishers are blocked."),
            "disk_free_alarm": flag("Whether they are."),
            "rates_mode": text(),
            "run_queue": whole("0."),
            "exchange_types": _TYPES,
            "auth_mechanisms": _TYPES,
            "applications": each(
                shape("", {"name": text(), "description": text(), "version": text()})
            ),
            "contexts": each(shape("A listener for HTTP.", _CONTEXT, _OF_CONTEXT)),
            "log_files": each(text()),
            "db_dir": text("Where the data is."),
            "config_files": each(text()),
            "net_ticktime": whole(),
            "enabled_plugins": each(text(), "RabbitMQ's names for parts that are switched on."),
            "cluster_links": each(ANYTHING),
            **_NUMBERS,
            **_CHURN,
            "metrics_gc_queue_length": by_name(whole()),
            "ra_open_file_metrics": by_name(whole()),
            "memory": ref("Memory"),
            "binary": by_name(whole(), "Of Erlang: 0."),
        },
    ),
    "Memory": by_name(
        either(number(), text(), by_name(ANYTHING)),
        "Octets by what they are for, in RabbitMQ's words; `total` is all of them.",
    ),
    "Reason": shape(
        "What went wrong.",
        {
            "error": text("In a word, as `bad_request`."),
            "reason": either(text(), each(ANYTHING), by_name(ANYTHING), about="In a sentence."),
        },
    ),
    "FeatureFlag": shape(
        "Something that RabbitMQ switches on once all nodes of a cluster can do it.",
        {
            "name": text(),
            "desc": text(),
            "doc_url": text(),
            "state": choice("enabled", "disabled", "unavailable"),
            "stability": text(),
            "provided_by": text(),
        },
    ),
}

_CLUSTER_NAME = shape("", {"name": text("Of the cluster.")})
_MEMORY = shape("", {"memory": ref("Memory")})
_TABLES = shape("Erlang has tables in memory; here there are none.", {"ets_tables_memory": text()})

PATHS: Paths = {
    "/overview": {
        "GET": shows(
            ref("Overview"),
            "What is going on",
            "Monitors see the whole broker, others what they have access to.",
            ("columns", *STATS, *RATES, *LENGTHS),
        )
    },
    "/cluster-name": {
        "GET": shows(_CLUSTER_NAME, "The name of the cluster"),
        "PUT": puts(_CLUSTER_NAME, {"name": "orders"}, "Give the cluster a name", is_new=False),
    },
    "/nodes": {"GET": lists("Node", "The nodes", "", (*SORTED, *STATS, *NODE))},
    "/nodes/:node": {
        "GET": shows(ref("Node"), "A node", "", ("columns", "memory", "binary", *STATS, *NODE))
    },
    "/nodes/:node/memory": {"GET": shows(_MEMORY, "Where its memory is")},
    "/nodes/:node/memory/relative": {"GET": shows(_MEMORY, "The same in percent")},
    "/nodes/:node/memory/ets": {"GET": shows(_TABLES, "Erlang's tables")},
    "/nodes/:node/memory/ets/relative": {"GET": shows(_TABLES, "Erlang's tables, in percent")},
    "/nodes/:node/memory/ets/:filter": {"GET": shows(_TABLES, "One of Erlang's tables")},
    "/nodes/:node/memory/ets/:filter/relative": {
        "GET": shows(_TABLES, "One of Erlang's tables, in percent")
    },
    "/extensions": {
        "GET": shows(each(by_name(text())), "What RabbitMQ's page is made of", "For its scripts.")
    },
    "/feature-flags": {"GET": lists("FeatureFlag", "Feature flags")},
    "/feature-flags/:name/enable": {
        "PUT": puts(shape("", {}), {}, "Enable a feature flag", "They are.", is_new=False)
    },
    "/rebalance/queues": {
        "POST": Operation(
            "Spread the leaders of queues over the nodes",
            "There is but one node: nothing happens.",
            body=shape("", {}),
            example={},
            answers=DONE,
        )
    },
    "/reset": {"DELETE": deletes("Forget all statistics")},
    "/reset/:node": {"DELETE": deletes("Forget the statistics of a node")},
}
