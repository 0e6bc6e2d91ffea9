// Permissions and topic permissions: on the page of a user for each virtual host, and the other way.

import { path, put, remove } from "./api.js";
import { h } from "./dom.js";
import { actionButton, makeForm, row, selectField, textField } from "./forms.js";
import { links } from "./links.js";
import { table } from "./tables.js";

const pattern = (id, label) => ({ id, label, cell: (item) => h("code", {}, item[id]) });

/** of: "user" or "vhost", whose page it is on; the other one is the first column. */
const other = (of) =>
  of === "user"
    ? { id: "vhost", label: "Virtual host", name: true, cell: (item) => links.vhost(item.vhost) }
    : { id: "user", label: "User", name: true, cell: (item) => links.user(item.user) };

const clearing = (run) => actionButton({ label: "Clear", className: ".small.danger", busy: "Clearing…", run });

export function permissionsTable(items, { of, onChange }) {
  return table({
    stacks: true,
    caption: "Permissions", items, key: (item) => JSON.stringify([item.vhost, item.user]),
    empty: of === "user" ? "This user may enter no virtual host." : "No user may enter this virtual host.",
    columns: [
      other(of), pattern("configure", "Configure"), pattern("write", "Write"), pattern("read", "Read"),
      {
        id: "clear", label: h("span.unseen", {}, "Actions"), number: true,
        cell: (item) => clearing(async () => {
          await remove(path`permissions/${item.vhost}/${item.user}`);
          onChange();
          return "Cleared";
        }),
      },
    ],
  });
}

export function topicPermissionsTable(items, { of, onChange }) {
  return table({
    stacks: true,
    caption: "Topic permissions", items, key: (item) => JSON.stringify([item.vhost, item.user, item.exchange]),
    empty: "None: topics are not restricted.",
    columns: [
      other(of),
      { id: "exchange", label: "Exchange", name: true, cell: (item) => links.exchange(item.vhost, item.exchange) },
      pattern("write", "Write"), pattern("read", "Read"),
      {
        id: "clear", label: h("span.unseen", {}, "Actions"), number: true,
        cell: (item) => clearing(async () => {
          await remove(path`topic-permissions/${item.vhost}/${item.user}/${item.exchange}`);
          onChange();
          return "Cleared";
        }),
      },
    ],
  });
}

const any = (label) => textField({ label, value: ".*" });

/** choices: names of the other side; fixed: {user} or {vhost}. */
export function permissionForm({ of, fixed, choices, start, onChange }) {
  const name = selectField({ label: of === "user" ? "Virtual host" : "User", options: choices.map((one) => [one, one]), value: start });
  const [configure, write, read] = [any("Configure"), any("Write"), any("Read")];
  return makeForm({
    label: "Set permission",
    rows: [row(name, configure, write, read), h("p.note", {}, "Regular expressions on the names of queues and exchanges; .* is everything, an empty one nothing.")],
    submit: "Set permission",
    reset: false,
    run: async () => {
      const [vhost, user] = of === "user" ? [name.read(), fixed] : [fixed, name.read()];
      await put(path`permissions/${vhost}/${user}`, { configure: configure.read(), write: write.read(), read: read.read() });
      onChange();
      return `Set for ${name.read()}`;
    },
  }).element;
}

export function topicPermissionForm({ of, fixed, choices, start, onChange }) {
  const name = selectField({ label: of === "user" ? "Virtual host" : "User", options: choices.map((one) => [one, one]), value: start });
  const exchange = textField({ label: "Exchange", value: "amq.topic", required: true });
  const [write, read] = [any("Write"), any("Read")];
  return makeForm({
    label: "Set topic permission",
    rows: [row(name, exchange, write, read), h("p.note", {}, "Regular expressions on routing keys, for one topic exchange.")],
    submit: "Set topic permission",
    reset: false,
    run: async () => {
      const [vhost, user] = of === "user" ? [name.read(), fixed] : [fixed, name.read()];
      await put(path`topic-permissions/${vhost}/${user}`, { exchange: exchange.read(), write: write.read(), read: read.read() });
      onChange();
      return `Set for ${name.read()} on ${exchange.read()}`;
    },
  }).element;
}
