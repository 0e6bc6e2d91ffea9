// Selecting rows of a list, and doing something to each: a bar takes the place of the filter while
// anything is selected, so that no row moves under the hand that selects.

import { announce } from "./announce.js";
import { ask } from "./dialogs.js";
import { h, patch } from "./dom.js";
import { count, plural } from "./format.js";
import { failures } from "./bulk.js";
import { inSteps } from "./forms.js";

/**
 * What is selected of a list. noun: "queue"; key(item), nameOf(item); actions: [{label, done, danger,
 * title(n), text, confirm, run(item) async}]; onChange: what is selected is not what it was; onDone:
 * something was done. Returns: {bar, result, box(item), all(items), size}.
 */
export function selection({ noun, key, nameOf, actions, onChange, onDone }) {
  const chosen = new Map(); // key → item
  let shown = []; // the items in their order, for a range
  let last = null; // the key that was pressed last
  let working = false;

  const amount = h("strong", { role: "status" });
  const buttons = actions.map((action) =>
    h("button", { type: "button", class: action.danger ? "danger" : "", onclick: () => carryOut(action) }, action.label),
  );
  const none = h("button.plain", { type: "button", onclick: () => clear() }, "Select none");
  const controls = h("div.controls", {}, amount, buttons, none);
  const work = h("div");
  const bar = h("div.toolbar.selected", { role: "group", "aria-label": `Selected ${noun}s`, hidden: true }, controls, work);
  const result = h("div", { role: "status" });

  function changed() {
    bar.hidden = !chosen.size && !working;
    amount.textContent = `${plural(chosen.size, noun)} selected`;
    onChange();
  }

  function clear() {
    chosen.clear();
    last = null;
    changed();
  }

  function press(event, item) {
    const is = event.target.checked;
    const from = event.shiftKey ? shown.findIndex((one) => key(one) === last) : -1;
    const to = shown.findIndex((one) => key(one) === key(item));
    const range = from < 0 ? [item] : shown.slice(Math.min(from, to), Math.max(from, to) + 1);
    for (const one of range) {
      if (is) chosen.set(key(one), one);
      else chosen.delete(key(one));
    }
    last = key(item);
    patch(result);
    changed();
  }

  async function carryOut(action) {
    const items = [...chosen.values()];
    if (working || !(await ask({ title: action.title(items.length), text: [h("p", {}, action.text), list(items)], confirm: action.confirm }))) return;
    working = true;
    controls.hidden = true;
    patch(result);
    const failed = [];
    const rest = [...items];
    const { all, stopped } = await inSteps(work, `${action.label}…`, async () => {
      const item = rest.shift();
      try {
        await action.run(item);
      } catch (error) {
        if (!error.status) {
          // Nobody answers, or it is our own mistake: the others would not fare better.
          failed.push({ name: nameOf(item), reason: error.message });
          return { done: 0, left: 0 };
        }
        failed.push({ name: nameOf(item), reason: error.message });
        return { done: 0, failed: 1, left: rest.length };
      }
      chosen.delete(key(item));
      return { done: 1, left: rest.length };
    });
    working = false;
    controls.hidden = false;
    const said = `${action.done} ${plural(all, noun)}${stopped ? ", then stopped" : ""}.`;
    // What failed stays selected, so that it can be tried again.
    patch(result, h("p", { key: "said" }, said), failures(failed));
    announce(said);
    changed();
    onDone();
  }

  function list(items) {
    const names = items.slice(0, 12).map((item) => h("li", {}, h("code", {}, nameOf(item))));
    return h("ul.args", {}, names, items.length > 12 ? h("li.muted", {}, `… and ${count(items.length - 12)} more`) : null);
  }

  return {
    bar,
    result,
    get size() {
      return chosen.size;
    },
    /** Which items are in sight; those that are selected are taken as they are now. */
    shows(items) {
      shown = items;
      for (const item of items) if (chosen.has(key(item))) chosen.set(key(item), item);
    },
    box: (item) =>
      h("input", {
        type: "checkbox", "aria-label": `Select ${nameOf(item)}`, checked: chosen.has(key(item)),
        onclick: (event) => press(event, item),
      }),
    /** The box in the head of the table: all of this page. */
    boxOfAll() {
      const some = shown.filter((item) => chosen.has(key(item))).length;
      return h("input", {
        type: "checkbox", "aria-label": "Select all on this page", checked: some > 0 && some === shown.length,
        indeterminate: some > 0 && some < shown.length,
        onclick: (event) => {
          for (const item of shown) {
            if (event.target.checked) chosen.set(key(item), item);
            else chosen.delete(key(item));
          }
          patch(result);
          changed();
        },
      });
    },
  };
}
