// basic.get by hand. Two of the four ways take the messages out of the queue, and say so.

import { path, post } from "./api.js";
import { h } from "./dom.js";
import { plural } from "./format.js";
import { makeForm, numberField, row, selectField } from "./forms.js";
import { messageCard } from "./messages.js";

const MODES = [
  ["ack_requeue_true", "Nack, requeue: they stay, marked redelivered"],
  ["ack_requeue_false", "Ack: takes them out of the queue"],
  ["reject_requeue_true", "Reject, requeue: they stay, marked redelivered"],
  ["reject_requeue_false", "Reject: out of the queue, dead-lettered if it is set up"],
];

/** onGot: called after messages were fetched. */
export function getForm({ vhost, queue, onGot }) {
  const mode = selectField({ label: "Ack mode", options: MODES });
  const encoding = selectField({ label: "Encoding", options: [["auto", "Text where it is, else base64"], ["base64", "base64"]] });
  const amount = numberField({ label: "Messages", value: 1, required: true, min: 1 });
  const found = h("div.messages");
  const form = makeForm({
    label: "Get messages",
    rows: [row(mode, encoding, amount)],
    submit: "Get messages",
    busy: "Getting…",
    reset: false,
    run: async () => {
      const messages = await post(path`queues/${vhost}/${queue}/get`, {
        count: amount.read(), ackmode: mode.read(), encoding: encoding.read(), truncate: 50000,
      });
      found.replaceChildren(
        ...messages.map((message, i) =>
          messageCard({ message, vhost, title: `Message ${i + 1}${i ? "" : ` · ${plural(message.message_count, "message")} left after it`}` }),
        ),
      );
      onGot();
      return messages.length ? `Got ${plural(messages.length, "message")}.` : "The queue is empty.";
    },
  });
  return [form.element, found];
}
