// Which numbers are drawn, under which names and in which colours: the same everywhere.

import { rate } from "./format.js";

/** Lengths, as keys of an object that has `<key>` and `<key>_details`; later ones are drawn above. */
export const LENGTHS = [
  { key: "messages", label: "Total", color: "red", meaning: "ready and unacked" },
  { key: "messages_ready", label: "Ready", color: "amber", meaning: "waiting for a consumer" },
  { key: "messages_unacknowledged", label: "Unacked", color: "blue", meaning: "delivered, and not yet acknowledged" },
];

/**
 * Rates, as keys of message_stats. What answers something (a confirm, an ack) is dashed, so that the
 * line it often lies on is seen through it.
 */
export const MESSAGE_RATES = [
  { key: "publish", label: "Publish", color: "amber", meaning: "came in" },
  { key: "publish_in", label: "Publish (in)", color: "amber", meaning: "published to the exchange" },
  { key: "publish_out", label: "Publish (out)", color: "blue", meaning: "routed from the exchange to queues" },
  { key: "confirm", label: "Publisher confirm", color: "teal", dash: [7, 5], meaning: "confirmed to publishers" },
  { key: "deliver", label: "Deliver (manual ack)", color: "blue", meaning: "delivered to consumers that acknowledge" },
  { key: "deliver_no_ack", label: "Deliver (auto ack)", color: "violet", meaning: "delivered to consumers that do not acknowledge" },
  { key: "ack", label: "Consumer ack", color: "green", dash: [7, 5], meaning: "acknowledged by consumers" },
  { key: "redeliver", label: "Redelivered", color: "red", meaning: "delivered not for the first time" },
  { key: "get", label: "Get (manual ack)", color: "pink", meaning: "fetched with basic.get, to be acknowledged" },
  { key: "get_no_ack", label: "Get (auto ack)", color: "pink", dash: [6, 4], meaning: "fetched with basic.get" },
  { key: "get_empty", label: "Get (empty)", color: "grey", dash: [6, 4], meaning: "asked with basic.get when there was nothing" },
  { key: "return_unroutable", label: "Unroutable (return)", color: "brown", meaning: "went to no queue and back to the publisher" },
  { key: "drop_unroutable", label: "Unroutable (drop)", color: "brown", dash: [6, 4], meaning: "went to no queue and was dropped" },
  { key: "disk_reads", label: "Disk read", color: "grey", meaning: "read from disk" },
  { key: "disk_writes", label: "Disk write", color: "grey", dash: [2, 3], meaning: "written to disk" },
];

export const DATA_RATES = [
  { key: "recv_oct", label: "From clients", color: "amber", meaning: "received" },
  { key: "send_oct", label: "To clients", color: "blue", meaning: "sent" },
];

export const CHURN_RATES = [
  { key: "connection_created", label: "Connections opened", color: "green" },
  { key: "connection_closed", label: "Connections closed", color: "red" },
  { key: "channel_created", label: "Channels opened", color: "teal" },
  { key: "channel_closed", label: "Channels closed", color: "brown" },
  { key: "queue_declared", label: "Queues declared", color: "blue" },
  { key: "queue_created", label: "Queues created", color: "violet" },
  { key: "queue_deleted", label: "Queues deleted", color: "pink" },
];

/** The rate of one key of message_stats as text; "" if it never happened. */
export const rateOf = (stats, key) => rate(stats?.[`${key}_details`]?.rate);

/** How far back, and how fine: seconds. */
export const RANGES = [
  [60, 5, "Last minute"],
  [600, 5, "Last ten minutes"],
  [3600, 60, "Last hour"],
  [28800, 600, "Last eight hours"],
  [86400, 1800, "Last day"],
];
