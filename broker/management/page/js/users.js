// What the forms about users share: the tags and what they mean.

import { h } from "./dom.js";
import { textField } from "./forms.js";

export const TAGS = [
  ["administrator", "everything"],
  ["monitoring", "management, and all connections, channels and nodes"],
  ["policymaker", "management, and policies and parameters of his virtual hosts"],
  ["management", "this page, for his virtual hosts"],
  ["impersonator", "may publish with another user_id"],
];

/** Tags as a list of names. */
export const tagList = (tags) => (Array.isArray(tags) ? tags : String(tags || "").split(",")).map((tag) => tag.trim()).filter(Boolean);

/** A field for tags with a button for each that means something to the broker. */
export function tagsField(value = "") {
  const field = textField({ label: "Tags", value, help: "Separated by commas. Without a tag somebody may connect, and not use this page." });
  field.element.append(
    h("div.chips", {}, TAGS.map(([tag, meaning]) =>
      h("button.chip", {
        type: "button", title: meaning,
        onclick: () => {
          const tags = tagList(field.input.value);
          field.set((tags.includes(tag) ? tags.filter((one) => one !== tag) : [...tags, tag]).join(", "));
        },
      }, tag),
    )),
  );
  return { ...field, read: () => tagList(field.input.value).join(",") };
}
