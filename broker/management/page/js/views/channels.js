// Every open channel.

import { path } from "../api.js";
import { h } from "../dom.js";
import { count } from "../format.js";
import { links } from "../links.js";
import { badge, state } from "../parts.js";
import { scope } from "../scope.js";
import { rateOf } from "../stats.js";
import { serverTable } from "../tables.js";

export async function show(page) {
  page.heading({ title: "Channels" });
  const list = serverTable(page, {
    id: "channels", caption: "Channels", noun: "channel",
    source: () => (scope.vhost ? path`vhosts/${scope.vhost}/channels` : "channels"),
    columns: CHANNEL_COLUMNS, sort: { column: "name" }, key: (item) => item.name,
    empty: "No channel is open.",
  });
  page.add(list.element);
  await page.poll((signal) => list.load(signal));
}

export const channelState = (item) => (item.state === "running" && item.idle_since ? "idle" : item.state);

function mode(item) {
  return [item.confirm && badge("C", "confirm: the broker confirms what is published"), item.transactional && badge("T", "transactional")];
}

function prefetch(item) {
  return [
    item.prefetch_count ? h("div", {}, `${count(item.prefetch_count)} each`) : null,
    item.global_prefetch_count ? h("div", {}, `${count(item.global_prefetch_count)} in all`) : null,
  ];
}

const figure = (id, label, long, off) => ({ id, group: "Details", label, long, sort: id, number: true, off, cell: (item) => count(item[id]) });
const speed = (key, label, off) => ({
  id: key, group: "Message rates", label, sort: `message_stats.${key}_details.rate`, number: true, off,
  cell: (item) => rateOf(item.message_stats, key),
});

export const CHANNEL_COLUMNS = [
  { id: "name", label: "Channel", sort: "name", name: true, cell: (item) => links.channel(item.name) },
  { id: "vhost", group: "Overview", label: "Virtual host", sort: "vhost", when: () => scope.many, cell: (item) => item.vhost && links.vhost(item.vhost) },
  { id: "user", group: "Overview", label: "User", sort: "user", cell: (item) => item.user },
  { id: "node", group: "Overview", label: "Node", sort: "node", off: true, cell: (item) => item.node },
  { id: "mode", group: "Overview", label: "Mode", keys: ["confirm", "transactional"], cell: mode },
  { id: "state", group: "Overview", label: "State", sort: "state", keys: ["state", "idle_since"], cell: (item) => state(channelState(item)) },
  figure("consumer_count", "Consumers", "Consumers", true),
  { id: "prefetch", group: "Details", label: "Prefetch", sort: "prefetch_count", keys: ["prefetch_count", "global_prefetch_count"], number: true, cell: prefetch },
  figure("messages_unacknowledged", "Unacked", "Unacknowledged messages"),
  figure("messages_unconfirmed", "Unconfirmed", "Unconfirmed messages"),
  figure("messages_uncommitted", "Uncommitted", "Uncommitted messages", true),
  figure("acks_uncommitted", "Uncommitted acks", "Uncommitted acks", true),
  speed("publish", "Publish"),
  speed("confirm", "Confirm"),
  speed("return_unroutable", "Return", true),
  speed("drop_unroutable", "Drop", true),
  speed("deliver_get", "Deliver / get"),
  speed("redeliver", "Redelivered", true),
  speed("ack", "Ack"),
];
