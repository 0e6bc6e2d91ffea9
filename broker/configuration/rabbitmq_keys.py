"""The keys that a rabbitmq.conf of RabbitMQ 3.10 to 3.13 may have, and what becomes of them here.

`rabbitmq_keys.txt` has one per line: the key, in which `$name` is any word; the kind of its value
(`values.py`); its place among the terms of an advanced.config. Many keys are those of our settings.
The others are known, checked, and without effect: `reason_of` says why. Read when there is such a
file only: 2 ms.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from broker.config import Config
from broker.settings import find_setting

# Keys of RabbitMQ that have another name here.
RENAMED = {
    "product.name": "product",
    "product.version": "product_version",
    "management.load_definitions": "load_definitions",
}
# Those that several settings come from, or all of a group together: see `translation.py`.
GROUPED = ("loopback_users", "default_user_tags", "management.listener", "prometheus.tcp.listener")
_ERLANG = "it is about Erlang's runtime, which is not here"
_CLUSTER = "it is about clusters"
_STORE = "messages are stored in another way"
_TLS = "TLS is done by another library, which decides it"
_SOCKETS = "sockets are used in another way"
_PLUGIN = "it is for a plugin that is not here"
_LOG = "the log is written in another way"
_LOGIN = "the HTTP API has no such login"
_NOT_HERE = "there is no such feature"
# The beginning of a key decides; the first that fits.
REASONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        _ERLANG,
        (
            *("erlang.", "hipe_compile", "net_ticktime", "distribution.", "sysmon_handler."),
            *("background_gc_", "delegate_count", "default_worker_pool_size", "num_acceptors."),
            *("socket_writer.", "memory_monitor_interval", "vm_memory_calculation_strategy"),
            *("vm_memory_high_watermark_paging_ratio", "reverse_dns_lookups", "ranch_"),
        ),
    ),
    (
        _CLUSTER,
        (
            *("cluster_formation.", "cluster_partition_handling", "cluster_keepalive_interval"),
            *("cluster_queue_limit", "mirroring_", "queue_master_locator", "queue_leader_locator"),
            *("mnesia_", "metadata_store.", "stream.replication.", "aws.", "raft."),
            *("quorum_queue.", "vhost_restart_strategy"),
        ),
    ),
    (_STORE, ("message_store_shutdown_timeout", "classic_queue.")),
    (_TLS, ("ssl_options", "ssl_allow_poodle_attack", "auth_http.ssl_options")),
    (_TLS, ("management.ssl.", "prometheus.ssl.", "definitions.tls.")),
    (_SOCKETS, ("tcp_listen_options", "initial_frame_max", "management.tcp.", "prometheus.tcp.")),
    (_PLUGIN, ("mqtt.", "stomp.", "web_mqtt.", "web_stomp.", "stream.", "amqp1_0.")),
    (_PLUGIN, ("auth_ldap.", "auth_oauth2.", "trust_store.", "tracing.")),
    (_LOG, ("log.", "motd_file", "management.http_log_dir")),
    (_LOGIN, ("management.oauth_", "management.enable_uaa", "management.uaa_")),
    (_LOGIN, ("management.disable_basic_auth", "prometheus.authentication.")),
    ("statistics are kept in another way", ("collect_statistics", "management.sample_")),
    ("statistics are kept in another way", ("management_agent.", "management.db_cache_")),
    ("statistics are kept in another way", ("management.enable_queue_totals",)),
    ("statistics are kept in another way", ("prometheus.filter_",)),
    (_NOT_HERE, ("credential_validator.", "default_policies.")),
    (_NOT_HERE, ("default_limits.", "default_queue_type", "deprecated_features.")),
    (_NOT_HERE, ("runtime_parameters.", "consumer_max_per_channel", "vhost_max")),
    (_NOT_HERE, ("management.restrictions.", "management.headers.", "definitions.https.")),
    (_NOT_HERE, ("auth_cache.cache_module", "message_interceptors.", "management.cors.")),
)


class Known(NamedTuple):
    """A key of RabbitMQ. pattern: with `$name` for any word. path: among the terms."""

    pattern: str
    kind: str
    path: str


@functools.cache
def all_keys() -> tuple[Known, ...]:
    text = Path(__file__).with_name("rabbitmq_keys.txt").read_text()
    return tuple(Known(*line.split(" ")) for line in text.splitlines())


@functools.cache
def _by_length() -> dict[int, list[tuple[tuple[str, ...], Known]]]:
    found: dict[int, list[tuple[tuple[str, ...], Known]]] = {}
    for known in all_keys():
        if "$" in known.pattern:
            parts = tuple(known.pattern.split("."))
            found.setdefault(len(parts), []).append((parts, known))
    return found


@functools.cache
def _exact() -> dict[str, Known]:
    return {known.pattern: known for known in all_keys()}


def parts_of(key: str) -> list[str]:
    """The words of a key; a dot after a backslash is one of the word."""
    return [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", key)]


def find(key: str) -> Known | None:
    """None: RabbitMQ does not know it either."""
    exact = _exact().get(key)
    if exact is not None:
        return exact
    parts = parts_of(key)
    for pattern, known in _by_length().get(len(parts), ()):
        if all(word[0] == "$" or word == part for word, part in zip(pattern, parts, strict=True)):
            return known
    return None


@functools.cache
def _by_path() -> dict[str, Known]:
    """Of several keys with one place the one that has no `$name`, then the first."""
    found: dict[str, Known] = {}
    for known in sorted(all_keys(), key=lambda known: "$" in known.pattern):
        found.setdefault(known.path, known)
    return found


def at_path(path: str) -> Known | None:
    """The key of a place among the terms of an advanced.config: `rabbit.heartbeat`."""
    return _by_path().get(path)


def reason_of(key: str) -> str | None:
    """Why a key of RabbitMQ has no effect; None: it has one."""
    if key in RENAMED or key.startswith(GROUPED) or find_setting(Config, key) is not None:
        return None
    return next((why for why, beginnings in REASONS if key.startswith(beginnings)), _NOT_HERE)


def without_effect() -> Iterator[tuple[str, list[str]]]:
    """Reasons, and the keys that have no effect for each, for the documentation."""
    found: dict[str, list[str]] = {}
    for known in all_keys():
        reason = reason_of(known.pattern)
        if reason is not None:
            found.setdefault(reason, []).append(known.pattern)
    yield from found.items()
