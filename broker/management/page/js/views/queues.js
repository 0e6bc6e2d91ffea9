// Every queue, adding one, and doing something to many at once.

import { path, put, remove } from "../api.js";
import { bulkForm } from "../bulk.js";
import { queueForm } from "../declare.js";
import { bytes, count, duration, plural, rate } from "../format.js";
import { links } from "../links.js";
import { drawer, queueFeatures, queueState, state } from "../parts.js";
import { scope } from "../scope.js";
import { rateOf } from "../stats.js";
import { serverTable } from "../tables.js";

export async function show(page) {
  const adding = drawer({ id: "add-queue", title: "Add a queue", label: "Add queue" });
  const bulk = drawer({ id: "bulk", title: "Purge or delete queues by pattern", label: "Bulk action" });
  page.heading({ title: "Queues", actions: [adding.button, bulk.button] });
  const list = serverTable(page, {
    id: "queues", caption: "Queues", noun: "queue",
    source: () => (scope.vhost ? path`queues/${scope.vhost}` : "queues"),
    columns: COLUMNS, sort: { column: "name" }, key: (item) => JSON.stringify([item.vhost, item.name]),
    always: ["name", "vhost"], empty: "There is no queue yet.", actions: ACTIONS,
  });
  adding.whenOpened(() =>
    adding.body.append(queueForm(async (vhost, name, body) => {
      await put(path`queues/${vhost}/${name}`, body);
      page.refresh();
    })),
  );
  bulk.whenOpened(() => bulk.body.append(bulkForm({ pattern: list.filter().name, onDone: () => page.refresh() })));
  page.add(adding.element, bulk.element, list.element);
  await page.poll((signal) => list.load(signal));
}

const address = (item) => path`queues/${item.vhost}/${item.name}`;
const ACTIONS = [
  {
    label: "Purge", done: "Purged", danger: true, confirm: "Purge", title: (n) => `Purge ${plural(n, "queue")}?`,
    text: "Their ready messages are lost.", run: (item) => remove(`${address(item)}/contents`),
  },
  {
    label: "Delete", done: "Deleted", danger: true, confirm: "Delete", title: (n) => `Delete ${plural(n, "queue")}?`,
    text: "The queues, their messages and their bindings are lost.", run: (item) => remove(address(item)),
  },
];

const size = (key, label, off = true) => ({ id: key, group: "Message bytes", label, sort: key, number: true, off, cell: (item) => bytes(item[key]) });
const speed = (key, label, off, long) => ({
  id: key, group: "Message rates", label, long, title: long && "delivered to consumers, or fetched", sort: `message_stats.${key}_details.rate`, number: true, off,
  cell: (item) => rateOf(item.message_stats, key),
});

const FEATURES = ["durable", "auto_delete", "exclusive", "arguments", "policy", "effective_policy_definition"];
const COLUMNS = [
  { id: "name", label: "Name", sort: "name", name: true, cell: (item) => links.queue(item.vhost, item.name) },
  { id: "vhost", group: "Overview", label: "Virtual host", sort: "vhost", wide: true, when: () => scope.many, cell: (item) => links.vhost(item.vhost) },
  { id: "type", group: "Overview", label: "Type", sort: "type", wide: true, cell: (item) => item.type },
  { id: "node", group: "Overview", label: "Node", sort: "node", off: true, cell: (item) => item.node },
  { id: "features", group: "Overview", label: "Features", keys: FEATURES, badges: true, wide: true, cell: queueFeatures },
  { id: "policy", group: "Overview", label: "Policy", sort: "policy", off: true, cell: (item) => item.policy && links.policy(item.vhost, item.policy) },
  { id: "consumers", group: "Overview", label: "Consumers", sort: "consumers", number: true, wide: true, cell: (item) => count(item.consumers) },
  { id: "capacity", group: "Overview", label: "Capacity", long: "Consumer capacity", sort: "consumer_capacity", keys: ["consumers", "consumer_capacity"], number: true, off: true, cell: (item) => (item.consumers ? `${Math.round((item.consumer_capacity || 0) * 100)} %` : "") },
  { id: "state", group: "Overview", label: "State", sort: "state", keys: ["state", "idle_since"], cell: (item) => state(queueState(item)) },
  { id: "messages_ready", group: "Messages", label: "Ready", sort: "messages_ready", number: true, cell: (item) => count(item.messages_ready) },
  { id: "messages_unacknowledged", group: "Messages", label: "Unacked", sort: "messages_unacknowledged", number: true, wide: true, cell: (item) => count(item.messages_unacknowledged) },
  { id: "messages_ram", group: "Messages", label: "In memory", sort: "messages_ram", number: true, off: true, cell: (item) => count(item.messages_ram) },
  { id: "messages_persistent", group: "Messages", label: "Persistent", sort: "messages_persistent", number: true, off: true, cell: (item) => count(item.messages_persistent) },
  { id: "messages", group: "Messages", label: "Total", sort: "messages", number: true, cell: (item) => count(item.messages) },
  { id: "growth", group: "Messages", label: "Growth", title: "how fast the total grows", sort: "messages_details.rate", number: true, off: true, cell: (item) => rate(item.messages_details?.rate) },
  { id: "oldest", group: "Messages", label: "Oldest", long: "Age of the oldest message", title: "age of the oldest message", sort: "oldest_message_age", number: true, tight: true, cell: (item) => duration(item.oldest_message_age) },
  size("message_bytes_ready", "Ready"),
  size("message_bytes_unacknowledged", "Unacked"),
  size("message_bytes_ram", "In memory"),
  size("message_bytes_persistent", "Persistent"),
  size("message_bytes", "Total"),
  speed("publish", "Incoming"),
  speed("deliver_get", "Deliver", false, "Deliver / get"),
  speed("redeliver", "Redelivered", true),
  speed("ack", "Ack"),
];
