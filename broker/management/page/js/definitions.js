// Definitions to a file and from one: the whole broker, or one virtual host.

import { download, path, post } from "./api.js";
import { ask } from "./dialogs.js";
import { h, newId } from "./dom.js";
import { count } from "./format.js";
import { FieldError, makeForm, actionButton } from "./forms.js";
import { panel } from "./parts.js";

const KINDS = ["users", "vhosts", "permissions", "topic_permissions", "parameters", "global_parameters", "policies", "queues", "exchanges", "bindings"];

/** vhost: its name, or undefined for everything. onImport: called after an import. */
export function definitionsPanel({ id, vhost, onImport = () => {} }) {
  const address = vhost === undefined ? "definitions" : path`definitions/${vhost}`;
  const whole = vhost === undefined;

  const exporting = actionButton({
    label: "Export to a file",
    busy: "Exporting…",
    run: async () => {
      const blob = await download(address);
      const day = new Date().toISOString().slice(0, 10);
      const name = whole ? `definitions_${day}.json` : `definitions_${vhost.replace(/[^\w.-]+/g, "_")}_${day}.json`;
      const link = h("a", { href: URL.createObjectURL(blob), download: name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
      return `Exported as ${name}`;
    },
  });

  const file = h("input", { type: "file", accept: ".json,application/json", id: newId("file"), onchange: describe });
  const found = h("p.note", { role: "status" });

  async function parsed() {
    if (!file.files.length) throw new FieldError(file, "Choose a file first");
    const text = await file.files[0].text();
    try {
      return [text, JSON.parse(text)];
    } catch (error) {
      throw new FieldError(file, `This file is no JSON: ${error.message}`);
    }
  }

  async function describe() {
    found.textContent = "";
    try {
      const [, content] = await parsed();
      const parts = KINDS.filter((kind) => content[kind]?.length).map((kind) => `${count(content[kind].length)} ${kind.replace("_", " ")}`);
      found.textContent = parts.length ? `In this file: ${parts.join(", ")}.` : "There are no definitions in this file.";
    } catch (error) {
      found.textContent = error.message;
    }
  }

  const importing = makeForm({
    label: "Import definitions",
    rows: [
      h("div.field", {}, h("label", { for: file.id }, "Definitions file"), file,
        h("div.help", {}, `A JSON file as the export writes it${whole ? "" : ", without users"}. What is there stays; what has the same name is changed where that is possible.`)),
      found,
    ],
    submit: "Import",
    busy: "Importing…",
    run: async () => {
      const [text] = await parsed();
      const sure = await ask({ title: "Import these definitions?", text: found.textContent, confirm: "Import", danger: false });
      if (!sure) return "";
      await post(address, text);
      onImport();
      return `Imported ${file.files[0].name}`;
    },
  });

  return panel({
    id,
    title: whole ? "Definitions: export and import" : "Definitions of this virtual host",
    open: false,
    content: [
      h("p.note", {}, whole
        ? "Users, virtual hosts, permissions, parameters, policies, exchanges, queues and bindings; no messages. The file holds hashed passwords: keep it safe."
        : "Exchanges, queues, bindings, policies and parameters of this virtual host; no messages."),
      exporting,
      importing.element,
    ],
  });
}
