// Virtual hosts.

import { get, path, put } from "../api.js";
import { bytesRate, count, yesNo } from "../format.js";
import { checkField, makeForm, row, selectField, textField } from "../forms.js";
import { links } from "../links.js";
import { drawer, state } from "../parts.js";
import { loadVhosts } from "../scope.js";
import { may } from "../session.js";
import { rateOf } from "../stats.js";
import { localTable } from "../tables.js";

export async function show(page) {
  const adding = drawer({ id: "add-vhost", title: "Add a virtual host", label: "Add virtual host" });
  page.heading({ title: "Virtual hosts", actions: may.administer ? [adding.button] : [] });
  const list = localTable({ id: "vhosts", caption: "Virtual hosts", noun: "virtual host", columns: COLUMNS, key: (item) => item.name, sort: { column: "name" } });
  adding.whenOpened(() => adding.body.append(addForm(page)));
  page.add(adding.element, list.element);
  await page.poll(async (signal) => list.show(await get("vhosts", { signal })));
}

function addForm(page) {
  const name = textField({ label: "Name", required: true });
  const description = textField({ label: "Description" });
  const tags = textField({ label: "Tags", help: "Separated by commas." });
  const type = selectField({ label: "Default queue type", options: [["", "as the broker has it"], ["classic", "Classic"], ["quorum", "Quorum"], ["stream", "Stream"]] });
  const tracing = checkField({ label: "Tracing", help: "A copy of every message goes to amq.rabbitmq.trace." });
  return makeForm({
    label: "Add a virtual host",
    rows: [row(name, description), row(tags, type), tracing.element],
    fields: [name, description, tags, tracing],
    submit: "Add virtual host",
    run: async () => {
      const body = { description: description.read(), tags: tags.read() };
      if (type.read()) body.defaultqueuetype = type.read();
      if (tracing.read()) body.tracing = true;
      await put(path`vhosts/${name.read()}`, body);
      page.refresh();
      loadVhosts();
      return `Added virtual host ${name.read()}`;
    },
  }).element;
}

/** The worst state of a virtual host on any node. */
export function vhostState({ cluster_state: states = {} }) {
  const words = Object.values(states);
  return words.find((word) => word !== "running") || words[0] || "running";
}

const speed = (key, label, off) => ({ id: key, group: "Message rates", label, number: true, off, sort: `message_stats.${key}_details.rate`, cell: (item) => rateOf(item.message_stats, key) });

const COLUMNS = [
  { id: "name", label: "Name", sort: "name", name: true, cell: (item) => links.vhost(item.name) },
  { id: "description", group: "Overview", label: "Description", sort: "description", wide: true, cell: (item) => item.description || "" },
  { id: "tags", group: "Overview", label: "Tags", sort: (item) => [item.tags || []].flat().join(), wide: true, cell: (item) => [item.tags || []].flat().join(", ") },
  { id: "state", group: "Overview", label: "State", cell: (item) => state(vhostState(item)) },
  { id: "type", group: "Overview", label: "Default queue type", off: true, cell: (item) => (item.default_queue_type === "undefined" ? "" : item.default_queue_type) },
  { id: "tracing", group: "Overview", label: "Tracing", off: true, cell: (item) => yesNo(item.tracing) },
  { id: "messages_ready", group: "Messages", label: "Ready", sort: "messages_ready", number: true, cell: (item) => count(item.messages_ready) },
  { id: "messages_unacknowledged", group: "Messages", label: "Unacked", sort: "messages_unacknowledged", number: true, cell: (item) => count(item.messages_unacknowledged) },
  { id: "messages", group: "Messages", label: "Total", sort: "messages", number: true, cell: (item) => count(item.messages) },
  { id: "recv", group: "Network", label: "From clients", sort: "recv_oct_details.rate", number: true, wide: true, cell: (item) => bytesRate(item.recv_oct_details?.rate) },
  { id: "send", group: "Network", label: "To clients", sort: "send_oct_details.rate", number: true, wide: true, cell: (item) => bytesRate(item.send_oct_details?.rate) },
  speed("publish", "Publish"),
  speed("deliver_get", "Deliver / get"),
];
