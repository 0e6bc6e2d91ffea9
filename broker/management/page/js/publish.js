// Publishing one message by hand.

import { path, post } from "./api.js";
import { areaField, makeForm, pairsField, row, selectField, textField } from "./forms.js";

const PROPERTIES = [
  ["content_type", "string", "MIME type of the payload"],
  ["content_encoding", "string", "MIME encoding of the payload"],
  ["correlation_id", "string", "The request this answers"],
  ["reply_to", "string", "Where an answer should go"],
  ["message_id", "string", "The application's own name for the message"],
  ["expiration", "string", "Milliseconds after which it expires, as text"],
  ["priority", "number", "0 to 255, for a queue with x-max-priority"],
  ["timestamp", "number", "Seconds since 1970"],
  ["type", "string", "The application's kind of message"],
  ["user_id", "string", "Must be the user who publishes"],
  ["app_id", "string", "The application that publishes"],
];

/** queue: publish straight into it (the default exchange); otherwise the exchange is `exchange`. */
export function publishForm({ vhost, exchange, queue, onPublished }) {
  const key = textField({ label: "Routing key" });
  const mode = selectField({ label: "Delivery mode", options: [["1", "1, transient"], ["2", "2, persistent"]] });
  const encoding = selectField({ label: "Payload is", options: [["string", "Text"], ["base64", "Base64"]] });
  const headers = pairsField({ label: "Headers" });
  const properties = pairsField({ label: "Properties", hints: PROPERTIES });
  const payload = areaField({ label: "Payload" });
  return makeForm({
    label: "Publish a message",
    rows: [row(...(queue === undefined ? [key] : []), mode, encoding), headers.element, properties.element, payload.element],
    submit: "Publish",
    busy: "Publishing…",
    reset: false, // the same again, slightly changed, is what people do
    run: async () => {
      const routingKey = queue === undefined ? key.read() : queue;
      const answer = await post(path`exchanges/${vhost}/${exchange || "amq.default"}/publish`, {
        routing_key: routingKey,
        payload: payload.read(),
        payload_encoding: encoding.read(),
        properties: { ...properties.read(), delivery_mode: Number(mode.read()), headers: headers.read() },
      });
      if (onPublished) onPublished();
      if (!answer.routed) throw new Error("Published, but it went to no queue.");
      return "Published and routed.";
    },
  }).element;
}
