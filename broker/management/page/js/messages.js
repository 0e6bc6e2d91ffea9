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
      diedIn(headers?.["x-death"], vhost),
    ),
    h(
      "div.message-body",
      {},
      payload(message, wanted),
      h("div.more", {}, table("Headers", headers, Boolean(wanted)), table("Properties", properties, false), h("span", {}, missing(message))),
    ),
  );
}

const REASONS = { rejected: "rejected", expired: "expired", maxlen: "over the limit", delivery_limit: "delivered too often" };

/** Where a dead letter died last and why; null if x-death is not what a broker writes. */
function diedIn(deaths, vhost) {
  const last = Array.isArray(deaths) ? deaths[0] : null;
  if (typeof last?.queue !== "string") return null;
  const times = last.count > 1 ? `, ${count(last.count)} times` : "";
  return h("span", {}, h("span.muted", {}, "died in "), links.queue(vhost, last.queue), h("span.muted", {}, ` (${REASONS[last.reason] || String(last.reason)}${times})`));
}

function heldBy({ consumer_tag: tag, channel_details: channel }) {
  return h("span", {}, h("span.muted", {}, "held by "), h("code", {}, tag || "basic.get"), channel?.name ? [" on ", links.channel(channel.name)] : null);
}

function table(title, content, open) {
  const amount = Object.keys(content || {}).length;
  return amount ? h("details", { open }, h("summary", {}, `${title} (${amount})`), args(content)) : null;
}

function payload(message, wanted) {
  if (!message.payload_bytes && !message.payload) return h("p.muted", {}, "Empty payload.");
  // A long one scrolls in itself; the keyboard reaches it only if it can have the focus.
  return h("pre", { tabindex: message.payload.length > 1500 ? "0" : null, "aria-label": "Payload" }, marked(message.payload, wanted));
}

/** What of the payload is not as it was sent: in base64, or only its beginning. */
function missing({ payload: text = "", payload_encoding: encoding, payload_bytes: size }) {
  const shown = encoding === "base64" ? Math.floor((text.replace(/=+$/, "").length * 3) / 4) : new TextEncoder().encode(text).length;
  return [
    encoding === "base64" && text ? "Not UTF-8, so in base64. " : null,
    shown < size ? `Only the first ${bytes(shown)} of ${bytes(size)}.` : null,
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
