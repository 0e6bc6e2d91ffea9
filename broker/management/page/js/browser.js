// Looking into a queue without consuming: nothing is delivered, marked or moved by it. From here,
// dead letters are sent back where they came from.

import { get, path, post, withQuery } from "./api.js";
import { ask } from "./dialogs.js";
import { h } from "./dom.js";
import { count, plural } from "./format.js";
import { inSteps, verdict } from "./forms.js";
import { messageCard } from "./messages.js";
import { segments } from "./parts.js";

const PAGE = 20;
const STEP = 500;

/** What of dead letters, or of messages to be moved, is still where it was, and why. */
export function staying(failed) {
  const reasons = [...new Set(failed.map(({ reason }) => String(reason)))];
  const more = reasons.length > 3 ? ` and ${plural(reasons.length - 3, "other reason")}` : "";
  return `${plural(failed.length, "message")} ${failed.length === 1 ? "stays" : "stay"}: ${reasons.slice(0, 3).join("; ")}${more}.`;
}

/** onMoved: called after messages went away. Returns: {element, open()}. */
export function messageBrowser({ vhost, queue, onMoved }) {
  const chosen = new Set();
  const cards = h("div.messages");
  const summary = h("p.muted", { role: "status" });
  const said = verdict();
  const work = h("div");
  const more = h("button", { type: "button", hidden: true, onclick: () => read(next.offset, next.after) }, "Show more");
  const stop = h("button.small", { type: "button", hidden: true, onclick: () => reading?.abort() }, "Stop");
  let next = null;
  let shown = 0;
  let reading = null;
  let wanted = "";

  const state = segments("Which messages", [["ready", "Ready"], ["unacked", "Unacked"]], "ready", () => begin());
  const search = h("input", { type: "search", placeholder: "Search", "aria-label": "Search in messages", autocomplete: "off" });
  const places = [["id", "id"], ["headers", "headers"], ["body", "payload"]].map(([value, text]) => {
    const input = h("input", { type: "checkbox", value, checked: true });
    return [input, h("label.check", {}, input, text)];
  });
  const form = h(
    "form.toolbar",
    {
      role: "search", "aria-label": "Search in messages",
      onsubmit: (event) => {
        event.preventDefault();
        begin();
      },
    },
    state.element,
    h("div.find", {}, search, h("button", { type: "submit" }, "Search")),
    h("fieldset.choices", {}, h("legend.unseen", {}, "Search in"), places.map(([, label]) => label)),
  );

  const redriveChosen = h("button", { type: "button", disabled: true, onclick: () => redrive([...chosen]) }, "Redrive selected");
  const redriveAll = h("button", { type: "button", onclick: () => redrive(null) }, "Redrive all…");
  const chooseAll = h("input", {
    type: "checkbox",
    onchange: () => {
      for (const box of cards.querySelectorAll("input[data-sequence]")) {
        box.checked = chooseAll.checked;
        choose(Number(box.dataset.sequence), box.checked);
      }
    },
  });
  const redriveRow = h(
    "div.submit",
    {},
    h("label.check", {}, chooseAll, "All that are shown"),
    redriveChosen,
    redriveAll,
    h("span.muted", {}, "sends dead letters back to the queue they came from"),
  );

  function choose(sequence, is) {
    if (is) chosen.add(sequence);
    else chosen.delete(sequence);
    redriveChosen.disabled = chosen.size === 0;
    redriveChosen.textContent = chosen.size ? `Redrive selected (${count(chosen.size)})` : "Redrive selected";
  }

  async function begin() {
    reading?.abort();
    cards.replaceChildren();
    chosen.clear();
    choose(-1, false);
    chooseAll.checked = false;
    shown = 0;
    wanted = search.value;
    redriveRow.hidden = true;
    said.clear();
    await read(0, null);
  }

  // A request looks at some thousand messages at most; a search goes on until a page is full, the
  // queue is at its end, or somebody stops it.
  async function read(offset, behind) {
    const mine = new AbortController();
    reading = mine;
    more.hidden = true;
    stop.hidden = !wanted;
    let found = 0;
    let at = offset;
    let after = behind;
    let unreadable = 0;
    try {
      while (at !== null && found < PAGE) {
        const answer = await get(
          withQuery(path`queues/${vhost}/${queue}/messages`, {
            state: state.value, offset: at, after, limit: PAGE - found, search: wanted,
            in: wanted ? places.filter(([input]) => input.checked).map(([input]) => input.value).join() : "",
            truncate: 4096,
          }),
          { signal: mine.signal },
        );
        for (const message of answer.items) cards.append(card(message));
        found += answer.items.length;
        shown += answer.items.length;
        at = answer.next_offset;
        after = answer.next;
        unreadable += answer.unreadable;
        say(answer.total, at, found < PAGE && at !== null);
      }
      if (unreadable) said.fail(new Error(`${plural(unreadable, "message")} cannot be read from the disk.`));
      if (!shown) summary.textContent = wanted ? "No message has this in it." : state.value === "ready" ? "No message is ready." : "No message is out with a consumer.";
    } catch (error) {
      if (error.name !== "AbortError") said.fail(error);
    } finally {
      if (reading === mine) {
        next = { offset: at, after };
        more.hidden = at === null;
        stop.hidden = true;
      }
    }
  }

  function say(total, at, still) {
    const looked = at === null ? total : at;
    summary.textContent = wanted
      ? `${plural(shown, "message")} found; looked at ${count(looked)} of ${count(total)}${still ? " so far…" : "."}`
      : `${count(shown)} of ${plural(total, "message")}.`;
  }

  function card(message) {
    const dead = Boolean(message.properties?.headers?.["x-death"]);
    const offered = state.value === "ready" && dead;
    if (offered) redriveRow.hidden = false;
    const select =
      offered
        ? h("label.check", {}, h("input", {
            type: "checkbox", "data-sequence": message.sequence, "aria-label": `Select message ${message.position + 1}`,
            onchange: (event) => choose(message.sequence, event.target.checked),
          }))
        : null;
    return messageCard({ message, vhost, wanted, select, title: `#${count(message.position + 1)}` });
  }

  async function redrive(sequences) {
    said.clear();
    const all = sequences === null;
    if (all && !(await ask({
      title: "Send all dead letters back?",
      text: `Every message in ${queue} that was dead-lettered goes back to the queue it came from. The others stay.`,
      confirm: "Redrive all",
      danger: false,
    }))) return;
    const address = path`queues/${vhost}/${queue}/redrive`;
    const rest = all ? null : [...sequences];
    const failed = [];
    let after = null;
    let moved = 0;
    try {
      const { all: done, stopped } = await inSteps(work, "Redriving…", async () => {
        const part = all ? null : rest.splice(0, STEP);
        const answer = await post(address, all ? { all: true, after: after ?? undefined } : { sequences: part });
        moved += answer.moved;
        failed.push(...answer.failed);
        after = answer.next;
        // Those it had no time for are the last of what it was given.
        if (!all && answer.left) rest.unshift(...part.slice(-answer.left));
        return { done: answer.moved, failed: answer.failed.length, left: all ? answer.left : rest.length };
      });
      await begin();
      const sum = `Redrove ${plural(done, "message")}${stopped ? ", then stopped" : ""}.`;
      if (failed.length) said.fail(new Error(`${sum} ${staying(failed)}`));
      else said.done(sum);
    } catch (error) {
      said.fail(moved ? new Error(`After ${plural(moved, "message")}: ${error.message}`) : error);
    }
    onMoved();
  }

  return {
    element: h("div.browser", {}, form, redriveRow, work, said.element, summary, cards, h("div.submit", {}, more, stop)),
    open: begin,
  };
}
