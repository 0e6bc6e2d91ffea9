// Purging or deleting every queue whose name fits a pattern: first the list, then the deed.

import { path, post } from "./api.js";
import { ask } from "./dialogs.js";
import { h, patch } from "./dom.js";
import { count, plural } from "./format.js";
import { inSteps, makeForm, row, selectField, textField, vhostField } from "./forms.js";
import { scope, startVhost } from "./scope.js";

const SHOWN = 200;
const DONE = { purge: "Purged", delete: "Deleted" };

/** Which queues stayed as they were, and why; null if none did. failed: [{name, reason}]. */
export function failures(failed) {
  if (!failed.length) return null;
  return [
    h("p.error", { key: "failed" }, `${plural(failed.length, "queue")} could not be changed:`),
    h("ul.args", { key: "failures" }, failed.slice(0, SHOWN).map(({ name, reason }) => h("li", {}, h("code", {}, name), " ", String(reason)))),
    failed.length > SHOWN ? h("p.muted", { key: "more failures" }, `… and ${count(failed.length - SHOWN)} more`) : null,
  ];
}

/** onDone: called after queues changed. */
export function bulkForm({ pattern = "", onDone }) {
  const vhost = vhostField(scope.vhosts, startVhost());
  const wanted = textField({ label: "Pattern", value: pattern, required: true, placeholder: "^orders\\.retry\\.", help: "A regular expression; it fits if it is found anywhere in the name." });
  const action = selectField({ label: "Action", options: [["purge", "Purge: drop their ready messages"], ["delete", "Delete the queues"]] });
  const result = h("div", { role: "status" });
  const work = h("div");
  const form = makeForm({
    label: "Bulk action",
    rows: [row(vhost, action), wanted.element],
    submit: "Show what fits",
    busy: "Looking…",
    reset: false,
    run: async () => {
      const plan = { vhost: vhost.read(), pattern: wanted.read(), action: action.read() };
      const { matched, left, failed } = await send(plan, true);
      showPlan(plan, matched, matched.length + left, failed);
      return "";
    },
  });

  // after: "" begins in the order of names, so that what fails is not tried again and again.
  const send = ({ vhost: host, ...body }, dryRun, after = "") => post(path`queues-bulk/${host}`, { ...body, after, dry_run: dryRun });

  function showPlan(plan, names, total, failed) {
    if (!names.length) {
      patch(result, h("p.empty", {}, "No queue has such a name."), failures(failed));
      return;
    }
    const word = plan.action === "purge" ? "Purge" : "Delete";
    const go = h("button.primary.danger", { key: "go", type: "button", onclick: () => carryOut(plan, total) }, `${word} ${plural(total, "queue")}…`);
    patch(
      result,
      h("p", { key: "sum" }, `${plural(total, "queue")} in ${plan.vhost}:`),
      h("ul.args", { key: "names" }, names.slice(0, SHOWN).map((name) => h("li", {}, h("code", {}, name)))),
      total > SHOWN ? h("p.muted", { key: "more" }, `… and ${count(total - Math.min(SHOWN, names.length))} more`) : null,
      failures(failed),
      go,
    );
  }

  async function carryOut(plan, total) {
    const purge = plan.action === "purge";
    if (!(await ask({
      title: `${purge ? "Purge" : "Delete"} ${plural(total, "queue")}?`,
      text: purge ? "Their ready messages are lost." : "The queues, their messages and their bindings are lost.",
      confirm: purge ? "Purge them" : "Delete them",
    }))) return;
    const failed = [];
    let done = 0;
    let after = "";
    let error = null;
    let stopped = false;
    patch(result);
    try {
      ({ stopped } = await inSteps(work, purge ? "Purging…" : "Deleting…", async () => {
        const answer = await send(plan, false, after);
        failed.push(...answer.failed);
        done += answer.done;
        after = answer.next;
        return { done: answer.done, failed: answer.failed.length, left: answer.left };
      }));
    } catch (caught) {
      error = caught;
    }
    patch(
      result,
      h("p", { key: "done" }, `${DONE[plan.action]} ${plural(done, "queue")}${stopped ? ", then stopped" : ""}.`),
      error ? h("p.error", { key: "error" }, error.message) : null,
      failures(failed),
    );
    onDone();
  }

  return h("div", {}, form.element, work, result);
}
