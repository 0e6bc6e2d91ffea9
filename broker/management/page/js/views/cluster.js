// The cluster's name, its feature flags, and the collected statistics.

import { get, path, put, remove } from "../api.js";
import { ask } from "../dialogs.js";
import { h, patch } from "../dom.js";
import { actionButton, makeForm, textField } from "../forms.js";
import { panel, state } from "../parts.js";
import { table } from "../tables.js";

export async function show(page) {
  page.heading({ title: "Cluster" });
  const name = textField({ label: "Cluster name", required: true, help: "Shown at the top of this page and to clients." });
  const naming = makeForm({
    rows: [name.element], submit: "Change name", reset: false,
    run: async () => {
      await put("cluster-name", { name: name.read() });
      return "Changed";
    },
  });
  const flags = h("div");
  page.add(
    panel({ id: "cluster.name", title: "Name", content: [naming.element] }).element,
    panel({ id: "cluster.flags", title: "Feature flags", content: [flags] }).element,
    panel({ id: "cluster.stats", title: "Statistics", open: false, content: [
      h("p.note", {}, "Forgets the collected rates and charts of the whole cluster. Messages are not touched."),
      actionButton({
        label: "Reset statistics", busy: "Resetting…", className: ".danger",
        ask: () => ask({ title: "Forget all statistics?", confirm: "Reset" }),
        run: async () => {
          await remove("reset");
          return "Reset";
        },
      }),
    ] }).element,
  );

  let filled = false;
  await page.poll(async (signal) => {
    const [cluster, list] = await Promise.all([get("cluster-name", { signal }), get("feature-flags", { signal })]);
    if (!filled) name.set(cluster.name);
    filled = true;
    patch(flags, table({
      caption: "Feature flags", items: list, key: (item) => item.name,
      columns: [
        { id: "name", label: "Name", name: true, cell: (item) => h("code", {}, item.name) },
        { id: "state", label: "State", cell: (item) => flagState(item, () => page.refresh()) },
        { id: "stability", label: "Stability", cell: (item) => item.stability },
        { id: "description", label: "What it does", cell: (item) => item.desc },
      ],
    }));
  });
}

function flagState(flag, onChange) {
  if (flag.state !== "disabled") return flag.state === "enabled" ? "enabled" : state(flag.state);
  return actionButton({
    label: "Enable", className: ".small", busy: "Enabling…",
    ask: () => ask({ title: `Enable ${flag.name}?`, text: "A feature flag cannot be disabled again.", confirm: "Enable", danger: false }),
    run: async () => {
      await put(path`feature-flags/${flag.name}/enable`);
      onChange();
      return "Enabled";
    },
  });
}
