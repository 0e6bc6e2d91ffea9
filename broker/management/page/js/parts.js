// The pieces views are made of.

import { bytes, value as shown } from "./format.js";
import { h, newId } from "./dom.js";
import { addresses } from "./links.js";
import { preference, setPreference } from "./preferences.js";

/** A line at the top of a page. kind: "", "warn" or "bad". */
export function notice(content, kind = "") {
  return h("div.notice", { class: kind }, h("div", {}, content));
}

/**
 * A titled box that folds. id: under which it remembers whether it is open.
 * Returns: {element, body, amount(text), whenOpened(callback)}.
 */
export function panel({ id, title, open = true, content = [] }) {
  const key = `panel.${id}`;
  const amount = h("span.amount");
  const body = h("div.body", {}, content);
  const details = h(
    "details",
    { open: preference(key, open) },
    h("summary", {}, h("h2", {}, title), amount),
    body,
  );
  let seen = false;
  const callbacks = [];
  const opened = () => {
    seen = true;
    callbacks.splice(0).forEach((callback) => callback());
  };
  details.addEventListener("toggle", () => {
    setPreference(key, details.open);
    if (details.open && !seen) opened();
  });
  return {
    element: h("section.panel", { "data-panel": id }, details),
    body,
    amount: (text) => {
      amount.textContent = text;
    },
    /** Called at the first opening; at once if it is open. */
    whenOpened: (callback) => {
      callbacks.push(callback);
      if (details.open) opened();
    },
  };
}

/**
 * A form that is in the way until somebody wants it. Returns: {button, element, whenOpened(callback),
 * body, open()}: the button goes to the head of the page, the element above the list.
 */
export function drawer({ id, title, label = title }) {
  const body = h("div.body");
  const element = h(
    "section.panel",
    { id, hidden: true, "aria-label": title },
    h("div.panel-head", {}, h("h2", {}, title), h("button.plain.small", { type: "button", "aria-label": "Close", title: "Close", onclick: () => set(false) }, "×")),
    body,
  );
  const button = h("button", { type: "button", "aria-expanded": "false", "aria-controls": id, onclick: () => set(element.hidden) }, label);
  let callback = null;
  function set(open) {
    element.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    if (!open) {
      button.focus();
      return;
    }
    if (callback) Promise.resolve(callback()).then(focus);
    else focus();
    callback = null;
  }
  const focus = () => body.querySelector("input, select")?.focus();
  return {
    button, element, body,
    open: () => set(true),
    /** Called once, before it is first in sight: to build what is costly. May be async. */
    whenOpened: (wanted) => {
      callback = wanted;
    },
  };
}

/** A box that does not fold, with things at the right of its title. */
export function box(title, { actions = [], content = [] } = {}) {
  return h("section.panel", {}, h("div.panel-head", {}, h("h2", {}, title), actions), content);
}

/** Names and values, in as many columns as fit: [["Durable", "yes"], …]; those without a value are left out. */
export function facts(rows) {
  return h(
    "dl.facts",
    {},
    rows
      .filter(([, content]) => content !== null && content !== undefined && content !== "" && content !== false)
      .map(([name, content], i) => h("div", { key: typeof name === "string" ? name : i }, h("dt", {}, name), h("dd", {}, content))),
  );
}

/** An arguments table as a list, tables inside it indented; null if it is empty. */
export function args(table) {
  const entries = Object.entries(table || {});
  if (!entries.length) return null;
  return h(
    "ul.args",
    {},
    entries.map(([key, content]) =>
      h("li", {}, h("code", {}, `${key}: `), h("span", {}, shown(content))),
    ),
  );
}

const MOODS = {
  running: "good", up: "good", idle: "idle", stopped: "bad", down: "bad", crashed: "bad", minority: "bad",
  flow: "warn", blocked: "bad", blocking: "warn", terminated: "bad", starting: "warn", tuning: "warn",
  opening: "warn", closing: "warn", closed: "bad", syncing: "warn",
};

/** A state with its sign; the word is always there, so the colour says nothing alone. */
export function state(word, title) {
  if (!word) return "";
  return h("span.state", { class: MOODS[word] || "idle", title }, word);
}

/** A badge with a spoken-out meaning. */
export const badge = (text, title) => h("abbr.badge", { title }, text);

const QUEUE_ARGUMENTS = [
  ["x-message-ttl", "message-ttl", "TTL", "message TTL"],
  ["x-expires", "expires", "Exp", "expires when unused"],
  ["x-max-length", "max-length", "Lim", "length limit"],
  ["x-max-length-bytes", "max-length-bytes", "Lim B", "length limit in octets"],
  ["x-delivery-limit", "delivery-limit", "DlL", "delivery limit"],
  ["x-overflow", "overflow", "Ovfl", "overflow behaviour"],
  ["x-dead-letter-exchange", "dead-letter-exchange", "DLX", "dead-letter exchange"],
  ["x-dead-letter-routing-key", "dead-letter-routing-key", "DLK", "dead-letter routing key"],
  ["x-max-priority", null, "Pri", "priorities"],
  ["x-single-active-consumer", null, "SAC", "single active consumer"],
  ["x-queue-mode", "queue-mode", "Lazy", "queue mode"],
];

/** Badges for what a queue was declared with and what its policies add. */
export function queueFeatures(queue) {
  const given = queue.arguments || {};
  const policy = queue.effective_policy_definition || {};
  const found = [];
  if (queue.durable) found.push(badge("D", "durable"));
  if (queue.auto_delete) found.push(badge("AD", "auto-delete"));
  if (queue.exclusive) found.push(badge("Excl", "exclusive: only its own connection may use it"));
  const named = new Set(["x-queue-type"]);
  for (const [argument, key, text, meaning] of QUEUE_ARGUMENTS) {
    named.add(argument);
    if (argument in given) found.push(badge(text, `${meaning}: ${shown(given[argument])}`));
    else if (key && key in policy) found.push(badge(text, `${meaning}: ${shown(policy[key])} (policy)`));
  }
  const others = Object.keys(given).filter((key) => !named.has(key));
  if (others.length) found.push(badge("Args", others.map((key) => `${key}: ${shown(given[key])}`).join("\n")));
  if (queue.policy) found.push(h("a.badge.policy", { href: addresses.policy(queue.vhost, queue.policy), title: `policy ${queue.policy}` }, queue.policy));
  return found;
}

export function exchangeFeatures(exchange) {
  const given = exchange.arguments || {};
  const found = [];
  if (exchange.durable) found.push(badge("D", "durable"));
  if (exchange.auto_delete) found.push(badge("AD", "auto-delete"));
  if (exchange.internal) found.push(badge("I", "internal: clients cannot publish to it"));
  if ("alternate-exchange" in given) found.push(badge("AE", `alternate exchange: ${shown(given["alternate-exchange"])}`));
  const others = Object.keys(given).filter((key) => key !== "alternate-exchange");
  if (others.length) found.push(badge("Args", others.map((key) => `${key}: ${shown(given[key])}`).join("\n")));
  return found;
}

/** A queue's state as people mean it: running, but nothing happens, is idle. */
export const queueState = (queue) => (queue.state === "running" && queue.idle_since ? "idle" : queue.state);

/**
 * A bar from 0 to `limit`. label: what it measures; text: the sentence below it; inverse: the more,
 * the better (free disk space against its lower limit).
 */
export function meter({ label, used, limit, text, inverse = false, alarm = false }) {
  const share = limit > 0 ? Math.min(1, inverse ? limit / Math.max(used, 1) : used / limit) : 0;
  const mood = alarm || share >= 1 ? "bad" : share > 0.8 ? "warn" : "";
  return h(
    "div.meter",
    {
      class: mood, role: "meter", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100,
      "aria-valuenow": Math.round(share * 100), "aria-valuetext": text,
    },
    h("div.track", {}, h("div.fill", { style: { width: `${(share * 100).toFixed(1)}%` } })),
    h("small", {}, text),
  );
}

export const memoryMeter = (node) =>
  meter({
    label: "Memory", used: node.mem_used, limit: node.mem_limit, alarm: node.mem_alarm,
    text: `${bytes(node.mem_used)} of ${bytes(node.mem_limit)}`,
  });

export const diskMeter = (node) =>
  meter({
    label: "Free disk space", used: node.disk_free, limit: node.disk_free_limit, inverse: true, alarm: node.disk_free_alarm,
    text: `${bytes(node.disk_free)} free, needs ${bytes(node.disk_free_limit)}`,
  });

/** Figures in a row: [[label, text, href or null], …]. */
export function totals(figures) {
  return h(
    "div.totals",
    {},
    figures.map(([label, text, href]) =>
      h(href ? "a" : "div", { key: label, href }, h("b", {}, text === "" ? "–" : text), h("span", {}, label)),
    ),
  );
}

/** Buttons of which one is pressed. options: [[value, text]]. Returns: {element, value, set(value)}. */
export function segments(label, options, initial, onchange) {
  const control = { value: initial };
  const buttons = options.map(([value, text]) =>
    h("button", { type: "button", onclick: () => control.set(value) }, text),
  );
  const mark = () =>
    options.forEach(([value], i) => buttons[i].setAttribute("aria-pressed", String(value === control.value)));
  control.set = (value) => {
    control.value = value;
    mark();
    onchange(value);
  };
  mark();
  control.element = h("div.segments", { role: "group", "aria-label": label }, buttons);
  return control;
}

/** A labelled select on one line. options: [[value, text]]. */
export function inlineSelect(label, options, initial, onchange) {
  const id = newId("select");
  const select = h(
    "select",
    { id, onchange: () => onchange(select.value) },
    options.map(([value, text]) => h("option", { value, selected: String(value) === String(initial) }, text)),
  );
  return h("span.check", {}, h("label", { for: id }, label), select);
}
