// The forms that declare queues and exchanges. The buttons under "Arguments" add a row each, and
// say in their titles what the argument means.

import { h } from "./dom.js";
import { checkField, FieldError, makeForm, pairsField, radioField, row, selectField, textField, vhostField } from "./forms.js";
import { scope, startVhost } from "./scope.js";

const EVERY_QUEUE = [
  ["x-expires", "number", "Milliseconds without use after which the queue is deleted"],
  ["x-message-ttl", "number", "Milliseconds after which a message expires"],
  ["x-max-length", "number", "The most ready messages it may have"],
  ["x-max-length-bytes", "number", "The most octets its ready messages may have"],
  ["x-overflow", "string", "When it is full: drop-head, reject-publish or reject-publish-dlx"],
  ["x-dead-letter-exchange", "string", "Where rejected and expired messages go"],
  ["x-dead-letter-routing-key", "string", "The routing key they get there; its own without this"],
  ["x-single-active-consumer", "boolean", "Only one of its consumers receives at a time"],
];
const ARGUMENTS = {
  classic: [
    ...EVERY_QUEUE,
    ["x-max-priority", "number", "How many priorities it tells apart, 1 to 255"],
    ["x-queue-mode", "string", "lazy: keep messages on disk"],
    ["x-queue-master-locator", "string", "Which node leads it: client-local, min-masters or random"],
  ],
  quorum: [
    ...EVERY_QUEUE,
    ["x-delivery-limit", "number", "Deliveries after which a message is dropped or dead-lettered"],
    ["x-quorum-initial-group-size", "number", "How many nodes keep it"],
    ["x-dead-letter-strategy", "string", "at-most-once or at-least-once"],
    ["x-queue-leader-locator", "string", "Which node leads it: client-local or balanced"],
  ],
  stream: [
    ["x-max-length-bytes", "number", "The most octets it keeps"],
    ["x-max-age", "string", "How long it keeps messages: 7D, 12h, 30m"],
    ["x-stream-max-segment-size-bytes", "number", "Octets of one file of it"],
    ["x-initial-cluster-size", "number", "How many nodes keep it"],
    ["x-queue-leader-locator", "string", "Which node leads it: client-local or balanced"],
  ],
};

/** declare: async (vhost, name, body). Returns: the element. */
export function queueForm(declare) {
  const vhost = vhostField(scope.vhosts, startVhost());
  const name = textField({ label: "Name", required: true });
  const type = selectField({
    label: "Type", options: [["classic", "Classic"], ["quorum", "Quorum"], ["stream", "Stream"]], onchange: follow,
    help: "Classic: on one node. Quorum: replicated. Stream: a log that is read and not emptied.",
  });
  const durable = radioField({ label: "Durability", options: [["true", "Durable"], ["false", "Transient"]], value: "true" });
  const autoDelete = checkField({ label: "Auto-delete", help: "Deleted when its last consumer leaves." });
  const args = h("div.wide");
  let pairs = null;

  function follow(kind) {
    const kept = pairs ? pairs.read() : {};
    pairs = pairsField({ label: "Arguments", hints: ARGUMENTS[kind], value: kept });
    args.replaceChildren(pairs.element);
    durable.element.hidden = kind !== "classic"; // the others are always durable, and never auto-delete
    autoDelete.element.hidden = kind !== "classic";
  }
  follow("classic");

  return makeForm({
    rows: [row(vhost, name, type), row(durable, autoDelete), args],
    fields: [name, autoDelete, { reset: () => { pairs = null; follow(type.read()); } }],
    submit: "Add queue",
    run: async () => {
      const plain = type.read() === "classic";
      const body = {
        durable: plain ? durable.read() === "true" : true,
        auto_delete: plain && autoDelete.read(),
        arguments: { ...pairs.read(), ...(plain ? {} : { "x-queue-type": type.read() }) },
      };
      await declare(vhost.read(), name.read(), body);
      return `Added queue ${name.read()}`;
    },
  }).element;
}

/** types: names of exchange types; declare: async (vhost, name, body). Returns: the element. */
export function exchangeForm(types, declare) {
  const vhost = vhostField(scope.vhosts, startVhost());
  const name = textField({ label: "Name", required: true });
  const type = selectField({ label: "Type", options: types.map((one) => [one, one]), value: types.includes("direct") ? "direct" : types[0] });
  const durable = radioField({ label: "Durability", options: [["true", "Durable"], ["false", "Transient"]], value: "true" });
  const autoDelete = checkField({ label: "Auto-delete", help: "Deleted when the last binding from it is." });
  const internal = checkField({ label: "Internal", help: "Clients cannot publish to it; only exchanges bound to it do." });
  const args = pairsField({
    label: "Arguments",
    hints: [["alternate-exchange", "string", "Where messages go that it can route nowhere"]],
  });
  return makeForm({
    rows: [row(vhost, name, type), row(durable, autoDelete, internal), args.element],
    fields: [name, autoDelete, internal, args],
    submit: "Add exchange",
    run: async () => {
      if (!name.read().trim()) throw new FieldError(name.input, "Name: needed");
      await declare(vhost.read(), name.read(), {
        type: type.read(), durable: durable.read() === "true", auto_delete: autoDelete.read(),
        internal: internal.read(), arguments: args.read(),
      });
      return `Added exchange ${name.read()}`;
    },
  }).element;
}
