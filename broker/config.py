"""Every setting: its type, default, unit and RabbitMQ's key for it.

One tree of sections. Where values come from, files, variables and the command line, is the
matter of `configuration`; an unknown key is an error that names the nearest known one.
"""

from __future__ import annotations

from broker.auth_settings import AuthBackends
from broker.log_settings import Log
from broker.management_settings import Management, Prometheus
from broker.sections import Section, numbered, part, setting
from broker.settings import ConfigError, Known, override, parse_size, settings_of
from broker.transport_settings import Authentication, Listeners, TlsOptions

__all__ = ["Config", "ConfigError", "override", "parse_size", "settings"]


class Limits(Section):
    """What is negotiated and enforced."""

    channel_max: int = setting(
        2047,
        key="channel_max",
        live=True,
        bounds=(0, 65535),
        help="Channels per connection; 0: no limit.",
    )
    channel_max_per_node: int | None = setting(
        None,
        key="channel_max_per_node",
        live=True,
        help="Channels of all connections together; none: no limit.",
    )
    connection_max: int | None = setting(
        None, key="connection_max", live=True, help="Connections to the node; none: no limit."
    )
    frame_max: int = setting(
        131072,
        key="frame_max",
        live=True,
        unit="bytes",
        bounds=(4096, 2**31 - 1),
        help="Largest frame offered to a peer.",
    )
    heartbeat_s: int = setting(
        60,
        key="heartbeat",
        live=True,
        unit="s",
        bounds=(0, 65535),
        help="Heartbeat offered; 0: none.",
    )
    handshake_timeout_ms: int = setting(
        10_000,
        key="handshake_timeout",
        live=True,
        unit="ms",
        help="Time for a peer to open its connection.",
    )
    max_message_size: int = setting(
        134_217_728,
        key="max_message_size",
        live=True,
        unit="bytes",
        bounds=(1, 512 * 1024 * 1024),
        help="Largest message body accepted.",
    )
    consumer_timeout_ms: int | None = setting(
        None,
        key="consumer_timeout",
        live=True,
        unit="ms",
        help="Time for a delivery to be acked; none: any.",
    )


class Defaults(Section):
    """What a node has when it starts for the first time."""

    user: str = setting("guest", key="default_user", help="The first user; empty: none.")
    password: str = setting("guest", key="default_pass", secret=True, help="Its password.")
    tags: tuple[str, ...] = setting(("administrator",), key="default_user_tags", help="Its tags.")
    vhost: str = setting("/", key="default_vhost", help="The first virtual host.")
    configure: str = setting(
        ".*", key="default_permissions.configure", help="What it may configure there, a pattern."
    )
    write: str = setting(".*", key="default_permissions.write", help="What it may write to.")
    read: str = setting(".*", key="default_permissions.read", help="What it may read from.")

    users: tuple[tuple[str, str], ...] = numbered(
        (),
        key="default_users",
        secret=True,
        help="Users that every new virtual host has: `default_users.alice.password`, and likewise"
        " `tags`, `vhost_pattern`, `configure`, `read` and `write`; who is there keeps the rest.",
    )

    @property
    def permissions(self) -> tuple[str, str, str]:
        """In the order of AMQP: configure, write, read."""
        return self.configure, self.write, self.read


class StartingDefinitions(Section):
    """Definitions that are imported whenever the node starts."""

    path: str = setting(
        "",
        key="load_definitions",
        help="File, or directory of files, that is imported at every start, as exported over HTTP;"
        " empty: none. A node that has one makes no first user and vhost.",
    )
    local_path: str = setting(
        "", key="definitions.local.path", help="The same, with definitions.import_backend."
    )
    backend: str = setting(
        "none",
        key="definitions.import_backend",
        choices=(
            "none",
            "local_filesystem",
            "local",
            "rabbitmq_definitions_import_local_filesystem",
            "rabbit_definitions_import_local_filesystem",
        ),
        help="Where those come from: none, or local_filesystem.",
    )
    skip_if_unchanged: bool = setting(
        False,
        key="definitions.skip_if_unchanged",
        help="Import them only when they are others than the last time.",
    )
    hashing_algorithm: str = setting(
        "sha256",
        key="definitions.hashing.algorithm",
        choices=("sha", "sha224", "sha256", "sha384", "sha512"),
        help="How that is told.",
    )

    @property
    def exist(self) -> bool:
        """RabbitMQ: a node that has some makes no user and vhost of its own."""
        return bool(self.path) or self.backend != "none"


class Identity(Section):
    """Who the node says it is."""

    node_name: str = setting("", key="node_name", help="Name of the node; empty: rabbit@<host>.")
    cluster_name: str = setting("", key="cluster_name", help="Empty: the node's name.")
    product: str = setting(
        "RabbitMQ", key="product", live=True, help="Announced to clients at connect."
    )
    product_version: str = setting(
        "3.13.7",
        key="product_version",
        live=True,
        help="Announced to clients, some of which branch on it.",
    )


class Alarms(Section):
    """When publishers are blocked."""

    memory_relative: float = setting(
        0.4,
        key="vm_memory_high_watermark.relative",
        live=True,
        bounds=(0, 1),
        help="Share of the memory above which publishers are blocked; 0: they always are.",
    )
    memory_absolute: int | None = setting(
        None,
        key="vm_memory_high_watermark.absolute",
        live=True,
        unit="bytes",
        help="The same as an amount, which then counts instead; none: unused.",
    )
    memory_total: int | None = setting(
        None,
        key="total_memory_available_override_value",
        live=True,
        unit="bytes",
        help="What counts as all the memory; none: the machine's, or the cgroup's if that is less.",
    )
    disk_absolute: int = setting(
        50_000_000,
        key="disk_free_limit.absolute",
        live=True,
        unit="bytes",
        help="Free space at data_dir below which publishers are blocked.",
    )
    disk_relative: float = setting(
        0.0,
        key="disk_free_limit.relative",
        live=True,
        help="The same as a multiple of the memory, which then counts instead; 0: unused.",
    )


class Storage(Section):
    """How messages are kept on disk, where there is a data_dir."""

    sync: str = setting(
        "commit",
        key="store.sync",
        choices=("commit", "interval", "never"),
        help="When what was written is synced: before it is confirmed (commit), now and then"
        " (interval), or when the system likes (never). Only commit survives a power cut.",
    )
    sync_interval_ms: int = setting(
        200,
        key="store.sync_interval",
        unit="ms",
        bounds=(1, 3_600_000),
        help="Time between two syncs of store.sync = interval.",
    )
    segment_octets: int = setting(
        64 * 1024 * 1024,
        key="store.segment_size",
        unit="bytes",
        bounds=(64 * 1024, 2**31 - 1),
        help="Size from which on a new file of the log is begun.",
    )
    queue_memory: int = setting(
        16 * 1024 * 1024,
        key="store.queue_memory",
        live=True,
        unit="bytes",
        help="Memory that a queue's messages may take; what is behind them stays on disk.",
    )
    node_memory: int = setting(
        256 * 1024 * 1024,
        key="store.node_memory",
        live=True,
        unit="bytes",
        help="The same for all queues together; above it each has a smaller share.",
    )
    embed_below: int = setting(
        4096,
        key="queue_index_embed_msgs_below",
        unit="bytes",
        help="Accepted and without effect: messages of all sizes are in one log.",
    )


class Hooks(Section):
    """Who has a say in messages, and what the broker tells by messages."""

    interceptors: tuple[str, ...] = setting(
        (),
        key="interceptors",
        help="Interceptors of installed packages, by name, in the order in which they see a"
        " message.",
    )
    routing_node: bool | None = setting(
        None,
        key="message_interceptors.incoming.set_header_routing_node.overwrite",
        help="Header x-routed-by: the node a message came in at; true: also where the publisher"
        " has set it; none: not at all.",
    )
    timestamp: bool | None = setting(
        None,
        key="message_interceptors.incoming.set_header_timestamp.overwrite",
        help="Header timestamp_in_ms and property timestamp: when a message came in; as above.",
    )
    sent_time: bool = setting(
        False,
        key="message_interceptors.outgoing.timestamp.enabled",
        help="Header x-opt-rabbitmq-sent-time: when a message goes out.",
    )
    events: bool = setting(
        False,
        key="event_exchange.enabled",
        help="Publish events to amq.rabbitmq.event, as RabbitMQ's plugin does.",
    )
    events_vhost: str = setting(
        "", key="event_exchange.vhost", help="The virtual host of that; empty: the default one."
    )
    events_protocol: str = setting(
        "amqp_0_9_1",
        key="event_exchange.protocol",
        choices=("amqp_0_9_1",),
        help="What those messages are like.",
    )


class Config(Section):
    """The whole tree."""

    limits: Limits = part(Limits)
    defaults: Defaults = part(Defaults)
    starting_definitions: StartingDefinitions = part(StartingDefinitions)
    identity: Identity = part(Identity)
    listeners: Listeners = part(Listeners)
    tls: TlsOptions = part(TlsOptions)
    authentication: Authentication = part(Authentication)
    auth: AuthBackends = part(AuthBackends)
    alarms: Alarms = part(Alarms)
    storage: Storage = part(Storage)
    hooks: Hooks = part(Hooks)
    management: Management = part(Management)
    prometheus: Prometheus = part(Prometheus)
    log: Log = part(Log, "log")
    data_dir: str = setting(
        "",
        key="data_dir",
        help="Directory of the node; none: in memory only; empty: the command has a default.",
    )
    loopback_users: tuple[str, ...] = setting(
        ("guest",),
        key="loopback_users",
        live=True,
        help="Users that may connect from this machine only.",
    )
    disabled_plugins: tuple[str, ...] = setting(
        (),
        key="plugins.disabled",
        help="Optional parts that are off, by the names of RabbitMQ's plugins for them.",
    )
    fast_path: bool = setting(
        True, key="fast_path", help="Off: every message takes the general path (for tests)."
    )

    @property
    def kept_in(self) -> str:
        """The data directory; empty: there is none."""
        return "" if self.data_dir == "none" else self.data_dir


def settings() -> tuple[Known, ...]:
    """Every setting."""
    return settings_of(Config)
