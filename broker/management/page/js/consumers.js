// Who consumes: the same table on the page of a queue and of a channel.

import { h } from "./dom.js";
import { count, yesNo } from "./format.js";
import { links } from "./links.js";
import { args, state } from "./parts.js";
import { table } from "./tables.js";

/** of: "queue" or "channel", the page it is on, whose own name is left out. */
export function consumersTable(consumers, { of }) {
  return table({
    stacks: true,
    caption: "Consumers", items: consumers, key: (item) => `${item.channel_details?.name} ${item.consumer_tag}`,
    empty: of === "queue" ? "Nobody consumes from this queue." : "This channel consumes nothing.",
    columns: [
      { id: "tag", label: "Consumer tag", name: true, cell: (item) => h("code", {}, item.consumer_tag) },
      of === "queue"
        ? { id: "channel", label: "Channel", name: true, cell: (item) => (item.channel_details?.name ? links.channel(item.channel_details.name) : "") }
        : { id: "queue", label: "Queue", name: true, cell: (item) => links.queue(item.queue.vhost, item.queue.name) },
      { id: "user", label: "User", cell: (item) => item.channel_details?.user ?? "" },
      { id: "ack", label: "Acknowledges", cell: (item) => yesNo(item.ack_required) },
      { id: "exclusive", label: "Exclusive", cell: (item) => yesNo(item.exclusive) },
      { id: "prefetch", label: "Prefetch", number: true, cell: (item) => (item.prefetch_count ? count(item.prefetch_count) : "no limit") },
      { id: "active", label: "Active", cell: (item) => yesNo(item.active) },
      { id: "status", label: "Status", cell: (item) => state(item.activity_status) },
      { id: "arguments", label: "Arguments", cell: (item) => args(item.arguments) },
    ],
  });
}
