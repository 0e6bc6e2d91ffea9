// Every exchange, and adding one.

import { get, path, put } from "../api.js";
import { exchangeForm } from "../declare.js";
import { links } from "../links.js";
import { drawer, exchangeFeatures } from "../parts.js";
import { rateOf } from "../stats.js";
import { scope } from "../scope.js";
import { serverTable } from "../tables.js";

export async function show(page) {
  const adding = drawer({ id: "add-exchange", title: "Add an exchange", label: "Add exchange" });
  page.heading({ title: "Exchanges", actions: [adding.button] });
  const list = serverTable(page, {
    id: "exchanges", caption: "Exchanges", noun: "exchange",
    source: () => (scope.vhost ? path`exchanges/${scope.vhost}` : "exchanges"),
    columns: COLUMNS, always: ["name", "vhost"], sort: { column: "name" }, key: (item) => JSON.stringify([item.vhost, item.name]),
  });
  adding.whenOpened(async () => {
    const types = await get("overview?columns=exchange_types").then((answer) => answer.exchange_types.map((type) => type.name), () => ["direct", "fanout", "headers", "topic"]);
    adding.body.append(exchangeForm(types, async (vhost, name, body) => {
      await put(path`exchanges/${vhost}/${name}`, body);
      page.refresh();
    }));
  });
  page.add(adding.element, list.element);
  await page.poll((signal) => list.load(signal));
}

const COLUMNS = [
  { id: "name", label: "Name", sort: "name", name: true, cell: (item) => links.exchange(item.vhost, item.name) },
  { id: "vhost", group: "Overview", label: "Virtual host", sort: "vhost", when: () => scope.many, cell: (item) => links.vhost(item.vhost) },
  { id: "type", group: "Overview", label: "Type", sort: "type", tight: true, cell: (item) => item.type },
  { id: "features", group: "Overview", label: "Features", keys: ["durable", "auto_delete", "internal", "arguments"], tight: true, cell: exchangeFeatures },
  { id: "policy", group: "Overview", label: "Policy", sort: "policy", cell: (item) => item.policy && links.policy(item.vhost, item.policy) },
  { id: "in", group: "Message rates", label: "In", long: "Published to it", sort: "message_stats.publish_in_details.rate", number: true, cell: (item) => rateOf(item.message_stats, "publish_in") },
  { id: "out", group: "Message rates", label: "Out", long: "Routed from it", sort: "message_stats.publish_out_details.rate", number: true, cell: (item) => rateOf(item.message_stats, "publish_out") },
];
