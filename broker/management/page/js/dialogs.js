// Asking before something is lost. The browser's own modal dialog keeps the focus inside and gives
// it back afterwards.

import { h, newId } from "./dom.js";

/**
 * Ask. text: nodes or a sentence; fields: form fields to show; confirm: what the button says.
 * Returns: a promise of whether to go on.
 */
export function ask({ title, text, confirm, danger = true, fields = [] }) {
  return new Promise((resolve) => {
    const id = newId("dialog");
    const form = h(
      "form",
      { method: "dialog" },
      h("h2", { id }, title),
      text ? h("div.note", {}, text) : null,
      fields.map((field) => field.element),
      h(
        "div.submit",
        {},
        h("button", { type: "button", onclick: () => dialog.close("") }, "Cancel"),
        h("button.primary", { type: "submit", value: "yes", class: danger ? "danger" : "" }, confirm),
      ),
    );
    const dialog = h("dialog", { "aria-labelledby": id }, form);
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes");
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
    // The harmless button first: Enter by habit deletes nothing.
    (fields[0]?.input || form.querySelector("button")).focus();
  });
}
