// Bindings of one exchange or queue: the table, adding, removing.

import { path, post, remove } from "./api.js";
import { ask } from "./dialogs.js";
import { h } from "./dom.js";
import { actionButton, makeForm, pairsField, row, selectField, textField } from "./forms.js";
import { exchangeTitle, links } from "./links.js";
import { args } from "./parts.js";
import { table } from "./tables.js";

const KIND = { queue: "q", exchange: "e" };

/**
 * A table of bindings. show: "source" or "destination", the end that differs from row to row.
 * onChange: called after one was removed.
 */
export function bindingsTable(bindings, { show, empty, onChange }) {
  return table({
    stacks: true,
    caption: show === "source" ? "Bindings to here" : "Bindings from here",
    items: bindings,
    key: (item) => JSON.stringify([item.source, item.destination_type, item.destination, item.properties_key]),
    empty,
    columns: [
      show === "source"
        ? { id: "source", label: "From", name: true, cell: (item) => links.exchange(item.vhost, item.source) }
        : {
            id: "destination", label: "To", name: true,
            cell: (item) => [links[item.destination_type](item.vhost, item.destination), h("span.muted", {}, ` ${item.destination_type}`)],
          },
      { id: "key", label: "Routing key", name: true, cell: (item) => h("code", {}, item.routing_key) },
      { id: "arguments", label: "Arguments", cell: (item) => args(item.arguments) },
      {
        id: "remove", label: h("span.unseen", {}, "Actions"), number: true,
        cell: (item) => (item.source === "" ? h("span.muted", {}, "always there") : unbindButton(item, onChange)),
      },
    ],
  });
}

function unbindButton(item, onChange) {
  return actionButton({
    label: "Unbind",
    className: ".small.danger",
    busy: "Unbinding…",
    ask: () =>
      ask({
        title: "Remove this binding?",
        text: `From ${exchangeTitle(item.source)} to ${item.destination_type} ${item.destination}, routing key “${item.routing_key}”. Messages then no longer take this way.`,
        confirm: "Unbind",
      }),
    run: async () => {
      await remove(path`bindings/${item.vhost}/e/${item.source}/${KIND[item.destination_type]}/${item.destination}/${item.properties_key}`);
      onChange();
      return "Removed";
    },
  });
}

const bind = (vhost, source, kind, destination, body) => post(path`bindings/${vhost}/e/${source}/${KIND[kind]}/${destination}`, body);

const ARGUMENT_HINTS = [
  ["x-match", "string", "Headers exchange: all or any of the headers must fit"],
];

/** A form that binds this queue or exchange to an exchange. */
export function bindToForm({ vhost, kind, name, onChange }) {
  const source = textField({ label: "From exchange", required: true });
  const key = textField({ label: "Routing key" });
  const given = pairsField({ label: "Arguments", hints: ARGUMENT_HINTS });
  return makeForm({
    label: "Add a binding to here",
    rows: [row(source, key), given.element],
    fields: [source, key, given],
    submit: "Bind",
    run: async () => {
      await bind(vhost, source.read(), kind, name, { routing_key: key.read(), arguments: given.read() });
      onChange();
      return `Bound to ${source.read()}`;
    },
  }).element;
}

/** A form that binds a queue or exchange to this exchange. */
export function bindFromForm({ vhost, name, onChange }) {
  const kind = selectField({ label: "To", options: [["queue", "Queue"], ["exchange", "Exchange"]] });
  const destination = textField({ label: "Its name", required: true });
  const key = textField({ label: "Routing key" });
  const given = pairsField({ label: "Arguments", hints: ARGUMENT_HINTS });
  return makeForm({
    label: "Add a binding from here",
    rows: [row(kind, destination, key), given.element],
    fields: [destination, key, given],
    submit: "Bind",
    run: async () => {
      await bind(vhost, name, kind.read(), destination.read(), { routing_key: key.read(), arguments: given.read() });
      onChange();
      return `Bound ${destination.read()}`;
    },
  }).element;
}
