// One channel: its rates, what it consumes, where it publishes to.

import { get, path, withQuery } from "../api.js";
import { chart, rangeChooser } from "../charts.js";
import { consumersTable } from "../consumers.js";
import { h, patch } from "../dom.js";
import { count } from "../format.js";
import { links } from "../links.js";
import { box, facts, panel, state } from "../parts.js";
import { MESSAGE_RATES, rateOf } from "../stats.js";
import { table } from "../tables.js";
import { channelState } from "./channels.js";

export async function show(page) {
  const { name } = page.params;
  const range = rangeChooser(() => page.refresh());
  page.heading({ title: name, crumbs: [["Channels", "#/channels"]], actions: [range.element] });

  const rates = chart({ id: "channel.rates", label: "Message rates", series: MESSAGE_RATES, unit: "rate", differences: true });
  const details = h("div");
  const consumers = h("div");
  const consumersPanel = panel({ id: "channel.consumers", title: "Consumers", content: [consumers] });
  const traffic = h("div.duo");

  page.add(
    box("Message rates", { content: rates.element }),
    panel({ id: "channel.details", title: "Details", content: [details] }).element,
    consumersPanel.element,
    traffic,
  );

  await page.poll(async (signal) => {
    const channel = await get(withQuery(path`channels/${name}`, range.query("msg_rates")), { signal });
    range.complete({ rates: channel.message_stats });
    patch(page.sub, state(channelState(channel)), h("span", {}, channel.user), links.connection(channel.connection_details.name));
    rates.update(channel.message_stats, range.age);
    patch(details, describe(channel));
    patch(consumers, consumersTable(channel.consumer_details || [], { of: "channel" }));
    consumersPanel.amount(count(channel.consumer_details?.length ?? 0));
    patch(traffic, publishes(channel), deliveries(channel));
  }, { gone: "This channel" });
}

function describe(item) {
  return facts([
    ["Connection", links.connection(item.connection_details.name)],
    ["Virtual host", links.vhost(item.vhost)],
    ["User", item.user],
    ["Node", item.node],
    ["Mode", [item.confirm && "confirm", item.transactional && "transactional"].filter(Boolean).join(", ") || "plain"],
    ["Consumers", count(item.consumer_count)],
    ["Prefetch of each consumer", item.prefetch_count ? count(item.prefetch_count) : "no limit"],
    ["Prefetch in all", item.global_prefetch_count ? count(item.global_prefetch_count) : "no limit"],
    ["Unacknowledged messages", count(item.messages_unacknowledged)],
    ["Unconfirmed messages", count(item.messages_unconfirmed)],
    ["Uncommitted messages", count(item.messages_uncommitted)],
    ["Uncommitted acks", count(item.acks_uncommitted)],
  ]);
}

function publishes(channel) {
  const items = channel.publishes || [];
  if (!items.length) return null;
  return h("section.panel", { key: "publishes" }, h("h2", {}, "Published to"), h("div.body", {}, table({
    caption: "Published to", items, key: (item) => JSON.stringify(item.exchange),
    columns: [
      { id: "exchange", label: "Exchange", name: true, cell: (item) => links.exchange(item.exchange.vhost, item.exchange.name) },
      { id: "publish", label: "Publish", number: true, cell: (item) => rateOf(item.stats, "publish") },
      { id: "confirm", label: "Confirm", number: true, cell: (item) => rateOf(item.stats, "confirm") },
    ],
  })));
}

function deliveries(channel) {
  const items = channel.deliveries || [];
  if (!items.length) return null;
  return h("section.panel", { key: "deliveries" }, h("h2", {}, "Delivered from"), h("div.body", {}, table({
    caption: "Delivered from", items, key: (item) => JSON.stringify(item.queue),
    columns: [
      { id: "queue", label: "Queue", name: true, cell: (item) => links.queue(item.queue.vhost, item.queue.name) },
      { id: "deliver", label: "Deliver / get", number: true, cell: (item) => rateOf(item.stats, "deliver_get") },
      { id: "ack", label: "Ack", number: true, cell: (item) => rateOf(item.stats, "ack") },
    ],
  })));
}
