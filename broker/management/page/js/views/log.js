// The log as it is written. Read with fetch, because an EventSource cannot send the credentials.

import { send } from "../api.js";
import { h } from "../dom.js";
import { count, moment, plural } from "../format.js";
import { segments } from "../parts.js";

const KEPT = 2000; // lines; the oldest go first
const LEVELS = ["debug", "info", "warning", "error"]; // critical is shown with the errors
const RETRY_MS = 3000;

export async function show(page) {
  page.heading({ title: "Log", live: true });
  const lines = h("div.log", { role: "log", "aria-live": "off", "aria-label": "Log lines", tabindex: "0" });
  const status = h("span.muted", { role: "status" });
  const trouble = h("span.error", { role: "status" });
  let least = 1;
  let wanted = "";
  let paused = false;
  let missed = 0;

  const level = segments("Least level", LEVELS.map((word, i) => [i, word]), 1, (value) => {
    least = value;
    sift();
  });
  const search = h("input", {
    type: "search", placeholder: "Filter", "aria-label": "Filter log lines",
    oninput: () => {
      wanted = search.value.toLowerCase();
      sift();
    },
  });
  const pause = h("button", {
    type: "button", "aria-pressed": "false",
    onclick: () => {
      paused = !paused;
      pause.textContent = paused ? "Go on" : "Pause";
      pause.setAttribute("aria-pressed", String(paused));
      if (!paused) {
        missed = 0;
        lines.append(...waiting.splice(0));
        trim();
      }
      say();
    },
  }, "Pause");
  const clear = h("button", { type: "button", onclick: () => { lines.replaceChildren(); say(); } }, "Clear");
  page.add(
    h("div.toolbar", {}, h("div.find", {}, search, status, trouble), h("span.check", {}, h("span.muted", { "aria-hidden": "true" }, "from"), level.element), pause, clear),
    h("div.list", {}, lines),
  );

  const waiting = [];
  function take(entry) {
    const line = h(
      "div",
      { class: entry.level },
      h("time", {}, moment(Date.parse(entry.time))), // there is none where lines were lost
      h("span.level", {}, entry.level),
      h("span.category", {}, entry.category),
      h("span.text", {}, entry.message),
    );
    line.rank = Math.max(0, LEVELS.indexOf(entry.level === "critical" ? "error" : entry.level));
    line.hidden = !fits(line);
    if (paused) {
      waiting.push(line);
      missed += 1;
      if (waiting.length > KEPT) waiting.shift();
    } else {
      const following = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 30;
      lines.append(line);
      trim();
      if (following) lines.scrollTop = lines.scrollHeight;
    }
    say();
  }

  const fits = (line) => line.rank >= least && (!wanted || line.textContent.toLowerCase().includes(wanted));
  function sift() {
    for (const line of lines.children) line.hidden = !fits(line);
    for (const line of waiting) line.hidden = !fits(line);
    lines.scrollTop = lines.scrollHeight;
    say();
  }
  function trim() {
    while (lines.childElementCount > KEPT) lines.firstChild.remove();
  }
  function say() {
    status.textContent = paused ? `Paused; ${plural(missed, "new line")}` : summed(lines.querySelectorAll(":scope > :not([hidden])").length, lines.childElementCount);
  }

  const summed = (shown, all) => (shown === all ? plural(all, "line") : `${count(shown)} of ${plural(all, "line")}`);

  async function follow() {
    while (!page.signal.aborted) {
      try {
        const response = await send("GET", "livelog?level=debug", { headers: { accept: "text/event-stream" }, signal: page.signal });
        trouble.textContent = "";
        for await (const data of events(response.body)) take(JSON.parse(data));
        trouble.textContent = "The connection ended; trying again…";
      } catch (error) {
        if (page.signal.aborted) return;
        trouble.textContent = error.status ? error.message : "No answer; trying again…";
        if (error.status) return;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
  say();
  follow();
}

/** The data of each event in a stream of octets. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const data = block.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart());
      if (data.length) yield data.join("\n");
    }
  }
}
