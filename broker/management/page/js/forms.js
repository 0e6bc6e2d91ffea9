// Forms: labelled fields, what went wrong beside the button, and the button busy meanwhile.

import { announce } from "./announce.js";
import { fill, h, newId } from "./dom.js";
import { count } from "./format.js";

/** What a person typed cannot be sent; the field is marked and focused. */
export class FieldError extends Error {
  constructor(input, message) {
    super(message);
    this.input = input;
  }
}

/** The place beside a button where it says how it went. */
export function verdict() {
  const element = h("span.said", { role: "status" });
  const say = (kind, text) => {
    element.className = `said ${kind}`;
    element.textContent = text;
  };
  return {
    element,
    done: (text) => say("done", text || ""),
    fail: (error) => say("error", error.message || String(error)),
    clear: () => say("", ""),
  };
}

function field(label, input, { help, required, className = "" }) {
  const id = newId("field");
  input.id = id;
  const helpId = help ? `${id}-help` : null;
  if (helpId) input.setAttribute("aria-describedby", helpId);
  if (required) input.required = true;
  return h(
    `div.field${className}`,
    {},
    h("label", { for: id }, label, required ? h("span.need", { "aria-hidden": "true" }, " *") : null),
    input,
    help ? h("div.help", { id: helpId }, help) : null,
  );
}

/** A line of text. Returns: {element, input, read(), reset()} as every field. */
export function textField({ label, value = "", type = "text", required = false, help, placeholder, className = ".grow", autocomplete = "off" }) {
  const input = h("input", { type, value, placeholder, autocomplete, spellcheck: "false", autocapitalize: "off" });
  return {
    element: field(label, input, { help, required, className }),
    input,
    read: () => {
      if (required && !input.value) throw new FieldError(input, `${label}: needed`);
      return input.value;
    },
    set: (text) => {
      input.value = text;
    },
    reset: () => {
      input.value = value;
    },
  };
}

/** A whole number, or null where nothing was typed. */
export function numberField({ label, value = "", required = false, help, min }) {
  const input = h("input", { type: "number", value, min, step: 1, inputmode: "numeric" });
  return {
    element: field(label, input, { help, required }),
    input,
    read: () => {
      if (input.value === "" && !input.validity.badInput) {
        if (required) throw new FieldError(input, `${label}: needed`);
        return null;
      }
      const number = Number(input.value);
      if (!Number.isInteger(number) || input.validity.badInput) throw new FieldError(input, `${label}: a whole number, please`);
      return number;
    },
    set: (number) => {
      input.value = number;
    },
    reset: () => {
      input.value = value;
    },
  };
}

export function areaField({ label, value = "", help, rows = 4 }) {
  const input = h("textarea", { value, rows, spellcheck: "false" });
  return {
    element: field(label, input, { help, className: ".wide" }),
    input,
    read: () => input.value,
    reset: () => {
      input.value = value;
    },
  };
}

/** One of several. options: [[value, text]]. */
export function selectField({ label, options, value, help, onchange }) {
  const input = h("select", { onchange: () => onchange && onchange(input.value) });
  const start = value ?? (options.length ? options[0][0] : "");
  const control = {
    element: field(label, input, { help }),
    input,
    read: () => input.value,
    set: (chosen) => {
      input.value = chosen;
    },
    setOptions: (next) => fill(input, next.map(([key, text]) => h("option", { value: key }, text))),
    reset: () => {
      input.value = start;
    },
  };
  control.setOptions(options);
  input.value = start;
  return control;
}

export const vhostField = (vhosts, value) =>
  selectField({ label: "Virtual host", options: vhosts.map((name) => [name, name]), value });

export function checkField({ label, value = false, help }) {
  const input = h("input", { type: "checkbox", checked: value });
  return {
    element: h("div.field", {}, h("label.check", {}, input, label), help ? h("div.help", {}, help) : null),
    input,
    read: () => input.checked,
    set: (checked) => {
      input.checked = checked;
    },
    reset: () => {
      input.checked = value;
    },
  };
}

/** Radio buttons: all choices in sight. options: [[value, text]]. */
export function radioField({ label, options, value, onchange }) {
  const name = newId("radio");
  const inputs = options.map(([key]) =>
    h("input", { type: "radio", name, value: key, checked: key === value, onchange: () => onchange && onchange(key) }),
  );
  const set = (key) => inputs.forEach((input) => { input.checked = input.value === key; });
  return {
    element: h(
      "fieldset.field",
      {},
      h("legend", {}, label),
      h("div.choices", {}, options.map(([, text], i) => h("label.check", {}, inputs[i], text))),
    ),
    read: () => inputs.find((input) => input.checked).value,
    set,
    reset: () => {
      set(value);
      if (onchange) onchange(value);
    },
  };
}

const KINDS = [["string", "String"], ["number", "Number"], ["boolean", "Boolean"], ["list", "List"], ["table", "Table"]];

/**
 * A table of names and typed values. hints: [[key, kind, meaning]], offered as buttons that add a
 * row. read() returns an object.
 */
export function pairsField({ label, hints = [], value = {}, help, keyLabel = "Name" }) {
  const rows = h("div.pairs");
  const list = [];

  function addRow(key = "", kind = "string", text = "", focus = null) {
    const keyInput = h("input", { type: "text", value: key, placeholder: keyLabel, "aria-label": `${label}: name`, autocomplete: "off", spellcheck: "false" });
    const valueInput = h("input", { type: "text", value: text, placeholder: "Value", "aria-label": `${label}: value`, autocomplete: "off", spellcheck: "false" });
    const kindInput = h("select", { "aria-label": `${label}: type` }, KINDS.map(([id, name]) => h("option", { value: id }, name)));
    kindInput.value = kind;
    const row = { keyInput, valueInput, kindInput };
    const remove = h("button.plain", {
      type: "button", "aria-label": "Remove this row", title: "Remove this row",
      onclick: () => {
        list.splice(list.indexOf(row), 1);
        row.element.remove();
        more.focus();
      },
    }, "×");
    row.element = h("div.pair", {}, keyInput, valueInput, kindInput, remove);
    list.push(row);
    rows.append(row.element);
    if (focus) row[focus].focus();
  }

  const more = h("button.chip", { type: "button", onclick: () => addRow("", "string", "", "keyInput") }, "+ Add");
  const control = {
    element: h(
      "fieldset.field.wide",
      {},
      h("legend", {}, label),
      rows,
      h(
        "div.chips",
        {},
        more,
        hints.map(([key, kind, meaning]) =>
          h("button.chip", {
            type: "button", title: meaning,
            onclick: () => addRow(key, kind, kind === "boolean" ? "true" : "", "valueInput"),
          }, key),
        ),
      ),
      help ? h("div.help", {}, help) : null,
    ),
    read: () => {
      const found = {};
      for (const { keyInput, valueInput, kindInput } of list) {
        if (!keyInput.value && !valueInput.value) continue;
        if (!keyInput.value) throw new FieldError(keyInput, `${label}: a name is needed`);
        found[keyInput.value] = typed(valueInput, kindInput.value, keyInput.value);
      }
      return found;
    },
    set: (table) => {
      list.splice(0);
      rows.replaceChildren();
      for (const [key, content] of Object.entries(table)) {
        const kind = Array.isArray(content) ? "list" : typeof content === "object" ? "table" : typeof content;
        addRow(key, kind, typeof content === "string" ? content : JSON.stringify(content));
      }
    },
    reset: () => control.set(value),
  };
  control.reset();
  return control;
}

function typed(input, kind, key) {
  const text = input.value.trim();
  if (kind === "string") return input.value;
  if (kind === "number") {
    if (text === "" || Number.isNaN(Number(text))) throw new FieldError(input, `${key}: a number, please`);
    return Number(text);
  }
  if (kind === "boolean") {
    if (text !== "true" && text !== "false") throw new FieldError(input, `${key}: true or false`);
    return text === "true";
  }
  try {
    const parsed = JSON.parse(text);
    if (kind === "list" ? Array.isArray(parsed) : parsed && typeof parsed === "object" && !Array.isArray(parsed)) return parsed;
  } catch {
    // Said below, in words that show what is wanted.
  }
  throw new FieldError(input, `${key}: ${kind === "list" ? 'a list as JSON, ["like", "this"]' : 'a table as JSON, {"like": "this"}'}`);
}

export const row = (...fields) => h("div.row", {}, fields.map((one) => one.element || one));

/**
 * A form. rows: elements; fields: what to reset afterwards; submit: the text of its button; run:
 * async, returns the sentence that says what was done. Returns: {element, verdict}.
 */
export function makeForm({ rows, fields = [], submit, busy = "Working…", run, danger = false, reset = true, label }) {
  const said = verdict();
  const button = h("button.primary", { type: "submit", class: danger ? "danger" : "" }, submit);
  const element = h(
    "form.form",
    {
      novalidate: true, "aria-label": label || submit,
      onsubmit: async (event) => {
        event.preventDefault();
        if (button.getAttribute("aria-busy")) return;
        for (const input of element.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
        said.clear();
        await whileBusy(button, busy, async () => {
          try {
            const text = await run();
            // Cleared first, so that a listener on the verdict finds an empty form.
            if (reset) for (const one of fields) one.reset();
            said.done(text);
          } catch (error) {
            said.fail(error);
            if (error instanceof FieldError) {
              error.input.setAttribute("aria-invalid", "true");
              error.input.focus();
            }
          }
        });
      },
    },
    rows,
    h("div.submit", {}, button, said.element),
  );
  return { element, verdict: said, button };
}

/** Show a button as busy while `work` runs; a second press meanwhile does nothing. */
export async function whileBusy(button, text, work) {
  const label = button.textContent;
  button.setAttribute("aria-busy", "true");
  button.setAttribute("aria-disabled", "true");
  if (text) button.textContent = text;
  try {
    return await work();
  } finally {
    button.removeAttribute("aria-busy");
    button.removeAttribute("aria-disabled");
    button.textContent = label;
  }
}

/**
 * A button that does something, with what came of it beside it. ask: before, async → whether to go
 * on; run: async → what to say.
 */
export function actionButton({ label, busy, run, ask, className = "", title }) {
  const said = verdict();
  const button = h(`button${className}`, {
    type: "button", title,
    onclick: async () => {
      if (button.getAttribute("aria-busy")) return;
      said.clear();
      if (ask && !(await ask())) return;
      await whileBusy(button, busy, async () => {
        try {
          said.done(await run());
        } catch (error) {
          said.fail(error);
        }
      });
    },
  }, label);
  return h("span.submit", {}, button, said.element);
}

/**
 * Something done piece by piece, with a bar and a way to stop. step: async → {done, failed, left}:
 * what this step did, and tried in vain; it ends when nothing is left, or a step did neither.
 * Returns: {all, left, stopped}, all being what was done.
 */
export async function inSteps(place, what, step) {
  const bar = h("progress", { "aria-label": what });
  const text = h("span", {}, what);
  let stopped = false;
  const stop = h("button.small", { type: "button", onclick: () => { stopped = true; } }, "Stop");
  place.replaceChildren(h("div.progress", {}, bar, text, stop));
  announce(what);
  let all = 0;
  let tried = 0;
  try {
    for (;;) {
      const { done, failed = 0, left } = await step();
      all += done;
      tried += done + failed;
      if (!left || !(done + failed) || stopped) return { all, left: left || 0, stopped: stopped && left > 0 };
      bar.max = tried + left;
      bar.value = tried;
      text.textContent = `${what} ${count(tried)} of ${count(tried + left)}`;
    }
  } finally {
    place.replaceChildren();
  }
}
