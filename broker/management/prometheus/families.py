"""What there is to be scraped: RabbitMQ's families, by the names that its rabbitmq_prometheus gives
to groups of them, and our own.

Names, types and help texts are RabbitMQ's, so that dashboards and alerts made for it find what they
ask for. A test holds them against what a RabbitMQ serves.
"""

from __future__ import annotations

from broker.management.prometheus.exposition import Family

# [group], then a family each: name, type, help. Groups are in the order of RabbitMQ's answers.
_TABLE = """
[connection_churn_metrics]
connections_opened_total counter Total number of connections opened
connections_closed_total counter Total number of connections closed or terminated
channels_opened_total counter Total number of channels opened
channels_closed_total counter Total number of channels closed
queues_declared_total counter Total number of queues declared
queues_created_total counter Total number of queues created
queues_deleted_total counter Total number of queues deleted
[node_coarse_metrics]
process_open_fds gauge Open file descriptors
process_open_tcp_sockets gauge Open TCP sockets
process_resident_memory_bytes gauge Memory used in bytes
disk_space_available_bytes gauge Disk space available in bytes
erlang_processes_used gauge Erlang processes used
erlang_gc_runs_total counter Total number of Erlang garbage collector runs
erlang_scheduler_context_switches_total counter Total number of Erlang scheduler context switches
[node_metrics]
process_max_fds gauge Open file descriptors limit
process_max_tcp_sockets gauge Open TCP sockets limit
resident_memory_limit_bytes gauge Memory high watermark in bytes
disk_space_available_limit_bytes gauge Free disk space low watermark in bytes
erlang_processes_limit gauge Erlang processes limit
erlang_scheduler_run_queue gauge Erlang scheduler run queue
erlang_net_ticktime_seconds gauge Inter-node heartbeat interval
erlang_uptime_seconds gauge Node uptime
[node_persister_metrics]
io_read_ops_total counter Total number of I/O read operations
io_read_bytes_total counter Total number of I/O bytes read
io_write_ops_total counter Total number of I/O write operations
io_write_bytes_total counter Total number of I/O bytes written
io_sync_ops_total counter Total number of I/O sync operations
io_seek_ops_total counter Total number of I/O seek operations
io_reopen_ops_total counter Total number of times files have been reopened
msg_store_read_total counter Total number of Message Store read operations
msg_store_write_total counter Total number of Message Store write operations
io_read_time_seconds_total counter Total I/O read time
io_write_time_seconds_total counter Total I/O write time
io_sync_time_seconds_total counter Total I/O sync time
io_seek_time_seconds_total counter Total I/O seek time
[auth_attempt_metrics]
auth_attempts_total counter Total number of authorization attempts
auth_attempts_succeeded_total counter Total number of successful authentication attempts
auth_attempts_failed_total counter Total number of failed authentication attempts
[auth_attempt_detailed_metrics]
auth_attempts_detailed_total counter Total number of authorization attempts with source info
auth_attempts_detailed_succeeded_total counter Total number of successful authorization attempts
  with source info
auth_attempts_detailed_failed_total counter Total number of failed authorization attempts with
  source info
[queue_coarse_metrics]
queue_messages_ready gauge Messages ready to be delivered to consumers
queue_messages_unacked gauge Messages delivered to consumers but not yet acknowledged
queue_messages gauge Sum of ready and unacknowledged messages - total queue depth
[queue_consumer_count]
queue_consumers gauge Consumers on a queue
[queue_metrics]
queue_consumers gauge Consumers on a queue
queue_consumer_capacity gauge Consumer capacity
queue_consumer_utilisation gauge Same as consumer capacity
queue_process_memory_bytes gauge Memory in bytes used by the Erlang queue process
queue_messages_ram gauge Ready and unacknowledged messages stored in memory
queue_messages_ram_bytes gauge Size of ready and unacknowledged messages stored in memory
queue_messages_ready_ram gauge Ready messages stored in memory
queue_messages_unacked_ram gauge Unacknowledged messages stored in memory
queue_messages_persistent gauge Persistent messages
queue_messages_persistent_bytes gauge Size in bytes of persistent messages
queue_messages_bytes gauge Size in bytes of ready and unacknowledged messages
queue_messages_ready_bytes gauge Size in bytes of ready messages
queue_messages_unacked_bytes gauge Size in bytes of all unacknowledged messages
queue_messages_paged_out gauge Messages paged out to disk
queue_messages_paged_out_bytes gauge Size in bytes of messages paged out to disk
queue_head_message_timestamp gauge Timestamp of the first message in the queue, if any
queue_disk_reads_total counter Total number of times queue read messages from disk
queue_disk_writes_total counter Total number of times queue wrote messages to disk
[channel_metrics]
channel_consumers gauge Consumers on a channel
channel_messages_unacked gauge Delivered but not yet acknowledged messages
channel_messages_unconfirmed gauge Published but not yet confirmed messages
channel_messages_uncommitted gauge Messages received in a transaction but not yet committed
channel_acks_uncommitted gauge Message acknowledgements in a transaction not yet committed
consumer_prefetch gauge Limit of unacknowledged messages for each consumer
channel_prefetch gauge Total limit of unacknowledged messages for all consumers on a channel
[channel_exchange_metrics]
channel_messages_published_total counter Total number of messages published into an exchange on a
  channel
channel_messages_confirmed_total counter Total number of messages published into an exchange and
  confirmed on the channel
channel_messages_unroutable_returned_total counter Total number of messages published as mandatory
  into an exchange and returned to the publisher as unroutable
channel_messages_unroutable_dropped_total counter Total number of messages published as
  non-mandatory into an exchange and dropped as unroutable
[channel_queue_metrics]
channel_get_ack_total counter Total number of messages fetched with basic.get in manual
  acknowledgement mode
channel_get_total counter Total number of messages fetched with basic.get in automatic
  acknowledgement mode
channel_messages_delivered_ack_total counter Total number of messages delivered to consumers in
  manual acknowledgement mode
channel_messages_delivered_total counter Total number of messages delivered to consumers in
  automatic acknowledgement mode
channel_messages_redelivered_total counter Total number of messages redelivered to consumers
channel_messages_acked_total counter Total number of messages acknowledged by consumers
channel_get_empty_total counter Total number of times basic.get operations fetched no message
[connection_coarse_metrics]
connection_incoming_bytes_total counter Total number of bytes received on a connection
connection_outgoing_bytes_total counter Total number of bytes sent on a connection
[connection_metrics]
connection_incoming_packets_total counter Total number of packets received on a connection
connection_outgoing_packets_total counter Total number of packets sent on a connection
connection_pending_packets gauge Number of packets waiting to be sent on a connection
connection_channels gauge Channels on a connection
[channel_queue_exchange_metrics]
queue_messages_published_total counter Total number of messages published to queues
[vhost_status]
vhost_status gauge Whether a given vhost is running
[exchange_bindings]
exchange_bindings gauge Number of bindings for an exchange. This value is cluster-wide.
[exchange_names]
exchange_name gauge Enumerates exchanges without any additional info. This value is cluster-wide.
  A cheaper alternative to `exchange_bindings`
[totals]
connections gauge Connections currently open
channels gauge Channels currently open
consumers gauge Consumers currently connected
queues gauge Queues available
[info]
build_info untyped RabbitMQ & Erlang/OTP version info
identity_info untyped RabbitMQ node & cluster identity info
[alarms]
alarms_file_descriptor_limit untyped is 1 if file descriptor limit alarm is in effect
alarms_free_disk_space_watermark untyped is 1 if free disk space watermark alarm is in effect
alarms_memory_used_watermark untyped is 1 if VM memory watermark alarm is in effect
[global]
global_consumers gauge Current number of consumers
global_messages_acknowledged_total counter Total number of messages acknowledged by consumers
global_messages_confirmed_total counter Total number of messages confirmed to publishers
global_messages_dead_lettered_confirmed_total counter Total number of messages dead-lettered and
  confirmed by target queues
global_messages_dead_lettered_delivery_limit_total counter Total number of messages dead-lettered
  due to delivery-limit exceeded
global_messages_dead_lettered_expired_total counter Total number of messages dead-lettered due to
  message TTL exceeded
global_messages_dead_lettered_maxlen_total counter Total number of messages dead-lettered due to
  overflow drop-head or reject-publish-dlx
global_messages_dead_lettered_rejected_total counter Total number of messages dead-lettered due to
  basic.reject or basic.nack
global_messages_delivered_consume_auto_ack_total counter Total number of messages delivered to
  consumers using basic.consume with automatic acknowledgment
global_messages_delivered_consume_manual_ack_total counter Total number of messages delivered to
  consumers using basic.consume with manual acknowledgment
global_messages_delivered_get_auto_ack_total counter Total number of messages delivered to
  consumers using basic.get with automatic acknowledgment
global_messages_delivered_get_manual_ack_total counter Total number of messages delivered to
  consumers using basic.get with manual acknowledgment
global_messages_delivered_total counter Total number of messages delivered to consumers
global_messages_get_empty_total counter Total number of times basic.get operations fetched no
  message
global_messages_received_confirm_total counter Total number of messages received from publishers
  expecting confirmations
global_messages_received_total counter Total number of messages received from publishers
global_messages_redelivered_total counter Total number of messages redelivered to consumers
global_messages_routed_total counter Total number of messages routed to queues or streams
global_messages_unroutable_dropped_total counter Total number of messages published as
  non-mandatory into an exchange and dropped as unroutable
global_messages_unroutable_returned_total counter Total number of messages published as mandatory
  into an exchange and returned to the publisher as unroutable
global_publishers gauge Current number of publishers
[telemetry]
telemetry_scrape_size_bytes summary Scrape size, not encoded
telemetry_scrape_encoded_size_bytes summary Scrape size, encoded
telemetry_scrape_duration_seconds summary Scrape duration
[process]
process_start_time_seconds gauge Start time of the process since unix epoch in seconds.
[queue_ages]
queue_oldest_message_age_seconds gauge Age of the oldest ready message, as far as it is known
queue_time_in_queue_seconds histogram Time from entering a queue to leaving it: delivered, expired,
  dropped or purged
[node_ages]
queue_age_seconds histogram Age of the oldest ready message of each queue that has any, looked at
  every five seconds
"""


def _read(table: str) -> dict[str, tuple[Family, ...]]:
    found: dict[str, list[list[str]]] = {}
    for line in table.strip().splitlines():
        if line.startswith("["):
            group: list[list[str]] = []
            found[line[1:-1]] = group
        elif line.startswith("  "):
            group[-1][2] += " " + line.strip()
        else:
            group.append(line.split(" ", 2))
    return {name: tuple(Family(*family) for family in families) for name, families in found.items()}


FAMILIES = _read(_TABLE)
CLUSTER = ("vhost_status", "exchange_bindings", "exchange_names")  # of the cluster, not of a node
OWN = ("queue_ages", "node_ages")  # not RabbitMQ's
_GIVEN_APART = ("totals", "info", "alarms", "global", "telemetry", "process", "node_ages")
# What may be asked for by its name, and is in every answer that is not detailed.
GROUPS = tuple(name for name in FAMILIES if name not in (*CLUSTER, *_GIVEN_APART))
