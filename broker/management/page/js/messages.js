// How one message is shown: fetched with get, or browsed.

import { h } from "./dom.js";
import { bytes, count, duration } from "./format.js";
import { links } from "./links.js";
import { args, badge } from "./parts.js";

/**
 * A message. title: nodes at its head; wanted: text to mark in the payload; open: its payload and
 * properties in sight. A message may have what /get answers and what browsing adds to it.
 */
export function messageCard({ message, vhost, title, wanted = "", select = null }) {
  const { headers, ...properties } = message.properties || {};
  return h(
    "article.message",
    {},
    h(
      "div.message-head",
      {},
      select,
      h("strong", {}, title),
      message.exchange !== undefined && h("span", {}, h("span.muted", {}, "from "), links.exchange(vhost, message.exchange)),
      h("span", {}, h("span.muted", {}, "key "), h("code", {}, message.routing_key)),
      h("span.muted", {}, bytes(message.payload_bytes)),
      typeof message.age === "number" && h("span.muted", { title: "since it came into the queue" }, `${duration(message.age)} old`),
      message.redelivered && badge("redelivered", "it has been delivered before"),
      message.consumer && heldBy(message.consumer),
    ),
    h(
      "div.message-body",
      {},
      payload(message, wanted),
      headers && Object.keys(headers).length ? h("details", { open: Boolean(wanted) }, h("summary", {}, `Headers (${count(Object.keys(headers).length)})`), args(headers)) : null,
      Object.keys(properties).length ? h("details", {}, h("summary", {}, `Properties (${count(Object.keys(properties).length)})`), args(properties)) : null,
    ),
  );
}

function heldBy({ consumer_tag: tag, channel_details: channel }) {
  return h("span", {}, h("span.muted", {}, "held by "), h("code", {}, tag || "basic.get"), channel?.name ? [" on ", links.channel(channel.name)] : null);
}

function payload(message, wanted) {
  if (!message.payload_bytes && !message.payload) return h("p.muted", {}, "Empty payload.");
  const text = message.payload;
  const shown = new TextEncoder().encode(text).length;
  const cut = message.payload_encoding === "string" && shown < message.payload_bytes;
  return [
    h("pre", { tabindex: "0", "aria-label": message.payload_encoding === "base64" ? "Payload in base64" : "Payload" }, marked(text, wanted)),
    message.payload_encoding === "base64" ? h("p.muted", {}, "Not UTF-8: shown in base64.") : null,
    cut ? h("p.muted", {}, `The first ${bytes(shown)} of ${bytes(message.payload_bytes)}.`) : null,
  ];
}

function marked(text, wanted) {
  if (!wanted) return text;
  const pieces = [];
  const lower = text.toLowerCase();
  const needle = wanted.toLowerCase();
  let from = 0;
  for (let at = lower.indexOf(needle); at >= 0 && pieces.length < 200; at = lower.indexOf(needle, from)) {
    pieces.push(text.slice(from, at), h("mark", {}, text.slice(at, at + needle.length)));
    from = at + needle.length;
  }
  pieces.push(text.slice(from));
  return pieces;
}
