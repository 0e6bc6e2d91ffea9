// One virtual host: its traffic, who may enter, its limits, its end.

import { tellNextPage } from "../announce.js";
import { get, path, post, put, remove, withQuery } from "../api.js";
import { chart, rangeChooser } from "../charts.js";
import { definitionsPanel } from "../definitions.js";
import { ask } from "../dialogs.js";
import { h, patch } from "../dom.js";
import { count, yesNo } from "../format.js";
import { actionButton, textField } from "../forms.js";
import { limitsEditor, VHOST_LIMITS } from "../limits.js";
import { links } from "../links.js";
import { box, facts, panel, state, totals } from "../parts.js";
import { permissionForm, permissionsTable, topicPermissionForm, topicPermissionsTable } from "../permissions.js";
import { chooseVhost, loadVhosts, scope } from "../scope.js";
import { may } from "../session.js";
import { DATA_RATES, LENGTHS, MESSAGE_RATES } from "../stats.js";
import { vhostState } from "./vhosts.js";

export async function show(page) {
  const { name } = page.params;
  const address = path`vhosts/${name}`;
  const range = rangeChooser(() => page.refresh());
  page.heading({ title: name, crumbs: [["Virtual hosts", "#/vhosts"]], actions: [range.element] });

  const figures = h("div");
  const lengths = chart({ id: "vhost.lengths", label: "Queued messages", series: LENGTHS });
  const rates = chart({ id: "vhost.rates", label: "Message rates", series: MESSAGE_RATES, unit: "rate", differences: true });
  const data = chart({ id: "vhost.data", label: "Data rates", series: DATA_RATES, unit: "bytesRate", differences: true });
  const details = h("div");
  const tracing = h("div");
  page.add(
    figures,
    h("div.duo", {}, box("Queued messages", { content: lengths.element }), box("Message rates", { content: rates.element })),
    panel({ id: "vhost.data", title: "Data rates", open: false, content: [data.element] }).element,
    panel({ id: "vhost.details", title: "Details", content: [details, may.administer && tracing] }).element,
  );
  const permissions = h("div");
  const topics = h("div");
  const limits = limitsEditor({ kind: "vhost-limits", name, known: VHOST_LIMITS, onChange: readRights });

  // Read at first and after each change made here.
  async function readRights() {
    const [list, topicList, limitList] = await Promise.all([
      get(`${address}/permissions`), get(`${address}/topic-permissions`), get(path`vhost-limits/${name}`),
    ]);
    patch(permissions, permissionsTable(list, { of: "vhost", onChange: readRights }));
    patch(topics, topicPermissionsTable(topicList, { of: "vhost", onChange: readRights }));
    limits.show(limitList[0]?.value || {});
  }

  async function addAdministration() {
    const users = (await get("users?columns=name", { signal: page.signal })).map((user) => user.name);
    const common = { of: "vhost", fixed: name, choices: users, onChange: readRights };
    page.add(
      panel({ id: "vhost.permissions", title: "Permissions", content: [permissions, permissionForm(common)] }).element,
      panel({ id: "vhost.topics", title: "Topic permissions", open: false, content: [topics, topicPermissionForm(common)] }).element,
      panel({ id: "vhost.limits", title: "Limits", open: false, content: [limits.element] }).element,
      definitionsPanel({ id: "vhost.definitions", vhost: name, onImport: () => page.refresh() }).element,
      panel({ id: "vhost.delete", title: "Delete this virtual host", open: false, content: [deleting()] }).element,
    );
    await readRights();
  }

  function deleting() {
    const again = textField({ label: "Its name, once more", className: "" });
    return actionButton({
      label: "Delete virtual host", busy: "Deleting…", className: ".primary.danger",
      ask: () => ask({ title: `Delete ${name} and all that is in it?`, text: "Its queues, messages, exchanges, policies and permissions are lost, and its connections closed.", fields: [again], confirm: "Delete" }),
      run: async () => {
        if (again.read() !== name) throw new Error("Not deleted: the name was typed differently.");
        await remove(address);
        if (scope.vhost === name) chooseVhost("");
        await loadVhosts();
        tellNextPage(`Deleted virtual host ${name}.`);
        location.hash = "#/vhosts";
        return "";
      },
    });
  }

  let administration = null;
  await page.poll(async (signal) => {
    const vhost = await get(withQuery(address, range.query("lengths", "msg_rates", "data_rates")), { signal });
    range.complete({ lengths: vhost, rates: vhost.message_stats });
    patch(page.sub, state(vhostState(vhost)), vhost.description && h("span", {}, vhost.description), h("a", { href: "#/queues", onclick: () => chooseVhost(name) }, "its queues"));
    patch(figures, totals([["Ready", count(vhost.messages_ready ?? 0)], ["Unacked", count(vhost.messages_unacknowledged ?? 0)], ["Total", count(vhost.messages ?? 0)]]));
    lengths.update(vhost, range.age);
    rates.update(vhost.message_stats, range.age);
    data.update(vhost, range.age);
    patch(details, describe(vhost, address, () => page.refresh()));
    if (may.administer) patch(tracing, tracingButton(vhost, address, () => page.refresh()));
    if (may.administer && !administration) {
      administration = addAdministration();
      await administration;
    }
  }, { gone: "This virtual host" });
}

function describe(vhost, address, onChange) {
  const nodes = Object.entries(vhost.cluster_state || {});
  return facts([
    ["Description", vhost.description],
    ["Tags", [vhost.tags || []].flat().join(", ")],
    ["Default queue type", vhost.default_queue_type === "undefined" ? "" : vhost.default_queue_type],
    ["Tracing", yesNo(vhost.tracing)],
    ...nodes.map(([node, word]) => [
      links.node(node),
      [state(word), " ", word !== "running" && may.administer
        ? actionButton({ label: "Start", className: ".small", busy: "Starting…", run: async () => {
            await post(`${address}/${path`start/${node}`}`);
            onChange();
            return "Started";
          } })
        : null],
    ]),
  ]);
}

function tracingButton(vhost, address, onChange) {
  return actionButton({
    label: vhost.tracing ? "Switch tracing off" : "Switch tracing on",
    title: "A copy of every message goes to amq.rabbitmq.trace, which costs throughput",
    busy: "Switching…",
    run: async () => {
      await put(address, { tracing: !vhost.tracing });
      onChange();
      return "";
    },
  });
}
