// Limits of one virtual host or one user.

import { path, put, remove } from "./api.js";
import { h, patch } from "./dom.js";
import { count } from "./format.js";
import { actionButton, makeForm, numberField, row, selectField } from "./forms.js";
import { table } from "./tables.js";

export const VHOST_LIMITS = [["max-connections", "Connections"], ["max-queues", "Queues"]];
export const USER_LIMITS = [["max-connections", "Connections"], ["max-channels", "Channels"]];

export const limitColumns = (known, clear) => [
  ...known.map(([key, label]) => ({
    id: key, label: `Most ${label.toLowerCase()}`, number: true,
    cell: (item) => (item.value[key] === undefined ? "" : [count(item.value[key]), " ", clear(item, key)]),
  })),
];

/** A button that takes one limit away. kind: "vhost-limits" or "user-limits". */
export function clearLimit(kind, name, key, onChange) {
  return actionButton({
    label: "Clear", className: ".small.danger", busy: "Clearing…",
    run: async () => {
      await remove(path`${kind}/${name}/${key}`);
      onChange();
      return "";
    },
  });
}

/** What is set, and a form to set more. Returns: {element, show(limits)}. */
export function limitsEditor({ kind, name, known, onChange }) {
  const list = h("div");
  return {
    element: h("div.form", {}, list, limitForm({ kind, names: null, name, known, onChange })),
    show: (limits) =>
      patch(
        list,
        table({
          stacks: true,
          caption: "Limits", items: Object.entries(limits), key: ([key]) => key, empty: "No limits.",
          columns: [
            { id: "limit", label: "Limit", cell: ([key]) => key },
            { id: "value", label: "Value", number: true, cell: ([, value]) => count(value) },
            { id: "clear", label: h("span.unseen", {}, "Actions"), number: true, cell: ([key]) => clearLimit(kind, name, key, onChange) },
          ],
        }),
      ),
  };
}

/** names: what to choose from, or null where `name` is given. */
export function limitForm({ kind, names, name, known, onChange }) {
  const what = names && selectField({ label: kind === "vhost-limits" ? "Virtual host" : "User", options: names.map((one) => [one, one]) });
  const limit = selectField({ label: "Limit", options: known.map(([key, label]) => [key, `${key} (${label.toLowerCase()})`]) });
  const value = numberField({ label: "Value", required: true, help: "A negative one: no limit." });
  return makeForm({
    label: "Set a limit",
    rows: [row(...(what ? [what] : []), limit, value)],
    fields: [value],
    submit: "Set limit",
    run: async () => {
      await put(path`${kind}/${what ? what.read() : name}/${limit.read()}`, { value: value.read() });
      onChange();
      return `Set ${limit.read()}`;
    },
  }).element;
}
