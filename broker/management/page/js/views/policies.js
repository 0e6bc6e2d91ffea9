// Policies and operator policies: what is set on queues and exchanges by the pattern of their names.

import { get, path, put, remove } from "../api.js";
import { ask } from "../dialogs.js";
import { h } from "../dom.js";
import { actionButton, makeForm, numberField, pairsField, row, selectField, textField, vhostField } from "../forms.js";
import { links } from "../links.js";
import { args, panel } from "../parts.js";
import { scope, startVhost } from "../scope.js";
import { may } from "../session.js";
import { localTable } from "../tables.js";

const QUEUE_KEYS = [
  ["message-ttl", "number", "Milliseconds after which a message expires"],
  ["expires", "number", "Milliseconds without use after which a queue is deleted"],
  ["max-length", "number", "The most ready messages"],
  ["max-length-bytes", "number", "The most octets of ready messages"],
];
const KINDS = [
  {
    id: "policies", title: "Policies", noun: "policy", a: "a policy", address: "policies",
    applyTo: [["all", "Exchanges and queues"], ["queues", "Queues"], ["exchanges", "Exchanges"]],
    hints: [
      ...QUEUE_KEYS,
      ["overflow", "string", "drop-head, reject-publish or reject-publish-dlx"],
      ["dead-letter-exchange", "string", "Where rejected and expired messages go"],
      ["dead-letter-routing-key", "string", "The routing key they get there"],
      ["dead-letter-strategy", "string", "at-most-once or at-least-once (quorum queues)"],
      ["delivery-limit", "number", "Deliveries after which a message is dropped (quorum queues)"],
      ["queue-mode", "string", "lazy: keep messages on disk"],
      ["consumer-timeout", "number", "Milliseconds a consumer may hold a message"],
      ["max-age", "string", "How long a stream keeps messages: 7D, 12h"],
      ["alternate-exchange", "string", "Exchanges: where messages go that fit nowhere"],
      ["ha-mode", "string", "Mirrors: all, exactly or nodes"],
      ["ha-params", "number", "Mirrors: how many, for exactly"],
      ["ha-sync-mode", "string", "Mirrors: manual or automatic"],
    ],
  },
  {
    id: "operator-policies", title: "Operator policies", noun: "operator policy", a: "an operator policy", address: "operator-policies",
    applyTo: [["queues", "Queues"]],
    hints: [...QUEUE_KEYS, ["delivery-limit", "number", "Deliveries after which a message is dropped (quorum queues)"]],
    note: "They bound what policies and arguments may set: of two limits the smaller counts.",
  },
];

export async function show(page) {
  page.heading({ title: "Policies" });
  const sections = KINDS.map((kind) => section(page, kind));
  page.add(...sections.map((one) => one.element));

  // An address of one policy opens it in the form.
  const wanted = page.params.name && { ...page.params, operator: page.first === "operator_policies" };
  let opened = false;
  await page.poll(async (signal) => {
    const lists = await Promise.all(KINDS.map((kind) => get(scope.vhost ? path`${kind.address}/${scope.vhost}` : kind.address, { signal })));
    lists.forEach((items, i) => sections[i].show(items));
    if (wanted && !opened) {
      opened = true;
      const i = wanted.operator ? 1 : 0;
      const found = lists[i].find((item) => item.name === wanted.name && item.vhost === wanted.vhost);
      if (found) sections[i].edit(found);
    }
  });
}

function section(page, kind) {
  const editable = kind.id === "policies" ? may.setPolicies : may.administer;
  const vhost = vhostField(scope.vhosts, startVhost());
  const name = textField({ label: "Name", required: true });
  const pattern = textField({ label: "Pattern", required: true, placeholder: "^orders\\.", help: "A regular expression; it fits if it is found anywhere in the name." });
  const applyTo = selectField({ label: "Applies to", options: kind.applyTo });
  const priority = numberField({ label: "Priority", help: "Of those that fit, the highest counts." });
  const definition = pairsField({ label: "Definition", hints: kind.hints });
  const form = makeForm({
    label: `Add or change ${kind.a}`,
    rows: [row(vhost, name, applyTo), row(pattern, priority), definition.element],
    fields: [name, pattern, priority, definition],
    submit: `Set ${kind.noun}`,
    run: async () => {
      await put(path`${kind.address}/${vhost.read()}/${name.read()}`, {
        pattern: pattern.read(), definition: definition.read(), priority: priority.read() ?? 0, "apply-to": applyTo.read(),
      });
      page.refresh();
      return `Set ${name.read()}`;
    },
  });
  const adding = panel({ id: `${kind.id}.add`, title: `Add or change ${kind.a}`, open: false, content: [form.element] });

  const list = localTable({
    id: kind.id, caption: kind.title, noun: kind.noun, filterable: false, empty: "None.", sort: { column: "name" },
    key: (item) => JSON.stringify([item.vhost, item.name]),
    columns: [
      { id: "name", label: "Name", sort: "name", name: true, cell: (item) => (kind.id === "policies" ? links.policy : links.operatorPolicy)(item.vhost, item.name) },
      { id: "vhost", label: "Virtual host", sort: "vhost", cell: (item) => links.vhost(item.vhost), when: () => scope.many },
      { id: "pattern", label: "Pattern", sort: "pattern", cell: (item) => h("code", {}, item.pattern) },
      { id: "apply", label: "Applies to", sort: "apply-to", cell: (item) => item["apply-to"] },
      { id: "definition", label: "Definition", cell: (item) => args(item.definition) },
      { id: "priority", label: "Priority", sort: "priority", number: true, cell: (item) => String(item.priority) },
      {
        id: "actions", label: h("span.unseen", {}, "Actions"), number: true, when: () => editable,
        cell: (item) => h("span.submit", {}, h("button.small", { type: "button", onclick: () => edit(item) }, "Edit"), actionButton({
          label: "Clear", className: ".small.danger", busy: "Clearing…",
          ask: () => ask({ title: `Clear ${kind.noun} ${item.name}?`, text: "The queues and exchanges it fits go back to what else is set for them.", confirm: "Clear" }),
          run: async () => {
            await remove(path`${kind.address}/${item.vhost}/${item.name}`);
            page.refresh();
            return "Cleared";
          },
        })),
      },
    ],
  });

  function edit(item) {
    vhost.set(item.vhost);
    name.set(item.name);
    pattern.set(item.pattern);
    applyTo.set(item["apply-to"]);
    priority.set(item.priority);
    definition.set(item.definition);
    adding.element.querySelector("details").open = true;
    form.verdict.clear();
    pattern.input.focus();
  }

  const shown = panel({ id: `${kind.id}.list`, title: kind.title, content: [
    kind.note && h("p.note", {}, kind.note), list.element, editable ? adding.element : null,
  ].filter(Boolean) });
  return { element: shown.element, show: list.show, edit: editable ? edit : () => {} };
}
